#!/usr/bin/env python3
"""TLS as operators set it up: who is spoken to, with which certificate, and what stops the start.

Usage: run.py --server PROGRAM. The authorities are made with the openssl program, the requests with curl.
"""
import argparse
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from secret_scan import expect_no_secret_in_refusal  # noqa: E402
from server import Server, free_port  # noqa: E402
from watch import wait_for  # noqa: E402

PATIENCE_S = 30
HANDSHAKE_LIMIT_S = 10
REFUSED_HANDSHAKE = 35  # curl's exit status


class Authority:
    """A throwaway authority in a folder of its own."""

    def __init__(self, folder, name):
        self.folder = folder / name
        self.folder.mkdir()
        self.certificate, self.key = self.folder / "ca.crt", self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", self.key, "-out", self.certificate)

    def issue(self, name, usage="serverAuth"):
        """Certificate and key of a name that is reached on this machine."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", f"/CN={name}", "-keyout", key,
                "-out", request)
        extensions.write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n", encoding="ascii")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "1",
                "-extfile", extensions, "-out", certificate)
        return certificate, key


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout


def install(pair, place):
    """Puts a pair where the server looks for it, each file in one step."""
    for source, name in zip(pair, ("server.crt", "server.key")):
        fresh = place / f"{name}.new"
        fresh.write_bytes(source.read_bytes())
        fresh.chmod(0o600)
        fresh.rename(place / name)


class TlsServer(Server):
    """A server with a certificate, trusted by the authority that signed it."""

    def __init__(self, binary, authority, place, arguments=()):
        super().__init__(binary, arguments=("--tls-cert", place / "server.crt", "--tls-key", place / "server.key", *arguments))
        self.authority = authority

    @property
    def url(self):
        return f"https://{self.address}"

    def is_ready(self):
        return self.curl("/readyz").status == 200

    def metrics(self):
        return self.curl("/metrics").body.encode()

    def curl(self, path, *arguments, token=None, authority=None):
        return curl(self.url + path, "--cacert", (authority or self.authority).certificate, *arguments, token=token)

    def subject(self):
        """Of the certificate that a new connection is shown."""
        shown = subprocess.run(["openssl", "s_client", "-connect", self.address], stdin=subprocess.DEVNULL, capture_output=True, check=True)
        return openssl_text("x509", "-noout", "-subject", "-nameopt", "multiline", stdin=shown.stdout).rpartition("= ")[2].strip()


def openssl_text(*arguments, stdin):
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout.decode()


class Reply:
    def __init__(self, exit_status, text):
        self.exit_status = exit_status
        self.body, _, status = text.rpartition("\n")
        self.status = int(status or 0)
        expect_no_secret_in_refusal("what curl got", self.status, self.body)

    @property
    def json(self):
        return json.loads(self.body)


def curl(url, *arguments, token=None):
    """What curl makes of it; the token goes in by its standard input."""
    header = f"Authorization: Bearer {token}\n" if token else ""
    done = subprocess.run(["curl", "--silent", "--max-time", "20", "--write-out", "\n%{http_code}", "--header", "@-", *arguments, url],
                          input=header, capture_output=True, text=True, check=False)
    return Reply(done.returncode, done.stdout)


class Trial:
    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self.checks, self.faults = 0, []
        self.authority = Authority(folder, "authority")
        self.administrators = Authority(folder, "administrators")
        self.place = folder / "place"
        self.place.mkdir()
        install(self.authority.issue("first"), self.place)

    def expect(self, what, actual, expected):
        self.checks += 1
        if actual != expected:
            self.faults.append(f"{what}: expected {expected}, got {actual}")

    def says(self, arguments, status, pattern):
        """A start with these settings ends with that status and one sentence, and has made no data directory."""
        self.checks += 1
        untouched = self.folder / "untouched"
        done = subprocess.run([self.binary, "--data-dir", untouched, *([] if "--listen" in arguments else ["--listen", f"127.0.0.1:{free_port()}"]), *arguments],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        lines = done.stderr.splitlines()
        if done.returncode != status or len(lines) != 1 or not re.search(pattern, lines[0]) or untouched.exists():
            self.faults.append(f"{arguments}: exit {done.returncode}, expected {status} and “{pattern}”:\n{done.stderr}")

    def server(self, *arguments):
        return TlsServer(self.binary, self.authority, self.place, arguments)


def versions(trial, server):
    """Only TLS 1.3 is spoken, and plaintext is not."""
    trial.expect("a request in TLS", server.curl("/healthz").status, 200)
    trial.expect("TLS 1.2", server.curl("/healthz", "--tls-max", "1.2").exit_status, REFUSED_HANDSHAKE)
    trial.expect("TLS 1.3", server.curl("/healthz", "--tlsv1.3").status, 200)
    trial.expect("an authority that did not sign it", server.curl("/healthz", authority=trial.administrators).exit_status, 60)
    trial.expect("HTTP without TLS", curl(f"http://{server.address}/healthz").status, 0)
    ready = server.curl("/readyz").json
    trial.expect("what /readyz says", (ready["tls"], ready["insecure_listen"]), (True, False))
    trial.expect("an administrator's token", server.curl("/v1/tenants", token=server.admin_token).status, 200)
    metrics = server.curl("/metrics").body
    trial.expect("the end of the certificate in the metrics", "cadastre_tls_certificate_not_after_seconds 1" in metrics, True)
    trial.expect("failed handshakes in the metrics", "cadastre_tls_handshake_failures_total 0" in metrics, False)


def issuer(trial, server):
    made = server.curl("/v1/tokens/verify", "--json", json.dumps({"token": server.admin_token}))
    trial.expect("the first token, whose issuer begins with https", made.json.get("valid"), True)
    trial.expect("the issuer in the log", f'"issuer":"{server.url}"' in server.log(), True)


def tool(trial, server):
    """service-fs trusts the authority of a file, and no other."""
    for authority in (trial.authority, trial.administrators, None):
        named = ["--ca-file", authority.certificate] if authority else []
        done = subprocess.run([server.program("service-fs"), "read", "--log", "nobody", "--url", server.url, *named], capture_output=True,
                              text=True, env={**server.environment(), "CADASTRE_TOKEN": server.admin_token}, check=False)
        name = authority.folder.name if authority else "the system's"
        trusted = authority == trial.authority
        trial.expect(f"service-fs with the authority {name}: {done.stderr}", (done.returncode, "certificate verify failed" in done.stderr),
                     (4, False) if trusted else (3, True))


def slow_handshakes(trial, server):
    """A half-open handshake is cut off in its time and keeps nobody else waiting."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port)) as silent, socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(bytes.fromhex("1603010200010001fc0303"))  # the beginning of a ClientHello
        trial.expect("a request meanwhile", server.curl("/healthz").status, 200)
        for name, client in (("nothing said", silent), ("half a greeting", half)):
            client.settimeout(PATIENCE_S)
            trial.expect(f"the answer to {name}", client.recv(1), b"")
    took = time.monotonic() - started
    trial.expect(f"cut off after {took:.1f} s", HANDSHAKE_LIMIT_S - 1 <= took <= HANDSHAKE_LIMIT_S + 4, True)


def reload(trial, server):
    """SIGHUP takes a new pair; a bad one is logged, and the old one stays."""
    trial.expect("the certificate at first", server.subject(), "first")
    install(trial.authority.issue("second"), trial.place)
    server.process.send_signal(signal.SIGHUP)
    trial.expect("the certificate after SIGHUP", wait_for(lambda: server.subject() == "second", PATIENCE_S), True)
    (trial.place / "server.key").write_bytes(trial.administrators.key.read_bytes())
    server.process.send_signal(signal.SIGHUP)
    trial.expect("a bad pair in the log", wait_for(lambda: "the old one stays in use" in server.log(), PATIENCE_S), True)
    trial.expect("the setting's name in the log", "setting tls-key: " in server.log(), True)
    trial.expect("the certificate after a bad pair", server.subject(), "second")
    trial.expect("a request after a bad pair", server.curl("/healthz").status, 200)
    install(trial.authority.issue("third"), trial.place)
    server.process.send_signal(signal.SIGHUP)
    trial.expect("the certificate after a good one again", wait_for(lambda: server.subject() == "third", PATIENCE_S), True)


def client_certificates(trial):
    """With authorities for administrators, a platform administrator's token holds only beside a certificate of theirs."""
    alice = trial.administrators.issue("alice", "clientAuth")
    mallory = trial.authority.issue("mallory", "clientAuth")
    wrong_use = trial.administrators.issue("machine", "serverAuth")
    key = openssl_text("pkey", "-pubout", stdin=openssl("genpkey", "-algorithm", "ed25519"))
    with trial.server("--tls-client-ca", trial.administrators.certificate) as server:
        def call(path, *arguments, token=server.admin_token, pair=None):
            shown = ["--cert", pair[0], "--key", pair[1]] if pair else []
            return server.curl(path, *shown, *arguments, token=token)

        bare = call("/v1/tenants")
        trial.expect("an administrator without a certificate", (bare.status, bare.json["code"]), (403, "FORBIDDEN"))
        trial.expect("an administrator with one", call("/v1/tenants", pair=alice).status, 200)
        trial.expect("one of another authority", call("/v1/tenants", pair=mallory).status, 0)
        trial.expect("one for servers", call("/v1/tenants", pair=wrong_use).status, 0)
        order = {"tenant_id": "acme", "display_name": "A", "max_vms": 1, "storage_quota_gb": 1, "api_rate_limit_rpm": 600}
        trial.expect("a change without a certificate", call("/v1/tenants", "--json", json.dumps(order)).status, 403)
        trial.expect("a change with one", call("/v1/tenants", "--json", json.dumps(order), pair=alice).status, 201)
        order = {"subject_pubkey": key, "scope": "service:tenant-admin", "expires_in_seconds": 600}
        made = call("/v1/tenants/acme/tokens", "--json", json.dumps(order), pair=alice)
        trial.expect("a tenant's token", made.status, 201)
        trial.expect("a tenant's token without a certificate", call("/v1/status", token=made.json["token"]).status, 200)
        trial.expect("a tenant's token with one", call("/v1/status", token=made.json["token"], pair=alice).status, 200)
        trial.expect("no token, no certificate", call("/healthz", token=None).status, 200)


def starts_refused(trial):
    """What the operator got wrong stops the start in one sentence that names the setting; the data directory is not touched."""
    first, other = trial.authority.issue("a"), trial.authority.issue("b")
    open_key = trial.folder / "open.key"
    open_key.write_bytes(first[1].read_bytes())
    open_key.chmod(0o644)
    port = free_port()
    for arguments, status, says in (
            (["--tls-cert", first[0]], 2, "setting tls-key must be set too"),
            (["--tls-key", first[1]], 2, "setting tls-cert must be set too"),
            (["--tls-client-ca", first[0]], 2, "setting tls-client-ca needs tls-cert and tls-key"),
            (["--tls-cert", first[0], "--tls-key", other[1]], 1, "setting tls-key: .* does not hold the private key"),
            (["--tls-cert", "nowhere", "--tls-key", other[1]], 1, "setting tls-cert: cannot read nowhere: No such file"),
            (["--tls-cert", first[0], "--tls-key", open_key], 1, "setting tls-key: .* can be read by everybody"),
            (["--tls-cert", first[0], "--tls-key", first[1], "--tls-client-ca", first[1]], 1, "setting tls-client-ca: "),
            (["--listen", f"0.0.0.0:{port}"], 2, "setting listen must be a loopback address"),
            (["--listen", f"[::]:{port}"], 2, "setting listen must be a loopback address")):
        trial.says(arguments, status, says)


def insecure(trial):
    """Plaintext for other machines is a decision that is seen."""
    server = Server(trial.binary, arguments=("--insecure-listen",))
    plain = Server(trial.binary)
    with plain:
        ready = curl(f"{plain.url}/readyz").json
        trial.expect("/readyz on loopback", (ready["tls"], ready["insecure_listen"]), (False, False))
    address = f"0.0.0.0:{server.port}"
    server.arguments = ["--insecure-listen", "--listen", address]
    with open(server.log_path, "ab") as log:
        server.process = subprocess.Popen([server.binary, "--data-dir", server.data_dir, *server.arguments], stdout=log, stderr=log,
                                          env=server.environment())
    try:
        server.wait_until_ready()
        ready = curl(f"{server.url}/readyz").json
        trial.expect("/readyz with --insecure-listen", (ready["tls"], ready["insecure_listen"]), (False, True))
        trial.expect("a warning in the log", "without TLS" in server.log(), True)
    finally:
        trial.expect("exit", server.stop(), 0)
        server.clean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-test-") as name:
        trial = Trial(options.server.resolve(), pathlib.Path(name))
        with trial.server() as server:
            for part in (versions, issuer, tool, slow_handshakes, reload):
                part(trial, server)
        client_certificates(trial)
        starts_refused(trial)
        insecure(trial)
    for fault in trial.faults:
        print(fault)
    print(f"{trial.checks} checks, {len(trial.faults)} faults")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
