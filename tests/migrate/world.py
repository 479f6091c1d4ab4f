"""The program that moves a register, old registers to move and new databases to move them to, and ways to stop it at a moment."""
import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from postgres import binary  # noqa: E402
from server import Server, UNLIMITED  # noqa: E402
from watch import wait_for  # noqa: E402

MIGRATIONS = ROOT / "src" / "store" / "postgresql" / "migrations"
PATIENCE_S = 30
SECRET = "correct-horse-battery"


class Database:
    """A new database of the cluster."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.url = cluster.make_database()
        self.name = self.url.partition("///")[2].partition("?")[0]

    def sql(self, text):
        return self.cluster.sql(text, self.name)

    def secret_url(self):
        return f"{self.url}&password={SECRET}"

    def make_schema(self):
        """As a server makes it, before anybody has used it."""
        self.sql("CREATE TABLE schema_migration (number bigint PRIMARY KEY, name text NOT NULL)")
        for path in sorted(MIGRATIONS.glob("*.sql")):
            number, _, _ = path.stem.partition("_")
            self.sql(f"{path.read_text(encoding='utf-8')}; INSERT INTO schema_migration VALUES ({int(number)}, '{path.stem}')")
        return self

    def tables(self):
        found = self.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
        return [name for name in found.split() if name != "schema_migration"]

    def rows(self, ignored=("publisher_lease",)):
        """How many rows each table has that has any."""
        counts = {name: int(self.sql(f"SELECT count(*) FROM {name}")) for name in self.tables() if name not in ignored}
        return {name: count for name, count in counts.items() if count}

    def waits(self):
        """Somebody waits for the lock that `hold` holds."""
        return self.cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = "
                                f"'{self.name}'") != "0"

    def is_left(self):
        return self.cluster.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.name}'") == "0"

    def end_waiting(self):
        """Ends whoever waits for it, before the lock is let go of."""
        self.cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory' AND "
                         f"datname = '{self.name}'")
        wait_for(lambda: not self.waits(), PATIENCE_S)

    @contextlib.contextmanager
    def hold(self):
        """A lock that the stops of `stop_at` wait for."""
        with subprocess.Popen([binary("psql"), "-XAtq", self.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
            session.stdin.write("SELECT pg_advisory_lock(1);\n\\echo held\n")
            session.stdin.flush()
            while session.stdout.readline().strip() != "held":
                pass
            yield
            session.stdin.close()

    def stop_at(self, table):
        """Whoever writes to the table waits there; `commit`: whoever commits does."""
        self.sql("CREATE FUNCTION wait_here() RETURNS trigger LANGUAGE plpgsql AS "
                 "$$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$")
        if table == "commit":
            self.sql("CREATE CONSTRAINT TRIGGER stop_here AFTER INSERT ON setting DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                     "EXECUTE FUNCTION wait_here()")
        else:
            self.sql(f"CREATE TRIGGER stop_here BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION wait_here()")

    def go_on(self):
        self.sql("DROP FUNCTION wait_here() CASCADE")


class Register:
    """The data directory of a stopped server."""

    def __init__(self, program, data_dir):
        self.program, self.data_dir = program, data_dir

    def copy(self, folder, name):
        place = folder / name
        shutil.copytree(self.data_dir, place, ignore=shutil.ignore_patterns("control.sock"))
        return Register(self.program, place)

    def command(self, to):
        return [self.program, "migrate", "--from", f"sqlite:{self.data_dir}", "--to", to]

    def move(self, to, *arguments):
        """Exit status, and everything that was printed."""
        return run([*self.command(to), *arguments])

    def server(self, store=None, publish_interval_ms=20):
        """A server on the data directory; on another store with `store`."""
        server = Server(self.program, data_dir=self.data_dir, arguments=["--publish-interval-ms", str(publish_interval_ms), *UNLIMITED])
        if store:
            server.store.arguments = ["--store", store]
            server.arguments = [*server.store.arguments, *server.arguments]
        return server

    def sql(self, *statements):
        database = sqlite3.connect(self.data_dir / "cadastre.db")
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()

    @property
    def is_marked(self):
        return (self.data_dir / "moved").exists()


def environment(**more):
    return {**{name: value for name, value in os.environ.items() if not name.startswith("CADASTRE_")}, **more}


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment(**more))
    return done.returncode, done.stdout + done.stderr

