"""A register with something of everything in it, and all that can be seen of it from outside."""
import dataclasses
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from crowd import Caller  # noqa: E402

TENANT = {"display_name": "Tenant", "max_vms": 20, "storage_quota_gb": 500, "api_rate_limit_rpm": 1_000_000}
VM = {"vm_type": "VmTotebox", "ram_mb": 1024, "vcpu_count": 1, "disk_gb": 10}
RENAMED = 300  # so that a log has a full bundle and more
TENANTS = ("acme", "globex", "initech", "umbrella")
LOGS = ("platform", *TENANTS)


def public_key(number):
    return credential.b64url(credential.public_key_of(bytes([number]) * 32))


@dataclasses.dataclass
class Replay:
    """A request with an Idempotency-Key, and the first answer to it."""
    method: str
    path: str
    token: str
    body: object
    key: str
    status: int
    answer: bytes


class History:
    """Fills an empty register over HTTP."""

    def __init__(self, server):
        self.caller = Caller(server.port)
        self.admin = server.admin_token
        self.tokens, self.rejected, self.replays, self.vms = {}, {}, [], []
        for name in TENANTS:
            self.keep("POST", "/v1/tenants", self.admin, {**TENANT, "tenant_id": name, "max_ram_mb": 100_000})
        for number, name in enumerate(TENANTS):
            self.tokens[name] = self.issue(name, number + 1)["token"]
        self.fill_acme()
        self.revoke()
        self.caller.expect(200, "POST", "/v1/tenants/globex/suspend", None, self.admin)
        self.caller.expect(204, "DELETE", f"/v1/tenants/initech", None, self.admin)
        self.rejected["of a deleted tenant"] = self.tokens.pop("initech")

    def call(self, status, method, path, body=None, token=None, headers=()):
        return self.caller.expect(status, method, path, body, token or self.admin, headers)

    def issue(self, tenant, number, by=None, scope="service:tenant-admin"):
        body = {"subject_pubkey": public_key(number), "scope": scope, "expires_in_seconds": 3600, "label": f"ключ {number}"}
        return self.call(201, "POST", f"/v1/tenants/{tenant}/tokens", body, by).json

    def keep(self, method, path, token, body):
        """Sends a request under a key, so that it can be sent again."""
        key = f"key-{len(self.replays)}"
        answer = self.caller.call(method, path, body, token, {"Idempotency-Key": key})
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer}")
        self.replays.append(Replay(method, path, token, body, key, answer.status, answer.body))
        return answer.json

    def fill_acme(self):
        token = self.tokens["acme"]
        for number in range(8):
            body = {**VM, **({"name": f"vm-{number}"} if number % 2 else {}), "ports": [{"guest_port": 80 + number}], "disk_gb": 10 + number}
            self.vms.append(self.keep("POST", "/v1/vms", token, body)["vm_id"])
        for number in (0, 1):
            self.caller.expect(204, "DELETE", f"/v1/vms/{self.vms.pop(0)}", None, token)
        for vm_id, wish in zip(self.vms, ("start", "stop", "start")):
            self.keep("POST", f"/v1/vms/{vm_id}/{wish}", token, None)
        self.keep("POST", "/v1/tenants/acme/tokens", token,
                  {"subject_pubkey": public_key(20), "scope": "READ", "expires_in_seconds": 600})
        self.keep("POST", "/v1/vms", self.tokens["globex"], VM)
        for number in range(RENAMED):
            self.call(200, "PATCH", "/v1/tenants/acme", {"display_name": f"Acme {number}"})

    def revoke(self):
        path = "/v1/tenants/umbrella/revocations"
        by_id, by_key = self.issue("umbrella", 30), self.issue("umbrella", 31)
        self.call(204, "DELETE", f"/v1/tenants/umbrella/tokens/{by_id['token_id']}")
        self.call(204, "POST", path, {"subject_pubkey": public_key(31)})
        self.rejected.update({"revoked": by_id["token"], "of a revoked key": by_key["token"]})
        self.rejected["of an ended generation"] = self.issue("umbrella", 32)["token"]
        self.call(204, "POST", path, {"all": True})
        self.tokens["umbrella"] = self.issue("umbrella", 33)["token"]


def own_paths(history, server, name):
    """What one tenant can ask of its own."""
    token = history.tokens[name]
    size = Caller(server.port, token).call("GET", "/v1/ledger/checkpoint").body.splitlines()[1:2]
    last = int(size[0]) - 1 if size else 0
    yield from ("/v1/status", "/v1/vms?page_size=1000", f"/v1/tenants/{name}", f"/v1/tenants/{name}/tokens?page_size=1000",
                "/v1/ledger/checkpoint", "/v1/ledger/entries?page_size=1000", "/v1/ledger/proof/0", f"/v1/ledger/proof/{last}")
    if last >= 256:
        yield from ("/v1/ledger/tile/0/000", "/v1/ledger/tile/entries/000")
    if name == "acme":
        yield from (f"/v1/vms/{vm_id}" for vm_id in history.vms)


def seen(history, server):
    """Every answer about the register that does not change it, by who asks for what: status, ETag and body; and what the ledger's
    tool reads of every log."""
    answers = {}
    asked = [("admin", history.admin, path) for path in
             ("/v1/tenants?page_size=1000", "/v1/ledger/checkpoint", "/v1/ledger/entries?page_size=1000", "/v1/ledger/proof/0",
              "/.well-known/jwks.json", *(f"/v1/tenants/{name}" for name in TENANTS),
              *(f"/v1/tenants/{name}/tokens?page_size=1000" for name in TENANTS))]
    for name, token in history.tokens.items():
        asked += [(name, token, path) for path in own_paths(history, server, name)]
    for who, token, path in asked:
        answer = Caller(server.port, token).call("GET", path, headers={"X-Request-Id": "the-same"})
        body = re.sub(rb'"(first|last)_seen":("[^"]*"|null)', b"", answer.body)  # asking is a use
        answers[who, path] = (answer.status, answer.headers.get("etag"), body)
    for arguments in [("read", "--format", "jsonl"), ("vkey",), *(("checkpoint", "--history", "--log", name) for name in LOGS)]:
        done = server.service_fs(*arguments)
        answers["service-fs", arguments] = (done.returncode, None, done.stdout + done.stderr)
    return answers


def published(server):
    """Of every log, the files that lie open, by path: their bytes."""
    ledger = server.data_dir / "ledger"
    return {str(path.relative_to(ledger)): path.read_bytes() for path in sorted(ledger.rglob("*")) if path.is_file()}
