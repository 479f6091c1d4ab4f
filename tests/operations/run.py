#!/usr/bin/env python3
"""Follows docs/operations/backup.md and restore.md word for word on a real deployment, and shows every case of restore.md's table.

Usage: run.py --server PATH/service-vm-tenant
The pages' shell blocks run as tests/guide runs a guide's; `systemctl` is a small script that starts and stops the programs under test.
"""
import argparse
import pathlib
import shutil
import sqlite3
import sys
import tempfile

from machine import Machine, rows_of_table, show

import credential  # noqa: E402


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
            machine.end()
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
