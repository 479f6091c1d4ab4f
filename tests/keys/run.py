#!/usr/bin/env python3
"""Signing keys under load: rotations lose no token and let none in that should not be; a revoked key is refused within a second.

Usage: run.py --server PROGRAM [--store ENGINE]. Test 16 of docs/TOKENS.md section 17, and the replay after a rotation.
"""
import argparse
import json
import pathlib
import secrets
import shutil
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from client import Client  # noqa: E402
from server import UNLIMITED, Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

WITHIN_S = 3  # one second, and what a loaded machine adds
PATIENCE_S = 30
ROTATIONS = 8
CALLERS = 4


class Trial:
    def __init__(self, server):
        self.server = server
        self.client = Client(server)
        self.tenant = self.client.make_tenant("acme")
        self.key = credential.b64url(credential.public_key_of(secrets.token_bytes(32)))
        self.checks, self.faults = 0, []

    def expect(self, what, actual, expected):
        self.checks += 1
        if actual != expected:
            self.faults.append(f"{what}: expected {expected}, got {actual}")

    def keys(self, *arguments, status=0, server=None):
        """What the command prints, or says when it fails."""
        server = server or self.server
        done = subprocess.run([server.program("service-vm-tenant"), "keys", *arguments, "--data-dir", server.data_dir, *server.arguments],
                              capture_output=True, text=True, env=server.environment(), timeout=PATIENCE_S, check=False)
        self.expect(f"exit of keys {arguments}: {done.stderr}", done.returncode, status)
        return done.stdout or done.stderr

    def listed(self, server=None):
        """State and place of every key."""
        rows = [line.split() for line in self.keys("list", server=server).splitlines()[1:]]
        return {row[0]: (row[1], row[3]) for row in rows}

    def of_state(self, state):
        return [kid for kid, (found, _) in self.listed().items() if found == state]

    def issue(self, order=None, client=None, expect=201):
        """The answer to an order of that Idempotency-Key."""
        body = {"subject_pubkey": self.key, "scope": "READ", "expires_in_seconds": 3600}
        headers = [("Idempotency-Key", order)] if order else []
        client = client or self.client
        return client.send("POST", f"/v1/tenants/{self.tenant}/tokens", client.admin, body, headers, expect=expect)

    def answer(self, token, client=None):
        """Status and reason that a token meets."""
        answer = (client or self.client).send("GET", "/v1/vms", token)
        return answer.status, answer.reason

    def published(self, client=None):
        keys = (client or self.client).send("GET", "/.well-known/jwks.json", expect=200).json["keys"]
        self.expect("private members in the JWKS", [key for key in keys if "d" in key], [])
        return [key["kid"] for key in keys]

    def ready(self, client=None):
        return (client or self.client).send("GET", "/readyz", expect=200).json


class Load:
    """Callers that issue tokens without pause and use each at once."""

    def __init__(self, trial, name):
        self.trial, self.name = trial, name
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.tokens, self.faults = [], []
        self.threads = [threading.Thread(target=self.call, args=(number,)) for number in range(CALLERS)]

    def call(self, number):
        count = 0
        while not self.stop.is_set():
            count += 1
            order = f"{self.name}-{number}-{count}"
            made = self.trial.issue(order, expect=None)
            if made.status != 201:
                self.faults.append(f"issue answers {made.status}: {made.body}")
                continue
            token = made.json["token"]
            if self.trial.answer(token) != (200, ""):
                self.faults.append(f"a fresh token of {made.json['kid']} is refused: {self.trial.answer(token)}")
            with self.lock:
                self.tokens.append((order, token, made.json["kid"]))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def beginning(trial):
    """One key signs; its private half is here."""
    (kid, state), = trial.listed().items()
    trial.expect("the first key", state, ("active", "here"))
    trial.expect("the published keys", trial.published(), [kid])
    ready = trial.ready()
    trial.expect("what /readyz says", (ready["signing_key"], ready["can_issue_tokens"], ready["can_issue_after_rotation"]), (kid, True, True))
    for nobody in ("nobody", "-" + "A" * 42):
        trial.expect(f"keys revoke {nobody}", "there is no key of that kid" in trial.keys("revoke", nobody, status=1), True)


def next_key(trial):
    """A key is published for a day before it signs."""
    before = trial.of_state("active")
    trial.expect("a first rotate", "is published; it may sign in 24 h" in trial.keys("rotate"), True)
    fresh, = trial.of_state("next")
    trial.expect("the published keys", sorted(trial.published()), sorted([*before, fresh]))
    trial.expect("a second rotate", f"{fresh}, may sign from" in trial.keys("rotate", status=1), True)
    trial.expect("who signs", trial.issue().json["kid"], before[0])
    path = trial.server.data_dir / "keys" / f"token-{fresh}.key"
    trial.expect("mode of the key's file", oct(stat.S_IMODE(path.stat().st_mode)), "0o600")


def rotations(trial):
    """Under load nothing is refused that was issued, whichever key signed it, and what is asked again is the same."""
    with Load(trial, "signed") as load:
        for _ in range(ROTATIONS):
            seen = len(load.tokens)
            trial.keys("rotate", "--now")
            wait_for(lambda seen=seen: len(load.tokens) > seen + CALLERS, PATIENCE_S)
    trial.faults += load.faults
    kids = {kid for _, _, kid in load.tokens}
    trial.expect(f"keys that signed in {len(load.tokens)} tokens", len(kids) >= ROTATIONS, True)
    trial.expect("tokens refused afterwards", [kid for _, token, kid in load.tokens if trial.answer(token) != (200, "")], [])
    first = {}
    for order, token, kid in load.tokens:
        first.setdefault(kid, (order, token))
    for kid, (order, token) in first.items():
        trial.expect(f"the answer to an order of {kid} sent again", trial.issue(order).json["token"], token)
    trial.expect("the published keys", sorted(trial.published()), sorted(trial.of_state("retired") + trial.of_state("active")))
    return first


def revocations(trial, first):
    """A revoked key ends what it signed, and only that."""
    administrators = json.loads(credential.decode_b64url(trial.client.admin.partition(".")[0]))["kid"]  # whose end would end the test
    retired = [kid for kid in trial.of_state("retired") if kid in first and kid != administrators]
    kid = retired[-1]
    order, token = first[kid]
    trial.expect("before it is revoked", trial.answer(token), (200, ""))
    trial.keys("revoke", kid)
    started = time.monotonic()
    refused = wait_for(lambda: trial.answer(token)[0] == 401, PATIENCE_S)
    trial.expect("refused", (refused, trial.answer(token)), (True, (401, "key_revoked")))
    trial.expect("in time", time.monotonic() - started < WITHIN_S, True)
    trial.expect("its order sent again", trial.issue(order, expect=None).status, 409)
    others = [trial.answer(token) for other, (_, token) in first.items() if other != kid]
    trial.expect("what the others signed", set(others), {(200, "")})
    trial.expect("in the JWKS", kid in trial.published(), False)
    trial.expect("revoked twice", "signs and verifies nothing" in trial.keys("revoke", kid, status=1), True)
    active, = trial.of_state("active")
    token = trial.issue().json["token"]
    trial.expect("the active one revoked", "signs from now on" in trial.keys("revoke", active), True)
    trial.expect("what it signed", trial.answer(token), (401, "key_revoked"))
    fresh = trial.issue().json
    trial.expect("another signs", (fresh["kid"] != active, trial.answer(fresh["token"])), (True, (200, "")))


def ledger(trial):
    """Every change of what signs is in the platform's log."""
    found = trial.server.service_fs("read", "--log", "platform", "--event-type", "KEY_ROTATED", "--format", "jsonl")
    trial.expect(f"exit of service-fs: {found.stderr}", found.returncode, 0)
    entries = [json.loads(line) for line in found.stdout.splitlines()]
    changes = [entry["data"]["change"] for entry in entries if "data" in entry]  # the last line says what was proven
    counts = {change: changes.count(change) for change in ("published", "activated", "revoked")}
    trial.expect("KEY_ROTATED leaves", counts, {"published": 1, "activated": ROTATIONS + 1, "revoked": 2})


def ledger_keys(trial):
    """A log's next key: whoever has the key of before goes on verifying, and so does whoever reads the new one, at every moment."""
    record = f"/v1/tenants/{trial.tenant}"
    vkey = lambda: trial.client.send("GET", record, trial.client.admin, expect=200).json["ledger"]["vkey"]
    verifies = lambda key: trial.server.service_fs("verify", "--log", trial.tenant, "--vkey", key).returncode
    first = vkey()
    with Load(trial, "logged") as load:
        seen = len(load.tokens)
        wait_for(lambda: len(load.tokens) > seen + CALLERS, PATIENCE_S)
        second = trial.keys("rotate-ledger", trial.tenant).strip()
        trial.expect("the record", (vkey(), second != first), (second, True))
        trial.expect("who has the new key, at once", verifies(second), 0)
        trial.expect("who has the key of before", verifies(first), 0)
        wait_for(lambda: len(load.tokens) > seen + 3 * CALLERS, PATIENCE_S)
    trial.faults += load.faults
    found = trial.server.service_fs("read", "--log", trial.tenant, "--event-type", "KEY_ROTATED", "--format", "jsonl")
    entries = [json.loads(line) for line in found.stdout.splitlines()]
    trial.expect("the leaf", [entry["data"] for entry in entries if "data" in entry], [{"purpose": "ledger", "before": first, "vkey": second}])
    trial.expect("every log", "logs have another key" in trial.keys("rotate-ledger"), True)
    third = vkey()
    trial.client.make_tenant("later")
    trial.expect("the log in full, by the new key", trial.server.service_fs("verify", "--full").returncode, 0)
    trial.issue()
    trial.expect("two rotations later the first key is over", wait_for(lambda: verifies(first) == 1, PATIENCE_S), True)
    trial.expect("the key of before", (verifies(second), verifies(third)), (0, 0))
    trial.expect("nobody's log", "there is no such tenant" in trial.keys("rotate-ledger", "nobody", status=1), True)
    trial.server.stop()
    trial.server.start()
    trial.client = Client(trial.server)
    trial.expect("the record after a start", vkey(), third)


def restart(trial):
    """The states are the register's; a command without a running server does the same."""
    before = trial.listed()
    trial.server.stop()
    trial.expect("the keys beside a stopped server", trial.listed(), before)
    trial.expect("a rotation there", "signs from now on" in trial.keys("rotate", "--now"), True)
    active, = trial.of_state("active")
    trial.server.start()
    trial.client = Client(trial.server)
    trial.expect("who signs after the start", trial.issue().json["kid"], active)


def replicas(trial):
    """Another replica accepts a fresh key's tokens within a second, and issues once it was given the private half."""
    with trial.server.replica() as other:
        client = Client(trial.server)
        client.server = other
        trial.issue(client=client)
        before = trial.issue().json["token"]
        trial.keys("rotate", "--now")
        active, = trial.of_state("active")
        token = trial.issue().json["token"]
        trial.expect("a fresh key's token on the other replica", trial.answer(token, client), (200, ""))
        trial.expect("the one before's", trial.answer(before, client), (200, ""))
        wait_for(lambda: not trial.ready(client)["can_issue_tokens"], PATIENCE_S)
        refused = trial.issue(client=client, expect=None)
        trial.expect("a replica that lacks the private half", (refused.status, refused.code), (503, "UNAVAILABLE"))
        trial.expect("what it says", trial.listed(other)[active], ("active", "missing"))
        shutil.copy2(trial.server.data_dir / "keys" / f"token-{active}.key", other.data_dir / "keys")
        trial.expect("once it was given", wait_for(lambda: trial.ready(client)["can_issue_tokens"], PATIENCE_S), True)
        trial.expect("who signs there", trial.issue(client=client).json["kid"], active)
        trial.keys("revoke", active)
        started = time.monotonic()
        trial.expect("a revoked key there", wait_for(lambda: trial.answer(token, client)[0] == 401, PATIENCE_S), True)
        trial.expect("in time", time.monotonic() - started < WITHIN_S, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    with Server(options.server, arguments=UNLIMITED, store=options.store) as server:
        trial = Trial(server)
        beginning(trial)
        next_key(trial)
        first = rotations(trial)
        revocations(trial, first)
        ledger(trial)
        ledger_keys(trial)
        restart(trial)
        if options.store.startswith("postgresql"):
            replicas(trial)
    for fault in trial.faults:
        print(fault)
    print(f"{trial.checks} checks, {len(trial.faults)} faults")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
