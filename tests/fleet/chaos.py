#!/usr/bin/env python3
"""Whatever dies, the API, the hypervisor, the quota counters and the ledger say the same once it is quiet.

Usage: chaos.py --server PROGRAM [--seconds N] [--seed N] [--store ENGINE]. One tenant orders, stops, starts and deletes VMs on a node of QEMU guests while agent,
control plane, QEMU and libvirtd are killed with -9, the agent is cut off from the control plane, and reports of the past are told again. The 60 seconds that it
takes unless told otherwise are for every run of the tests, half an hour (`--seconds 1800`) is for a change of the agent.
"""
import argparse
import collections
import contextlib
import functools
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import sys
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from agent import Trial, seed_of  # noqa: E402
from adoption import BOOT_SECTOR  # noqa: E402
from client import Client  # noqa: E402
from hypervisor import HypervisorSession, in_reaped_family  # noqa: E402
from network_namespace import NetworkNamespace  # noqa: E402
from node_agent import SessionAgent  # noqa: E402
from server import Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

ORDER = {"vm_type": "tiny", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 1}
VMS_MAX = 6
QUIET_WITHIN_S = 400  # only so that a run ends
# What the agent's log asks an operator for, in docs/operations/nodes.md: a restart of libvirtd, without what it keeps of a guest in the second case.
STUCK = "the hypervisor does not come back from a call"
HELD = re.compile(r'"vm_id":"([0-9a-f-]+)".*libvirt holds the guest as one that starts')
LOOK_EVERY_S = 0.2


class Line:
    """What lies between the agent and the control plane: TCP that can be cut, so that nothing comes through and nobody is told. Its near end is in the agent's
    network namespace, and is the only way out of it; who is not root has none, and cuts the line only."""

    def __init__(self, port):
        self.port, self.is_open = port, threading.Event()
        self.is_open.set()
        self.namespace = NetworkNamespace() if os.getuid() == 0 else None
        listen = functools.partial(socket.create_server, ("127.0.0.1", 0))
        self.listener = self.namespace.inside(listen) if self.namespace else listen()
        self.is_closing = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self):
        while not self.is_closing.is_set():
            with contextlib.suppress(OSError):
                near, _ = self.listener.accept()
                threading.Thread(target=self.join, args=(near,), daemon=True).start()

    def join(self, near):
        try:
            far = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            near.close()  # the control plane is dead, as a caller would see it
            return
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.is_open.wait()  # the bytes are under way for as long as the line is cut
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self, seconds, by_namespace):
        """Partitions the agent for so long: its network is down, or what is sent stays under way."""
        if by_namespace and self.namespace:
            self.namespace.set_up(False)
            time.sleep(seconds)  # how long the partition lasts
            return self.namespace.set_up(True)
        self.is_open.clear()
        time.sleep(seconds)  # as above
        return self.is_open.set()

    def close(self):
        self.is_closing.set()
        self.is_open.set()
        self.listener.close()
        if self.namespace:
            self.namespace.close()


class PartitionedAgent(SessionAgent):
    """One whose only way to the control plane is a Line."""

    def __init__(self, server, session, line, arguments):
        super().__init__(server, session, arguments=arguments)
        self.line = line

    def as_user(self, command):
        command = super().as_user(command)
        return self.line.namespace.entering(command) if self.line.namespace else command


class Watch(threading.Thread):
    """Looks at the processes all the time: no guest may have two."""

    def __init__(self, session):
        super().__init__(daemon=True)
        self.session, self.doubles, self.looks = session, [], 0
        self.is_over = threading.Event()

    def run(self):
        while not self.is_over.wait(LOOK_EVERY_S):
            guests = collections.Counter(guest_of(pid) for pid in self.session.guests())
            self.looks += 1
            self.doubles += [name for name, count in guests.items() if name and count > 1]


def guest_of(pid):
    """The VM whose QEMU that is; nothing when it ended meanwhile."""
    with contextlib.suppress(OSError):
        for word in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            if word.startswith(b"guest="):
                return word[len(b"guest="):].split(b",")[0].decode()
    return None


class World:
    def __init__(self, server, session, machine, line, options):
        self.server, self.session, self.machine, self.line = server, session, machine, line
        self.chance = random.Random(options.seed)
        self.trial = Trial(server, session.work, lifetime_s=options.seconds + 2 * QUIET_WITHIN_S)
        self.created, self.deleted = set(), set()
        self.bystanders = {}  # VMs that nobody touches, with their processes
        self.reports = []     # that were true once
        self.deeds = collections.Counter()
        self.stuck = 0        # how often the agent's log asked for a restart of libvirtd, and got it
        self.held = set()     # VMs of which libvirtd had to forget what it keeps

    def send(self, method, path, body=None, key=None):
        """The answer, asked for until there is one: a control plane that was killed is started again by who killed it."""
        headers = [("Idempotency-Key", key)] if key else []
        for _ in range(100):
            try:
                return self.trial.client.send(method, path, self.trial.token, body, headers)
            except (OSError, http.client.HTTPException):
                wait_for(self.server.is_ready, 30, 0.05)
                self.trial.client = Client(self.server)
        raise RuntimeError(f"{method} {path}: no answer")

    def vms(self):
        answer = self.send("GET", "/v1/vms?page_size=1000")
        if answer.status != 200:
            raise RuntimeError(f"the VMs were refused: {answer.status} {answer.body}")
        return answer.json["vms"]

    def touchable(self):
        return [vm for vm in self.vms() if vm["vm_id"] not in self.bystanders and vm["state"] != "Deleting"]

    # What the tenant does.
    def create(self):
        if len(self.touchable()) >= VMS_MAX:
            return self.delete()
        answer = self.send("POST", "/v1/vms", ORDER, key=str(uuid.UUID(int=self.chance.getrandbits(128))))
        if answer.status != 201:
            raise RuntimeError(f"a VM was refused: {answer.status} {answer.body}")
        self.created.add(answer.json["vm_id"])
        return answer.json["vm_id"]

    def delete(self):
        if vms := self.touchable():
            vm = self.chance.choice(vms)["vm_id"]
            answer = self.send("DELETE", f"/v1/vms/{vm}")
            if answer.status not in (202, 204, 404):  # 404: an answer was lost, and it was asked again
                raise RuntimeError(f"a deletion was refused: {answer.status} {answer.body}")
            self.deleted.add(vm)

    def wish(self, verb):
        if vms := self.touchable():
            vm = self.chance.choice(vms)
            self.reports.append({"vm_id": vm["vm_id"], "generation": self.chance.randint(1, 3), "state": self.chance.choice(["running", "stopped"]),
                                 "host_ports": []})
            self.send("POST", f"/v1/vms/{vm['vm_id']}/{verb}")

    # What goes wrong.
    def kill_agent(self):
        self.machine.kill()
        self.machine.start()

    def kill_control_plane(self):
        self.server.kill()
        self.server.start()
        self.trial.client = Client(self.server)

    def kill_qemu(self):
        own = [pid for pid in self.session.guests() if guest_of(pid) not in (None, *self.bystanders)]
        if own:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.chance.choice(own), signal.SIGKILL)

    def cut_off(self):
        self.line.cut(self.chance.uniform(1, 6), by_namespace=self.chance.random() < 0.5)

    def tell_the_past(self):
        """Reports that are over, in another order and twice, as a network that keeps things would; proved by the node's own key."""
        token = (self.machine.state / "agent.token").read_text(encoding="ascii").strip()
        seed, path = seed_of(self.machine.state / "agent.key"), "/v1/nodes/node-1/reports"
        past = self.reports[-20:] * 2
        self.chance.shuffle(past)
        for report in past[:10]:
            body = json.dumps({"vms": [report]})
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.server.fleet_port, timeout=10)
                connection.request("POST", path, body, {"Authorization": f"DPoP {token}", "Content-Type": "application/json",
                                                        "DPoP": credential.proof(seed, token, "POST", self.line.url + path)})
                connection.getresponse().read()
                connection.close()

    def deed(self):
        deeds = {self.create: 4, self.delete: 2, lambda: self.wish("stop"): 2, lambda: self.wish("start"): 2, lambda: self.wish("reboot"): 1,
                 self.kill_agent: 1, self.kill_control_plane: 1, self.session.kill_libvirtd: 1, self.kill_qemu: 2, self.cut_off: 1, self.tell_the_past: 1}
        chosen, = self.chance.choices(list(deeds), weights=deeds.values())
        self.deeds[getattr(chosen, "__name__", "wish").replace("<lambda>", "wish")] += 1
        chosen()

    # What must hold afterwards.
    def processes(self):
        found = collections.Counter(guest_of(pid) for pid in self.session.guests())
        return {name: count for name, count in found.items() if name}

    def domains(self):
        """What libvirt says of each guest, and why."""
        return {name: self.session.virsh("domstate", name, "--reason") for name in self.session.virsh("list", "--all", "--name").split()}

    def disagreement(self):
        """How the API and the hypervisor differ, in one sentence; empty when they do not."""
        records = self.vms()
        vms = {vm["vm_id"]: vm["state"] for vm in records}
        running = {vm: 1 for vm, state in vms.items() if state == "Running"}
        if passing := [vm for vm in records if vm["state"] in ("Provisioning", "Deleting")]:
            journal = (self.machine.state / "journal.json").read_text(encoding="utf-8")
            return f"these VMs are on their way: {passing}; the node is {self.trial.node()}; the agent's journal is {journal}"
        if running != self.processes():
            return f"the API says that {running} run, and these do: {self.processes()}; libvirt says {self.domains()}"
        domains = set(self.session.virsh("list", "--all", "--name").split())
        folders = {path.name for path in (self.machine.state / "guests").iterdir()}
        if not domains <= set(vms) or not folders <= set(vms):
            return f"orphans: of libvirt {domains - set(vms)}, of files {folders - set(vms)}"
        return ""

    def is_settled(self):
        """Whether there is no difference any more; until then the operator does what the agent's log asks for."""
        log = self.machine.log()
        held = set(HELD.findall(log)) - self.held - set(self.processes())
        for vm in held:
            self.session.kept(vm).unlink(missing_ok=True)
        if held or log.count(STUCK) > self.stuck:
            self.session.kill_libvirtd()
        self.stuck = log.count(STUCK)
        self.held |= held
        return not self.disagreement()

    def verdict(self):
        trial = self.trial
        wait_for(self.is_settled, QUIET_WITHIN_S, LOOK_EVERY_S)
        trial.expect("how the API and the hypervisor differ", self.disagreement(), "")
        vms = self.vms()
        trial.expect("the VMs that there are", {vm["vm_id"] for vm in vms}, self.created - self.deleted)
        trial.expect("that every Error says why", [vm["vm_id"] for vm in vms if vm["state"] == "Error" and not vm["error"]], [])
        usage = self.send("GET", f"/v1/tenants/{trial.tenant}").json["usage"]
        trial.expect("the quota counters", usage, {"vms": len(vms), "storage_gb": sum(vm["disk_gb"] for vm in vms),
                                                   "ram_mb": sum(vm["ram_alloc_mb"] for vm in vms), "vcpus": sum(vm["vcpu_count"] for vm in vms)})
        trial.expect("the node's VMs", trial.node()["vm_count"], len([vm for vm in vms if vm["node_id"]]))
        trial.expect("the guests that nobody touched", {vm: self.machine.processes_of(vm) for vm in self.bystanders}, self.bystanders)
        verified = self.server.service_fs("verify")
        trial.expect(f"the ledger: {verified.stdout[-1000:]}{verified.stderr[-1000:]}", verified.returncode, 0)
        lines = [json.loads(line) for line in self.server.service_fs("read", "--filter", f"tenant-id={trial.tenant}", "--format", "jsonl").stdout.splitlines()]
        entries = [line for line in lines if "type" in line]  # the last says what was proven
        by_type = collections.Counter((entry["type"], entry["data"].get("vm_id")) for entry in entries)
        for kind, expected in (("VM_CREATED", self.created), ("VM_DELETED", self.deleted)):
            told = {vm: count for (entry_type, vm), count in by_type.items() if entry_type == kind}
            trial.expect(f"what the ledger has of {kind}", told, {vm: 1 for vm in expected})


def run(world, seconds):
    trial, machine = world.trial, world.machine
    done = machine.run("enrol", "--controller", world.line.url, "--tenant", trial.tenant, "--node-id", "node-1", "--token-file", machine.keep_token(trial.token))
    trial.expect(f"enrol: {done.stderr}", done.returncode, 0)
    machine.start()
    for _ in range(2):
        vm = world.create()
        trial.await_("a bystander", lambda vm=vm: trial.state_of(vm), "Running")
        world.bystanders[vm] = machine.processes_of(vm)
    watch = Watch(world.session)
    watch.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        world.deed()
        time.sleep(world.chance.uniform(0, 0.6))  # how fast things happen
    world.verdict()
    watch.is_over.set()
    watch.join()
    trial.expect("guests that ran twice at once", watch.doubles, [])
    print(f"{dict(world.deeds)}; {len(world.created)} VMs were created, {len(world.deleted)} deleted; {watch.looks} looks at the processes; "
          f"the agent asked {world.stuck} times for a restart of libvirtd, which held {len(world.held)} guests")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"--seed {options.seed}")
    server = Server(options.server, store=options.store)
    line = Line(server.fleet_port)
    server.arguments += ["--fleet-url", line.url]
    with HypervisorSession() as session, server:
        machine = PartitionedAgent(server, session, line, arguments=("--shutdown-grace-seconds", "1"))
        machine.add_image("tiny", disk_raw=BOOT_SECTOR)
        world = World(server, session, machine, line, options)
        try:
            run(world, options.seconds)
        finally:
            machine.end()
            line.close()
            if world.trial.faults or sys.exc_info()[0]:
                print(machine.log()[-8000:], file=sys.stderr)
    return world.trial.verdict()


if __name__ == "__main__":
    in_reaped_family(main)
