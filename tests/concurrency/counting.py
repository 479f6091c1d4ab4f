"""The races of caveats that count (docs/TOKENS.md section 4, and section 17 items 12 and 13): many requests at the same moment under one
token, its sub-tokens and its links, on every replica, and never more than one of them is told yes too often."""
import collections
import secrets

import credential
from arena import PLENTY, vm_order
from crowd import CONCURRENT, request_bytes

FIFTY = 50


class Family:
    """A token that bears a caveat, sub-tokens issued under it and offline links below all of them: what each of them does counts for the
    first."""

    def __init__(self, arena, caveat, scope="service:tenant-admin", sub_tokens=2):
        self.arena, self.tenant = arena, arena.tenant()
        self.seed = secrets.token_bytes(32)
        self.key = credential.public_key_of(self.seed)
        self.first = self.issue(arena.admin, scope, [caveat])
        self.sub_tokens = [self.issue(self.first["token"], scope, []) for _ in range(sub_tokens)]
        self.issued = [self.first["token"], *(each["token"] for each in self.sub_tokens)]
        self.links = [credential.link(each, self.seed, self.key) for each in self.issued]
        self.all = [*self.issued, *self.links]

    def issue(self, by, scope, caveats):
        return self.arena.caller.expect(201, "POST", f"/v1/tenants/{self.tenant.name}/tokens", {
            "subject_pubkey": credential.b64url(self.key), "scope": scope, "expires_in_seconds": 3000 if by != self.arena.admin else 3600,
            "delegable_depth": 2, "caveats": caveats}, token=by).json

    def requests(self, count, method="GET", path="/v1/vms", body=None):
        """So many of one kind, under each of the family in turn."""
        return [request_bytes(method, path, self.all[at % len(self.all)], body) for at in range(count)]


def outcomes(arena, what, answers, accepted, count, reason):
    """So many were accepted, and every other one was refused for that caveat."""
    seen = collections.Counter((answer.status, answer.json.get("reason")) if answer.status == 403 else (answer.status, None)
                               for answer in answers)
    expected = {(accepted, None): count, (403, f"caveat_denied:{reason}"): len(answers) - count}
    arena.expect(what, dict(seen), {key: value for key, value in expected.items() if value})


def one_use(arena):
    """`uses: 1` with 50 calls: exactly one succeeds, whether they read or change."""
    for method, body, accepted in (("GET", None, 200), ("POST", vm_order(), 201)):
        family = Family(arena, {"uses": 1}, "INPUT", sub_tokens=0)
        answers = arena.volley(family.requests(FIFTY, method, body=body))
        outcomes(arena, f"{method} with one use", answers, accepted, 1, "uses")
        made = len(arena.caller.pages("/v1/vms", "vms", token=family.tenant.token))
        arena.expect(f"VMs after {method}", made, 1 if method == "POST" else 0)


def shared_uses(arena):
    """Seven uses are shared by all that hangs below their bearer. Issuing the sub-tokens took one each."""
    family = Family(arena, {"uses": 9})
    answers = arena.volley([*family.requests(CONCURRENT // 2), *family.requests(CONCURRENT // 2, "POST", body=vm_order())])
    arena.expect("uses", sum(answer.status in (200, 201) for answer in answers), 7)
    arena.expect("the rest", {answer.json["reason"] for answer in answers if answer.status not in (200, 201)}, {"caveat_denied:uses"})
    later = arena.volley(family.requests(len(family.all)))
    outcomes(arena, "later", later, 200, 0, "uses")


def shared_quota(arena):
    """Three live VMs are shared by all that hangs below their bearer; whoever deletes one makes room for one, and nothing drifts."""
    family = Family(arena, {"quota": {"vms": 3}})
    tenant = family.tenant
    answers = arena.volley(family.requests(40, "POST", body=vm_order()))
    outcomes(arena, "creates", answers, 201, 3, "quota")
    tenant.vms = {answer.json["vm_id"]: answer.json for answer in answers if answer.status == 201}
    for _ in range(3):
        gone = arena.chance.sample(sorted(tenant.vms), arena.chance.randint(1, 3))
        deleters = [tenant.token, *family.all]
        deletes = [request_bytes("DELETE", f"/v1/vms/{vm_id}", arena.chance.choice(deleters)) for vm_id in gone]
        arena.statuses("deletes", arena.volley(deletes * 2), {204: len(gone), 404: len(gone)})
        answers = arena.volley(family.requests(20, "POST", body=vm_order()))
        outcomes(arena, f"creates after {len(gone)} deletes", answers, 201, len(gone), "quota")
        tenant.vms = {vm_id: vm for vm_id, vm in tenant.vms.items() if vm_id not in gone}
        tenant.vms |= {answer.json["vm_id"]: answer.json for answer in answers if answer.status == 201}
    own = arena.volley([tenant.post_vm()] * 5)
    arena.statuses("creates of the tenant's own token", own, {201: 5})
    tenant.vms |= {answer.json["vm_id"]: answer.json for answer in own}
    arena.audit(tenant)


def shared_rate(arena):
    """Eleven requests a minute are shared by all that hangs below their bearer, and told when to come again."""
    family = Family(arena, {"rpm": 13})
    answers = arena.volley(family.requests(CONCURRENT))
    outcomes(arena, "requests in a minute", answers, 200, 11, "rpm")
    for answer in answers:
        if answer.status == 403:
            arena.expect("Retry-After", 1 <= int(answer.headers.get("retry-after", 0)) <= 61, True)


def seen_once(arena):
    """A link that is used many times at once, everywhere, is one entry of the ledger."""
    family = Family(arena, {"uses": PLENTY}, sub_tokens=0)
    link = family.links[0]
    arena.statuses("reads", arena.volley([request_bytes("GET", "/v1/status", link)] * CONCURRENT), {200: CONCURRENT})
    # Issuing under it keeps it at once; the other replicas tell of it when they like.
    order = {"subject_pubkey": credential.b64url(family.key), "scope": "READ", "expires_in_seconds": 60}
    arena.statuses("orders", arena.volley([request_bytes("POST", f"/v1/tenants/{family.tenant.name}/tokens", link, order)] * 8), {201: 8})
    entries = arena.caller.pages(f"/v1/tenants/{family.tenant.name}/ledger/entries", "entries", "&type=TOKEN_LINK_SEEN")
    arena.expect("entries", [each["data"]["rid"] for each in entries], [credential.rid_of(link.rpartition("~")[2])])


RACES = [one_use, shared_uses, shared_quota, shared_rate, seen_once]
