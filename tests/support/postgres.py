"""A throw-away PostgreSQL cluster for tests: on a Unix socket alone, as a user who is not root, with fsync on.

Usage: postgres.py start FOLDER | stop FOLDER
`start` makes a new cluster in FOLDER, whatever was there, and writes how to reach it to FOLDER/url; `stop` ends it, searches it for
secrets, and removes it: exit 1 when one was found, with the command line of the test whose database it lay in.
"""
import contextlib
import itertools
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse

from secret_scan import SecretFound, SecretScan, files_below

BINARIES = ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin")
SETTINGS = {
    "listen_addresses": "", "unix_socket_permissions": "0700", "fsync": "on", "synchronous_commit": "on", "max_connections": "300",
    "shared_buffers": "64MB", "max_wal_size": "256MB", "log_min_messages": "warning",
}
STARTED_WITHIN_S = "60"
names = itertools.count()


def binary(name):
    """The path of one of PostgreSQL's programs, which Debian keeps out of PATH."""
    for folder in BINARIES:
        if pathlib.Path(folder, name).exists():
            return str(pathlib.Path(folder, name))
    found = shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is not installed: script/setup")
    return found


def owner():
    """Who runs the cluster: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def run_as_owner(command, **more):
    user = owner()
    if os.getuid() == 0:
        command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, check=False, **more)


def may_reach(folder):
    """True when the cluster's user may pass through every folder above."""
    return run_as_owner(["test", "-x", str(folder)]).returncode == 0


class Cluster:
    """One cluster below a folder. As a context manager it is made, and at the end removed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.place_file = self.folder / "place"

    @property
    def place(self):
        """Where the data lies: in the folder, unless the cluster's user cannot get there."""
        return pathlib.Path(self.place_file.read_text(encoding="utf-8"))

    @property
    def data(self):
        return self.place / "data"

    @property
    def socket(self):
        """A socket's path has at most 107 characters, so it lies in a folder with a short name."""
        return pathlib.Path((self.folder / "socket").read_text(encoding="utf-8"))

    def url(self, database="postgres", **options):
        return f"postgresql:///{database}?" + urllib.parse.urlencode(
            {"host": self.socket, "user": "cadastre", **options}, quote_via=urllib.parse.quote)

    def create(self):
        """Makes the cluster and starts it."""
        if self.folder.exists():
            self.remove()
        self.folder.mkdir(parents=True)
        os.chmod(self.folder, 0o755)
        user = owner()
        reachable = may_reach(self.folder)
        place = self.folder if reachable else pathlib.Path(tempfile.mkdtemp(prefix="cadastre-pg-data-"))
        self.place_file.write_text(str(place), encoding="utf-8")
        socket = tempfile.mkdtemp(prefix="cadastre-pg-")
        (self.folder / "socket").write_text(socket, encoding="utf-8")
        for path in (place / "data", pathlib.Path(socket)):
            path.mkdir(mode=0o700, exist_ok=True)
            os.chown(path, user.pw_uid, user.pw_gid)
        if not reachable:
            os.chown(place, user.pw_uid, user.pw_gid)
        self.expect(run_as_owner([binary("initdb"), "-D", str(self.data), "--username=cadastre", "--auth=trust", "--encoding=UTF8",
                                  "--locale=C.UTF-8", "--no-sync"]))
        lines = [f"{name} = '{value}'\n" for name, value in {**SETTINGS, "unix_socket_directories": socket}.items()]
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(lines)
        self.start()
        (self.folder / "url").write_text(self.url(), encoding="utf-8")
        return self

    def start(self):
        self.control("start", "-w", "-t", STARTED_WITHIN_S, "-l", str(self.data / "server.log"))

    def stop(self, mode="fast"):
        """`immediate` ends it as a power cut would, but for what the kernel still writes."""
        self.control("stop", "-w", "-t", STARTED_WITHIN_S, "-m", mode)

    def restart(self, mode="immediate"):
        self.stop(mode)
        self.start()

    def stand_by(self):
        """Makes the stopped cluster a hot standby, of nobody, from its next start until it is promoted."""
        self.expect(run_as_owner(["touch", str(self.data / "standby.signal")]))

    def promote(self):
        self.control("promote", "-w", "-t", STARTED_WITHIN_S)

    def freeze(self):
        """Stops its processes in the midst of whatever they do: it takes connections, and answers nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def signal(self, number):
        """To the postmaster and then to its children, of which there are no new ones while it stands still."""
        postmaster = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        os.kill(postmaster, number)
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # proc(5): what follows the name in parentheses begins with the state and the parent
                if int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]) == postmaster:
                    os.kill(int(process.name), number)

    def is_running(self):
        return run_as_owner([binary("pg_ctl"), "status", "-D", str(self.data)]).returncode == 0

    def control(self, verb, *arguments):
        # pg_ctl's server would keep the pipes of a captured output open for ever: it writes to its log file.
        self.expect(run_as_owner([binary("pg_ctl"), verb, "-s", "-D", str(self.data), *arguments]))

    def expect(self, done):
        if done.returncode != 0:
            log = self.data / "server.log"
            tail = log.read_text(encoding="utf-8", errors="replace")[-4000:] if log.exists() else ""
            raise RuntimeError(f"{done.args}: exit {done.returncode}\n{done.stdout}{done.stderr}\n{tail}")

    def sql(self, text, database="postgres"):
        """What the statements print, unaligned."""
        done = subprocess.run([binary("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", self.url(database), "-c", text],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def make_database(self):
        """The URL of a new, empty database."""
        name = f"test_{os.getpid()}_{next(names)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def keep_for_scan(self, database, texts):
        """Notes what is to be looked for at the cluster's end, and the command line of this test, beside the data."""
        folder = self.folder / "looked-for"
        folder.mkdir(mode=0o700, exist_ok=True)
        kept = {"command": sys.argv, "texts": {text.hex(): kind for text, kind in texts.items()}}
        (folder / database).write_text(json.dumps(kept), encoding="utf-8")

    def look_for_secrets(self, scan):
        """Stops the cluster, so that everything is in its files, and searches them: tables, indexes, pg_wal and the log."""
        owners = {}
        if (self.data / "postmaster.pid").exists() and self.is_running():
            owners = dict(line.split("|") for line in self.sql("SELECT oid, datname FROM pg_database").splitlines())
            self.stop()
        commands = {}
        for path in (self.folder / "looked-for").glob("*"):
            kept = json.loads(path.read_text(encoding="utf-8"))
            commands[path.name] = " ".join(kept["command"])
            for text, kind in kept["texts"].items():
                scan.add(bytes.fromhex(text), kind=f"{kind} of {path.name}")

        def shown(path):
            place = path.relative_to(self.data)
            database = owners.get(place.parts[1]) if place.parts[0] == "base" else None
            return f"{place} of {database}: {commands.get(database, '')}" if database else place

        scan.look_at_files(files_below(self.data), shown)

    def remove(self):
        """Ends the cluster and leaves nothing of it."""
        if self.place_file.exists():
            if (self.data / "postmaster.pid").exists() and self.is_running():
                self.stop("immediate")
            if (self.folder / "socket").exists():
                shutil.rmtree(self.socket, ignore_errors=True)
            shutil.rmtree(self.place, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.create()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, error, trace):
        self.remove()


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("start", "stop"):
        print(__doc__, file=sys.stderr)
        return 2
    cluster = Cluster(sys.argv[2])
    if sys.argv[1] == "start":
        cluster.create()
        return 0
    scan = SecretScan()
    try:
        cluster.look_for_secrets(scan)
        scan.verdict()
    except SecretFound as found:
        print(found)
        return 1
    finally:
        cluster.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
