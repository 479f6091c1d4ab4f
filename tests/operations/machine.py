"""A server's machine whose operator follows the pages of docs/operations."""
import pathlib
import re
import shutil
import subprocess
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:0] = [str(ROOT / "tests" / folder) for folder in ("support", "guide", "api")]
from client import Client  # noqa: E402
from run import GUIDE_FLEET_ADDRESS, Reader, steps_of  # noqa: E402
from secret_scan import SecretScan, files_below  # noqa: E402
from server import free_port  # noqa: E402

PAGES = ROOT / "docs" / "operations"
SYSTEMCTL = """#!/bin/bash
cd '{folder}'
case $1 in
  start)
    '{program}' --listen {address} --publish-interval-ms 20 >>log 2>&1 &
    echo $! >pid
    until curl --silent --fail --output /dev/null http://{address}/readyz; do
      kill -0 $! 2>/dev/null || exit 1
      sleep 0.02
    done ;;
  stop)
    [ -f pid ] || exit 0
    kill "$(cat pid)" 2>/dev/null
    while kill -0 "$(cat pid)" 2>/dev/null; do sleep 0.02; done
    rm pid ;;
esac
"""


class Machine:
    """A server's machine, with places elsewhere for what is saved."""

    def __init__(self, folder, program):
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.faults = []
        self.scan = SecretScan()
        server = types.SimpleNamespace(address=f"127.0.0.1:{self.port}", url=f"http://127.0.0.1:{self.port}", binary=program,
                                       program=program.with_name, fleet_address=GUIDE_FLEET_ADDRESS, store=types.SimpleNamespace(environment={}))
        self.reader = Reader(server, folder)
        self.environment = {**self.reader.environment, "CADASTRE_DATA_DIR": str(self.data)}
        self.reader.kept = {"data-dir": str(self.data)}
        for name in ("backup-dir", "marks-dir", "safe-dir"):
            (folder / name).mkdir()
            self.reader.kept[name] = str(folder / name)
        (folder / "bin").mkdir()
        (folder / "bin" / "systemctl").write_text(SYSTEMCTL.format(folder=folder, program=program, address=server.address))
        (folder / "bin" / "systemctl").chmod(0o755)
        for name in ("service-vm-tenant", "service-fs"):
            (folder / "bin" / name).symlink_to(program.with_name(name))
        for environment in (self.environment, self.reader.environment):
            environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"

    def run(self, *command):
        """Exit status and what was printed."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def follow(self, page, blocks=slice(None)):
        """Runs the shell blocks of a page."""
        for step in steps_of((PAGES / page).read_text(encoding="utf-8"))[blocks]:
            faults, shown = self.reader.run(step)
            if faults:
                self.faults.append(f"{page}:{step.line}: {'; '.join(faults)}\n{shown}")

    def start(self):
        return self.run("systemctl", "start")[0] == 0

    def stop(self):
        self.run("systemctl", "stop")
        self.scan.look_at_data(self.data)
        self.scan.look_at_files([self.folder / "log", *files_below(self.folder / "backup-dir"), *files_below(self.folder / "marks-dir")],
                                lambda path: path.relative_to(self.folder))

    def end(self):
        """Fails when a secret was found wherever the machine stopped: in its data, its log, what was saved elsewhere."""
        self.stop()
        self.scan.verdict()

    def client(self):
        token = self.run("service-vm-tenant", "admin-token", "--name", "tester")[1].strip()
        return Client(types.SimpleNamespace(port=self.port, admin_token=token))

    def lose_disk(self):
        self.stop()
        shutil.rmtree(self.data)

    def put_back(self):
        """As restore.md says, up to the marks, which come from the same page's second block."""
        self.follow("restore.md", slice(0, 2))

    def log_folder(self, tenant):
        return self.data / "ledger" / "logs" / self.log_ids[tenant]


def rows_of_table():
    """The first column of restore.md's table, as patterns."""
    found = re.findall(r"^\| `(.+?)` \|", (PAGES / "restore.md").read_text(encoding="utf-8"), re.M)
    return {text: ".+".join(re.escape(part) for part in text.split("…")) for text in found}


def show(machine, row, pattern):
    """The row's words must come from a refused start, or from service-fs where the row says so."""
    verified, findings = machine.run("service-fs", "verify", "--full")
    (machine.folder / "log").write_text("")
    started = machine.start()
    machine.stop()
    said = (machine.folder / "log").read_text(encoding="utf-8") + findings
    if started and "is not what the leaves give" not in row:
        machine.faults.append(f"“{row}”: the server started")
    if "key file" not in row and "is empty" not in row and verified != 1:
        machine.faults.append(f"“{row}”: service-fs verify exits {verified}")
    if not re.search(pattern, said):
        machine.faults.append(f"“{row}” is not said, but:\n{said}")
