"""Starts the real control plane on a free port with a fresh data directory, for tests in Python. Whatever a server leaves is searched
for secrets (secret_scan.py): at its end every test fails that finds one, without knowing of it."""
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

from postgres import Cluster
from secret_scan import SecretScan
from watch import wait_for

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30
# Of tests that send more from one address than a caller may.
UNLIMITED = ("--platform-rate-limit-rpm", "1000000000", "--address-rate-limit-rpm", "1000000000")


def free_port():
    """A TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SqliteStore:
    """The embedded engine: its database lies in the data directory, where all programs look by themselves."""

    def __init__(self, _):
        self.arguments, self.environment = [], {}

    def look_for_secrets(self, scan):
        """In what lies outside the data directory."""

    def remove(self):
        """Gives back what lies outside the data directory."""


class PostgresqlStore:
    """A database of its own: `postgresql:FOLDER` in the cluster that runs there, `postgresql` in a new one of its own."""

    def __init__(self, text):
        _, _, folder = text.partition(":")
        self.folder = None if folder else tempfile.TemporaryDirectory(prefix="cadastre-cluster-")
        self.cluster = Cluster(folder or pathlib.Path(self.folder.name, "postgresql"))
        if self.folder:
            self.cluster.create()
        self.url = self.cluster.make_database()
        self.database = urllib.parse.urlsplit(self.url).path.strip("/")
        self.arguments, self.environment = ["--store", self.url], {"CADASTRE_STORE": self.url}

    def look_for_secrets(self, scan):
        """Those of a cluster that others use too are looked for at its end, with theirs."""
        if not self.folder:
            self.cluster.keep_for_scan(self.database, scan.known)
        elif self.cluster.folder.exists():
            self.cluster.look_for_secrets(scan)

    def remove(self):
        if self.folder and self.cluster.folder.exists():
            self.cluster.remove()
            self.folder.cleanup()


# By what --store says before the first colon: made once for each data directory, with the whole of that text. `arguments`, or
# `environment`, go to every program that opens the store.
STORES = {"sqlite": SqliteStore, "postgresql": PostgresqlStore}


def add_arguments(parser):
    """The arguments of a script that starts servers."""
    parser.add_argument("--server", required=True, help="the service-vm-tenant program")
    parser.add_argument("--store", default="sqlite", help=f"the engine to run on: {', '.join(STORES)}")


class Server:
    """One control plane. As a context manager it starts, and at the end is stopped by SIGTERM and must exit 0."""

    def __init__(self, binary, data_dir=None, arguments=(), store="sqlite"):
        self.binary = pathlib.Path(binary).resolve()
        self.folder = None if data_dir else tempfile.TemporaryDirectory(prefix="cadastre-test-")
        self.data_dir = pathlib.Path(data_dir or self.folder.name, "" if data_dir else "data")
        self.log_path = self.data_dir.with_name(self.data_dir.name + ".log")
        self.store = STORES[store.partition(":")[0]](store)
        self.arguments = [*self.store.arguments, *arguments]
        self.port, self.fleet_port = free_port(), free_port()
        self.process = None
        self.scan = SecretScan()

    def replica(self):
        """Another process on the same store, with the same keys and high-water marks, not started yet. Requires that this one runs."""
        wait_for((self.data_dir / "high-water").exists, READY_WITHIN_S)
        other = Server(self.binary, arguments=self.arguments)
        other.data_dir.mkdir()
        shutil.copytree(self.data_dir / "keys", other.data_dir / "keys")
        shutil.copy(self.data_dir / "high-water", other.data_dir)
        return other

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.address}"

    @property
    def fleet_address(self):
        """Where the agents of nodes are listened to."""
        return f"127.0.0.1:{self.fleet_port}"

    @property
    def admin_token(self):
        return (self.data_dir / "admin.token").read_text(encoding="ascii").strip()

    def program(self, name):
        """Another program of the same build."""
        return self.binary.with_name(name)

    def environment(self):
        """The caller's environment without settings that would reach the programs."""
        return {name: value for name, value in os.environ.items() if not name.startswith("CADASTRE_")}

    def service_fs(self, *arguments):
        """What the ledger's tool says of this store and the files published from it."""
        return subprocess.run([self.program("service-fs"), *arguments, "--data-dir", self.data_dir, *self.store.arguments],
                              capture_output=True, text=True, check=False, env=self.environment())

    def start(self):
        """Starts the process and waits until /readyz says yes. Fails when it ends first or takes too long."""
        self.launch()
        return self.wait_until_ready()

    def launch(self):
        """Starts the process and waits for nothing."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "--listen", self.address, "--fleet-listen", self.fleet_address, "--data-dir", self.data_dir, *self.arguments],
                stdout=log, stderr=log, env=self.environment())

    def wait_until_ready(self):
        give_up = time.monotonic() + READY_WITHIN_S
        while not self.is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > give_up:
                self.kill()
                raise RuntimeError(f"the server is not ready after {READY_WITHIN_S} s:\n{self.log()}")
            time.sleep(0.02)
        return self

    def is_ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Asks the process to end, waits, and answers its exit status."""
        if self.is_running():
            self.look_for_secrets()  # the database's write-ahead log goes with the process
            self.scan.look_at("/metrics", self.metrics())
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError(f"the server ignored SIGTERM for {STOPPED_WITHIN_S} s:\n{self.log()}") from None
        return self.process.returncode

    def kill(self):
        """Ends the process as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.look_for_secrets()

    def metrics(self):
        """The page of figures; nothing from a server that cannot answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return b""
        finally:
            connection.close()

    def look_for_secrets(self):
        """Searches the files that are there at this moment; what is found, `clean` tells."""
        self.scan.look_at_data(self.data_dir)
        self.scan.look_at_files([self.log_path], lambda _: "the log")

    def freeze(self):
        """Stops it in the midst of whatever it does; it does not notice."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def clean(self):
        """Gives everything back, and fails when a secret was found in it."""
        try:
            self.look_for_secrets()
            self.store.look_for_secrets(self.scan)
        finally:
            self.store.remove()
            if self.folder:
                self.folder.cleanup()
        self.scan.verdict()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.clean()
            raise

    def __exit__(self, kind, error, trace):
        try:
            status = self.stop()
            if kind is None and status != 0:
                raise RuntimeError(f"the server ended with {status}:\n{self.log()}")
        finally:
            self.clean()
