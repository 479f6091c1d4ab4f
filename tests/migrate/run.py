#!/usr/bin/env python3
"""Moves a register from SQLite to PostgreSQL with the real programs: nothing that can be seen of it changes, and whatever goes wrong
on the way, there is one register that goes on, never none and never two.

Usage: run.py --server PATH/service-vm-tenant [--cluster FOLDER]
FOLDER is that of a running throw-away cluster; without it one is made.
"""
import argparse
import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from history import LOGS, VM, History, published, seen
from world import PATIENCE_S, SECRET, Database, Register, environment, run, wait_for

from crowd import Caller  # noqa: E402
from postgres import Cluster  # noqa: E402


class Trial:
    def __init__(self, program, cluster, folder):
        self.program, self.cluster, self.folder = program, cluster, folder
        self.faults = []
        self.copies = 0
        self.register = Register(program, folder / "data")
        self.history = None

    def check(self, holds, what):
        if not holds:
            self.faults.append(what)

    def equal(self, what, found, expected):
        if found != expected:
            self.faults.append(f"{what}: expected {str(expected)[:1500]}, found {str(found)[:1500]}")

    def says(self, what, done, status, pattern):
        """The program ended with that status and said, once and in one line, what the pattern is found in."""
        lines = [line for line in done[1].splitlines() if line.startswith("service-")]
        if done[0] != status or len(lines) != 1 or not re.search(pattern, lines[0]):
            self.faults.append(f"{what}: exit {done[0]}, expected {status} and “{pattern}”:\n{done[1]}")

    def copy(self):
        self.copies += 1
        return self.register.copy(self.folder, f"copy-{self.copies}")

    def database(self):
        return Database(self.cluster)

    def succeeds(self, what, done):
        self.equal(f"{what}: exit status, having said {done[1]}", done[0], 0)

    def starts(self, what, register, store=None):
        """A server on it becomes ready, and ends well."""
        try:
            with register.server(store):
                pass
        except RuntimeError as error:
            self.faults.append(f"{what}: {error}")


def everything(trial):
    """The whole way, with a password that nobody may see, and back and forth between two processes on one register."""
    with trial.register.server() as server:
        trial.history = History(server)
    with trial.register.server() as server:  # all is published now
        before = seen(trial.history, server)
        database = trial.database()
        trial.says("a move while the server runs", trial.register.move(database.url), 1, "is in use by another process, .* stop that one")
    trial.register.copy(trial.folder, "kept")
    files = published(server)
    database = trial.database()
    done = run([trial.program, "migrate", "--from", f"sqlite:{trial.register.data_dir}"], CADASTRE_STORE=database.secret_url())
    trial.succeeds("the move", done)
    said = done[1] + (trial.register.data_dir / "moved").read_text(encoding="utf-8") + database.sql("SELECT * FROM setting")
    trial.check(SECRET not in said, f"the move shows the password:\n{said}")
    trial.equal("what was said of the published files", re.findall(r"(\d+) published files", done[1]), [str(len(files))])
    shutil.rmtree(trial.register.data_dir / "ledger")  # the database has it all
    with trial.register.server(database.url) as server:
        after = seen(trial.history, server)
        trial.equal("what can be asked", sorted(map(str, after)), sorted(map(str, before)))
        for asked, answer in before.items():
            trial.equal(f"the answer to {asked}", after.get(asked), answer)
        goes_on(trial, server)
        verified(trial, server, logs=len(LOGS) + 1)  # one came after the move
    verified(trial, server, logs=len(LOGS) + 1)
    moved_once(trial, database)
    return database


def goes_on(trial, server):
    """What was promised before the move is kept after it, and new changes are made."""
    history, admin = trial.history, Caller(server.port, trial.history.admin)
    for replay in history.replays:
        if "initech" in str(replay.body):
            continue
        answer = Caller(server.port, replay.token).call(replay.method, replay.path, replay.body, headers={"Idempotency-Key": replay.key})
        suspended = replay.token == history.tokens["globex"]
        trial.equal(f"the replay of {replay.method} {replay.path}", (answer.status, answer.body),
                    (403, answer.body) if suspended else (replay.status, replay.answer))
    for name, token in history.rejected.items():
        trial.equal(f"a token {name}", Caller(server.port, token).call("GET", "/v1/status").status, 401)
    acme = Caller(server.port, history.tokens["acme"])
    vm = acme.expect(201, "POST", "/v1/vms", VM).json
    acme.expect(204, "DELETE", f"/v1/vms/{history.vms[0]}")
    trial.equal("the VMs after a create and a delete", len(acme.pages("/v1/vms", "vms")), len(history.vms))
    acme.expect(200, "GET", f"/v1/vms/{vm['vm_id']}")
    admin.expect(200, "POST", "/v1/tenants/globex/resume")
    admin.expect(201, "POST", "/v1/tenants", {"tenant_id": "newcomer", "display_name": "N", "max_vms": 1, "storage_quota_gb": 1,
                                              "api_rate_limit_rpm": 60})
    trial.equal("a name that is taken for ever",
                admin.call("POST", "/v1/tenants", {"tenant_id": "initech", "display_name": "N", "max_vms": 1, "storage_quota_gb": 1,
                                                   "api_rate_limit_rpm": 60}).code, "ALREADY_EXISTS")


def verified(trial, server, logs):
    done = server.service_fs("verify", "--full")
    trial.check(done.returncode == 0 and done.stdout.count('"holds":true') == logs,
                f"service-fs verify --full: exit {done.returncode}\n{done.stdout}{done.stderr}")


def moved_once(trial, database):
    """Neither the old register nor the new database takes part in a move again, and nobody starts on the old one."""
    rows = database.rows()
    trial.says("the same move again", trial.register.move(database.url), 1,
               r"was moved to postgresql://\S+ before, and all of it is there: start the server with that as --store")
    trial.says("another register into the same database", Register(trial.program, trial.folder / "kept").move(database.url), 1,
               "holds a register already: name an empty database")
    trial.says("a move to yet another database", trial.register.move(trial.database().url), 1,
               "was moved to .* Only if no server ever ran on that, remove .*/moved and run this again")
    trial.says("a server on the old register", run([trial.program, "--data-dir", trial.register.data_dir, "--listen", "127.0.0.1:1"]), 1,
               r"was moved to postgresql://\S+: name that with --store, and keep the data directory")
    trial.says("service-fs on the old register", run([trial.program.with_name("service-fs"), "verify", "--data-dir",
                                                      trial.register.data_dir]), 3, "was moved to")
    trial.equal("rows after all that was refused", database.rows(), rows)
    trial.register = Register(trial.program, trial.folder / "kept")


def after_power_cut(trial):
    """A server that was killed leaves a register that can be moved as well, with entries that are published in the new place."""
    register, database = trial.copy(), trial.database()
    server = register.server(publish_interval_ms=60_000).start()
    caller = Caller(server.port, trial.history.tokens["acme"])
    made = [caller.expect(201, "POST", "/v1/vms", VM).json["vm_id"] for _ in range(5)]
    server.kill()
    status, said = register.move(database.url)
    trial.check(status == 0 and re.search(r"^unpublished_log +1 rows$", said, re.M), f"a move after a power cut: exit {status}\n{said}")
    with register.server(database.url) as server:
        caller = Caller(server.port, trial.history.tokens["acme"])
        for vm_id in made:
            caller.expect(200, "GET", f"/v1/vms/{vm_id}")
    verified(trial, server, logs=len(LOGS))


def usage(trial):
    url = trial.database().url
    trial.says("nowhere to go", run([trial.program, "migrate", "--from", "sqlite:x"]), 2, "--to must say where to")
    for source, target, status, pattern in (
            ("sqlite:x", "sqlite:y", 2, "must be postgresql://"),
            (url, url, 2, "--from must be sqlite:DIR"),
            ("sqlite:", url, 2, "--from must be sqlite:DIR"),
            ("sqlite:x", "x", 2, "--to must be"),
            ("sqlite:x", f"postgresql://u:{SECRET}@h/d", 2, "must not hold a password on the command line"),
            ("sqlite:nowhere", url, 1, "there is no database at nowhere/cadastre.db"),
            (f"sqlite:{trial.register.data_dir}", "postgresql:///nothing?host=/nowhere", 1, "the database cannot be reached")):
        done = run([trial.program, "migrate", "--from", source, "--to", target])
        trial.says(f"from {source} to {target}", done, status, pattern)
        trial.check(SECRET not in done[1], "a password was shown")
    trial.check(not trial.register.is_marked, "a move that did not begin left a mark")
    trial.check(not pathlib.Path("nowhere").exists(), "a move made a folder")


TAMPERED = {
    "a leaf": (["DROP TRIGGER ledger_leaf_is_never_updated",
                "UPDATE ledger_leaf SET bytes = replace(bytes, 'TENANT_CREATED', 'TENANT_CREATEX')"], "does not hash to its stored hash"),
    "a missing leaf": (["DROP TRIGGER ledger_leaf_is_never_deleted", "DELETE FROM ledger_leaf WHERE tenant_id = 'acme' AND seq = 3"], ""),
    "a counter": (["UPDATE tenant_usage SET used_vms = used_vms + 1 WHERE tenant_id = 'acme'"], "usage counters are not those of the VMs"),
    "a VM that is gone": (["DELETE FROM vm WHERE name = 'vm-3'"], "usage counters are not those of the VMs"),
    "a revocation that is gone": (["DELETE FROM revocation WHERE tenant_id = 'umbrella' AND kind = 0"], "the revocations are not as many"),
    "an older head": (["DROP TRIGGER ledger_leaf_is_never_deleted", "DELETE FROM ledger_leaf WHERE tenant_id = 'acme' AND seq > 9",
                       "UPDATE tenant_usage SET ledger_size = 10 WHERE tenant_id = 'acme'"], ""),
    "a tenant that is gone": ([f"DELETE FROM {table} WHERE tenant_id = 'umbrella'" for table in
                               ("tenant", "tenant_usage", "ledger_checkpoint")], ""),
}


def tampered(trial):
    """What is not whole does not travel."""
    for name, (statements, pattern) in TAMPERED.items():
        register, database = trial.copy(), trial.database()
        register.sql(*statements)
        refuses(trial, f"with {name} tampered with", register, database, pattern)
    register, database = trial.copy(), trial.database()
    bundle = next((register.data_dir / "ledger" / "logs").glob("*/tile/entries/000"))
    bundle.chmod(0o600)
    bundle.write_bytes(bundle.read_bytes()[:100] + b"x" + bundle.read_bytes()[101:])
    refuses(trial, "with a published file changed", register, database, "is not what the leaves give")
    register, database = trial.copy(), trial.database()
    (register.data_dir / "high-water").unlink()
    refuses(trial, "without high-water marks", register, database, "the high-water marks are missing")


def refuses(trial, what, register, database, pattern):
    status, said = register.move(database.url)
    trial.check(status == 1 and re.search(pattern, said), f"a move {what}: exit {status}, expected “{pattern}”:\n{said}")
    trial.equal(f"rows after a move {what}", database.rows(), {})
    trial.check(not register.is_marked, f"a move {what} marked the register as moved")


def spoilt(trial):
    """A database that does not keep what it is given is found out, and the old register goes on."""
    for table, change, pattern in (
            ("vm", "NEW.name := 'other'; RETURN NEW", "row 0 of vm did not arrive as it was sent"),
            ("ledger_leaf", "RETURN CASE WHEN NEW.seq = 200 THEN NULL ELSE NEW END", "of ledger_leaf did not arrive as it was sent"),
            ("idempotency", "RETURN NULL", "row 0 of idempotency did not arrive"),
            ("published_file", "NEW.bytes := NEW.bytes || 'x'::bytea; RETURN NEW", "row 0 of published_file did not arrive"),
            ("token", "RAISE EXCEPTION 'no'", r"PostgreSQL, COPY FROM STDIN: no")):
        register, database = trial.copy(), trial.database().make_schema()
        database.sql(f"CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {change}; END $$;"
                     f"CREATE TRIGGER spoil BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION spoil()")
        refuses(trial, f"into a database that spoils {table}", register, database, pattern)
    register, database = trial.copy(), trial.database().make_schema()
    database.sql("CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;"
                 "CREATE CONSTRAINT TRIGGER spoil AFTER INSERT ON setting DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                 "EXECUTE FUNCTION spoil()")
    refuses(trial, "into a database that refuses the commit", register, database, "too late")
    trial.starts("the old register after a refused commit", register)


@contextlib.contextmanager
def stopped_at(trial, moment, register, database):
    """A move that waits at that moment."""
    database.stop_at(moment)
    with database.hold(), subprocess.Popen(register.command(database.url), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                           text=True, env=environment()) as process:
        trial.check(wait_for(database.waits, PATIENCE_S), f"the move never came to {moment}")
        yield process
        process.kill()


def killed(trial):
    """kill -9 at a moment: the database is as empty as before, the old register as good, and the move begins again."""
    for moment in ("tenant", "ledger_leaf", "published_file", "setting"):
        register, database = trial.copy(), trial.database().make_schema()
        with stopped_at(trial, moment, register, database) as process:
            trial.says("a second move beside the first", register.move(database.url), 1, "is in use by another process")
            if moment == "tenant":  # it waits for some seconds before it gives up
                trial.says("a move of another register beside it", trial.copy().move(database.url), 1,
                           "somebody else uses the new database, a server or another move: stop that")
            process.kill()
        trial.check(wait_for(database.is_left, PATIENCE_S), f"the killed move at {moment} is still in the database")
        trial.equal(f"rows after a kill at {moment}", database.rows(), {})
        trial.check(not register.is_marked, f"a move killed at {moment} marked the register as moved")
        trial.starts(f"the old register after a kill at {moment}", register)
        database.go_on()
        trial.succeeds(f"a new move after a kill at {moment}", register.move(database.url))
        trial.starts(f"the new register after a kill at {moment}", register, database.url)


def killed_at_commit(trial):
    """The last moment: the mark is there, and whether the database has kept the move is open. Both ways it ends with one register."""
    for kept in (False, True):
        what = f"after a kill at a commit that was {'' if kept else 'not '}kept"
        register, database = trial.copy(), trial.database().make_schema()
        with stopped_at(trial, "commit", register, database) as process:
            process.kill()
            process.wait()
            trial.check(register.is_marked, "the database may keep the move before the register is marked")
            if not kept:
                database.end_waiting()
        wait_for(database.is_left, PATIENCE_S)
        trial.says(f"a server on the old register {what}", run([trial.program, "--data-dir", register.data_dir]), 1, "was moved to")
        trial.equal(f"rows {what}", bool(database.rows()), kept)
        if kept:
            trial.says(f"a new move {what}", register.move(database.url), 1, "was moved to .* before, and all of it is there")
        else:
            database.go_on()
            trial.succeeds(f"a new move {what}", register.move(database.url))
        trial.starts(f"the new register {what}", register, database.url)


def cut_off_at_commit(trial):
    """The database goes away at the last moment: nobody claims to know, and the next run finds out."""
    register, database = trial.copy(), trial.database().make_schema()
    with stopped_at(trial, "commit", register, database) as process:
        database.end_waiting()
        said = process.communicate(timeout=PATIENCE_S)[0]
    trial.says("a move that is cut off at its commit", (process.returncode, said), 1,
               "it is not known whether the move was kept: run the same command again")
    trial.check(register.is_marked, "a register that may have moved is not marked")
    database.go_on()
    trial.succeeds("a move after one that was cut off at its commit", register.move(database.url))
    trial.starts("the new register after a move that was cut off", register, database.url)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, type=lambda text: pathlib.Path(text).resolve(), help="the service-vm-tenant program")
    parser.add_argument("--cluster", type=pathlib.Path, help="the folder of a running cluster")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-test-") as name:
        folder = pathlib.Path(name)
        with contextlib.nullcontext(Cluster(options.cluster)) if options.cluster else Cluster(folder / "cluster") as cluster:
            trial = Trial(options.server, cluster, folder)
            for part in (everything, after_power_cut, usage, tampered, spoilt, killed, killed_at_commit,
                         cut_off_at_commit):
                part(trial)
    for fault in trial.faults:
        print(fault)
    print(f"{len(trial.faults)} faults")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
