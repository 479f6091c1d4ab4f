"""What is measured, and what it is measured against: processes that start on loopback and end with the block."""
import base64
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from postgres import binary  # noqa: E402
from server import Server, free_port  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
START_WITHIN_S = 60


def wait_until(is_ready, what, process, log):
    give_up = time.monotonic() + START_WITHIN_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"{what} did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


class Process:
    """A program of somebody else's, ended with its block."""

    def __init__(self, command, log, is_ready):
        self.command, self.log, self.is_ready = command, log, is_ready

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_until(self.is_ready, self.command[0], self.process, self.log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Nginx(Process):
    """nginx with one file, as fast as it goes: no log, kept connections, as many workers as cores."""

    def __init__(self, folder, body):
        folder.mkdir(parents=True)
        (folder / "page.json").write_bytes(body)
        self.port = free_port()
        config = folder / "nginx.conf"
        user = "user root;" if os.getuid() == 0 else ""  # or the workers could not reach the file
        config.write_text(f"""
{user} worker_processes auto; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type application/json;
  open_file_cache max=100 inactive=60s;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{self.port}; root {folder}; }}
}}""", encoding="ascii")
        super().__init__(["nginx", "-c", str(config)], folder / "log", lambda: answers(self.url))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/page.json"


def field(number, content):
    """A length-delimited or varint field of Protocol Buffers, short ones only."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + size + content


VALUE = bytes(range(32, 64)) * 8  # 256 bytes


def put_request(key):
    return field(1, key) + field(2, VALUE)


def transaction_request():
    """If the counter exists, write three keys: what the creation of a VM is in a key-value store."""
    compare = field(1, 1) + field(2, 0) + field(3, b"tenant/acme/usage") + bytes([4 << 3, 0])  # VERSION GREATER 0
    puts = [put_request(key) for key in (b"tenant/acme/usage", b"tenant/acme/vm/0001", b"tenant/acme/leaf/0001")]
    return field(1, compare) + b"".join(field(2, field(2, put)) for put in puts)


class Etcd(Process):
    """One member of etcd on its own disk folder, with Debian's defaults; asked over gRPC by h2load."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.folder, self.port = folder, free_port()
        url, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}"
        command = ["etcd", "--data-dir", str(folder / "data"), "--listen-client-urls", url, "--advertise-client-urls",
                   url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster",
                   f"default={peer}", "--log-level", "error", "--quota-backend-bytes", str(8 << 30)]
        super().__init__(command, folder / "log", lambda: answers(url + "/health"))
        self.url = url

    def revision(self):
        body = json.dumps({"key": base64.b64encode(b"tenant/acme/usage").decode()}).encode()
        with urllib.request.urlopen(self.url + "/v3/kv/range", body, timeout=5) as answer:
            return int(json.load(answer)["header"]["revision"])

    def load(self, method, message, clients, seconds):
        """Requests a second and the median latency in ms. Every request must have raised the revision by one."""
        request = self.folder / "request"
        request.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        before = self.revision()
        out = subprocess.run(
            ["h2load", "-c", str(clients), "-t", "1", "-m", "1", "-D", str(seconds), "-d", str(request), "-H",
             "content-type: application/grpc", "-H", "te: trailers", f"{self.url}/etcdserverpb.KV/{method}"],
            capture_output=True, text=True, check=True).stdout
        done = int(re.search(r"(\d+) succeeded", out)[1])
        if not 0 <= self.revision() - before - done <= clients or done == 0:
            raise RuntimeError(f"etcd did not take all that it was sent: {done}\n{out}")
        mean = re.search(r"time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)", out)
        return {"rate": done / seconds, "mean_ms": float(mean[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[mean[2]]}


def wrk(url, connections, seconds, script=(), headers=()):
    """One run of wrk; fails when any answer was a failure."""
    threads = 1 if connections == 1 else 2
    command = ["wrk", "-t", str(threads), "-c", str(connections), "-d", f"{seconds}s", "--latency"]
    command += ["-s", str(HERE / ("vms.lua" if script else "plain.lua"))]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run([*command, url, "--", *map(str, script)], capture_output=True, text=True, check=True).stdout
    figures = json.loads(re.search(r"^JSON (.*)$", out, re.MULTILINE)[1])
    if figures["failed"]:
        raise RuntimeError(f"{figures['failed']} requests failed:\n{out}")
    return figures


class Pgbench:
    """Another client of a PostgreSQL cluster: the creation of a VM as a client of the database would write it, a transaction of its own."""

    TENANTS = 64
    SCRIPT = """\\set t random(1, {tenants})
BEGIN;
UPDATE bench_usage SET used = used + 1, seq = seq + 1 WHERE tenant_id = 'customer-' || :t::text AND used < 1000000000 RETURNING seq \\gset
INSERT INTO bench_vm VALUES ('customer-' || :t::text, gen_random_uuid(), repeat('v', 200));
INSERT INTO bench_leaf VALUES ('customer-' || :t::text, :seq, sha256(repeat('l', 700)::bytea), repeat('l', 700));
COMMIT;
"""

    def __init__(self, cluster, folder):
        self.cluster, self.folder = cluster, folder
        cluster.sql("""CREATE TABLE bench_usage (tenant_id text PRIMARY KEY, used bigint NOT NULL, seq bigint NOT NULL);
            CREATE TABLE bench_vm (tenant_id text, id uuid, body text, PRIMARY KEY (tenant_id, id));
            CREATE TABLE bench_leaf (tenant_id text, seq bigint, hash bytea, bytes text, PRIMARY KEY (tenant_id, seq));
            INSERT INTO bench_usage SELECT 'customer-' || n, 0, 0 FROM generate_series(1, %d) n""" % self.TENANTS)

    def rate(self, tenants, clients, seconds):
        """Transactions a second."""
        script = self.folder / f"create-{tenants}.sql"
        script.write_text(self.SCRIPT.format(tenants=tenants), encoding="ascii")
        out = subprocess.run([binary("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(script),
                              self.cluster.url()], capture_output=True, text=True, check=True).stdout
        return float(re.search(r"^tps = ([\d.]+)", out, re.MULTILINE)[1])


class Plane(Server):
    """The control plane on a filled register; the rows are made once and the folder stays for the whole run."""

    def __init__(self, bin_dir, folder, tenants, vms_each, store="sqlite"):
        super().__init__(bin_dir / "service-vm-tenant", data_dir=folder, store=store)
        self.tokens = folder.with_name(folder.name + ".tokens")
        if not self.tokens.exists():
            with self:
                pass
            started = time.monotonic()
            subprocess.run([bin_dir / "bench_fill", folder, str(tenants), str(vms_each), self.tokens], check=True,
                           env={**os.environ, **self.store.environment})
            self.filled_in_s = time.monotonic() - started

    def wait_published(self, within_s):
        """Waits until every ledger entry is published; answers the seconds that it took."""
        started = time.monotonic()
        while self.metric("cadastre_publisher_lag_seconds") > 0 or self.metric("cadastre_publisher_rounds_total") < 2:
            if time.monotonic() - started > within_s:
                raise RuntimeError(f"the ledgers are not published after {within_s} s")
            time.sleep(0.2)
        return time.monotonic() - started

    def first_token(self):
        with open(self.tokens, encoding="ascii") as file:
            return file.readline().strip()

    def get(self, path, token=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status} {body.decode()}")
        return body

    def metric(self, name):
        text = self.get("/metrics", self.admin_token).decode()
        return float(re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)[1])

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
