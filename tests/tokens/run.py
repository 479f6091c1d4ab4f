#!/usr/bin/env python3
"""What no vector can carry about tokens (docs/TOKENS.md section 17), against the real server: the items by their number, and those of
chains.py, counting.py and devices.py by their name. The server has one I/O thread, so that a token used twice was in the only cache the second time.

Usage: run.py --server PROGRAM
Elsewhere: 2 and 3 need replicas and a database that goes away, `revocation`, `away` and `silent` in tests/replicas/run.py; 4 is in
src/store/contract_rows_test.cpp (revocations are never forgotten), on both stores; 9 to 11 in devices.py; 12 and 13 are races, in
tests/concurrency/counting.py; 7's search of all that a server leaves is at every server's end (tests/support/secret_scan.py); 16's key states in tests/keys/run.py; 22 in tests/fuzz.
"""
import argparse
import concurrent.futures
import pathlib
import re
import secrets
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import chains  # noqa: E402
import counting  # noqa: E402
import credential  # noqa: E402
import devices  # noqa: E402
from client import Client  # noqa: E402
from server import Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

ROUNDS = 100
REFUSED_WITHIN_S = 10
PUBLISHED_WITHIN_S = 20
LONG_TEXT = re.compile(rb"[A-Za-z0-9_-]{40,}")  # as claims and signatures stand between the points of a token
ARGUMENTS = ["--threads", "1", "--log-level", "debug", "--address-rate-limit-rpm", "1000"]


class Remembering(Client):
    """Keeps every token and proof that it sent."""

    def __init__(self, server):
        super().__init__(server)
        self.sent = set()

    def send(self, method, path, token=None, body=None, headers=(), expect=None):
        fields = [value.rpartition(" ")[2] for name, value in headers if name in ("Authorization", "DPoP")]
        self.sent |= {each for each in (token, *fields) if each and each.startswith("eyJ")}
        return super().send(method, path, token, body, headers, expect)


class Trial:
    """The server under test, and what it did wrong."""

    def __init__(self, server):
        self.server = server
        self.client = Remembering(server)
        self.issuer = credential.seed_of(server.data_dir, "token-issuer")
        self.key = credential.b64url(credential.public_key_of(secrets.token_bytes(32)))
        self.faults = []
        self.made = 0
        self.item = ""

    def tenant(self):
        self.made += 1
        return self.client.make_tenant(f"tenant-{self.made}")

    def issue(self, tenant, scope="service:tenant-admin", **more):
        return self.client.issue(tenant, self.key, scope, **more)

    def send(self, method, path, token=None, body=None, headers=(), expect=None):
        return self.client.send(method, path, token, body, headers, expect)

    def verify(self, token):
        return self.send("POST", "/v1/tokens/verify", body={"token": token})

    def expect(self, what, actual, expected):
        if actual != expected:
            self.faults.append(f"item {self.item}: {what}: expected {expected}, got {actual}")

    def refused(self, what, token, status, reason, method="GET", path="/v1/vms", body=None):
        answer = self.send(method, path, token, body)
        self.expect(what, (answer.status, answer.reason or answer.code), (status, reason))

    def accepted(self, what, token, path="/v1/vms"):
        self.expect(what, self.send("GET", path, token).status, 200)


def item_01(trial):
    """A root token is revoked while a sub-token is being issued under it: none that came out is good afterwards."""
    tenant = trial.tenant()
    came_out = 0
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS):
            root = trial.issue(tenant)
            both = threading.Barrier(2)

            def issue(root=root, both=both):
                both.wait()
                order = {"subject_pubkey": trial.key, "scope": "READ", "expires_in_seconds": 300}
                return trial.client.send("POST", f"/v1/tenants/{tenant}/tokens", root["token"], order)

            def revoke(root=root, both=both):
                both.wait()
                return trial.client.send("DELETE", f"/v1/tenants/{tenant}/tokens/{root['token_id']}", trial.client.admin, expect=204)

            issued, revoked = threads.submit(issue), threads.submit(revoke)
            revoked.result()
            if issued.result().status == 201:
                came_out += 1
                trial.refused("a sub-token of a revoked token", issued.result().json["token"], 401, "revoked")
            else:
                trial.expect("the order under a revoked token", issued.result().status, 401)
    print(f"item 1: {came_out} of {ROUNDS} sub-tokens came out before the revocation")


def item_05(trial):
    """A token that sits in the cache is refused from the moment it is worth nothing."""
    def fresh(**more):
        tenant = trial.tenant()
        token = trial.issue(tenant, **more)
        trial.accepted("a new token", token["token"])
        trial.accepted("the same, from the cache", token["token"])
        return tenant, token

    admin = trial.client.admin
    tenant, token = fresh()
    trial.send("DELETE", f"/v1/tenants/{tenant}/tokens/{token['token_id']}", admin, expect=204)
    trial.refused("revoked by its id", token["token"], 401, "revoked")
    for name, reason, named in (("rid", "revoked", lambda token: token["rid"]),
                                ("subject_pubkey", "key_revoked:subject", lambda token: token["subject_pubkey"]),
                                ("all", "tenant_generation", lambda token: True)):
        tenant, token = fresh()
        trial.send("POST", f"/v1/tenants/{tenant}/revocations", admin, {name: named(token)}, expect=204)
        trial.refused(f"revoked by {name}", token["token"], 401, reason)
        trial.expect(f"what it is worth, revoked by {name}", trial.verify(token["token"]).json,
                     {"error": "invalid_token", "reason": reason})
        trial.accepted("a token issued afterwards", trial.client.issue(tenant, new_key())["token"])

    tenant, token = fresh()
    below = trial.client.issue(tenant, new_key(), "READ", by=token["token"])
    trial.accepted("a sub-token", below["token"])
    trial.send("DELETE", f"/v1/tenants/{tenant}/tokens/{token['token_id']}", admin, expect=204)
    trial.refused("a sub-token of what was revoked", below["token"], 401, "revoked")

    tenant, token = fresh()
    trial.send("POST", f"/v1/tenants/{tenant}/suspend", admin, expect=200)
    trial.accepted("a read for a suspended tenant", token["token"])
    order = {"vm_type": "small", "ram_mb": 64, "vcpu_count": 1}
    trial.refused("a change for a suspended tenant", token["token"], 403, "TENANT_SUSPENDED", "POST", "/v1/vms", order)
    trial.expect("what it is worth", trial.verify(token["token"]).json, {"error": "invalid_token", "reason": "tenant_suspended"})
    trial.send("POST", f"/v1/tenants/{tenant}/resume", admin, expect=200)
    trial.send("POST", "/v1/vms", token["token"], order, expect=201)

    tenant, token = fresh(scope="READ")
    trial.send("DELETE", f"/v1/tenants/{tenant}", admin, expect=204)
    trial.refused("of a deleted tenant", token["token"], 401, "tenant_unknown")

    tenant, token = fresh()
    now = int(time.time())
    short = credential.changed(token["token"], trial.issuer, iat=now, exp=now + 3)
    trial.accepted("one that has three seconds", short)
    give_up = time.monotonic() + REFUSED_WITHIN_S
    while trial.send("GET", "/v1/vms", short).status == 200 and time.monotonic() < give_up:
        pass
    trial.refused("an expired one", short, 401, "expired")
    trial.expect("how long it was good", time.time() >= now + 3, True)


def new_key():
    return credential.b64url(credential.public_key_of(secrets.token_bytes(32)))


def item_06(trial):
    """An order sent again with its key gets the same token, and nobody may write a core file."""
    tenant = trial.tenant()
    key = [("Idempotency-Key", "order-1")]
    first, again = (trial.issue(tenant, headers=key) for _ in range(2))
    trial.expect("the token again", again, first)
    limits = pathlib.Path(f"/proc/{trial.server.process.pid}/limits").read_text(encoding="ascii")
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()
    trial.expect("the limits of a core dump", core[4:6], ["1", "1"])


def item_07(trial):
    """Run last: nothing that the server said or wrote holds a credential, at its most talkative level."""
    texts = [path for path in trial.server.data_dir.rglob("*") if path.is_file() and path.name != "admin.token"]
    if hasattr(trial.server.store, "cluster"):
        texts += [path for path in trial.server.store.cluster.data.rglob("*") if path.is_file()]
    parts = {part.encode() for sent in trial.client.sent for element in sent.split("~") for part in element.split(".")[1:]}
    trial.expect("tokens and proofs looked for", len(parts) > 300, True)
    for path in [*texts, trial.server.log_path]:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # the publisher has just put it in its place
        trial.expect(f"{path.name} with a token", b"eyJhbGci" in content, False)  # {"alg
        trial.expect(f"{path.name} with claims or a signature", parts & set(LONG_TEXT.findall(content)), set())
        trial.expect(f"{path.name} with a header field", b"uthorization: " in content, False)
    trial.expect("refusals that repeat a token", [each.status for each in trial.answers if each.status >= 400 and b"eyJhbGci" in each.body],
                 [])


def item_08(trial):
    """Odd header fields: two are none, the scheme's case is free, one space and nothing else parts it from the token."""
    token = trial.issue(trial.tenant())["token"]
    for what, fields, status, reason in (
            ("two fields", [f"Bearer {token}"] * 2, 401, "multiple_credentials"),
            ("two different fields", [f"Bearer {token}", "Basic YTpi"], 401, "multiple_credentials"),
            ("lower case", [f"bearer {token}"], 200, ""),
            ("upper case", [f"BEARER {token}"], 200, ""),
            ("several spaces", [f"Bearer   {token}"], 200, ""),
            ("a tab", [f"Bearer\t{token}"], 401, "unsupported_scheme"),
            ("no scheme", [token], 401, "unsupported_scheme"),
            ("a scheme alone", ["Bearer"], 401, ""),
            ("a list", [f"Bearer {token}, Bearer {token}"], 401, "malformed_jws"),
            ("a comment", [f"Bearer {token} x"], 401, "bad_base64url"),
            ("8 KiB", ["Bearer " + "a" * 8192], 401, "token_too_large"),
            ("6144 bytes", ["Bearer " + "a" * 6144], 401, "token_too_large"),
            ("2048 bytes", ["Bearer " + "a" * 2048], 401, "malformed_jws")):
        answer = trial.send("GET", "/v1/vms", headers=[("Authorization", field) for field in fields])
        trial.expect(what, (answer.status, answer.reason), (status, reason))


def item_14(trial):
    """A path caveat is about the path as it was sent; every other spelling of it is refused."""
    tenant = trial.tenant()
    one = trial.issue(tenant, caveats=[{"path": ["/v1/vms"]}])["token"]
    for path, status in (("/v1/vms", 200), ("/v1/vms?page_size=1", 200), ("/v1/status", 403), ("/v1/ledger/entries", 403),
                         ("/v1/vms/", 404), ("/v1//vms", 400), ("//v1/vms", 400), ("/v1/%2e%2e/v1/status", 400), ("/v1/./vms", 400),
                         ("/v1/vms/../status", 400), ("/v1%2fvms", 400), ("/v1/vms%2F..%2Fstatus", 400), ("/v1/vms/%2E%2e", 400), ("/v1/vms/%252e%252e", 403),
                         ("/v1/vms%20", 404), ("/v1/vms;a=b", 404), ("/v1/vms?/../status", 400), ("/v1/VMS", 404), ("/V1/vms", 404), ("/v1/%76ms", 404)):
        trial.expect(path, trial.send("GET", path, one).status, status)
    trial.expect("the caveat is named", trial.send("GET", "/v1/status", one).json["detail"],
                 "A caveat of the token excludes this request: caveat_denied:path.")
    below = trial.issue(tenant, caveats=[{"path": ["/v1/vms/*"]}])["token"]
    for path, status in (("/v1/vms", 403), ("/v1/vms/0", 404), ("/v1/vms/0/start", 405)):
        trial.expect(f"one segment below: {path}", trial.send("GET", path, below).status, status)


def item_15(trial):
    """An address caveat is about the peer; what a peer says of others is not heard."""
    tenant = trial.tenant()
    for network, spoofed, status in (("127.0.0.0/8", None, 200), ("127.0.0.1", None, 200), ("::ffff:127.0.0.1", None, 200),
                                     ("::ffff:127.0.0.0/104", None, 200), ("10.0.0.0/8", None, 403), ("10.0.0.0/8", "10.1.2.3", 403),
                                     ("::1", "::1", 403), ("127.0.0.1", "10.1.2.3", 200)):
        token = trial.issue(tenant, caveats=[{"ip": [network]}])["token"]
        fields = [(name, spoofed) for name in ("X-Forwarded-For", "X-Real-IP")] + [("Forwarded", f"for={spoofed}")] if spoofed else []
        trial.expect(f"{network}, said to be {spoofed}", trial.send("GET", "/v1/vms", token, headers=fields).status, status)


def proxies(server, engine):
    """Item 15 behind a proxy, on a server of its own: it is believed, and nobody who speaks through it."""
    arguments = [*ARGUMENTS, "--trusted-proxies", "127.0.0.1,192.0.2.0/24,::1"]
    with Server(server, arguments=arguments, store=engine) as behind:
        trial = Trial(behind)
        trial.item = "15 behind a proxy"
        tenant = trial.tenant()
        token = trial.issue(tenant, caveats=[{"ip": ["10.0.0.0/8", "2001:db8::/32"]}])["token"]
        local = trial.issue(tenant, caveats=[{"ip": ["127.0.0.0/8"]}])["token"]
        for fields, status, of_local in (((), 403, 200), (("10.1.2.3",), 200, 403), (("::ffff:10.1.2.3",), 200, 403),
                                         (("2001:DB8::1",), 200, 403), (("10.1.2.3, 11.1.2.3",), 403, 403),
                                         (("11.1.2.3, 10.1.2.3",), 200, 403), (("10.1.2.3", "11.1.2.3"), 403, 403),
                                         (("10.1.2.3, 192.0.2.7, ::1",), 200, 403), (("10.1.2.3, 11.1.2.3, 192.0.2.7",), 403, 403),
                                         (("127.0.0.2",), 403, 200), (("10.1.2.3, rubbish",), 403, 403), (("",), 403, 200)):
            headers = [("X-Forwarded-For", field) for field in fields]
            trial.expect(f"forwarded for {fields}", trial.send("GET", "/v1/vms", token, headers=headers).status, status)
            trial.expect(f"a local one's, {fields}", trial.send("GET", "/v1/vms", local, headers=headers).status, of_local)
        unheard = [("X-Real-IP", "10.1.2.3"), ("Forwarded", "for=10.1.2.3")]
        trial.expect("other fields", trial.send("GET", "/v1/vms", token, headers=unheard).status, 403)
        far = [("X-Forwarded-For", "10.1.2.3")]
        trial.expect("the figures from afar", trial.send("GET", "/metrics", headers=far).status, 401)
        trial.expect("the figures from here", trial.send("GET", "/metrics").status, 200)
        return trial.faults


def item_16(trial):
    """Keys are published without their private half."""
    for key in trial.send("GET", "/.well-known/jwks.json", expect=200).json["keys"]:
        trial.expect("a key's members", sorted(key), ["alg", "crv", "kid", "kty", "use", "x"])


def item_17(trial):
    """The two signing keys do not stand in for each other."""
    tenant = trial.tenant()
    token = trial.issue(tenant)["token"]
    ledger = credential.seed_of(trial.server.data_dir, "ledger-master")
    trial.refused("a token signed with the ledger's key", credential.changed(token, ledger), 401, "signature_invalid")
    thumbprint = credential.thumbprint(credential.public_key_of(ledger))
    header = {"alg": "EdDSA", "kid": thumbprint, "typ": "cadastre-cap+jwt"}
    forged = credential.jws(ledger, header, credential.claims_of(token))
    trial.refused("one that names the ledger's key", forged, 401, "unknown_kid")

    record = trial.send("GET", f"/v1/tenants/{tenant}", trial.client.admin, expect=200).json
    path = f"/v1/tenants/{tenant}/ledger/proof/0"
    trial.expect("a proof in time", wait_for(lambda: trial.send("GET", path, trial.client.admin).status == 200, PUBLISHED_WITHIN_S), True)
    proof = trial.send("GET", path, trial.client.admin, expect=200).body.decode()
    head, note, signatures = proof.split("\n\n")
    resigned = []
    for line in signatures.splitlines():
        dash, name, text = line.split(" ")
        signature = credential.unb64(text)[:4] + credential.sign(trial.issuer, f"{note}\n".encode())
        resigned.append(f"{dash} {name} {credential.b64(signature)}\n")
    with tempfile.TemporaryDirectory() as folder:
        for what, text, code in (("as it was published", proof, 0), ("signed with the tokens' key", f"{head}\n\n{note}\n\n{''.join(resigned)}", 1)):
            file = pathlib.Path(folder, "entry.proof")
            file.write_text(text, encoding="utf-8")
            done = trial.server.service_fs("verify", "--proof", file, "--vkey", record["ledger"]["vkey"])
            trial.expect(f"a checkpoint {what}: {done.stderr}", done.returncode, code)


def item_18(trial):
    """Before the signature holds, nothing shows whether a token is known."""
    tenant = trial.tenant()
    known = trial.issue(tenant)
    trial.send("DELETE", f"/v1/tenants/{tenant}/tokens/{known['token_id']}", trial.client.admin, expect=204)
    trial.expect("with its signature", trial.verify(known["token"]).json, {"error": "invalid_token", "reason": "revoked"})
    seen = set()
    for token in (known["token"], credential.changed(known["token"], trial.issuer, jti=credential.b64url(secrets.token_bytes(16))),
                  credential.changed(known["token"], trial.issuer, tid="nobody")):
        answer = trial.verify(token[:-86] + credential.b64url(bytes(64)))
        shape = sorted(name for name in answer.headers if name not in ("Date", "X-Request-Id"))
        seen.add((answer.status, answer.body, tuple(shape)))
    trial.expect("the shapes of the answer", len(seen), 1)
    trial.expect("the reason", {body for _, body, _ in seen}, {b'{"error":"invalid_token","reason":"signature_invalid"}'})


def item_19(trial):
    """A tenant's administrator who names another tenant's token ends nothing there."""
    mine, other = trial.tenant(), trial.tenant()
    admin, victim = trial.issue(mine)["token"], trial.client.issue(other, new_key())
    path = f"/v1/tenants/{mine}/revocations"
    trial.send("POST", path, admin, {"rid": victim["rid"]}, expect=204)
    trial.send("POST", path, admin, {"subject_pubkey": victim["subject_pubkey"]}, expect=204)
    trial.expect("by its id", trial.send("POST", path, admin, {"token_id": victim["token_id"]}).status, 404)
    for name in (victim["token_id"], victim["rid"]):
        trial.expect("in the own namespace", trial.send("DELETE", f"/v1/tenants/{mine}/tokens/{name}", admin).status, 404)
        trial.expect("by the short form", trial.send("DELETE", f"/v1/tokens/{name}", admin).status, 404)
        trial.expect("in the other's", trial.send("DELETE", f"/v1/tenants/{other}/tokens/{name}", admin).status, 403)
    trial.accepted("the other's token", victim["token"])


def item_20(trial):
    """A token cannot end what it was issued under, in no way; the other way round it works."""
    tenant = trial.tenant()
    root = trial.issue(tenant)
    middle = trial.client.issue(tenant, new_key(), by=root["token"])
    leaf = trial.client.issue(tenant, new_key(), by=middle["token"])
    revocations = f"/v1/tenants/{tenant}/revocations"
    for ancestor in (root, middle):
        for method, path, body in (("DELETE", f"/v1/tenants/{tenant}/tokens/{ancestor['token_id']}", None),
                                   ("DELETE", f"/v1/tokens/{ancestor['rid']}", None),
                                   ("POST", revocations, {"token_id": ancestor["token_id"]}),
                                   ("POST", revocations, {"rid": ancestor["rid"]}),
                                   ("POST", revocations, {"subject_pubkey": ancestor["subject_pubkey"]}),
                                   ("POST", revocations, {"all": True})):
            answer = trial.send(method, path, leaf["token"], body)
            trial.expect(f"{method} {path} {body}", (answer.status, answer.code), (403, "FORBIDDEN"))
        trial.accepted("the ancestor", ancestor["token"])
    trial.send("DELETE", f"/v1/tokens/{middle['token_id']}", root["token"], expect=204)
    trial.refused("what hangs below", leaf["token"], 401, "revoked")
    trial.accepted("the root", root["token"])


def item_21(trial):
    """The name of a deleted tenant is not given out again, and its tokens are worth nothing."""
    tenant = trial.tenant()
    token = trial.issue(tenant)["token"]
    trial.send("DELETE", f"/v1/tenants/{tenant}", trial.client.admin, expect=204)
    order = {"tenant_id": tenant, "display_name": "Again", "max_vms": 1, "storage_quota_gb": 1, "api_rate_limit_rpm": 60}
    trial.expect("the name again", trial.send("POST", "/v1/tenants", trial.client.admin, order).status, 409)
    trial.refused("a token of it", token, 401, "tenant_unknown")
    issue = {"subject_pubkey": trial.key, "scope": "READ", "expires_in_seconds": 60}
    trial.expect("a new one", trial.send("POST", f"/v1/tenants/{tenant}/tokens", trial.client.admin, issue).status, 404)


def sub_tokens(trial):
    """What a token is bound by binds whatever is issued under it; what a platform administrator issues for a tenant starts anew."""
    tenant = trial.tenant()
    caveats = [{"method": ["GET", "POST"]}, {"path": ["/v1/tenants/*/tokens"]}]
    bound = trial.issue(tenant, caveats=caveats)
    below = trial.client.issue(tenant, new_key(), by=bound["token"], caveats=[{"ip": ["127.0.0.1"]}])
    trial.expect("its caveats", credential.claims_of(below["token"])["cav"], [*caveats, {"ip": ["127.0.0.1"]}])
    trial.expect("those of one below", credential.claims_of(trial.client.issue(tenant, new_key(), "READ", by=below["token"])["token"])["cav"],
                 [*caveats, {"ip": ["127.0.0.1"]}])
    trial.refused("what the first may not do either", below["token"], 403, "CAVEAT_DENIED")
    order = {"subject_pubkey": new_key(), "scope": "READ", "expires_in_seconds": 60}
    path = f"/v1/tenants/{tenant}/tokens"
    many = [{"method": ["GET"]}] * 15
    refused = trial.send("POST", path, bound["token"], {**order, "caveats": many})
    trial.expect("too many together", (refused.status, "with the 2 of" in refused.json["detail"]), (422, True))

    audience = credential.claims_of(bound["token"])["aud"]
    narrow = trial.issue(tenant, audience=audience + "/vm-tenant")["token"]
    below = trial.client.issue(tenant, new_key(), "READ", by=narrow)
    trial.expect("its audience", credential.claims_of(below["token"])["aud"], audience + "/vm-tenant")
    for wider in (audience, audience + "/console"):
        refused = trial.send("POST", path, narrow, {**order, "audience": wider})
        trial.expect(f"audience {wider}", (refused.status, refused.json["errors"][0]["pointer"]), (422, "/audience"))

    admin = trial.client.issue(None, new_key(), "service:platform-admin", caveats=[{"path": ["/v1/tenants/**"]}])["token"]
    root = credential.claims_of(trial.client.issue(tenant, new_key(), by=admin)["token"])
    trial.expect("a root token's caveats and ancestors", ("cav" in root, "anc" in root), (False, False))


def proofs(trial):
    """A token that requires a proof of possession is good with one alone, made for the request; so is what is issued under it."""
    tenant = trial.tenant()
    seed = secrets.token_bytes(32)
    token = trial.client.issue(tenant, credential.b64url(credential.public_key_of(seed)), require_pop=True)["token"]

    def call(method, path, proof=None, body=None, scheme="DPoP"):
        fields = [("Authorization", f"{scheme} {token}")] + ([("DPoP", proof)] if proof else [])
        return trial.send(method, path, body=body, headers=fields)

    def proof(method, path, **claims):
        return credential.proof(seed, token, method, trial.server.url + path, **claims)

    good = proof("GET", "/v1/vms")
    trial.expect("with a proof", call("GET", "/v1/vms?page_size=1", good).status, 200)
    now = int(time.time())
    for what, answer, reason in (
            ("no proof", call("GET", "/v1/vms"), "pop_required"),
            ("the other scheme", call("GET", "/v1/vms", proof("GET", "/v1/vms"), scheme="Bearer"), "pop_scheme"),
            ("the same again", call("GET", "/v1/vms", good), "pop_replayed"),
            ("another's key", call("GET", "/v1/vms", credential.proof(secrets.token_bytes(32), token, "GET", trial.server.url + "/v1/vms")),
             "pop_key_mismatch"),
            ("another method's", call("GET", "/v1/vms", proof("POST", "/v1/vms")), "pop_htm"),
            ("another path's", call("GET", "/v1/vms", proof("GET", "/v1/status")), "pop_htu"),
            ("another token's", call("GET", "/v1/vms", proof("GET", "/v1/vms", ath=credential.b64url(bytes(32)))), "pop_ath"),
            ("an old one", call("GET", "/v1/vms", proof("GET", "/v1/vms", iat=now - 62)), "pop_stale"),
            ("one of tomorrow", call("GET", "/v1/vms", proof("GET", "/v1/vms", iat=now + 80)), "pop_stale"),
            ("rubbish", call("GET", "/v1/vms", "rubbish"), "malformed_jws"),
            ("an unknown claim", call("GET", "/v1/vms", proof("GET", "/v1/vms", exp=now)), "unknown_claim:exp")):
        challenge = answer.headers.get("WWW-Authenticate") or ""
        trial.expect(what, (answer.status, answer.reason, answer.json.get("reason"), challenge.partition(",")[0]),
                     (401, reason, reason, 'DPoP error="invalid_dpop_proof"'))
    path = f"/v1/tenants/{tenant}/tokens"
    order = {"subject_pubkey": new_key(), "scope": "READ", "expires_in_seconds": 60, "require_pop": False}
    below = call("POST", path, proof("POST", path), order)
    trial.expect("what is issued under it", (below.status, credential.claims_of(below.json["token"]).get("pop")), (201, "dpop"))


def addresses(trial):
    """Run last but one: whoever asks what tokens are worth, good ones included, uses up what an address may ask without one."""
    token = trial.issue(trial.tenant())["token"]
    other = trial.issue(trial.tenant())["token"]
    trial.accepted("the token", token)
    give_up = time.monotonic() + REFUSED_WITHIN_S
    while (answer := trial.verify(token)).status == 200 and time.monotonic() < give_up:
        pass
    trial.expect("too many questions", (answer.status, answer.code), (429, "RATE_LIMITED"))
    trial.expect("when to ask again", 0 < int(answer.headers["Retry-After"]) <= 60, True)
    for path, status in (("/.well-known/jwks.json", 429), ("/openapi.json", 429), ("/problems", 429), ("/healthz", 200), ("/readyz", 200),
                         ("/metrics", 200)):
        trial.expect(path, trial.send("GET", path).status, status)
    trial.accepted("a token that is known", token)
    trial.expect("one that is not", trial.send("GET", "/v1/vms", other).status, 429)


ITEMS = [item_01, item_05, item_06, item_08, item_14, item_15, item_16, item_17, item_18, item_19, item_20, item_21,
         sub_tokens, proofs, *chains.ITEMS, *counting.ITEMS, *devices.ITEMS]


def run(server):
    trial = Trial(server)
    for item in [*ITEMS, addresses]:
        trial.item = item.__name__.removeprefix("item_")
        item(trial)
    return trial.faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    with Server(options.server, arguments=ARGUMENTS, store=options.store) as server:
        faults = run(server)
    faults += proxies(options.server, options.store)
    for fault in faults:
        print(fault)
    print(f"{len(ITEMS) + 2} items, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
