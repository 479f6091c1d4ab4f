#!/usr/bin/env python3
"""Ends the real server at random moments under write load, starts it again on the same data, and holds what is there to what was
answered: every change that was answered for is there, every other one wholly or not at all; every change has its leaf and no leaf is
without its change; seq has no gap; counters equal rows; `service-fs verify --full` finds nothing.

Usage: run.py --server PROGRAM [--store ENGINE] [--rounds N] [--keep]. The rounds take turns:
  load       kill -9 in the midst of the load
  start      the same, and again while it starts, up to three times
  publish    kill -9 while the publisher works on what a burst has left
  terminate  SIGTERM in the midst of the load: it exits with 0, and has answered all that it did
"""
import argparse
import itertools
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from book import Book  # noqa: E402
from crowd import Caller  # noqa: E402
from load import PLENTY, PUBLIC_KEY, TenantKeeper, TenantMaker, TokenUser, VmUser  # noqa: E402
from operation import Operation  # noqa: E402
from seed import seeded_random  # noqa: E402
from server import UNLIMITED, Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

KINDS = ("load", "start", "load", "publish", "load", "terminate")
TENANTS = ("acme", "globex", "initech", "umbrella")
VM_USERS, MAKERS = 3, 4  # of each tenant; in all
ANSWERS_MAX = 20000  # before the end comes; it comes sooner when they take longer than this
LOAD_S_MAX = 10
PUBLISH_INTERVAL_S = 0.2
NOTES_KEPT = 40  # checkpoints of each tenant
FAULTS_SHOWN = 40


class Crowd:
    """The roles at work, each in a thread of its own."""

    def __init__(self, roles, book, port):
        self.stopped, self.reached = threading.Event(), threading.Event()
        self.answered, self.target, self.at_target = itertools.count(1), 0, None
        self.book, self.port = book, port
        self.threads = [threading.Thread(target=self.work, args=(role,), name=role.name) for role in roles]

    def run_until(self, answers, then):
        """Starts them, and waits for so many answers, but not for ever. Whoever has the last one calls `then` at once."""
        self.target, self.at_target = answers, then
        for thread in self.threads:
            thread.start()
        self.reached.wait(LOAD_S_MAX)

    def work(self, role):
        caller = Caller(self.port)
        operation = None
        try:
            while not self.stopped.is_set():
                operation = self.book.add(role.next())
                if not operation.run(caller):
                    break
                if next(self.answered) == self.target:
                    self.at_target()
                    self.reached.set()
        except (LookupError, ValueError) as error:  # what it answered is not what the contract says
            self.book.faults.append(f"expected an answer that {role.name} understands to {operation}, there is {error!r}")
        finally:
            caller.close()

    def end(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


class Watcher(threading.Thread):
    """Somebody who keeps checkpoints: two of one size must be the same, and all must hold for ever."""

    def __init__(self, book, port, notes):
        super().__init__()
        self.book, self.port, self.notes = book, port, notes

    def run(self):
        caller = Caller(self.port)
        try:
            for tenant in itertools.cycle(TENANTS):
                answer = caller.call("GET", f"/v1/tenants/{tenant}/ledger/checkpoint", token=self.book.tokens[tenant])
                if answer.status == 200:
                    self.keep(tenant, answer.body.decode())
        except ConnectionError:
            caller.close()

    def keep(self, tenant, note):
        size = int(note.splitlines()[1])
        known = self.notes[tenant].setdefault(size, note)
        if known != note:
            self.book.faults.append(f"{tenant}: expected one checkpoint of size {size}, there are {known} and {note}")


class Trial:
    """One server through all rounds."""

    def __init__(self, server, chance, seed):
        self.server, self.chance, self.seed = server, chance, seed
        self.admin, self.starts_s, self.answers, self.kinds = None, [], 0, []
        self.book, self.roles = Book(), []
        self.notes = {tenant: {} for tenant in TENANTS}
        self.caller = Caller(server.port)

    def begin(self):
        """The first start, and the tenants that are there in all rounds."""
        self.server.start()
        self.admin = self.book.admin = self.server.admin_token
        self.roles = [role for tenant in TENANTS for role in self.found(tenant)]
        self.roles += [TenantMaker(f"maker-{at}", self.seed, self.admin) for at in range(MAKERS)]

    def found(self, tenant):
        """The roles around a tenant that is there from the beginning."""
        body = {"tenant_id": tenant, "display_name": tenant, "max_vms": 60, "storage_quota_gb": 500, "api_rate_limit_rpm": PLENTY}
        self.run_one(Operation(f"found.{tenant}", tenant, "POST", "/v1/tenants", self.admin, body, ("TENANT_CREATED",)))
        body = {"subject_pubkey": PUBLIC_KEY, "scope": "service:tenant-admin", "expires_in_seconds": 3000}
        issue = Operation(f"first-token.{tenant}", tenant, "POST", f"/v1/tenants/{tenant}/tokens", self.admin, body, ("TOKEN_ISSUED",))
        token = self.book.tokens[tenant] = self.run_one(issue).answer.json["token"]
        users = [VmUser(f"vms-{tenant}-{at}", self.seed, tenant, self.admin, token) for at in range(VM_USERS)]
        return [*users, TokenUser(f"tokens-{tenant}", self.seed, tenant, self.admin, token),
                TenantKeeper(f"keeper-{tenant}", self.seed, tenant, self.admin)]

    def run_one(self, operation):
        if not self.book.add(operation).run(self.caller):
            raise RuntimeError(f"the server does not answer: {operation}\n{self.server.log()[-4000:]}")
        return operation

    def round(self, kind):
        """Load, the end, the restart, and the checks."""
        self.kinds.append(kind)
        crowd = Crowd(self.roles, self.book, self.server.port)
        watcher = Watcher(self.book, self.server.port, self.notes)
        watcher.start()
        crowd.run_until(round(ANSWERS_MAX ** self.chance.random()), self.blow(kind))
        getattr(self, "end_by_" + kind)(crowd)
        crowd.end()
        watcher.join()
        self.answers += next(crowd.answered) - 1
        if kind == "start":
            for _ in range(self.chance.randint(1, 3)):
                self.kill_at_start()
        if kind == "publish":
            self.verify("before the restart")
        self.restart()
        self.check(is_graceful=kind == "terminate")

    def blow(self, kind):
        """What ends the load: as soon as an answer has come, or a little later; nothing where a burst is to be whole."""
        delay_s = self.chance.choice([0, self.chance.uniform(0, 0.02)])

        def strike():
            if kind != "publish":
                time.sleep(delay_s)
                self.server.process.send_signal(signal.SIGTERM if kind == "terminate" else signal.SIGKILL)

        return strike

    def end_by_load(self, _):
        self.server.kill()

    end_by_start = end_by_load

    def end_by_publish(self, crowd):
        """Once all are answered: soon after the publisher began to write, or somewhere within its interval."""
        crowd.end()
        if self.chance.random() < 0.7:
            wait_for(lambda: any(self.server.data_dir.glob("ledger/new/*")), PUBLISH_INTERVAL_S)
            time.sleep(self.chance.uniform(0, 0.02))
        else:
            time.sleep(self.chance.uniform(0, PUBLISH_INTERVAL_S))
        self.server.kill()

    def end_by_terminate(self, _):
        status = self.server.stop()
        if status != 0:
            self.book.faults.append(f"expected exit status 0 after SIGTERM, there is {status}: {self.server.log()[-2000:]}")

    def kill_at_start(self):
        self.server.launch()
        time.sleep(self.chance.uniform(0, 1.2 * statistics.median(self.starts_s or [0.1])))
        self.server.kill()

    def restart(self):
        began = time.monotonic()
        self.caller.close()
        self.server.start()
        self.starts_s.append(time.monotonic() - began)

    def check(self, is_graceful):
        self.book.tokens.update({role.tenant: role.token_text for role in self.roles if isinstance(role, TenantMaker) and role.token_text})
        undecided = self.book.check(self.caller, is_graceful)
        self.verify("after the restart")
        for role in self.roles:
            if isinstance(role, TokenUser):
                self.check_tokens(role)
        self.repeat(undecided)

    def verify(self, when):
        done = self.server.service_fs("verify", "--full", "--format", "jsonl")
        if done.returncode != 0:
            self.book.faults.append(f"expected service-fs verify --full to find nothing {when}, there is {done.returncode}: "
                                    f"{done.stderr}")

    def check_tokens(self, role):
        """What was revoked is worth nothing, what was not still holds unless its tenant is suspended."""
        standing = ["tenant_suspended"] if self.book.registers[role.tenant].state == "suspended" else []
        for token_id in [*role.live[-5:], *role.ended[-5:]]:
            if token_id in role.texts:
                said = self.caller.call("POST", "/v1/tokens/verify", {"token": role.texts[token_id]}).json
                there = "valid" if said.get("valid") else said.get("reason")
                expected = ["revoked", *standing] if token_id in role.ended else standing or ["valid"]
                if there not in expected:
                    self.book.faults.append(f"{role.tenant}: expected token {token_id} to be {' or '.join(expected)}, there is {said}")

    def repeat(self, undecided):
        """As a client that had no answer: what was done is answered for again, and not done again."""
        makers = [role for role in self.roles if isinstance(role, TenantMaker)]
        owners = {role.name: role for role in [*self.roles, *(maker.user for maker in makers if maker.user)]}
        for operation, is_done in undecided:
            owner = owners.get(operation.request_id.rpartition(".")[0])
            if operation.key and owner:
                self.run_one(owner.again(operation, is_done))

    def end(self):
        """What a whole life must leave behind."""
        self.book.check(self.caller, is_graceful=True)
        self.book.reread(self.caller)
        for tenant in TENANTS:
            self.check_notes(tenant)
        if self.server.stop() != 0:
            self.book.faults.append(f"expected exit status 0, there is {self.server.process.returncode}")
        self.verify("after the last stop")

    def check_notes(self, tenant):
        """Every checkpoint that somebody has seen."""
        notes = [note for _, note in sorted(self.notes[tenant].items())]
        with tempfile.TemporaryDirectory() as folder:
            arguments = []
            for at, note in enumerate(notes[::max(1, len(notes) // NOTES_KEPT)]):
                path = pathlib.Path(folder, str(at))
                path.write_text(note, encoding="utf-8")
                arguments += ["--checkpoint", path]
            done = self.server.service_fs("verify", "--log", tenant, "--format", "jsonl", *arguments)
        if done.returncode != 0:
            self.book.faults.append(f"{tenant}: expected {len(notes)} checkpoints that were seen to hold, there is {done.stderr}")

    def summary(self):
        kinds = ", ".join(f"{self.kinds.count(kind)} {kind}" for kind in dict.fromkeys(KINDS))
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.book.counts.items()))
        leaves = sum(len(leaves) for leaves in self.book.leaves.values())
        return (f"{len(self.kinds)} rounds ({kinds}), {len(self.roles)} clients, {self.answers} answers ({counts}), {leaves} leaves of "
                f"{len(self.book.registers)} tenants, {sum(map(len, self.notes.values()))} checkpoints seen, restart "
                f"{1000 * statistics.median(self.starts_s or [0]):.0f} ms (at most {1000 * max(self.starts_s or [0]):.0f})")


def new_server(options, data_dir):
    return Server(options.server, data_dir, [*UNLIMITED, "--log-level", "warning"], options.store)


def run(options, folder, chance, seed):
    """What was wrong, and what was seen. Ends with the first round that is not clean: what follows would tell of the same."""
    trial = Trial(new_server(options, folder / "data"), chance, seed)
    steps = [(f"round {number} ({kind})", lambda kind=kind: trial.round(kind))
             for number, kind in enumerate(itertools.islice(itertools.cycle(KINDS), options.rounds), 1)]
    try:
        for name, step in [("the beginning", trial.begin), *steps, ("the end", trial.end)]:
            try:
                step()
            except (RuntimeError, OSError) as error:
                trial.book.faults.append(f"expected a server that starts and serves, there is {error}")
            if trial.book.faults:
                return [f"{name}, seed {seed}: {fault}" for fault in trial.book.faults], trial.summary()
        return [], trial.summary()
    finally:
        if trial.server.is_running():
            trial.server.kill()
        trial.server.clean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=30, help="how often the server is ended; 30 by default, 25 of them by kill -9")
    parser.add_argument("--keep", action="store_true", help="keep the data directories even when nothing is wrong")
    options = parser.parse_args()
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cadastre-crash-"))
    faults = ["the test itself failed"]
    try:
        faults, summary = run(options, folder, *seeded_random())
    finally:
        if faults or options.keep:
            print(f"the data directories and logs are kept in {folder}")
        else:
            shutil.rmtree(folder)
    for fault in faults[:FAULTS_SHOWN]:
        print(fault)
    print(f"{summary}, {len(faults)} faults, {time.monotonic() - began:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
