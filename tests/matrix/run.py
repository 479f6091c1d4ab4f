#!/usr/bin/env python3
"""The isolation matrix: every operation of the contract with every kind of wrong credential must give exactly its refusal and
change nothing; with the right one it must do its work.

Usage: run.py --server PROGRAM. An operation without a row in rows.py fails.
"""
import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from rows import ROWS, SCOPES  # noqa: E402
from server import Server, add_arguments  # noqa: E402
from world import World  # noqa: E402

UNKNOWN = {"tenant_id": "nobody-here", "vm_id": "01890a5d-ac96-774b-bcce-b302099a8057", "token_id": "AAAAAAAAAAAAAAAAAAAAAA",
           "session_id": "AAAAAAAAAAAAAAAAAAAAAA", "device_id": "nobody", "node_id": "nobody", "image_name": "nobody",
           "key_name": "nobody"}


class Matrix:
    """Runs the rows, one operation after the other, and keeps what was wrong."""

    def __init__(self, world):
        self.world = world
        self.faults = []
        self.cells = 0
        self.seen = world.snapshot()

    def operation(self, operation, row):
        """All cells of one operation; the one that does its work comes last."""
        if row.about == "open":
            self.open_cells(operation, row)
        elif row.about == "device":
            self.bad_credentials(operation, row)
            for scope in SCOPES[:-1]:
                self.cell(scope, operation, row, self.world.token_of("acme", scope), (row.ok, "FORBIDDEN"))
            self.cell("a suspended tenant's", operation, row, self.world.token_of("dormant"), (row.ok, "FORBIDDEN"))
        elif row.about == "node":
            self.bad_credentials(operation, row)
            for scope in SCOPES[:-1]:
                self.cell(scope, operation, row, self.world.token_of("acme", scope), (row.ok, "INSUFFICIENT_SCOPE"))
            self.cell("an administrator's", operation, row, self.world.admin, (row.ok, "INSUFFICIENT_SCOPE"))
        else:
            self.bad_credentials(operation, row)
            self.small_scopes(operation, row)
            self.strangers(operation, row)
            self.suspended(operation, row)
        if row.about == "own_tenant":
            self.cell("an administrator, who has no tenant", operation, row, self.world.admin, (403, "FORBIDDEN"))
        values = row.fresh(self.world) if row.fresh else None
        self.seen = self.world.snapshot()
        self.cell("the right credential", operation, row, self.right_token(row), (row.ok, None), values=values, works=True)

    def right_token(self, row):
        return self.world.admin if row.needs == SCOPES[-1] else self.world.token_of("acme")

    def open_cells(self, operation, row):
        """Without a credential, and also with a bad one: nobody looks at it."""
        for reason, token in self.world.bad["acme"].items():
            self.cell(reason, operation, row, token, (row.ok, None))

    def bad_credentials(self, operation, row):
        owner = None if row.needs == SCOPES[-1] else "acme"
        for reason, token in self.world.bad[owner].items():
            answer, problem = self.cell(reason, operation, row, token, (401, "UNAUTHENTICATED"))
            challenge = "Bearer" if token is None else f'Bearer error="invalid_token", error_description="{reason}"'
            self.expect(operation, reason, "reason", problem.get("reason"), reason)
            self.expect(operation, reason, "WWW-Authenticate", answer.getheader("WWW-Authenticate"), challenge)
            self.expect(operation, reason, "RateLimit", answer.getheader("RateLimit"), None)

    def small_scopes(self, operation, row):
        needed = row.small or row.needs
        for scope in SCOPES[:SCOPES.index(needed)]:
            answer, _ = self.cell(scope, operation, row, self.world.token_of("acme", scope), (403, "INSUFFICIENT_SCOPE"))
            self.expect(operation, scope, "WWW-Authenticate", answer.getheader("WWW-Authenticate"),
                        'Bearer error="insufficient_scope"')

    def strangers(self, operation, row):
        """Another tenant's administrator asks for what is acme's."""
        token, name = self.world.token_of("globex"), "another tenant's"
        if row.about == "all":
            self.cell(name, operation, row, token, (403, "INSUFFICIENT_SCOPE"))
        elif row.about == "path":
            self.alike(name, operation, row, token, (403, "TENANT_MISMATCH"))
            self.cell("an administrator's, of a tenant that never was", operation, row, self.world.admin, (404, "NOT_FOUND"),
                      values=UNKNOWN)
        elif row.has_id:
            self.alike(name, operation, row, token, (404, "NOT_FOUND"))
        elif row.quiet:
            _, body = self.cell(name, operation, row, token, (row.ok, None))
            self.expect(operation, name, "the answer", body in ({}, {"active": False}), True)
        elif row.body:  # it names acme
            self.cell(name, operation, row, token, row.foreign)
        else:
            _, body = self.cell(name, operation, row, token, (row.ok, None), owner="globex")
            if "acme" in json.dumps(body) or self.world.vms["acme"] in json.dumps(body):
                self.faults.append(f"{operation.name}, {name}: the answer shows what is acme's")

    def alike(self, name, operation, row, token, expected):
        """What is another's must be refused in the words for what never was."""
        _, known = self.cell(name, operation, row, token, expected)
        _, unknown = self.cell(name + ", of what never was", operation, row, token, expected, values=UNKNOWN)
        changing = {"request_id": None, "instance": None}
        self.expect(operation, name, "the problem", {**known, **changing}, {**unknown, **changing})

    def suspended(self, operation, row):
        token, name = self.world.token_of("dormant"), "a suspended tenant's"
        if row.needs == SCOPES[-1]:
            self.cell(name, operation, row, token, (403, "INSUFFICIENT_SCOPE"), owner="dormant")
        elif row.change:
            self.cell(name, operation, row, token, (403, "TENANT_SUSPENDED"), owner="dormant")
        else:
            self.cell(name, operation, row, token, (row.ok, None), owner="dormant")
        if operation.name.startswith(("token.issue", "token.replace", "device.challenge")):
            self.cell("an administrator for a suspended tenant", operation, row, self.world.admin, (403, "TENANT_SUSPENDED"),
                      owner="dormant")

    def cell(self, name, operation, row, token, expected, owner="acme", values=None, works=False):
        """One request: its status, its code, and that it changed nothing unless it `works`. Answers it with its JSON, if any."""
        self.cells += 1
        body = row.body(self.world, owner) if row.body else None
        answer, data = self.world.send(operation.method, self.world.path(operation, owner, values), token, body)
        is_json = (answer.getheader("Content-Type") or "").partition(";")[0].endswith("json")
        document = json.loads(data) if is_json else {}
        self.expect(operation, name, "status", answer.status, expected[0])
        if expected[1]:
            self.expect(operation, name, "code", document.get("code"), expected[1])
        before, self.seen = self.seen, self.world.snapshot()
        if works:
            self.expect(operation, name, "a change", before != self.seen, row.change and row.ok < 300 and not row.unseen)
        else:
            changed = [str(each) for each in before if before[each] != self.seen[each]]
            self.expect(operation, name, "what changed", changed, [])
        return answer, document

    def expect(self, operation, name, what, actual, expected):
        if actual != expected:
            self.faults.append(f"{operation.name}, {name}: {what}: expected {expected}, got {actual}")


def run(server):
    """What is wrong, and how many cells there were."""
    world = World(server)
    operations = {operation.name: operation for operation in world.contract.operations}
    faults = [f"{name} has no row in tests/matrix/rows.py" for name in operations if name not in ROWS]
    faults += [f"{name} is not in the contract" for name in ROWS if name not in operations]
    faults += [f"{name}: the contract says {operations[name].scope}, the matrix {row.needs}"
               for name, row in ROWS.items() if name in operations and operations[name].scope != row.needs]
    if faults:
        return faults, 0
    matrix = Matrix(world)
    for name, row in ROWS.items():
        matrix.operation(operations[name], row)
    return [*matrix.faults, *dict.fromkeys(world.faults)], matrix.cells


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    with Server(options.server, store=options.store) as server:
        faults, cells = run(server)
    for fault in faults:
        print(fault)
    print(f"{cells} requests, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
