"""What caveats that count and marks of use add to tokens (docs/TOKENS.md sections 4 and 15), against the real server: run.py runs these items
too. Their races are in tests/concurrency/counting.py."""
import time

import credential
from chains import VM, Chain, Holder
from watch import wait_for

TOLD_WITHIN_S = 10


def denied(trial, what, answer, caveat):
    trial.expect(what, (answer.status, answer.code, (answer.json or {}).get("reason")), (403, "CAVEAT_DENIED", f"caveat_denied:{caveat}"))


def uses(trial):
    """A request that reaches its handler is a use, whatever becomes of it; what only asks about the token, or repeats, is none."""
    tenant = trial.tenant()
    owner = trial.issue(tenant)["token"]
    token = trial.issue(tenant, "INPUT", caveats=[{"uses": 4}])["token"]
    for _ in range(3):
        trial.expect("its worth", (trial.verify(token).status, trial.verify(token).json["caveats"]), (200, [{"uses": 4}]))
        shown = trial.send("POST", "/v1/tokens/introspect", owner, f"token={token}", expect=200).json
        trial.expect("introspected", (shown["active"], shown["cav"]), (True, [{"uses": 4}]))
    key = [("Idempotency-Key", "create-1")]
    made = trial.send("POST", "/v1/vms", token, VM, key, expect=201)
    for _ in range(3):
        again = trial.send("POST", "/v1/vms", token, VM, key, expect=201)
        trial.expect("the same again", (again.body, again.headers["Idempotency-Replayed"]), (made.body, "true"))
    trial.expect("the key with another body", trial.send("POST", "/v1/vms", token, {**VM, "ram_mb": 65}, key).status, 422)
    trial.expect("a parameter that is none", trial.send("GET", "/v1/vms?colour=red", token).status, 400)
    trial.expect("what its scope excludes", trial.send("GET", f"/v1/tenants/{tenant}/tokens", token).code, "INSUFFICIENT_SCOPE")
    trial.expect("a use that is refused", trial.send("POST", "/v1/vms", token, {"vm_type": "small"}).status, 400)
    trial.expect("one for nothing", trial.send("GET", "/v1/vms/0", token).status, 404)
    trial.accepted("the last", token)
    denied(trial, "one more", trial.send("GET", "/v1/vms", token), "uses")
    denied(trial, "one more change", trial.send("DELETE", f"/v1/vms/{made.json['vm_id']}", token), "uses")
    trial.send("POST", "/v1/vms", token, VM, key, expect=201)
    trial.expect("its worth", trial.verify(token).status, 200)

    asker = trial.issue(tenant, "READ", caveats=[{"uses": 2}])["token"]
    for _ in range(2):
        trial.send("POST", "/v1/tokens/introspect", asker, f"token={owner}", expect=200)
    denied(trial, "a question too many", trial.send("POST", "/v1/tokens/introspect", asker, f"token={owner}"), "uses")


def families(trial):
    """Whatever hangs below a token has its numbers to share, and its own besides."""
    tenant = trial.tenant()
    first = Chain(trial, tenant, caveats=[{"uses": 6}])
    below = Chain(trial, tenant, by=first.token, caveats=[{"uses": 2}])
    link = Chain(trial, tenant, by=first.token).link(cav=[{"uses": 1}])
    trial.expect("a copy and its own", credential.claims_of(below.token)["cav"], [{"uses": 6}, {"uses": 2}])
    for _ in range(2):
        trial.accepted("a sub-token", below.token)
    denied(trial, "a sub-token beyond its own", trial.send("GET", "/v1/vms", below.token), "uses")
    trial.accepted("a link", link.token)
    denied(trial, "a link beyond its own", trial.send("GET", "/v1/vms", link.token), "uses")
    trial.accepted("what is left of six: two were orders, three reads", link.upto(0))
    for what, token in (("the first", first.token), ("what it issued", link.upto(0))):
        denied(trial, what, trial.send("GET", "/v1/vms", token), "uses")

    bound = Chain(trial, tenant, caveats=[{"uses": 20}]).link(cav=[{"uses": 2}])
    under_link = Chain(trial, tenant, by=bound.token)
    trial.accepted("one issued under a link", under_link.token)
    denied(trial, "the next, since issuing was a use of the link", trial.send("GET", "/v1/vms", under_link.token), "uses")
    denied(trial, "the link", trial.send("GET", "/v1/vms", bound.token), "uses")
    trial.accepted("what is above the link", bound.upto(0))

    for caveat in ({"uses": 9}, {"rpm": 9}, {"quota": {"vms": 9}}):
        counted = trial.issue(tenant, caveats=[caveat])
        path = f"/v1/tenants/{tenant}/tokens/{counted['token_id']}/replace"
        answer = trial.send("POST", path, counted["token"], {"scope": "READ"})
        trial.expect(f"it replaces itself: {caveat}", (answer.status, answer.code), (409, "CONFLICT"))
        order = {"subject_pubkey": Holder().name, "device_id": "node-1"}
        answer = trial.send("POST", f"/v1/tenants/{tenant}/devices/challenges", counted["token"], order)
        trial.expect(f"it enrols a device: {caveat}", (answer.status, answer.code), (403, "FORBIDDEN"))


def platform(trial):
    """A platform administrator's token, narrowed to tenants, counts in one place."""
    tenant, other = trial.tenant(), trial.tenant()
    chain = Chain(trial, None, "service:platform-admin", caveats=[{"uses": 5}, {"quota": {"vms": 1}}])
    narrowed = [credential.link(chain.token, chain.holders[0].seed, Holder().public_key, tid=each) for each in (tenant, other)]
    made = trial.send("POST", "/v1/vms", narrowed[0], VM, expect=201).json
    denied(trial, "a VM of another tenant", trial.send("POST", "/v1/vms", narrowed[1], VM), "quota")
    trial.send("DELETE", f"/v1/vms/{made['vm_id']}", trial.issue(tenant)["token"], expect=204)
    trial.send("POST", "/v1/vms", narrowed[1], VM, expect=201)
    trial.send("GET", "/v1/tenants", chain.token, expect=200)
    trial.send("PATCH", f"/v1/tenants/{tenant}", chain.token, {"max_vms": 5}, expect=200)
    for what, token, path in (("narrowed", narrowed[0], "/v1/vms"), ("as it was issued", chain.token, "/v1/tenants")):
        denied(trial, what, trial.send("GET", path, token), "uses")


def quotas(trial):
    """A quota caveat is about live VMs made under the token; the tenant's own limits stay as they are."""
    tenant = trial.tenant()
    owner = trial.issue(tenant)["token"]
    none = trial.issue(tenant, "INPUT", caveats=[{"quota": {"vms": 0}}])["token"]
    denied(trial, "none at all", trial.send("POST", "/v1/vms", none, VM), "quota")
    trial.accepted("its reads", none)
    first = trial.issue(tenant, caveats=[{"quota": {"vms": 2}}])
    small = trial.client.issue(tenant, trial.key, "INPUT", by=first["token"], caveats=[{"quota": {"vms": 1}}])["token"]
    trial.send("POST", "/v1/vms", owner, VM, expect=201)
    vm = trial.send("POST", "/v1/vms", small, VM, expect=201).json
    denied(trial, "beyond its own", trial.send("POST", "/v1/vms", small, VM), "quota")
    trial.send("POST", f"/v1/vms/{vm['vm_id']}/stop", small, expect=200)
    denied(trial, "a stopped one counts", trial.send("POST", "/v1/vms", small, VM), "quota")
    trial.send("POST", "/v1/vms", first["token"], VM, expect=201)
    denied(trial, "beyond the first's", trial.send("POST", "/v1/vms", first["token"], VM), "quota")
    trial.send("DELETE", f"/v1/vms/{vm['vm_id']}", owner, expect=204)
    trial.send("POST", "/v1/vms", first["token"], VM, expect=201)
    denied(trial, "the sub-token has room, its parent none", trial.send("POST", "/v1/vms", small, VM), "quota")


def rates(trial):
    """So many requests in a minute, and when to come again."""
    token = trial.issue(trial.tenant(), caveats=[{"rpm": 3}])["token"]
    for _ in range(3):
        trial.accepted("in time", token)
    answer = trial.send("GET", "/v1/vms", token)
    denied(trial, "too often", answer, "rpm")
    trial.expect("when to come again", (answer.json["retryable"], 1 <= int(answer.headers["Retry-After"]) <= 61), (True, True))


def seen(trial):
    """The register tells which tokens and links are in use, and the ledger once of each link."""
    tenant = trial.tenant()
    before = int(time.time())
    chain = Chain(trial, tenant).link(scope="INPUT").link(cav=[{"method": ["GET"]}])
    unused = trial.issue(tenant, "READ")
    path = f"/v1/tenants/{tenant}"

    def record(issued):
        return trial.send("GET", f"{path}/tokens/{issued['token_id']}", trial.client.admin, expect=200)

    fresh = record(chain.issued)
    trial.expect("before its first use", [fresh.json[name] for name in ("first_seen", "last_seen")], [None, None])
    trial.expect("its parent", fresh.json["parent"], credential.rid_of(trial.client.admin))
    revision = trial.send("GET", path, trial.client.admin, expect=200).headers["ETag"]
    trial.refused("a refused use", chain.upto(2), 403, "CAVEAT_DENIED", "POST", "/v1/vms", VM)
    for _ in range(5):
        trial.accepted("a use", chain.token)
    trial.expect("told in time", wait_for(lambda: record(chain.issued).json["first_seen"], TOLD_WITHIN_S), True)
    told = record(chain.issued)
    trial.expect("seen at once", told.json["first_seen"], told.json["last_seen"])
    trial.expect("no other version for it", (told.headers["ETag"], trial.send("GET", path, trial.client.admin).headers["ETag"]),
                 (fresh.headers["ETag"], revision))
    trial.expect("one that is not used", record(unused).json["first_seen"], None)
    links = trial.send("GET", f"{path}/links", trial.client.admin, expect=200).json["links"]
    links.sort(key=lambda link: link["depth"])
    trial.expect("the links", [(each["rid"], each["parent"], each["root"], each["depth"], each["scope"], each["subject_pubkey"], each["caveats"])
                               for each in links],
                 [(chain.rids[1], chain.rids[0], chain.rids[0], 1, "INPUT", chain.holders[1].name, []),
                  (chain.rids[2], chain.rids[1], chain.rids[0], 2, "INPUT", chain.holders[2].name, [{"method": ["GET"]}])])
    page = trial.send("GET", f"{path}/links?page_size=1", trial.client.admin, expect=200).json
    rest = trial.send("GET", f"{path}/links?page_size=1&page_token={page['next_page_token']}", trial.client.admin, expect=200).json
    trial.expect("page by page", sorted(each["rid"] for each in page["links"] + rest["links"]), sorted(chain.rids[1:]))

    trial.expect("which are revoked", [each["revoked"] for each in links], [False, False])

    below = Chain(trial, tenant, by=chain.upto(0)).link()
    hung = trial.client.issue(tenant, trial.key, "READ", by=below.token)
    trial.expect("the parent is a link", record(hung).json["parent"], below.rids[1])
    entries = trial.send("GET", f"{path}/ledger/entries?type=TOKEN_LINK_SEEN", trial.client.admin, expect=200).json["entries"]
    trial.expect("entries", sorted(each["data"]["rid"] for each in entries), sorted([*chain.rids[1:], below.rids[1]]))
    for entry in entries:
        trial.expect("who saw it", (entry["actor"]["kind"], entry["ts"] >= before * 1000, "token_id" in entry["data"]), ("system", True, False))


def revoked_links(trial):
    """The list of links says of each whether it is revoked: by its rid, with what is above it, by a key, with its generation."""
    def used(tenant, chain):
        trial.accepted("a use", chain.token)
        wait_for(lambda: set(chain.rids[1:]) <= shown(tenant).keys(), TOLD_WITHIN_S)

    def shown(tenant):
        rows = trial.send("GET", f"/v1/tenants/{tenant}/links", trial.client.admin, expect=200).json["links"]
        return {row["rid"]: row["revoked"] for row in rows}

    def end(tenant, **what):
        trial.send("POST", f"/v1/tenants/{tenant}/revocations", trial.client.admin, what, expect=204)

    tenant = trial.tenant()
    chains = [Chain(trial, tenant).link().link().link() for _ in range(4)]
    for chain in chains:
        used(tenant, chain)
    keys = [holder.name for chain in chains[1:3] for holder in (chain.holders[2], chain.holders[0])]
    for what, which, expected in (({"rid": chains[0].rids[2]}, 0, [False, True, True]), ({"rid": chains[0].rids[1]}, 0, [True] * 3),
                                  ({"subject_pubkey": keys[0]}, 1, [False, True, True]), ({"subject_pubkey": keys[3]}, 2, [True] * 3)):
        end(tenant, **what)
        state = shown(tenant)
        trial.expect(f"links after {next(iter(what))}", [state[rid] for rid in chains[which].rids[1:]], expected)
    trial.expect("one of which nothing was revoked", [shown(tenant)[rid] for rid in chains[3].rids[1:]], [False] * 3)
    end(tenant, all=True)
    trial.expect("links after all", set(shown(tenant).values()), {True})

    tenant = trial.tenant()
    above = Chain(trial, tenant)
    hung = Chain(trial, tenant, by=above.token).link()
    narrowed = Chain(trial, None, "service:platform-admin").link(tid=tenant, scope="INPUT")
    for chain in (hung, narrowed):
        used(tenant, chain)
    trial.expect("links before", set(shown(tenant).values()), {False})
    end(tenant, rid=above.rids[0])
    trial.expect("a link under what hung from it", [shown(tenant)[each.rids[1]] for each in (hung, narrowed)], [True, False])
    trial.send("DELETE", f"/v1/tokens/{narrowed.issued['token_id']}", trial.client.admin, expect=204)
    trial.expect("a link under the platform's token", shown(tenant)[narrowed.rids[1]], True)


ITEMS = [uses, families, platform, quotas, rates, seen, revoked_links]
