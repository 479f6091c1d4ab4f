"""What offline links add to tokens (docs/TOKENS.md sections 4, 7 and 10), against the real server: run.py runs these items too."""
import concurrent.futures
import secrets
import threading
import time

import credential

ROUNDS = 40
REFUSED_WITHIN_S = 20
LIFE_S = 8  # enough to sign and send a few things on a slow machine
LINKS_MAX = 4  # the server's default
VM = {"vm_type": "small", "ram_mb": 64, "vcpu_count": 1}


class Holder:
    """A key pair."""

    def __init__(self):
        self.seed = secrets.token_bytes(32)
        self.public_key = credential.public_key_of(self.seed)
        self.name = credential.b64url(self.public_key)


class Chain:
    """A token issued by the server and the links made under it, with who holds which."""

    def __init__(self, trial, tenant, scope="service:tenant-admin", depth=8, by=None, **more):
        self.holders = [Holder()]
        self.issued = trial.client.issue(tenant, self.holders[0].name, scope, by=by, delegable_depth=depth, **more)
        self.token = self.issued["token"]

    def link(self, **claims):
        """Adds a link; answers the chain itself."""
        self.holders.append(Holder())
        self.token = credential.link(self.token, self.holders[-2].seed, self.holders[-1].public_key, **claims)
        return self

    @property
    def elements(self):
        return self.token.split("~")

    @property
    def rids(self):
        return [credential.rid_of(each) for each in self.elements]

    def upto(self, position):
        """The token without the links after that position, 0 the issued one."""
        return "~".join(self.elements[:position + 1])


def narrowing(trial):
    """A link can do what it says and no more, and what the chain is worth shows every element."""
    tenant = trial.tenant()
    chain = Chain(trial, tenant).link(scope="INPUT").link(scope="READ", cav=[{"path": ["/v1/vms/**", "/v1/vms"]}])
    trial.send("POST", "/v1/vms", chain.upto(1), VM, expect=201)
    trial.accepted("a reading link", chain.token)
    trial.refused("a change under it", chain.token, 403, "INSUFFICIENT_SCOPE", "POST", "/v1/vms", VM)
    trial.refused("what its caveat excludes", chain.token, 403, "CAVEAT_DENIED", path="/v1/status")
    shown = trial.verify(chain.token).json
    trial.expect("its worth", (shown["scope"], shown["subject_pubkey"], shown["token_id"], shown["caveats"]),
                 ("READ", chain.holders[-1].name, credential.claims_of(chain.elements[-1])["jti"],
                  [{"path": ["/v1/vms/**", "/v1/vms"]}]))
    trial.expect("its elements", [(each["rid"], each["key"]) for each in shown["chain"]],
                 list(zip(chain.rids, [credential.thumbprint(each.public_key) for each in chain.holders])))
    for claims, reason in (({"scope": "service:platform-admin"}, "widened:scope"), ({"tid": trial.tenant()}, "widened:tid"),
                           ({"exp": int(time.time()) + 86400}, "widened:exp"), ({"par_hash": chain.rids[1]}, "parent_mismatch"),
                           ({"del_depth": 2}, "bad_del_depth"), ({"iss": chain.rids[0]}, "bad_link_issuer"),
                           ({"admin": True}, "unknown_claim:admin")):
        root = Chain(trial, tenant, "INPUT")
        trial.refused(f"a link with {claims}", root.link(**claims).token, 401, reason)
    trial.refused("a link of a stranger", credential.link(chain.upto(0), Holder().seed, Holder().public_key, iss=credential.thumbprint(
        chain.holders[0].public_key)), 401, "signature_invalid")


def shape(trial):
    """Elements in another order, too many, too long, or under a token that allows none."""
    tenant = trial.tenant()
    chain = Chain(trial, tenant)
    for _ in range(LINKS_MAX):
        chain.link()
    trial.accepted("as many as are allowed", chain.token)
    root, first, second, *_ = chain.elements
    for what, elements, reason in (("links in the wrong order", (root, second, first), "signature_invalid"),
                                   ("a link missing", (root, second), "signature_invalid"),
                                   ("a link twice", (root, first, first), "signature_invalid"),
                                   ("a link first", (first, root), "unknown_header_param:kid"),
                                   ("a link alone", (first,), "bad_kid"), ("the root twice", (root, root), "unknown_header_param:kid"),
                                   ("an empty element", (root, ""), "malformed_chain"), ("a tilde first", ("", root), "malformed_chain")):
        trial.expect(what, trial.verify("~".join(elements)).json["reason"] in (reason, "bad_typ"), True)
        trial.expect(what, trial.send("GET", "/v1/vms", "~".join(elements)).status, 401)
    trial.refused("one too many", chain.link().token, 401, "too_many_links")
    trial.refused("a link under a token that allows none", Chain(trial, tenant, depth=0).link().token, 401, "delegation_not_allowed")
    trial.refused("a link under a last one", Chain(trial, tenant).link(del_max_depth=None).link().token, 401, "delegation_not_allowed")
    long = Chain(trial, tenant)
    for _ in range(LINKS_MAX):
        long.link(cav=[{"path": ["/" + "a" * 900]}])
    trial.expect("the length", len(long.token) > 6144, True)
    trial.refused("too long", long.token, 401, "token_too_large")
    trial.expect("its worth", trial.verify(long.token).json, {"error": "invalid_token", "reason": "token_too_large"})


def endings(trial):
    """Item 5 for chains: whatever ends one element ends what is below it at once, in the cache too, and nothing else."""
    admin = trial.client.admin

    def fresh():
        tenant = trial.tenant()
        chain = Chain(trial, tenant).link().link(scope="READ")
        for position in range(3):
            trial.accepted(f"element {position}", chain.upto(position))
            trial.accepted(f"element {position}, from the cache", chain.upto(position))
        return tenant, chain

    for name, end, reason, alive in (
            ("the root by its id", lambda chain: {"token_id": chain.issued["token_id"]}, "revoked", 0),
            ("the root by its rid", lambda chain: {"rid": chain.rids[0]}, "revoked", 0),
            ("the root by its key", lambda chain: {"subject_pubkey": chain.holders[0].name}, "key_revoked:subject", 0),
            ("the middle by its rid", lambda chain: {"rid": chain.rids[1]}, "revoked", 1),
            ("the middle by its key", lambda chain: {"subject_pubkey": chain.holders[1].name}, "key_revoked:subject", 1),
            ("the last by its rid", lambda chain: {"rid": chain.rids[2]}, "revoked", 2),
            ("the whole generation", lambda chain: {"all": True}, "tenant_generation", 0)):
        tenant, chain = fresh()
        trial.send("POST", f"/v1/tenants/{tenant}/revocations", admin, end(chain), expect=204)
        for position in range(3):
            if position < alive:
                trial.accepted(f"{name}: element {position}", chain.upto(position))
            else:
                trial.refused(f"{name}: element {position}", chain.upto(position), 401, reason)
    tenant, chain = fresh()
    trial.send("POST", f"/v1/tenants/{tenant}/suspend", admin, expect=200)
    trial.accepted("a read for a suspended tenant", chain.token)
    trial.refused("a change for a suspended tenant", chain.upto(1), 403, "TENANT_SUSPENDED", "POST", "/v1/vms", VM)
    expiry(trial)


def expiry(trial):
    """A link ends with its parent at the latest."""
    chain = Chain(trial, trial.tenant())
    now = int(time.time())
    chain.token = credential.changed(chain.token, trial.issuer, iat=now, exp=now + LIFE_S)
    late = credential.link(chain.token, chain.holders[0].seed, Holder().public_key, exp=now + LIFE_S + 1)
    trial.refused("a link that outlives its parent", late, 401, "widened:exp")
    chain.link()
    trial.accepted("a link under one that has a few seconds", chain.token)
    give_up = time.monotonic() + REFUSED_WITHIN_S
    while trial.send("GET", "/v1/vms", chain.token).status == 200 and time.monotonic() < give_up:
        pass
    trial.refused("a link under an expired token", chain.token, 401, "expired")


def revoking(trial):
    """A holder of a link ends itself and what is below it, and nothing that is above it."""
    tenant = trial.tenant()
    chain = Chain(trial, tenant).link().link()
    path = f"/v1/tenants/{tenant}/revocations"
    for position in (0, 1):
        for method, target, body in (("DELETE", f"/v1/tokens/{chain.rids[position]}", None), ("POST", path, {"rid": chain.rids[position]}),
                                     ("POST", path, {"subject_pubkey": chain.holders[position].name}), ("POST", path, {"all": True})):
            answer = trial.send(method, target, chain.token, body)
            expected = (404, "NOT_FOUND") if method == "DELETE" and position else (403, "FORBIDDEN")  # no register knows a link
            trial.expect(f"{method} {target} {body}", (answer.status, answer.code), expected)
        trial.accepted("what is above", chain.upto(position))
    below = Chain(trial, tenant, by=chain.token)
    trial.expect("the ancestors of a sub-token", credential.claims_of(below.token)["anc"], chain.rids[::-1])
    trial.accepted("a sub-token under a link", below.token)
    trial.send("DELETE", f"/v1/tokens/{chain.rids[2]}", chain.token, expect=204)
    for what, token in (("itself", chain.token), ("what is below", below.token), ("and below that", below.link().token)):
        trial.refused(what, token, 401, "revoked")
    trial.accepted("what is above", chain.upto(1))
    reader = Chain(trial, tenant).link(scope="READ")
    trial.refused("a reader that names another's rid", reader.token, 403, "INSUFFICIENT_SCOPE", "DELETE", f"/v1/tokens/{chain.rids[1]}")
    trial.send("DELETE", f"/v1/tokens/{reader.rids[1]}", reader.token, expect=204)
    trial.refused("a reader that gave itself up", reader.token, 401, "revoked")


def ancestors(trial):
    """A sub-token names at most eight tokens above it."""
    tenant = trial.tenant()
    chain = Chain(trial, tenant)
    for _ in range(LINKS_MAX):
        chain.link()
    below = Chain(trial, tenant, by=chain.token).link().link()
    last = Chain(trial, tenant, by=below.token)
    trial.expect("its ancestors", credential.claims_of(last.token)["anc"], below.rids[::-1] + chain.rids[::-1])
    trial.accepted("the last one", last.token)
    order = {"subject_pubkey": Holder().name, "scope": "READ", "expires_in_seconds": 60}
    refused = trial.send("POST", f"/v1/tenants/{tenant}/tokens", last.token, order)
    trial.expect("one below it", (refused.status, refused.code), (409, "CONFLICT"))


def platform(trial):
    """A platform administrator's token narrowed to one tenant acts as that tenant's, shows in its ledger, and ends with its root."""
    tenant, other = trial.tenant(), trial.tenant()
    chain = Chain(trial, None, "service:platform-admin").link(tid=tenant)
    trial.send("POST", "/v1/vms", chain.token, VM, expect=201)
    answer = trial.send("GET", "/v1/status", chain.token, expect=200)
    trial.expect("whose rate it spends", answer.headers["RateLimit-Policy"].partition(";")[0], '"tenant"')
    trial.expect("whose it is", trial.verify(chain.token).json["tenant_id"], tenant)
    for method, path, body, code in (("GET", "/v1/tenants", None, "INSUFFICIENT_SCOPE"),
                                     ("PATCH", f"/v1/tenants/{tenant}", {"max_vms": 5}, "INSUFFICIENT_SCOPE"),
                                     ("POST", f"/v1/tenants/{tenant}/suspend", None, "INSUFFICIENT_SCOPE"),
                                     ("GET", f"/v1/tenants/{other}", None, "TENANT_MISMATCH"),
                                     ("POST", f"/v1/tenants/{other}/revocations", {"all": True}, "TENANT_MISMATCH")):
        trial.refused(f"{method} {path}", chain.token, 403, code, method, path, body)
    trial.refused("a link to another tenant", Chain(trial, None, "service:platform-admin").link(tid=tenant).link(tid=other).token, 401,
                  "widened:tid")
    trial.refused("a link to a tenant that is not there", Chain(trial, None, "service:platform-admin").link(tid="nobody-here").token, 401,
                  "tenant_unknown")
    order = {"subject_pubkey": Holder().name, "scope": "service:platform-admin", "expires_in_seconds": 60}
    trial.expect("an administrator issued under it", trial.send("POST", "/v1/tokens", chain.token, order).status, 422)
    below = Chain(trial, tenant, by=chain.token)
    trial.expect("a token issued under it", [credential.claims_of(below.token)[name] for name in ("tid", "anc")],
                 [tenant, [*chain.rids[::-1], credential.rid_of(trial.client.admin)]])
    trial.accepted("the same", below.token)
    trial.send("GET", "/v1/ledger/entries", chain.token, expect=200)
    entries = trial.send("GET", "/v1/ledger/entries", below.token, expect=200).json["entries"]
    entries = [each for each in entries if each["type"] != "TOKEN_LINK_SEEN"]
    seen = [(each["type"], each["actor"]["kind"], each["actor"]["token_id"], each["actor"]["subject_key"]) for each in entries[1:]]
    actor = ("platform-admin", chain.rids[1], chain.holders[1].name)
    trial.expect("its marks in the ledger", seen, [(name, *actor) for name in ("VM_CREATED", "TOKEN_ISSUED", "LEDGER_READ")])

    trial.send("POST", f"/v1/tenants/{tenant}/suspend", trial.client.admin, expect=200)
    trial.accepted("a read while the tenant is suspended", chain.token)
    trial.refused("a change while the tenant is suspended", chain.token, 403, "TENANT_SUSPENDED", "POST", "/v1/vms", VM)
    trial.send("POST", f"/v1/tenants/{tenant}/resume", trial.client.admin, expect=200)
    trial.send("DELETE", f"/v1/tokens/{chain.issued['token_id']}", trial.client.admin, expect=204)
    trial.refused("once its root is revoked", chain.token, 401, "revoked")
    trial.refused("what was issued under it", below.token, 401, "revoked")
    trial.refused("and a link of that", below.link().token, 401, "revoked")

    kept = Chain(trial, None, "service:platform-admin").link(tid=tenant)
    trial.accepted("another", kept.token)
    trial.send("POST", f"/v1/tenants/{tenant}/revocations", trial.client.admin, {"rid": kept.rids[1]}, expect=204)
    trial.refused("a link that was revoked in its tenant", kept.token, 401, "revoked")
    trial.send("GET", "/v1/tenants", kept.upto(0), expect=200)


def names(trial):
    """A link that takes the id of a colleague's token is not taken for the colleague."""
    tenant = trial.tenant()
    colleague = trial.issue(tenant)
    chain = Chain(trial, tenant).link(jti=colleague["token_id"])
    trial.send("POST", "/v1/vms", chain.token, VM, expect=201)
    entries = trial.send("GET", "/v1/ledger/entries?type=VM_CREATED", chain.token, expect=200).json["entries"]
    trial.expect("who made the VM", [each["actor"]["token_id"] for each in entries], [chain.rids[1]])
    trial.send("DELETE", f"/v1/tokens/{colleague['token_id']}", chain.token, expect=204)
    trial.accepted("the link", chain.token)
    trial.refused("the colleague", colleague["token"], 401, "revoked")


def texts(trial):
    """What OAuth's forms say of chains and do to them, and the text of a chain among the revocations."""
    tenant = trial.tenant()
    owner = trial.issue(tenant)["token"]
    chain = Chain(trial, tenant).link(scope="INPUT", exp=int(time.time()) + 300).link(scope="READ")

    def form(path, token, by, expect=200):
        return trial.send("POST", f"/v1/tokens/{path}", by, f"token={token}", expect=expect).json

    shown = form("introspect", chain.token, owner)
    last = credential.claims_of(chain.elements[-1])
    trial.expect("a chain", [shown[name] for name in ("active", "scope", "rid", "jti", "exp", "tid", "sub", "cnf")],
                 [True, "READ", chain.rids[2], last["jti"], last["exp"], tenant, credential.thumbprint(chain.holders[2].public_key),
                  {"jkt": credential.thumbprint(chain.holders[2].public_key)}])
    trial.expect("a reader that asks", form("introspect", chain.upto(0), chain.token)["active"], True)
    form("revoke", chain.upto(0), chain.token, 403)
    form("revoke", chain.token, chain.token)
    trial.refused("a link that ended itself", chain.token, 401, "revoked")
    trial.expect("it is asked about", form("introspect", chain.token, owner), {"active": False})
    trial.accepted("what is above", chain.upto(1))
    again = credential.link(chain.upto(1), chain.holders[1].seed, Holder().public_key)
    form("revoke", again, chain.upto(1))
    trial.refused("a link ended from above", again, 401, "revoked")
    path = f"/v1/tenants/{tenant}/revocations"
    trial.send("POST", path, owner, {"token": chain.upto(1)}, expect=204)
    trial.refused("a link ended by its text", chain.upto(1), 401, "revoked")
    trial.accepted("its root", chain.upto(0))
    trial.expect("a text of nobody's", trial.send("POST", path, owner, {"token": chain.token + "x"}).status, 422)
    narrowed = Chain(trial, None, "service:platform-admin").link(tid=tenant)
    trial.expect("the platform's own", form("introspect", narrowed.upto(0), owner), {"active": False})
    trial.expect("narrowed to the tenant", form("introspect", narrowed.token, owner)["scope"], "service:platform-admin")
    form("revoke", narrowed.upto(0), owner)
    trial.accepted("the platform's, which is not the tenant's to end", narrowed.token)
    form("revoke", narrowed.token, owner)
    trial.refused("narrowed to the tenant, ended by it", narrowed.token, 401, "revoked")
    trial.send("GET", "/v1/tenants", narrowed.upto(0), expect=200)
    form("revoke", narrowed.upto(0), narrowed.upto(0))
    trial.refused("the platform's, ended by itself", narrowed.upto(0), 401, "revoked", path="/v1/tenants")


def keys(trial):
    """A revoked key ends what was issued under a token of it, by the server too."""
    tenant = trial.tenant()
    root = Chain(trial, tenant)
    middle = Chain(trial, tenant, by=root.token)
    below = Chain(trial, tenant, by=middle.token).link()
    trial.accepted("the one below", below.token)
    trial.refused("its ancestor's key, revoked by it", below.token, 403, "FORBIDDEN", "POST", f"/v1/tenants/{tenant}/revocations",
                  {"subject_pubkey": root.holders[0].name})
    trial.send("POST", f"/v1/tenants/{tenant}/revocations", root.token, {"subject_pubkey": middle.holders[0].name}, expect=204)
    trial.refused("the token of that key", middle.token, 401, "key_revoked:subject")
    trial.refused("what was issued under it", below.upto(0), 401, "key_revoked:subject")
    trial.refused("and a link of that", below.token, 401, "key_revoked:subject")
    trial.accepted("what is above", root.token)


def replacing(trial):
    """Two who replace the same token at once: one of them does, and what hung below the old one ends."""
    tenant = trial.tenant()
    owner = trial.issue(tenant)["token"]
    order = {"scope": "INPUT", "expires_in_seconds": 60}
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS // 4):
            old = Chain(trial, tenant).link()
            path = f"/v1/tenants/{tenant}/tokens/{old.issued['token_id']}/replace"
            both = threading.Barrier(2)

            def replace(both=both, path=path):
                both.wait()
                return trial.client.send("POST", path, owner, order)

            answers = [each.result() for each in [threads.submit(replace) for _ in range(2)]]
            trial.expect("two at once", sorted(answer.status for answer in answers), [201, 409])
            for position in (0, 1):
                trial.refused(f"element {position} of the old token", old.upto(position), 401, "revoked")
            new = min(answers, key=lambda answer: answer.status).json
            trial.accepted("the new token", new["token"])
            trial.accepted("a link of its", credential.link(new["token"], old.holders[0].seed, Holder().public_key, scope="READ"))
    chain = Chain(trial, tenant).link()
    for position in (0, 1):
        path = f"/v1/tenants/{tenant}/tokens/{chain.rids[position]}/replace"
        answer = trial.send("POST", path, chain.token, order)
        trial.expect(f"a link that replaces element {position}", answer.status, 404 if position else 403)


def possession(trial):
    """Once an element asks for a proof, every one below does, by the last key; so whoever was handed a link has no use for its parent."""
    tenant = trial.tenant()
    chain = Chain(trial, tenant, require_pop=True).link(scope="READ")

    def call(token, holder):
        proof = credential.proof(holder.seed, token, "GET", trial.server.url + "/v1/vms")
        return trial.send("GET", "/v1/vms", headers=[("Authorization", f"DPoP {token}"), ("DPoP", proof)])

    trial.expect("by the last key", call(chain.token, chain.holders[1]).status, 200)
    for what, answer, reason in (("by its parent's key", call(chain.token, chain.holders[0]), "pop_key_mismatch"),
                                 ("the parent alone, by the link's key", call(chain.upto(0), chain.holders[1]), "pop_key_mismatch"),
                                 ("without a proof", trial.send("GET", "/v1/vms", chain.token), "pop_required")):
        trial.expect(what, (answer.status, answer.reason), (401, reason))


def race(trial):
    """A change under a link and the link's revocation at once: no change stands in the ledger after the revocation."""
    tenant = trial.tenant()
    root = Chain(trial, tenant)
    done = 0
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS):
            link = credential.link(root.token, root.holders[0].seed, Holder().public_key)
            rid = credential.rid_of(link.rpartition("~")[2])
            both = threading.Barrier(2)

            def send(method, path, token, body, both=both):
                both.wait()
                return trial.client.send(method, path, token, body).status

            made = threads.submit(send, "POST", f"/v1/tenants/{tenant}/tokens", link,
                                  {"subject_pubkey": trial.key, "scope": "READ", "expires_in_seconds": 60})
            revoked = threads.submit(send, "POST", f"/v1/tenants/{tenant}/revocations", trial.client.admin, {"rid": rid})
            trial.expect("the revocation", revoked.result(), 204)
            trial.expect("the change", made.result() in (201, 401), True)
            done += made.result() == 201
            trial.refused("the link afterwards", link, 401, "revoked")
    gone = set()
    for entry in trial.send("GET", "/v1/ledger/entries?page_size=1000", root.token, expect=200).json["entries"]:
        trial.expect("a change under a revoked link", entry["actor"]["token_id"] in gone, False)
        gone |= {entry["data"]["rid"]} if entry["type"] == "TOKEN_REVOKED" else set()
    print(f"chains: {done} of {ROUNDS} changes came before the revocation")


ITEMS = [narrowing, shape, endings, revoking, ancestors, platform, names, texts, keys, replacing, possession, race]
