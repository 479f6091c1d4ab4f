#!/usr/bin/env python3
"""Follows docs/operations/backup.md and restore.md word for word on a real deployment, and shows every case of restore.md's table.

Usage: run.py --server PATH/service-vm-tenant
The pages' shell blocks run as tests/guide runs a guide's; `systemctl` is a small script that starts and stops the programs under test.
"""
import argparse
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[0:0] = [str(ROOT / "tests" / folder) for folder in ("support", "guide", "api")]
import credential  # noqa: E402
from client import Client  # noqa: E402
from run import Reader, steps_of  # noqa: E402
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
        server = types.SimpleNamespace(address=f"127.0.0.1:{self.port}", binary=program, store=types.SimpleNamespace(environment={}))
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


def unlock(path):
    for each in [path, *path.parents][:4]:
        each.chmod(0o700)
    return path


def change(path, edit):
    unlock(path).write_bytes(edit(path.read_bytes()))


def edit_leaf(machine):
    database = sqlite3.connect(machine.data / "cadastre.db")
    database.executescript("DROP TRIGGER ledger_leaf_is_never_updated;"
                           "UPDATE ledger_leaf SET bytes = replace(CAST(bytes AS TEXT), 'TENANT_CREATED', 'TENANT_CREATEX')")
    database.commit()
    database.close()


def flip_first_entry(machine):
    files = [path for path in (machine.log_folder("acme") / "tile" / "entries").rglob("*") if path.is_file()]
    change(max(files), lambda data: data[:2] + b"}" + data[3:])


def older_database(machine, backup):
    """The database of the backup under a published log that went on."""
    machine.run("tar", "-C", str(machine.data), "-xpf", str(backup), "./cadastre.db")


def situations(machine):
    """What happens to a restored machine, by the row of the table that it is to show; each begins with a good restore."""
    backup = machine.folder / "backup-dir" / "cadastre.tar"
    keys = machine.data / "keys"
    return {
        "the high-water marks are missing": lambda: (machine.data / "high-water").unlink(),
        "does not hash to": lambda: edit_leaf(machine),
        "is not what the leaves give": lambda: flip_first_entry(machine),
        "the published checkpoint is missing": lambda: unlock(machine.log_folder("acme") / "checkpoint").unlink(),
        "the database in": lambda: [path.unlink() for path in machine.data.glob("cadastre.db*")],
        "can be read by others": lambda: (keys / "token-issuer.key").chmod(0o644),
        "cannot read the key file": lambda: shutil.rmtree(keys),
        "the store has": lambda: older_database(machine, backup),
    }


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


def run(machine):
    if not machine.start():
        return ["the server does not start"]
    client = machine.client()
    client.make_tenant("acme")
    key = credential.b64url(credential.public_key_of(bytes(32)))
    token = client.issue("acme", key)["token"]
    tenant = client.send("GET", "/v1/tenants/acme", client.admin, expect=200).json
    machine.log_ids = {"acme": tenant["ledger"]["log_id"]}

    machine.follow("backup.md")  # ends with the server running, and with the marks saved
    machine.lose_disk()
    machine.follow("restore.md")
    answer = machine.client().send("GET", "/v1/status", token)
    if answer.status != 200:
        machine.faults.append(f"a tenant's token after the restore: {answer.status} {answer.body}")

    table = rows_of_table()
    shown = set()
    for part, happen in situations(machine).items():
        machine.lose_disk()
        machine.put_back()
        if part == "the store has":  # the published log goes on, and then only the database is put back
            machine.start()
            machine.client().make_tenant("later")
            machine.client().send("PATCH", "/v1/tenants/acme", machine.client().admin, {"display_name": "Again"}, expect=200)
            machine.stop()
        happen()
        row = next((row for row in table if part in row), part)
        shown.add(row)
        show(machine, row, table.get(row, row))

    # An older backup under newer marks: what was changed since is lost, and that shows.
    machine.lose_disk()
    machine.put_back()
    machine.start()
    machine.client().make_tenant("later")
    machine.client().send("PATCH", "/v1/tenants/acme", machine.client().admin, {"display_name": "Again"}, expect=200)
    machine.stop()
    shutil.copy2(machine.data / "high-water", machine.folder / "marks-dir" / "high-water")
    machine.lose_disk()
    machine.put_back()
    for part in ("one of … was signed before", "does not know the log"):
        row = next(row for row in table if part in row)
        shown.add(row)
        show(machine, row, table[row])
    machine.faults += [f"“{row}” of restore.md was never seen" for row in table if row not in shown]
    return machine.faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, type=lambda text: pathlib.Path(text).resolve(), help="the service-vm-tenant program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-test-") as folder:
        machine = Machine(pathlib.Path(folder), options.server)
        try:
            faults = run(machine)
        finally:
            machine.stop()
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
