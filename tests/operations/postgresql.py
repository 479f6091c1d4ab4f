#!/usr/bin/env python3
"""Follows docs/operations/move.md and postgresql-backup.md word for word on a real deployment, and shows that a database which was
brought back too old, or changed, is refused.

Usage: postgresql.py --server PATH/service-vm-tenant [--cluster FOLDER]
FOLDER is that of a running throw-away cluster; without it one is made.
"""
import argparse
import contextlib
import pathlib
import shutil
import sys
import tempfile

from machine import Machine, rows_of_table, show

import credential  # noqa: E402
from postgres import BINARIES, Cluster  # noqa: E402

PAGE = "postgresql-backup.md"
SAVING, RESTORING = slice(0, 4), slice(4, None)  # its blocks
UP_TO_THE_MARKS = slice(4, 6)


class Deployment(Machine):
    """A machine whose register is in a database of the cluster, once it was moved there."""

    def __init__(self, folder, program, cluster):
        super().__init__(folder, program)
        self.cluster = cluster
        for environment in (self.environment, self.reader.environment):
            environment["PATH"] += ":" + ":".join(BINARIES)

    def use(self, placeholder):
        """An empty database, for the pages and for what is run beside them."""
        url = self.reader.kept[placeholder] = self.environment["CADASTRE_STORE"] = self.cluster.make_database()
        self.database = url.partition("///")[2].partition("?")[0]

    def sql(self, text):
        return self.cluster.sql(text, self.database)

    def put_back(self, blocks=UP_TO_THE_MARKS):
        self.stop()
        shutil.rmtree(self.data)
        self.use("new-store-url")
        self.follow(PAGE, blocks)

    def go_on(self):
        """Changes that the dump does not have."""
        self.start()
        client = self.client()
        client.make_tenant("later")
        client.send("PATCH", "/v1/tenants/acme", client.admin, {"display_name": "Again"}, expect=200)
        self.stop()


def situations(machine):
    """What happens to a restored database, by the row of restore.md's table that it is to show."""
    own = "tenant_id = 'acme'"
    return {
        "the high-water marks are missing": lambda: (machine.data / "high-water").unlink(),
        "does not hash to": lambda: machine.sql(
            "ALTER TABLE ledger_leaf DISABLE TRIGGER USER;"
            "UPDATE ledger_leaf SET bytes = replace(bytes, 'TENANT_CREATED', 'TENANT_CREATEX')"),
        "is not what the leaves give": lambda: machine.sql(
            f"UPDATE published_file SET bytes = overlay(bytes PLACING 'x'::bytea FROM 9) WHERE {own} AND path LIKE 'tile/entries/%'"),
        "the published checkpoint is missing": lambda: machine.sql(f"DELETE FROM published_file WHERE {own} AND path = 'checkpoint'"),
        "the database in": lambda: machine.use("new-store-url"),
    }


def run(machine):
    machine.start()
    client = machine.client()
    client.make_tenant("acme")
    token = client.issue("acme", credential.b64url(credential.public_key_of(bytes(32))))["token"]

    machine.use("store-url")
    machine.follow("move.md")
    holds(machine, token, "the move")
    machine.follow(PAGE, SAVING)
    machine.put_back(RESTORING)
    holds(machine, token, "the restore")

    table = rows_of_table()
    for part, happen in situations(machine).items():
        machine.put_back()
        happen()
        row = next(row for row in table if part in row)
        show(machine, row, table[row])

    machine.put_back()
    machine.go_on()
    shutil.copy2(machine.data / "high-water", machine.folder / "marks-dir" / "high-water")
    machine.put_back()
    for part in ("one of … was signed before", "does not know the log"):
        row = next(row for row in table if part in row)
        show(machine, row, table[row])
    return machine.faults


def holds(machine, token, what):
    answer = machine.client().send("GET", "/v1/status", token)
    if answer.status != 200:
        machine.faults.append(f"a tenant's token after {what}: {answer.status} {answer.body}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, type=lambda text: pathlib.Path(text).resolve(), help="the service-vm-tenant program")
    parser.add_argument("--cluster", type=pathlib.Path, help="the folder of a running cluster")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-test-") as name:
        folder = pathlib.Path(name)
        with contextlib.nullcontext(Cluster(options.cluster)) if options.cluster else Cluster(folder / "cluster") as cluster:
            machine = Deployment(folder, options.server, cluster)
            try:
                faults = run(machine)
            except OSError as error:
                faults = [*machine.faults, f"no server answers: {error}"]
            finally:
                machine.end()
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
