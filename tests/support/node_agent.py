"""A node for tests: the agent with its state directory, beside the real control plane."""
import contextlib
import json
import pathlib
import signal
import subprocess
import time

PATIENCE_S = 120  # only so that a run ends: QEMU translates, and others use the machine too


class Agent:
    """One machine with its state directory, whose guests run nowhere but in libvirt's driver for tests."""

    def __init__(self, server, folder, uri="test:///default", arguments=(), heartbeat_s=1):
        self.server, self.uri, self.arguments, self.heartbeat_s = server, uri, list(arguments), heartbeat_s
        self.state = pathlib.Path(folder, "state")
        self.log_path = pathlib.Path(folder, "agent.log")
        (self.state / "images").mkdir(parents=True)
        self.state.chmod(0o711)
        self.program = server.program("service-vm-host")
        self.process = None

    def add_image(self, vm_type, **files):
        """What guests of the type boot from: `kernel=b"..."`, or `disk_raw=b"..."` for disk.raw."""
        folder = self.state / "images" / vm_type
        folder.mkdir()
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_bytes(content)

    def as_user(self, command):
        """The command as the user whom the agent runs as."""
        return command

    def command(self, *arguments):
        return self.as_user([self.program, *arguments, "--state-dir", self.state])

    def environment(self):
        return self.server.environment()

    def run(self, *arguments, environment=()):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False, timeout=PATIENCE_S,
                              env={**self.environment(), **dict(environment)})

    def enrol(self, tenant, node, token_file):
        return self.run("enrol", "--controller", f"http://{self.server.fleet_address}", "--tenant", tenant, "--node-id", node, "--token-file", token_file)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command("run", "--libvirt-uri", self.uri, "--acceleration", "tcg", "--heartbeat-seconds", str(self.heartbeat_s),
                                                         "--delete-grace-seconds", "1", *self.arguments),
                                            stdout=log, stderr=log, env=self.environment())
        return self

    def stop(self):
        """Asks it to end; how many seconds that took, and its exit status."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        return time.monotonic() - began, status

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process and self.process.poll() is None:
            self.kill()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def steps(self, vm):
        """What it did to the guest, in order."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line["step"] for line in lines if line.get("vm_id") == vm and "is made" in line.get("message", line.get("msg", ""))]


class SessionAgent(Agent):
    """An agent of the user of a HypervisorSession (hypervisor.py), whose guests are QEMU's."""

    def __init__(self, server, session, name="node", arguments=()):
        folder = session.work / name
        folder.mkdir()
        super().__init__(server, folder, uri="qemu:///session", arguments=arguments)
        self.session = session
        self.program, = session.bring(self.program)
        session.give(folder)

    def add_image(self, vm_type, **files):
        super().add_image(vm_type, **files)
        self.session.give(self.state)

    def as_user(self, command):
        return self.session.as_user(command)

    def environment(self):
        return self.session.environment

    def keep_token(self, text):
        """A file of the agent's user with a token in it."""
        path = self.state.parent / "owner.token"
        path.write_text(text + "\n", encoding="ascii")
        path.chmod(0o600)
        self.session.give(path)
        return path

    def processes_of(self, vm):
        """The QEMU processes of a guest."""
        own = self.session.guests()
        found = set()
        for pid in own:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if f"guest={vm}".encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.add(pid)
        return found
