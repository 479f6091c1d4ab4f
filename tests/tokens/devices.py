"""What devices add to tokens (docs/TOKENS.md sections 14 and 17, items 9 to 11), against the real server: run.py runs these items too."""
import concurrent.futures
import secrets
import threading

import credential
from watch import wait_for

ROUNDS = 12
SIDE_BY_SIDE = 8
TOLD_WITHIN_S = 10
P = 2**255 - 19  # RFC 7748 section 4.1
A24 = 121665
LIMIT = 2**252 + 27742317777372353535851937790883648493  # the order of Ed25519's prime-order subgroup (RFC 8032 section 5.1)
D = -121665 * pow(121666, P - 2, P) % P


class Machine:
    """A device with its key, and an administrator who lets it in."""

    def __init__(self, trial, tenant=None, name="node-1", by=None):
        self.trial = trial
        self.tenant = tenant or trial.tenant()
        self.name = name
        self.by = by or trial.client.admin
        self.seed = secrets.token_bytes(32)
        self.public_key = credential.public_key_of(self.seed)
        self.token = None

    @property
    def path(self):
        return f"/v1/tenants/{self.tenant}/devices"

    def challenge(self, expect=201, **more):
        order = {"device_id": self.name, "subject_pubkey": credential.b64url(self.public_key), **more}
        return self.trial.send("POST", f"{self.path}/challenges", self.by, order, expect=expect).json

    def proof(self, challenge, seed=None, **claims):
        return credential.enrolment(seed or self.seed, challenge["audience"], self.tenant, self.name, challenge["nonce"], **claims)

    def answer(self, proof, tenant=None, headers=(), **more):
        return self.trial.client.send("POST", f"/v1/tenants/{tenant or self.tenant}/devices", None, {"proof": proof, **more}, headers)

    def enrol(self, **more):
        answer = self.answer(self.proof(self.challenge(**more)))
        if answer.status != 201:
            raise RuntimeError(f"enrolment of {self.name}: {answer.status} {answer.body}")
        self.token = answer.json["token"]
        return answer.json

    def send(self, method, path, token=None, body=None):
        token = token or self.token
        fields = [("Authorization", f"DPoP {token}"), ("DPoP", credential.proof(self.seed, token, method, self.trial.server.url + path))]
        return self.trial.send(method, path, body=body, headers=fields)

    def devices(self):
        return self.trial.send("GET", self.path, self.trial.client.admin, expect=200).json["devices"]


def item_09(trial):
    """A nonce used by many at once enrols exactly one device and gives exactly one token."""
    tenant = trial.tenant()
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        for each in range(ROUNDS):
            machine = Machine(trial, tenant, f"node-{each}")
            challenge = machine.challenge()
            proofs = [machine.proof(challenge) for _ in range(SIDE_BY_SIDE)]
            together = threading.Barrier(SIDE_BY_SIDE)

            def enrol(proof, machine=machine, together=together):
                together.wait()
                return machine.answer(proof)

            answers = list(threads.map(enrol, proofs))
            statuses = sorted(answer.status for answer in answers)
            trial.expect("answers to one nonce", statuses, [201] + [401] * (SIDE_BY_SIDE - 1))
            trial.expect("why the others came too late", {answer.reason for answer in answers if answer.status == 401}, {"enrol_nonce_unknown"})
    devices = Machine(trial, tenant).devices()
    tokens = trial.send("GET", f"/v1/tenants/{tenant}/tokens?page_size=1000", trial.client.admin, expect=200).json["tokens"]
    trial.expect("devices", len(devices), ROUNDS)
    trial.expect("their tokens", sorted(each["device_id"] for each in tokens if each["device_id"]), sorted(each["device_id"] for each in devices))


def item_10(trial):
    """A proof is good for its own tenant, device, key, deployment and nonce, and five wrong ones end the challenge."""
    machine, other, elsewhere = Machine(trial), secrets.token_bytes(32), trial.tenant()
    wrong = (("another tenant's claim", {"tid": elsewhere}, None, "enrol_tenant_mismatch"),
             ("another device", {"device_id": "node-2"}, None, "enrol_device_mismatch"),
             ("another deployment", {"aud": "cadastre:elsewhere"}, None, "bad_audience"),
             ("another key", {}, other, "enrol_key_mismatch"),
             ("the right key's name over another's signature", {"key": machine.public_key}, other, "signature_invalid"))
    for what, claims, seed, reason in wrong:
        challenge = machine.challenge()
        answer = machine.answer(machine.proof(challenge, seed, **claims))
        trial.expect(what, (answer.status, answer.reason), (401, reason))
        moved = machine.answer(machine.proof(challenge, tid=elsewhere), elsewhere)
        trial.expect(f"{what}, then at another tenant", (moved.status, moved.reason), (401, "enrol_nonce_unknown"))
        unknown = machine.answer(machine.proof({**challenge, "nonce": credential.b64url(secrets.token_bytes(32))}))
        trial.expect(f"{what}, then another nonce", (unknown.status, unknown.reason), (401, "enrol_nonce_unknown"))
        trial.expect(f"{what}, then the right one", machine.answer(machine.proof(challenge)).status, 201)
    challenge = machine.challenge()
    for what, claims, seed, reason in wrong:
        answer = machine.answer(machine.proof(challenge, seed, **claims))
        trial.expect(f"one of five: {what}", (answer.status, answer.reason), (401, reason))
    late = machine.answer(machine.proof(challenge))
    trial.expect("the right one after five wrong ones", (late.status, late.reason), (401, "enrol_nonce_unknown"))
    side = machine.challenge()
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        answers = list(threads.map(machine.answer, [machine.proof(side, other) for _ in range(2 * SIDE_BY_SIDE)]))
    trial.expect("wrong ones side by side that were counted", sum(answer.reason == "enrol_key_mismatch" for answer in answers), 5)


def ladder(scalar, u=9):
    """RFC 7748 section 5: X25519."""
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    number = int.from_bytes(k, "little")
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for bit in reversed(range(255)):
        now = number >> bit & 1
        if swap ^ now:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = now
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % P, c * b % P, a * a % P, b * b % P
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, (aa - bb) * (aa + A24 * (aa - bb)) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def passes_admission(key):
    """Whether the bytes are a point of Ed25519's prime-order subgroup (RFC 8032 section 5.1.3)."""
    number = int.from_bytes(key, "little")
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or y >= P:
        return False
    x = P - x if x & 1 != sign else x

    def add(p, q):
        shared = D * p[0] * q[0] * p[1] * q[1] % P
        return ((p[0] * q[1] + q[0] * p[1]) * pow(1 + shared, P - 2, P) % P, (p[1] * q[1] + p[0] * q[0]) * pow(1 - shared, P - 2, P) % P)

    sum_, power, left = (0, 1), (x, y), LIMIT
    while left:
        if left & 1:
            sum_ = add(sum_, power)
        power, left = add(power, power), left >> 1
    return sum_ == (0, 1) and (x, y) != (0, 1)


def item_11(trial):
    """A WireGuard key looks like an Ed25519 key; one in sixteen passes admission, and none of them can prove itself."""
    machine = Machine(trial)
    passed = 0
    while passed < 3:
        secret = secrets.token_bytes(32)
        machine.public_key = ladder(secret)
        admitted = passes_admission(machine.public_key)
        order = {"device_id": "node-1", "subject_pubkey": credential.b64(machine.public_key)}
        answer = trial.send("POST", f"{machine.path}/challenges", trial.client.admin, order)
        trial.expect("whether the key is admitted", (answer.status, (answer.json or {}).get("code")),
                     (201, None) if admitted else (422, "INVALID_FIELD"))
        if not admitted:
            continue
        passed += 1
        challenge = answer.json
        for what, seed, key, reason in (("as an Ed25519 seed", secret, None, "enrol_key_mismatch"),
                                        ("under the WireGuard key's name", secret, machine.public_key, "signature_invalid"),
                                        ("by somebody else", secrets.token_bytes(32), machine.public_key, "signature_invalid")):
            refused = machine.answer(machine.proof(challenge, seed, key=key))
            trial.expect(f"its secret {what}", (refused.status, refused.reason), (401, reason))
        bare = machine.proof(challenge, key=machine.public_key)
        for signature in (bytes(64), machine.public_key + bytes(32)):
            forged = f"{bare.rpartition('.')[0]}.{credential.b64url(signature)}"
            refused = machine.answer(forged)
            trial.expect("a signature that is none", (refused.status, refused.reason), (401, "signature_invalid"))
        gone = machine.answer(machine.proof(challenge, key=machine.public_key))
        trial.expect("after five", (gone.status, gone.reason), (401, "enrol_nonce_unknown"))
    trial.expect("devices", machine.devices(), [])


def lives(trial):
    """A device's token lives and ends with its device, not with the administrator who let it in."""
    tenant = trial.tenant()
    admin = trial.client.issue(tenant, credential.b64url(credential.public_key_of(secrets.token_bytes(32))), "service:tenant-admin")
    machine = Machine(trial, tenant, by=admin["token"])
    machine.enrol(scope="READ")
    trial.expect("a read", machine.send("GET", "/v1/vms").status, 200)
    claims = credential.claims_of(machine.token)
    trial.expect("its claims", [claims.get(name) for name in ("dev", "pop", "anc", "cav", "tid")], ["node-1", "dpop", None, None, tenant])
    trial.refused("the token without its proof", machine.token, 401, "pop_required")
    trial.send("DELETE", f"/v1/tenants/{tenant}/tokens/{admin['token_id']}", trial.client.admin, expect=204)
    trial.expect("after its administrator's end", machine.send("GET", "/v1/vms").status, 200)
    trial.send("POST", f"/v1/tenants/{tenant}/revocations", trial.client.admin, {"all": True}, expect=204)
    trial.expect("after the end of the generation", machine.send("GET", "/v1/vms").status, 200)
    old = machine.token
    lost = machine.send("POST", "/v1/devices/renew").json["token"]
    trial.expect("the token that was renewed, while the answer may be lost", machine.send("GET", "/v1/vms", old).status, 200)
    machine.token = machine.send("POST", "/v1/devices/renew").json["token"]
    refused = machine.send("GET", "/v1/vms", lost)
    trial.expect("a token that went unused", (refused.status, refused.reason), (401, "revoked"))
    trial.expect("the one it was renewed from", machine.send("GET", "/v1/vms", old).status, 200)
    trial.expect("the new one's first use", machine.send("GET", "/v1/vms").status, 200)
    trial.expect("the old one ends by it", wait_for(lambda: machine.send("GET", "/v1/vms", old).reason == "revoked", TOLD_WITHIN_S, 0.05), True)
    unused = machine.send("POST", "/v1/devices/renew").json["token"]
    machine.by = trial.client.admin
    trial.send("DELETE", f"{machine.path}/node-1", trial.client.admin, expect=204)
    refused = machine.send("GET", "/v1/vms")
    trial.expect("after its removal", (refused.status, refused.reason), (401, "device_revoked"))
    trial.expect("what it is worth", trial.verify(machine.token).json, {"error": "invalid_token", "reason": "device_revoked"})
    before = machine.token
    machine.enrol(scope="READ")
    for name, dead in (("a token of its life before", before), ("one that it never used", unused)):
        refused = machine.send("GET", "/v1/vms", dead)
        trial.expect(name, (refused.status, refused.reason), (401, "revoked"))
    trial.expect("the new one", machine.send("GET", "/v1/vms").status, 200)
    again = machine.enrol(scope="READ", require_approval=False)
    trial.expect("the ETag's revision does not matter to the device", machine.send("GET", "/v1/vms", again["token"]).status, 200)
    waiting = machine.answer(machine.proof(machine.challenge(scope="READ", require_approval=True)))
    trial.expect("enrolled again, to be approved of", (waiting.status, waiting.json["device"]["state"]), (202, "pending"))
    refused = machine.send("GET", "/v1/vms", again["token"])
    trial.expect("a token of a device that waits", (refused.status, refused.reason), (401, "device_revoked"))
    forged = trial.client.issue(tenant, credential.b64url(machine.public_key), "READ")["token"]
    for name, reason in (("node-1", "device_revoked"), ("node-9", "device_revoked")):
        trial.refused(f"a token that says to be {name}'s", credential.changed(forged, trial.issuer, dev=name), 401, reason)
    trial.send("POST", f"/v1/tenants/{tenant}/revocations?devices=true", trial.client.admin, {"all": True}, expect=204)
    trial.expect("devices after the end of all", machine.devices(), [])


def accomplices(trial):
    """What a compromised administrator enrolled or approved of ends with it when that is asked for, and nothing else."""
    tenant = trial.tenant()

    def issue(by=None):
        return trial.client.issue(tenant, credential.b64url(credential.public_key_of(secrets.token_bytes(32))), "service:tenant-admin", by=by)

    bad, good = issue(), issue()
    below = issue(bad["token"])
    for name, by in (("by-bad", bad), ("by-below", below), ("by-good", good), ("approved", good)):
        machine = Machine(trial, tenant, name, by["token"])
        if name == "approved":
            machine.answer(machine.proof(machine.challenge(require_approval=True)))
            fingerprint = {"fingerprint": credential.fingerprint(machine.public_key)}
            trial.send("POST", f"{machine.path}/{name}/approve", below["token"], fingerprint, expect=200)
        else:
            machine.enrol()
    trial.send("POST", f"/v1/tenants/{tenant}/revocations", trial.client.admin, {"rid": bad["rid"]}, expect=204)
    trial.expect("devices", [each["device_id"] for each in machine.devices()], ["approved", "by-bad", "by-below", "by-good"])
    trial.send("POST", f"/v1/tenants/{tenant}/revocations?devices=true", trial.client.admin, {"rid": bad["rid"]}, expect=204)
    trial.expect("devices that are left", [each["device_id"] for each in machine.devices()], ["by-good"])
    stays = machine.devices()[0]
    trial.send("POST", f"/v1/tenants/{tenant}/revocations?devices=true", good["token"], {"subject_pubkey": stays["subject_pubkey"]}, expect=204)
    trial.expect("after the end of its own key", machine.devices(), [])
    order = {"device_id": "by-good", "subject_pubkey": stays["subject_pubkey"]}
    refused = trial.send("POST", f"{machine.path}/challenges", good["token"], order)
    trial.expect("a revoked key", (refused.status, refused.code), (409, "CONFLICT"))


def repeated(trial):
    """An enrolment or renewal whose answer was lost is answered again, with the same token, and enrols nothing twice."""
    machine = Machine(trial)
    proof, key = machine.proof(machine.challenge(scope="READ")), [("Idempotency-Key", "enrol")]
    first, again = (machine.answer(proof, headers=key) for _ in range(2))
    trial.expect("the enrolment again", (first.status, again.status, again.json["token"]), (201, 201, first.json["token"]))
    trial.expect("that it says so", again.headers.get("Idempotency-Replayed"), "true")
    other = machine.answer(machine.proof(machine.challenge(scope="READ")), headers=key)
    trial.expect("another proof with the same key", (other.status, other.code), (422, "IDEMPOTENCY_MISMATCH"))
    stranger = machine.answer(machine.proof({"audience": "x", "nonce": credential.b64url(bytes(32))}), headers=key)
    trial.expect("another body with the key and no nonce", (stranger.status, stranger.code), (422, "IDEMPOTENCY_MISMATCH"))
    wrong, key = machine.proof(machine.challenge(), tid="elsewhere"), [("Idempotency-Key", "wrong")]
    reasons = [machine.answer(wrong, headers=key).reason for _ in range(6)]
    trial.expect("a wrong proof is counted each time", reasons, ["enrol_tenant_mismatch"] * 5 + ["enrol_nonce_unknown"])
    order = {"device_id": "node-7", "subject_pubkey": credential.b64url(machine.public_key)}
    nonces = {trial.send("POST", f"{machine.path}/challenges", trial.client.admin, order, [("Idempotency-Key", "c")], expect=201).json["nonce"]
              for _ in range(2)}
    trial.expect("nonces of a challenge that was sent again", len(nonces), 2)


ITEMS = [item_09, item_10, item_11, lives, accomplices, repeated]
