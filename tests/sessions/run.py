#!/usr/bin/env python3
"""Sessions against the real server (docs/TOKENS.md section 14a): what opens one, what it may, and everything that ends it, at once for
changes and within a second for reads, on another replica too.

Usage: run.py --server PROGRAM [--store ENGINE]
"""
import argparse
import concurrent.futures
import json
import pathlib
import secrets
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from client import Client  # noqa: E402
from server import UNLIMITED, Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

WITHIN_S = 3  # on every replica: one second, and what a loaded machine adds
PATIENCE_S = 60
ASK_EVERY_S = 0.5  # where each look is a request
RACERS = 16
IDLE_S = 10  # the shortest there is; a use is noted after a second
COOKIE = "__Host-cadastre-session"
VM = {"vm_type": "small", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 1}
NO_CHALLENGE = "does not hold: its nonce is of no open challenge of this token; ask for another"


class Trial:
    def __init__(self, server):
        self.server = server
        self.client = Client(server)
        self.seed = secrets.token_bytes(32)
        self.key = credential.b64url(credential.public_key_of(self.seed))
        self.secrets, self.faults = [], []
        self.checks = self.made = 0

    def expect(self, what, actual, expected):
        self.checks += 1
        if actual != expected:
            self.faults.append(f"{what}: expected {expected}, got {actual}")

    def tenant(self):
        self.made += 1
        return self.client.make_tenant(f"tenant-{self.made}")

    def issue(self, tenant, scope="service:tenant-admin", **more):
        return self.client.issue(tenant, self.key, scope, **more)

    def challenge(self, token):
        answer = self.client.send("POST", "/v1/sessions/challenges", token, expect=201).json
        self.secrets.append(answer["nonce"])
        return answer

    def proof(self, token, **more):
        return credential.session_proof(self.seed, self.challenge(token), **more)

    def open(self, token, **more):
        """The answer's JSON, with the cookie of a browser's."""
        answer = self.client.send("POST", "/v1/sessions", token, {"proof": self.proof(token), **more}, expect=201)
        opened = answer.json
        if more.get("browser"):
            opened["cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
        self.secrets.append((opened.get("credential") or opened["cookie"]).rpartition(".")[2])
        self.secrets += [opened["csrf_token"]] if "csrf_token" in opened else []
        return opened

    def status(self, session, method="GET", path="/v1/vms", body=None, client=None):
        """Status and reason of a call with the session's credential."""
        answer = (client or self.client).send(method, path, session["credential"], body)
        return (answer.status, answer.reason) if answer.status == 401 else answer.status

    def good(self, what, session, client=None):
        self.expect(f"a read, {what}", self.status(session, client=client), 200)
        self.expect(f"a change, {what}", self.status(session, "POST", "/v1/vms", VM, client), 201)

    def ended(self, what, session, client=None):
        """It is refused at once for changes, and within a second for reads."""
        over = (401, "session_ended")
        self.expect(f"a change, {what}", self.status(session, "POST", "/v1/vms", VM, client), over)
        began = time.monotonic()
        wait_for(lambda: self.status(session, client=client) == over, WITHIN_S)
        self.expect(f"a read, {what}, after {time.monotonic() - began:.3f} s", self.status(session, client=client), over)

    def entries(self, token, kind):
        """The facts of those entries, oldest first."""
        rows = self.client.send("GET", f"/v1/ledger/entries?type={kind}&page_size=1000", token, expect=200).json["entries"]
        return [row["data"] for row in rows]

    def listed(self, token, path="/v1/sessions"):
        return {row["session_id"]: row for row in self.client.send("GET", path, token, expect=200).json["sessions"]}


def acts_as_its_token(trial):
    """Scope, caveats, tenant and what it issues are its token's."""
    tenant = trial.tenant()
    token = trial.issue(tenant)["token"]
    session = trial.open(token)
    trial.good("of a new session", session)
    order = {"subject_pubkey": trial.key, "scope": "READ", "expires_in_seconds": 60}
    issued = trial.client.send("POST", f"/v1/tenants/{tenant}/tokens", session["credential"], order, expect=201).json["token"]
    trial.expect("what an issued token hangs from", credential.claims_of(issued)["anc"], [credential.rid_of(token)])
    later = {**order, "expires_in_seconds": 700}
    trial.expect("a token that would outlive it", trial.client.send("POST", f"/v1/tenants/{tenant}/tokens", session["credential"],
                                                                   later).code, "EXPIRES_AFTER_PARENT")
    caveats = [{"method": ["GET", "POST"]}, {"path": ["/v1/vms", "/v1/sessions", "/v1/sessions/challenges"]}]
    narrow = trial.open(trial.issue(tenant, "INPUT", caveats=caveats)["token"])
    trial.expect("within its caveats", trial.status(narrow), 200)
    for method, path in (("GET", "/v1/status"), ("DELETE", "/v1/vms/00000000-0000-7000-8000-000000000000")):
        trial.expect(f"{method} {path} outside its caveats", trial.client.send(method, path, narrow["credential"]).code, "CAVEAT_DENIED")
    trial.expect("beyond its scope", trial.client.send("GET", f"/v1/tenants/{tenant}/tokens",
                                                       trial.open(trial.issue(tenant, "READ")["token"])["credential"]).code,
                 "INSUFFICIENT_SCOPE")
    other = trial.tenant()
    trial.expect("another tenant's path", trial.client.send("GET", f"/v1/tenants/{other}", session["credential"]).code, "TENANT_MISMATCH")
    moved = session["credential"].replace(f"cs_{tenant}.", f"cs_{other}.")
    trial.expect("the same secret for another tenant", trial.status({"credential": moved}), (401, "session_ended"))
    root = trial.issue(tenant, delegable_depth=2)["token"]
    next_seed = secrets.token_bytes(32)
    chain = credential.link(root, trial.seed, credential.public_key_of(next_seed), scope="INPUT", cav=[{"method": ["GET", "POST"]}])
    proof = credential.session_proof(next_seed, trial.challenge(chain))
    if trial.client.send("GET", "/v1/vms", chain).status == 200:  # links are accepted
        linked = trial.client.send("POST", "/v1/sessions", chain, {"proof": proof}, expect=201).json
        trial.good("of a link's session", linked)
        trial.expect("the link's caveat", trial.client.send("DELETE", "/v1/vms/x", linked["credential"]).code, "CAVEAT_DENIED")
        trial.client.send("POST", f"/v1/tenants/{tenant}/revocations", trial.client.admin, {"token": root}, expect=204)
        trial.ended("once the root of its chain is revoked", linked)


def counts_with_its_token(trial):
    """A session and its token share what a caveat counts, the two requests that opened it included."""
    token = trial.issue(trial.tenant(), "INPUT", caveats=[{"uses": 6}, {"quota": {"vms": 1}}])["token"]
    session = trial.open(token)
    trial.expect("a VM", trial.status(session, "POST", "/v1/vms", VM), 201)
    second = trial.client.send("POST", "/v1/vms", token, VM)
    trial.expect("a second one, by the token", (second.status, second.json["reason"]), (403, "caveat_denied:quota"))
    trial.expect("the fifth use", trial.status(session), 200)
    trial.expect("the sixth", trial.client.send("GET", "/v1/vms", token).status, 200)
    for what, text in (("the session", session["credential"]), ("the token", token)):
        trial.expect(f"another of {what}", trial.client.send("GET", "/v1/vms", text).json.get("reason"), "caveat_denied:uses")


def platform(trial):
    """An administrator of the platform opens one under a token whose key they have."""
    token = trial.issue(None, "service:platform-admin")["token"]
    session = trial.open(token)
    trial.expect("its credential names no tenant", session["credential"].startswith("cs_."), True)
    tenant = trial.tenant()
    trial.expect("all tenants", trial.client.send("GET", "/v1/tenants", session["credential"]).status, 200)
    trial.client.send("PATCH", f"/v1/tenants/{tenant}", session["credential"], {"max_vms": 7}, expect=200)
    trial.expect("what it is listed as", trial.listed(session["credential"])[session["session_id"]]["tenant_id"], None)
    refused = trial.client.send("POST", "/v1/sessions/challenges", trial.client.admin)
    trial.expect("a token whose key was dropped", (refused.status, "its key was dropped" in refused.json["detail"]), (403, True))
    mine = trial.open(trial.issue(tenant)["token"])
    trial.client.send("DELETE", f"/v1/tenants/{tenant}/sessions/{mine['session_id']}", session["credential"], expect=204)
    trial.ended("ended by the platform", mine)
    trial.client.send("DELETE", f"/v1/sessions/{session['session_id']}", session["credential"], expect=204)
    trial.expect("ended by itself", trial.client.send("GET", "/v1/tenants", session["credential"]).reason, "session_ended")
    narrowed_platform(trial, tenant)


def narrowed_platform(trial, tenant):
    """What hangs from an administrator's token in a tenant's namespace goes with it, its rows by the sweep."""
    root = trial.issue(None, "service:platform-admin", delegable_depth=1)
    seed = secrets.token_bytes(32)
    chain = credential.link(root["token"], trial.seed, credential.public_key_of(seed), tid=tenant, scope="service:tenant-admin")
    proof = credential.session_proof(seed, trial.challenge(chain))
    linked = trial.client.send("POST", "/v1/sessions", chain, {"proof": proof}, expect=201).json
    below = trial.open(trial.client.issue(tenant, trial.key, by=chain)["token"])
    staying = trial.open(trial.issue(tenant)["token"])
    trial.secrets.append(linked["credential"].rpartition(".")[2])
    trial.client.send("DELETE", f"/v1/tokens/{root['token_id']}", trial.client.admin, expect=204)
    trial.ended("once the platform's token above its link is revoked", linked)
    trial.ended("once the platform's token above its own is revoked", below)
    path = f"/v1/tenants/{tenant}"

    def closed():
        rows = trial.client.send("GET", f"{path}/ledger/entries?type=SESSION_CLOSE", trial.client.admin, expect=200).json["entries"]
        return {row["data"]["session_id"]: (row["actor"]["kind"], row["data"]["reason"]) for row in rows}

    gone = {linked["session_id"], below["session_id"]}
    wait_for(lambda: gone <= closed().keys(), PATIENCE_S, ASK_EVERY_S)
    trial.expect("how the rows went", [closed().get(each) for each in gone], [("system", "token_revoked")] * 2)
    trial.expect("what is left", set(trial.listed(trial.client.admin, f"{path}/sessions")), {staying["session_id"]})


def wrong_proofs(trial):
    """Whatever is wrong in a proof, and how often it may be."""
    tenant = trial.tenant()
    token, other = (trial.issue(tenant)["token"] for _ in range(2))

    def reason(proof, under=token):
        answer = trial.client.send("POST", "/v1/sessions", under, {"proof": proof})
        return answer.status if answer.status == 201 else answer.json["errors"][0]["detail"].removeprefix("does not hold: ")

    challenge = trial.challenge(token)
    for claims, expected in (({"aud": "cadastre:other"}, "session_aud"), ({"rid": credential.rid_of(other)}, "session_rid"),
                             ({"nonce": credential.b64url(secrets.token_bytes(32))}, NO_CHALLENGE.removeprefix("does not hold: ")),
                             ({"nonce": "short"}, "claim_type:nonce"), ({"jti": None}, "claim_missing:jti"),
                             ({"exp": 1}, "unknown_claim:exp")):
        trial.expect(f"a proof with {claims}", reason(credential.session_proof(trial.seed, challenge, **claims)), expected)
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": trial.key}
    trial.expect("a proof with a key", reason(credential.session_proof(trial.seed, challenge, {"jwk": jwk})), "unknown_header_param:jwk")
    trial.expect("a proof of another kind", reason(credential.session_proof(trial.seed, challenge, {"typ": "dpop+jwt"})), "bad_typ")
    good = credential.session_proof(trial.seed, challenge)
    trial.expect("under another token of the same key", reason(good, other), NO_CHALLENGE.removeprefix("does not hold: "))
    trial.expect("by an old clock", reason(credential.session_proof(trial.seed, challenge, iat=1)), 201)
    challenge = trial.challenge(token)
    bad = credential.session_proof(secrets.token_bytes(32), challenge)
    with concurrent.futures.ThreadPoolExecutor(RACERS) as threads:
        reasons = list(threads.map(lambda _: reason(bad), range(RACERS)))
    trial.expect("wrong proofs at once that were counted", reasons.count("session_signature"), 5)
    trial.expect("the right one after them", reason(credential.session_proof(trial.seed, challenge)),
                 NO_CHALLENGE.removeprefix("does not hold: "))


def one_nonce_one_session(trial):
    tenant = trial.tenant()
    token = trial.issue(tenant)["token"]
    for _ in range(5):
        proof = trial.proof(token)
        with concurrent.futures.ThreadPoolExecutor(RACERS) as threads:
            answers = list(threads.map(lambda _: trial.client.send("POST", "/v1/sessions", token, {"proof": proof}), range(RACERS)))
        trial.secrets += [answer.json["credential"].rpartition(".")[2] for answer in answers if answer.status == 201]
        trial.expect("sessions of one nonce", sorted(answer.status for answer in answers), [201] + [422] * (RACERS - 1))
    trial.expect("open sessions", len(trial.listed(token)), 5)
    proof = trial.proof(token)
    key = [("Idempotency-Key", "once")]
    first, again = (trial.client.send("POST", "/v1/sessions", token, {"proof": proof}, key) for _ in range(2))
    trial.secrets.append(first.json["credential"].rpartition(".")[2])
    trial.expect("an order sent again with its key", (first.status, again.status), (201, 422))


def tokens_end(trial):
    """Every way in which a token ends ends its sessions."""
    admin = trial.client.admin
    ways = {
        "revoked by its id": lambda tenant, token: trial.client.send("DELETE", f"/v1/tenants/{tenant}/tokens/{token['token_id']}", admin,
                                                                     expect=204),
        "revoked by its rid": lambda tenant, token: revoke(tenant, rid=token["rid"]),
        "revoked by its key": lambda tenant, token: revoke(tenant, subject_pubkey=token["subject_pubkey"]),
        "revoked by its text": lambda tenant, token: revoke(tenant, token=token["token"]),
        "revoked with all others": lambda tenant, token: revoke(tenant, all=True),
        "replaced": lambda tenant, token: trial.client.send("POST", f"/v1/tenants/{tenant}/tokens/{token['token_id']}/replace", admin,
                                                            {"scope": "INPUT"}, expect=201),
    }

    def revoke(tenant, **what):
        trial.client.send("POST", f"/v1/tenants/{tenant}/revocations", admin, what, expect=204)

    for name, way in ways.items():
        tenant = trial.tenant()
        token = trial.issue(tenant)
        session = trial.open(token["token"])
        child = trial.client.issue(tenant, trial.key, by=token["token"])
        below = trial.open(child["token"])
        trial.good(f"before its token is {name}", session)
        trial.good(f"before what its token hangs from is {name}", below)
        way(tenant, token)
        trial.ended(f"its token {name}", session)
        trial.ended(f"what its token hangs from {name}", below)
        closed = trial.client.send("GET", f"/v1/tenants/{tenant}/ledger/entries?type=SESSION_CLOSE", admin).json["entries"]
        trial.expect(f"how they ended, {name}", sorted((row["data"]["session_id"], row["data"]["reason"]) for row in closed),
                     sorted((each["session_id"], "token_revoked") for each in (session, below)))
    tenant = trial.tenant()
    session = trial.open(trial.issue(tenant)["token"])
    trial.expect("before its tenant is suspended", trial.status(session), 200)
    trial.client.send("POST", f"/v1/tenants/{tenant}/suspend", admin, expect=200)
    trial.expect("a suspended tenant's change", trial.client.send("POST", "/v1/vms", session["credential"], VM).code, "TENANT_SUSPENDED")
    trial.expect("a suspended tenant's read", trial.status(session), 200)
    trial.client.send("DELETE", f"/v1/tenants/{tenant}", admin, expect=204)
    trial.ended("its tenant deleted", session)


def closing(trial):
    """Who sees and ends whose."""
    tenant = trial.tenant()
    boss, reader = trial.issue(tenant)["token"], trial.issue(tenant, "READ")["token"]
    mine, readers = trial.open(boss), [trial.open(reader) for _ in range(3)]
    ids = [each["session_id"] for each in readers]
    trial.expect("what an administrator sees", set(trial.listed(boss)), {mine["session_id"], *ids})
    trial.expect("what a reader sees", set(trial.listed(reader)), set(ids))
    for method in ("GET", "DELETE"):
        trial.expect(f"{method} of what one does not see",
                     trial.client.send(method, f"/v1/sessions/{mine['session_id']}", readers[0]["credential"]).status, 404)
    child = trial.client.issue(tenant, trial.key, by=boss)["token"]
    trial.expect("an end of what is above one", trial.client.send("DELETE", f"/v1/sessions/{mine['session_id']}", child).status, 403)
    trial.client.send("DELETE", f"/v1/sessions/{ids[0]}", readers[0]["credential"], expect=204)
    trial.ended("ended by itself", readers[0])
    trial.expect("another of the same token", trial.status(readers[1]), 200)
    trial.client.send("DELETE", f"/v1/sessions/{ids[1]}", boss, expect=204)
    trial.ended("ended by the administrator", readers[1])
    trial.expect("ended twice", trial.client.send("DELETE", f"/v1/sessions/{ids[1]}", boss).status, 404)
    trial.expect("all that is its own", trial.client.send("DELETE", "/v1/sessions", reader).json, {"closed": 1})
    trial.ended("ended with all", readers[2])
    trial.good("that was nobody's to end", mine)
    trial.expect("all of the tenant's", trial.client.send("DELETE", "/v1/sessions", mine["credential"]).json, {"closed": 1})
    trial.ended("ended with all by itself", mine)
    trial.expect("the token goes on", trial.client.send("GET", "/v1/vms", boss).status, 200)
    kinds = [trial.entries(boss, kind) for kind in ("SESSION_OPEN", "SESSION_CLOSE")]
    trial.expect("entries", [len(each) for each in kinds], [4, 4])
    trial.expect("how long they lasted", all(0 <= each["duration_s"] < PATIENCE_S and each["reason"] == "closed" for each in kinds[1]), True)
    pages = trial.client.send("GET", "/v1/sessions?page_size=1", boss, expect=200).json
    trial.expect("an empty list", pages, {"sessions": []})
    for _ in range(3):
        trial.open(boss)
    seen, path = [], "/v1/sessions?page_size=2"
    page = trial.client.send("GET", path, boss, expect=200).json
    seen += [row["session_id"] for row in page["sessions"]]
    page = trial.client.send("GET", f"{path}&page_token={page['next_page_token']}", boss, expect=200).json
    seen += [row["session_id"] for row in page["sessions"]]
    trial.expect("pages", (len(set(seen)), "next_page_token" in page), (3, False))


def browsers(trial):
    tenant = trial.tenant()
    token = trial.issue(tenant)["token"]
    session = trial.open(token, browser=True)

    def send(method, *headers, path="/v1/vms", body=None):
        answer = trial.client.send(method, path, None, body, [("Cookie", f"a=b; {session['cookie']}"), *headers])
        return answer.status, answer.reason or answer.code

    csrf = ("X-CSRF-Token", session["csrf_token"])
    origin = ("Origin", trial.server.url)
    trial.expect("a read", send("GET"), (200, None))
    trial.expect("a change", send("POST", csrf, body=VM), (201, None))
    trial.expect("from its own page", send("POST", csrf, origin, body=VM), (201, None))
    trial.expect("a change without the token", send("POST", body=VM), (403, "FORBIDDEN"))
    trial.expect("a change with a wrong one", send("POST", ("X-CSRF-Token", "A" * 43), body=VM), (403, "FORBIDDEN"))
    trial.expect("from another page", send("POST", csrf, ("Origin", "https://evil.example"), body=VM), (403, "FORBIDDEN"))
    trial.expect("a read from another page", send("GET", ("Origin", "null")), (403, "FORBIDDEN"))
    trial.expect("with a token", send("GET", ("Authorization", f"Bearer {token}")), (401, "multiple_credentials"))
    trial.expect("two cookies", send("GET", ("Cookie", session["cookie"])), (401, "multiple_credentials"))
    text = session["cookie"].partition("=")[2]
    trial.expect("its text as a Bearer credential", trial.client.send("GET", "/v1/vms", text).reason, "session_form")
    bearer = trial.open(token)["credential"]
    trial.expect("a Bearer credential as a cookie",
                 trial.client.send("GET", "/v1/vms", headers=[("Cookie", f"{COOKIE}={bearer}")]).reason, "session_form")
    trial.expect("a token as a cookie", trial.client.send("GET", "/v1/vms", headers=[("Cookie", f"{COOKIE}={token}")]).reason,
                 "session_form")
    vms = len(trial.client.send("GET", "/v1/vms", token).json["vms"])
    trial.expect("VMs, of two changes that were meant", vms, 2)
    trial.expect("sign-out", send("DELETE", csrf, path=f"/v1/sessions/{session['session_id']}"), (204, None))
    trial.expect("after it", send("GET"), (401, "session_ended"))


def no_session(trial):
    """Who cannot open one."""
    tenant = trial.tenant()
    answers = {"a token that demands proofs": None}
    strict = trial.issue(tenant, "READ", require_pop=True)["token"]
    url = trial.server.url + "/v1/sessions/challenges"
    fields = [("Authorization", f"DPoP {strict}"), ("DPoP", credential.proof(trial.seed, strict, "POST", url))]
    answers["a token that demands proofs"] = trial.client.send("POST", "/v1/sessions/challenges", headers=fields)
    session = trial.open(trial.issue(tenant)["token"])
    answers["a session"] = trial.client.send("POST", "/v1/sessions/challenges", session["credential"])
    for name, answer in answers.items():
        trial.expect(name, (answer.status, answer.code), (403, "FORBIDDEN"))
    for wrong in ("cs_", "cs_x", f"{session['credential']}A", session["credential"][:-1], session["credential"].replace("cs_", "CS_")):
        trial.expect(f"{len(wrong)} characters of a credential", trial.status({"credential": wrong})[0], 401)
    worth = trial.client.send("POST", "/v1/tokens/verify", body={"token": session["credential"]}).json
    trial.expect("what its credential is worth", (worth["valid"], worth["session_id"], worth["expires_at"]),
                 (True, session["session_id"], session["expires_at"]))
    reader = trial.issue(tenant, "READ")["token"]
    for who, status in ((reader, 200), (trial.issue(trial.tenant())["token"], 200)):  # who may not see it, so nothing is said
        trial.client.send("POST", "/v1/tokens/revoke", who, f"token={session['credential']}", expect=status)
    trial.good("that nobody could revoke", session)
    trial.client.send("POST", "/v1/tokens/revoke", session["credential"], f"token={session['credential']}", expect=200)
    trial.ended("revoked by its text", session)


def limits(trial):
    """A session ends by age, and by idleness; until then uses keep it alive, and the ledger says how it ended."""
    tenant = trial.tenant()
    token = trial.issue(tenant)["token"]
    old = trial.open(token, lifetime_seconds=IDLE_S)
    idle = trial.open(token, idle_timeout_seconds=IDLE_S)
    busy = trial.open(token, idle_timeout_seconds=IDLE_S)
    began = time.monotonic()
    trial.good("of a session with a short life", old)
    gone = {}

    def look():
        trial.expect("the one in use", trial.status(busy), 200)
        time.sleep(0.2)  # a use now and then, and not a flood
        open_ones = trial.listed(token)
        for name, session in (("old", old), ("idle", idle)):
            if session["session_id"] not in open_ones:
                gone.setdefault(name, time.monotonic() - began)
        return len(gone) == 2 and time.monotonic() - began > 2 * IDLE_S

    wait_for(look, PATIENCE_S)
    trial.expect("both came to their end", sorted(gone), ["idle", "old"])
    trial.expect("neither before its time", all(IDLE_S - 1 <= after <= IDLE_S + 5 for after in gone.values()), True)
    print(f"old ended after {gone.get('old', 0):.1f} s, idle after {gone.get('idle', 0):.1f} s")
    trial.ended("its life over", old)
    trial.ended("idle", idle)
    trial.good("used all the time", busy)
    noted = trial.listed(token)[busy["session_id"]]
    trial.expect("when it was seen", noted["seen_at"] > noted["opened_at"], True)

    def reasons():
        return {each["session_id"]: (each["reason"], each["duration_s"]) for each in trial.entries(token, "SESSION_CLOSE")}

    wait_for(lambda: old["session_id"] in reasons(), PATIENCE_S, ASK_EVERY_S)
    trial.expect("the entry of the one whose life was over", reasons().get(old["session_id"]), ("expired", IDLE_S))


def replicas(trial):
    """Ended on one, refused on the other."""
    with trial.server.replica() as other:
        far = Client.__new__(Client)
        far.server, far.own, far.admin = other, trial.client.own.__class__(), trial.client.admin
        for name in ("session", "token"):
            tenant = trial.tenant()
            token = trial.issue(tenant)
            session = trial.open(token["token"])
            trial.good("on the other replica", session, far)
            path = f"/v1/sessions/{session['session_id']}" if name == "session" else f"/v1/tenants/{tenant}/tokens/{token['token_id']}"
            trial.client.send("DELETE", path, token["token"] if name == "session" else trial.client.admin, expect=204)
            trial.ended(f"on the other replica, by its {name}", session, far)


def nothing_kept(trial):
    """Every secret is looked for at the server's end; the ledger verifies."""
    trial.expect("secrets looked for", len(trial.secrets) > 50, True)
    trial.server.scan.add(*trial.secrets, kind="a secret of a session")
    done = trial.server.service_fs("verify", "--full")
    trial.expect(f"the ledger: {done.stdout}{done.stderr}", done.returncode, 0)


ITEMS = [acts_as_its_token, counts_with_its_token, platform, wrong_proofs, one_nonce_one_session, tokens_end, closing, browsers, no_session, limits]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    options = parser.parse_args()
    server = Server(options.server, arguments=[*UNLIMITED, "--log-level", "debug", "--token-links-max", "4"], store=options.store)
    try:
        with server:
            trial = Trial(server)
            for item in ITEMS:
                began, before = time.monotonic(), len(trial.faults)
                item(trial)
                print(f"{item.__name__}: {len(trial.faults) - before} faults, {time.monotonic() - began:.1f} s")
            if not options.store.startswith("sqlite"):
                replicas(trial)
            nothing_kept(trial)
    finally:
        for fault in trial.faults:
            print(fault)
    print(json.dumps({"checks": trial.checks, "faults": len(trial.faults), "sessions": len(trial.secrets)}))
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
