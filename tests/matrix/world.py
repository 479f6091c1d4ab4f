"""The tenants, tokens and VMs that the matrix asks for, and what can be seen of all of them at one moment."""
import http.client
import json
import pathlib
import re
import secrets
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from contract import Contract  # noqa: E402
from credential import (b64url, changed, decode_b64url, enrolment, fingerprint, proof as proof_of, public_key_of, seed_of,  # noqa: E402
                        session_proof)
from secret_scan import expect_no_secret_in_refusal  # noqa: E402

# Leaves that the server writes of itself: sums of refusals, and who of the platform read a log.
OWN_LEAVES = {"REQUESTS_REFUSED", "LEDGER_READ", "CHECKPOINT"}
EVERY_CAVEAT = [{"op": ["vm.list"]}, {"method": ["GET"]}, {"path": ["/v1/**"]}, {"res": ["vm:x"]}, {"ip": ["127.0.0.0/8", "::1"]},
                {"quota": {"vms": 3}},
                {"rpm": 60}, {"uses": 5}]
PUBLIC_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037 appendix A.2
SEED = decode_b64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")  # its private half, appendix A.1
SSH_KEY, OTHER_SSH_KEY = (f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43}" for letter in "AB")
PUBLISHED_WITHIN_S = 10
TENANTS = ("acme", "globex", "dormant")  # the one asked about, a stranger, and one that is suspended


class World:
    """A running server with tenants in it. Every answer is held to the server's own contract; `faults` keeps what did not fit."""

    def __init__(self, server):
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.public_key = PUBLIC_KEY
        self.faults = []
        self.made = 0
        self.admin = server.admin_token
        self.contract = Contract(json.loads(self.get("/openapi.json")))
        self.tokens, self.vms, self.spares, self.spare_tokens, self.doomed, self.tiles, self.fingerprints = {}, {}, {}, {}, {}, {}, {}
        for tenant in TENANTS:
            self.make_tenant(tenant)
            for scope in ("READ", "USER", "INPUT", "service:tenant-admin", "service:console"):
                self.tokens[tenant, scope] = self.issue(tenant, scope)["token"]
            self.vms[tenant] = self.make_vm(tenant)
            spare = self.issue(tenant, "READ", caveats=EVERY_CAVEAT, label="spare", delegable_depth=2)
            self.spares[tenant], self.spare_tokens[tenant] = spare["token_id"], spare["token"]
            self.doomed[tenant] = [self.issue(tenant, "READ", label="doomed") for _ in range(2)]
            self.enrol(tenant, "node-0")
            self.add_ssh_key(tenant, "laptop", SSH_KEY)
            self.add_ssh_key(tenant, f"key-of-{tenant}", OTHER_SSH_KEY)
            self.add_image(tenant, "small")
            self.add_image(tenant, f"image-of-{tenant}")
            self.enrol_node(tenant, f"node-of-{tenant}")
        for owner in (*TENANTS, None):
            self.tiles[owner] = self.published_tile(owner)
        self.bad = {"acme": self.bad_tokens(self.tokens["acme", "service:tenant-admin"], self.issue("acme",
                                                                                                    "service:tenant-admin")),
                    None: self.bad_tokens(self.admin, self.issue(None, "service:platform-admin"))}
        self.sessions = {tenant: self.open_session(self.token_of(tenant)) for tenant in ("acme", "dormant")}
        self.send("POST", "/v1/tenants/dormant/suspend", self.admin, expect=200)

    def send(self, method, path, token=None, body=None, expect=None):
        """The answer and its body; a body that is text is a form's. Fails when another status than the expected one comes."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded" if isinstance(body, str) else "application/json"
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        expect_no_secret_in_refusal(f"{method} {path.partition('?')[0]}", answer.status, data, str(answer.headers))
        if hasattr(self, "contract"):
            self.faults += self.contract.faults(method, path, answer, data)
        if expect and answer.status != expect:
            raise RuntimeError(f"{method} {path}: expected {expect}, got {answer.status}: {data[:500]}")
        return answer, data

    def get(self, path, token=None):
        return self.send("GET", path, token, expect=200)[1]

    def fresh_name(self):
        self.made += 1
        return f"fresh-{self.made}"

    def fresh_rid(self):
        return b64url(secrets.token_bytes(32))

    def make_tenant(self, name):
        self.send("POST", "/v1/tenants", self.admin, {"tenant_id": name, "display_name": name.upper(), "max_vms": 100,
                                                      "storage_quota_gb": 1000, "api_rate_limit_rpm": 1000000000}, expect=201)
        return name

    def issue(self, tenant, scope, **more):
        """A token of the tenant, or of the platform for None."""
        body = {"subject_pubkey": self.public_key, "scope": scope, "expires_in_seconds": 600, **more}
        path = f"/v1/tenants/{tenant}/tokens" if tenant else "/v1/tokens"
        return json.loads(self.send("POST", path, self.admin, body, expect=201)[1])

    def make_vm(self, tenant):
        body = {"vm_type": "small", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 1}
        return json.loads(self.send("POST", "/v1/vms", self.tokens[tenant, "INPUT"], body, expect=201)[1])["vm_id"]

    def add_image(self, tenant, name):
        body = {"name": name, "format": "raw", "url": f"https://images.example/{name}", "sha256": "0" * 64, "size_bytes": 1}
        self.send("POST", "/v1/images", self.tokens[tenant, "service:tenant-admin"], body, expect=201)

    def add_ssh_key(self, tenant, name, line):
        self.send("POST", "/v1/ssh-keys", self.tokens[tenant, "INPUT"], {"name": name, "public_key": line}, expect=201)

    def session_proof(self, token):
        """A proof for a new challenge under the token."""
        return session_proof(SEED, json.loads(self.send("POST", "/v1/sessions/challenges", token, expect=201)[1]))

    def open_session(self, token):
        body = {"proof": self.session_proof(token)}
        return json.loads(self.send("POST", "/v1/sessions", token, body, expect=201)[1])["session_id"]

    def enrol(self, tenant, name):
        """The name of a device that is enrolled now; the first one's fingerprint is kept."""
        self.prove(tenant, name, secrets.token_bytes(32))
        return name

    def enrol_node(self, tenant, name):
        """A machine of the tenant's that has told of itself once, and has room for nothing."""
        seed = secrets.token_bytes(32)
        token = self.prove(tenant, name, seed)
        facts = {"node_id": name, "hostname": name, "ram_total_mb": 0, "cpu_cores": 0, "disk_total_gb": 0}
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof_of(seed, token, "POST", self.server.url + "/v1/nodes"),
                   "Content-Type": "application/json"}
        self.connection.request("POST", "/v1/nodes", json.dumps(facts), headers)
        answer = self.connection.getresponse()
        if answer.status != 201:
            raise RuntimeError(f"POST /v1/nodes: expected 201, got {answer.status}: {answer.read()}")
        answer.read()

    def prove(self, tenant, name, seed):
        """The token of the device that proves its key."""
        key = public_key_of(seed)
        self.fingerprints.setdefault(tenant, fingerprint(key))
        path = f"/v1/tenants/{tenant}/devices"
        order = {"device_id": name, "subject_pubkey": b64url(key)}
        challenge = json.loads(self.send("POST", f"{path}/challenges", self.admin, order, expect=201)[1])
        proof = enrolment(seed, challenge["audience"], tenant, name, challenge["nonce"])
        return json.loads(self.send("POST", path, None, {"proof": proof}, expect=201)[1])["token"]

    def token_of(self, owner, scope="service:tenant-admin"):
        return self.tokens[owner, scope] if owner else self.admin

    def published_tile(self, owner):
        """The path of the newest tile of hashes, once there is one."""
        give_up = time.monotonic() + PUBLISHED_WITHIN_S
        while True:
            answer, note = self.send("GET", "/v1/ledger/checkpoint", self.token_of(owner))
            if answer.status == 200:
                return f"0/000.p/{note.decode().splitlines()[1]}"
            if time.monotonic() > give_up:
                raise RuntimeError(f"no checkpoint after {PUBLISHED_WITHIN_S} s: {note}")
            time.sleep(0.05)

    def bad_tokens(self, good, victim):
        """Credentials that are each worth nothing for one reason; all but for that they could do what `good` can."""
        path = f"/v1/tenants/{victim['tenant_id']}/tokens/" if victim["tenant_id"] else "/v1/tokens/"
        self.send("DELETE", path + victim["token_id"], self.admin, expect=204)
        head, _, signature = good.rpartition(".")
        return {"missing_credentials": None,
                "malformed_jws": "rubbish",
                "signature_invalid": f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
                "expired": self.expired(good),
                "revoked": victim["token"]}

    def expired(self, token):
        """The same token, signed by the server's own key, but for a time that is over."""
        now = int(time.time())
        return changed(token, seed_of(self.server.data_dir, "token-issuer"), iat=now - 3600, exp=now - 1)

    def snapshot(self):
        """Everything that a refused request could have changed, by owner. When tokens were seen is told by the way and left out."""
        seen = {"tenants": json.loads(self.get("/v1/tenants?page_size=1000", self.admin))["tenants"]}
        for owner in (*TENANTS, None):
            entries = json.loads(self.get("/v1/ledger/entries?page_size=1000", self.token_of(owner)))["entries"]
            seen["ledger", owner] = [entry["seq"] for entry in entries if entry["type"] not in OWN_LEAVES]
            seen["images", owner] = self.get("/v1/images?page_size=1000", self.token_of(owner))
            if owner:
                tokens = json.loads(self.get(f"/v1/tenants/{owner}/tokens?page_size=1000", self.admin))["tokens"]
                seen["tokens", owner] = [{**token, "first_seen": None, "last_seen": None} for token in tokens]
                seen["sessions", owner] = self.get(f"/v1/tenants/{owner}/sessions?page_size=1000", self.admin)
                seen["devices", owner] = self.get(f"/v1/tenants/{owner}/devices?page_size=1000", self.admin)
                nodes = json.loads(self.get("/v1/nodes?page_size=1000", self.token_of(owner)))["nodes"]
                seen["nodes", owner] = [{**node, "status": None} for node in nodes]  # they fall silent as time passes
                seen["ssh keys", owner] = self.get("/v1/ssh-keys?page_size=1000", self.token_of(owner))
                seen["vms", owner] = self.get("/v1/vms?page_size=1000", self.token_of(owner))
        return seen

    def path(self, operation, owner, values=None):
        """The operation's path with names filled in that belong to the owner."""
        names = {"tenant_id": owner or "acme", "vm_id": self.vms.get(owner or "acme"),
                 "token_id": self.spares.get(owner or "acme"), "device_id": "node-0", "node_id": f"node-of-{owner or 'acme'}",
                 "key_name": f"key-of-{owner or 'acme'}", "image_name": f"image-of-{owner or 'acme'}",
                 "session_id": self.sessions.get(owner or "acme", "AAAAAAAAAAAAAAAAAAAAAA"),
                 "index": "0", "path": self.tiles[owner], "name": "quota-exceeded", **(values or {})}
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], operation.path)
