#!/usr/bin/env python3
"""Two real servers on one database, and what must hold whatever happens to them: quotas are exact, nothing that was answered for is
lost, no leaf is without its change and no seq missing, a revocation holds everywhere, without the database nobody is told yes, and one
of them publishes the ledgers, whichever is killed or stands still.

Usage: run.py --server PROGRAM [--rounds N]. Uses a database cluster of its own, which it stops and starts.
"""
import argparse
import concurrent.futures
import contextlib
import pathlib
import secrets
import sys
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[0:0] = [str(ROOT / "support"), str(ROOT / "concurrency")]
import credential  # noqa: E402
from arena import PUBLIC_KEY, Arena, vm_order  # noqa: E402
from crowd import CONCURRENT, Caller  # noqa: E402
from races import check_replays  # noqa: E402
from seed import seeded_random  # noqa: E402
from server import UNLIMITED, Server  # noqa: E402
from watch import wait_for  # noqa: E402

HEARD_WITHIN_S = 3  # one second, and what a loaded machine adds
BACK_WITHIN_S = 15
PUBLISHED_WITHIN_S = 15  # five seconds, and what a loaded machine adds: by another, after the one that published was killed or stopped
RATE = 120              # requests a minute of the tenant that is limited
SILENCE_S = 5  # after which a replica trusts nothing it has heard
NOTICED_WITHIN_S = 3  # that the database does not answer
CALLERS = 8    # of a load, at each replica


class Load:
    """Callers that create and delete VMs of one tenant at all replicas until they are told to end. Keeps what was answered."""

    def __init__(self, tenant, ports):
        self.tenant = tenant
        self.created, self.deleted, self.unknown = set(), set(), set()
        self.statuses = {}
        self.is_full = False
        self.guard, self.ending = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(port,)) for port in ports for _ in range(CALLERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def work(self, port):
        caller = Caller(port, self.tenant.token)
        own = []
        while not self.ending.is_set():
            try:
                self.turn(caller, own)
            except ConnectionError:
                time.sleep(0.02)  # it is being started again

    def turn(self, caller, own):
        if len(own) > 3 or (own and self.is_full):
            vm_id = own.pop()
            with self.guard:
                self.unknown.add(vm_id)
            answer = caller.call("DELETE", f"/v1/vms/{vm_id}")
        else:
            vm_id = None
            answer = caller.call("POST", "/v1/vms", vm_order())
        with self.guard:
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
            if not vm_id:
                self.is_full = answer.status == 429
            if answer.status == 201:
                own.append(answer.json["vm_id"])
                self.created.add(answer.json["vm_id"])
            if answer.status in (204, 404) and vm_id:
                self.unknown.discard(vm_id)
                self.deleted.add(vm_id)

    def answered(self):
        return sum(count for status, count in self.statuses.items() if status < 300)


class Trial:
    def __init__(self, first, second, seed):
        self.first, self.second = first, second
        self.arena = Arena(first, *seed, [second])
        self.cluster = first.store.cluster
        self.longest_gap = 0.0

    def each(self, token=None):
        return [Caller(server.port, token or self.arena.admin) for server in (self.first, self.second)]

    def expect_served(self):
        """Each replica serves tenants again, those too that it has not heard of."""
        self.arena.caller.close()  # its connection may have ended with the first replica

        def is_served():
            try:
                tenant = self.arena.tenant()
            except RuntimeError:
                return False
            return all(caller.call("GET", "/v1/vms").status == 200 for caller in self.each(tenant.token))
        self.arena.expect("served again", wait_for(is_served, BACK_WITHIN_S), True)

    def audit(self, tenant, load):
        """Rows, counters and ledger agree, and hold all that was answered for."""
        register = self.arena.compare(tenant)
        kept = load.created - load.deleted - load.unknown
        self.arena.expect("VMs answered for and lost", sorted(kept - set(register.vms)), [])
        self.arena.expect("VMs that were deleted and are there", sorted(load.deleted & set(register.vms)), [])
        self.arena.expect("answers other than yes, no room and not now", sorted(set(load.statuses) - {201, 204, 404, 429, 503}), [])


def revocation(trial):
    """A revoked token is refused for changes at once and for reads within a second, on the other replica too."""
    tenant = trial.arena.tenant()
    issued = trial.arena.issue(tenant.name, "INPUT")
    here, there = trial.each(issued["token"])
    for caller in (here, there):
        caller.expect(201, "POST", "/v1/vms", vm_order())
        caller.expect(200, "GET", "/v1/vms")
    here.expect(204, "DELETE", f"/v1/tenants/{tenant.name}/tokens/{issued['token_id']}", token=trial.arena.admin)
    there.expect(401, "POST", "/v1/vms", vm_order())
    heard = wait_for(lambda: there.call("GET", "/v1/vms").status == 401, HEARD_WITHIN_S)
    trial.arena.expect("a read with a revoked token is refused in time", heard, True)


def removal(trial):
    """The token of a device that is removed, or enrolled again, is worth nothing on the other replica within a second."""
    tenant = trial.arena.tenant()
    here, there = trial.each()
    path, seed = f"/v1/tenants/{tenant.name}/devices", secrets.token_bytes(32)

    def enrol(caller):
        order = {"device_id": "node-1", "subject_pubkey": credential.b64url(credential.public_key_of(seed)), "scope": "READ"}
        challenge = caller.expect(201, "POST", f"{path}/challenges", order).json
        proof = credential.enrolment(seed, challenge["audience"], tenant.name, "node-1", challenge["nonce"])
        return caller.expect(201, "POST", path, {"proof": proof}).json["token"]

    def is_good(token, caller):
        return caller.call("POST", "/v1/tokens/verify", {"token": token}).status == 200

    def expect_ended(what, token):
        trial.arena.expect(f"the token of a device that was {what}", wait_for(lambda: not is_good(token, there), HEARD_WITHIN_S), True)

    first = enrol(here)
    trial.arena.expect("a device's token on both", (is_good(first, here), is_good(first, there)), (True, True))
    second = enrol(here)
    expect_ended("enrolled again", first)
    trial.arena.expect("its new token on both", (is_good(second, here), is_good(second, there)), (True, True))
    here.expect(204, "DELETE", f"{path}/node-1")
    expect_ended("removed", second)


def suspension(trial):
    """The same for a tenant that is suspended, resumed, limited and deleted."""
    tenant = trial.arena.tenant()
    admin, _ = trial.each()
    _, there = trial.each(tenant.token)
    there.expect(201, "POST", "/v1/vms", vm_order())
    path = f"/v1/tenants/{tenant.name}"
    admin.expect(200, "POST", path + "/suspend")
    there.expect(403, "POST", "/v1/vms", vm_order())
    admin.expect(200, "POST", path + "/resume")
    heard = wait_for(lambda: there.call("POST", "/v1/vms", vm_order()).status == 201, HEARD_WITHIN_S)
    trial.arena.expect("a resumed tenant is served in time", heard, True)
    admin.expect(200, "PATCH", path, {"api_rate_limit_rpm": 0})
    heard = wait_for(lambda: there.call("GET", "/v1/vms").status == 429, HEARD_WITHIN_S)
    trial.arena.expect("a new rate limit holds in time", heard, True)
    admin.expect(200, "PATCH", path, {"api_rate_limit_rpm": 1000000})
    wait_for(lambda: there.call("GET", "/v1/vms").status == 200, HEARD_WITHIN_S)
    for vm in there.pages("/v1/vms", "vms"):
        there.expect(204, "DELETE", f"/v1/vms/{vm['vm_id']}")
    admin.expect(204, "DELETE", path)
    heard = wait_for(lambda: there.call("GET", "/v1/vms").status == 401, HEARD_WITHIN_S)
    trial.arena.expect("a deleted tenant's token is refused in time", heard, True)
    body = {"tenant_id": tenant.name, "display_name": "again", "max_vms": 1, "storage_quota_gb": 1, "api_rate_limit_rpm": 1}
    trial.each()[1].expect(409, "POST", "/v1/tenants", body)


def same_key(trial):
    """One change under one Idempotency-Key, whichever replicas hear of it, at the same moment and later."""
    tenant = trial.arena.tenant(max_vms=100)
    for at in range(10):
        headers = {"Idempotency-Key": f"key-{at}"}
        answers = trial.arena.volley([tenant.post_vm(headers=headers)] * 16)
        made = {answer.json["vm_id"] for answer in check_replays(trial.arena, answers)}
        later = trial.each(tenant.token)[at % 2].expect(201, "POST", "/v1/vms", vm_order(), headers=headers)
        trial.arena.expect("the VM later", {later.json["vm_id"]}, made)
        tenant.vms[later.json["vm_id"]] = later.json
    trial.arena.audit(tenant)


def exactly_ten(trial):
    """64 creates over both replicas at the same moment, with room for ten."""
    tenant = trial.arena.tenant(max_vms=10)
    answers = trial.arena.create(tenant, [vm_order()] * CONCURRENT)
    trial.arena.statuses("creates", answers, {201: 10, 429: CONCURRENT - 10})
    trial.arena.audit(tenant)


def ten_disturbed(trial, disturb):
    """The same, with something in the midst of it: never more than ten, what was answered for is there, and the rest of the room is
    there for whoever asks next."""
    tenant = trial.arena.tenant(max_vms=10)
    answers, guard = [], threading.Lock()

    def create(port):
        with contextlib.suppress(ConnectionError):
            answer = Caller(port, tenant.token).call("POST", "/v1/vms", vm_order())
            with guard:
                answers.append(answer)
    threads = [threading.Thread(target=create, args=(trial.arena.ports[at % 2],)) for at in range(CONCURRENT)]
    for thread in threads:
        thread.start()
    wait_for(lambda: answers, 10)
    disturb()
    for thread in threads:
        thread.join()
    trial.expect_served()
    caller = Caller(trial.first.port, tenant.token)
    acknowledged = {answer.json["vm_id"] for answer in answers if answer.status == 201}
    trial.arena.expect("answers other than yes, no room and not now", {answer.status for answer in answers} <= {201, 429, 503}, True)
    there = {vm["vm_id"] for vm in caller.pages("/v1/vms", "vms")}
    trial.arena.expect("VMs acknowledged and lost", sorted(acknowledged - there), [])
    for _ in range(10 - len(there)):
        caller.expect(201, "POST", "/v1/vms", vm_order())
    caller.expect(429, "POST", "/v1/vms", vm_order())
    trial.arena.compare(tenant)


def ten_with_one_killed(trial):
    def kill():
        trial.second.kill()
        trial.second.start()
    ten_disturbed(trial, kill)


def ten_with_database_restarted(trial):
    ten_disturbed(trial, trial.cluster.restart)


def published(caller, tenant):
    """How many entries the tenant's published checkpoint covers."""
    answer = caller.call("GET", f"/v1/tenants/{tenant.name}/ledger/checkpoint")
    return int(answer.body.split(b"\n")[1]) if answer.status == 200 else 0


def high_water(server, log):
    """The largest size of a log that a replica has seen published; 0 of a log it has not. A log may have several lines."""
    marks = (line.split(" ") for line in (server.data_dir / "high-water").read_text().splitlines())
    return max((int(mark[1]) for mark in marks if mark[0] == log), default=0)


def publishes(server, token):
    with contextlib.closing(Caller(server.port, token)) as caller:
        return b"\ncadastre_publisher_active 1\n" in caller.expect(200, "GET", "/metrics").body


def publisher_lost(trial, take_away, give_back):
    """The replica that publishes goes; the other publishes soon. What comes back follows, and does no harm."""
    replicas = [trial.first, trial.second]

    def active(server):
        return publishes(server, trial.arena.admin)
    trial.arena.expect("one publishes", wait_for(lambda: sum(map(active, replicas)) == 1, PUBLISHED_WITHIN_S), True)
    leader, other = sorted(replicas, key=active, reverse=True)
    tenant = trial.arena.tenant()
    caller = Caller(other.port, trial.arena.admin)
    with Load(tenant, [leader.port, other.port]) as load:
        wait_for(lambda: published(caller, tenant) > 100, 20)
        take_away(leader)
        began, before = time.monotonic(), published(caller, tenant)
        create = Caller(other.port, tenant.token)
        create.expect(201, "POST", "/v1/vms", vm_order())
        trial.arena.expect("published by another", wait_for(lambda: published(caller, tenant) > before, PUBLISHED_WITHIN_S), True)
        trial.longest_gap = max(trial.longest_gap, time.monotonic() - began)
        give_back(leader)
        wait_for(lambda: [active(leader), active(other)] == [False, True], PUBLISHED_WITHIN_S)
    trial.expect_served()
    trial.arena.expect("one publishes afterwards", [active(leader), active(other)], [False, True])
    size = trial.arena.compare(tenant).size  # the sum of a minute's refusals may still follow
    trial.arena.expect("all is published", wait_for(lambda: published(caller, tenant) >= size, PUBLISHED_WITHIN_S), True)
    log = Caller(other.port, trial.arena.admin).expect(200, "GET", f"/v1/tenants/{tenant.name}").json["ledger"]["log_id"]
    for server in replicas:  # both would notice a database from before
        known = wait_for(lambda server=server: high_water(server, log) >= size, PUBLISHED_WITHIN_S)
        trial.arena.expect("the high-water mark of each", known, True)


def publisher_killed(trial):
    publisher_lost(trial, lambda server: server.kill(), lambda server: server.start())


def publisher_frozen(trial):
    publisher_lost(trial, lambda server: server.freeze(), lambda server: server.thaw())


def rate(trial):
    """A tenant's rate is one, however its requests are spread over the replicas."""
    tenant = trial.arena.tenant(api_rate_limit_rpm=RATE)
    callers = trial.each(tenant.token)
    answers = [callers[at % 2].call("GET", "/v1/vms").status for at in range(2 * RATE)]
    admitted = answers.count(200)
    trial.arena.expect("admitted in less than a minute, of 120", 0.95 * RATE <= admitted <= RATE, True)
    trial.arena.expect("the others", answers.count(429), len(answers) - admitted)
    alone = trial.arena.tenant(api_rate_limit_rpm=RATE)
    here = trial.each(alone.token)[0]
    answers = [here.call("GET", "/v1/vms").status for _ in range(RATE + 20)]
    trial.arena.expect("admitted by one alone, of 120", 0.95 * RATE <= answers.count(200) <= RATE, True)


def disturbed(trial, disturb):
    """Load on both replicas, something in the midst of it, and load until both serve again."""
    tenant = trial.arena.tenant(max_vms=30)
    with Load(tenant, trial.arena.ports) as load:
        wait_for(lambda: load.answered() > 300, 10)
        disturb()
        before = load.answered()
        trial.arena.expect("load after the trouble", wait_for(lambda: load.answered() > before + 300, BACK_WITHIN_S), True)
    trial.expect_served()
    trial.audit(tenant, load)


def killed(trial):
    """One replica is killed in the midst of a load, and started again."""
    def kill():
        trial.second.kill()
        trial.second.start()
    disturbed(trial, kill)


def restarted(trial):
    """The database is killed in the midst of a load, and recovers."""
    disturbed(trial, trial.cluster.restart)


def shut_down(trial):
    """The database is shut down in the midst of a load, as for an upgrade, and started again."""
    disturbed(trial, lambda: trial.cluster.restart("fast"))


def away(trial):
    """Without the database every request is told to come back later, with fresh news and without; then all goes on by itself."""
    tenant = trial.arena.tenant()
    callers = trial.each(tenant.token)
    for caller in callers:
        caller.expect(200, "GET", "/v1/vms")
    trial.cluster.stop("immediate")
    began = time.monotonic()
    while time.monotonic() < began + SILENCE_S + 1:
        for caller in callers:
            for method, body in (("GET", None), ("POST", vm_order())):
                asked = time.monotonic()
                answer = caller.call(method, "/v1/vms", body)
                trial.arena.expect(f"{method} without a database", answer.status, 503)
                trial.arena.expect("Retry-After", answer.headers.get("retry-after", "").isdigit(), True)
                trial.arena.expect("an answer at once", time.monotonic() - asked < 2, True)
        time.sleep(0.1)
    trial.arena.expect("alive", callers[0].call("GET", "/healthz").status, 200)
    trial.arena.expect("ready", callers[0].call("GET", "/readyz").status, 503)
    for caller in callers:
        page = caller.expect(200, "GET", "/metrics").body
        trial.arena.expect("metrics without a database", [word in page for word in (
            b"\ncadastre_store_answers 0\n", b"\ncadastre_publisher_active ", b"cadastre_tenant_vms")], [True, True, False])
    trial.cluster.start()
    trial.expect_served()
    for caller in callers:
        back = wait_for(lambda: caller.call("GET", "/v1/vms").status == 200, BACK_WITHIN_S)
        trial.arena.expect("served again", back, True)
        caller.expect(201, "POST", "/v1/vms", vm_order())
        page = caller.expect(200, "GET", "/metrics").body
        trial.arena.expect("metrics with the database", [word in page for word in (
            b"\ncadastre_store_answers 1\n", f'\ncadastre_tenant_vms{{tenant_id="{tenant.name}"}} '.encode())], [True, True])


def silent(trial):
    """The database stands still: it takes connections and answers nothing. That is known within three seconds, the I/O threads are not
    lost to it, a replica can be stopped, and when it goes on so does everything."""
    tenant = trial.arena.tenant()
    callers = trial.each(tenant.token)
    for caller in callers:
        caller.expect(200, "GET", "/v1/vms")
        caller.expect(201, "POST", "/v1/vms", vm_order())

    def refuse(port, method, body, within_s):
        asked = time.monotonic()
        answer = Caller(port, tenant.token).call(method, "/v1/vms", body)
        took = time.monotonic() - asked
        trial.arena.expect(f"{method} of a silent database", answer.status, 503)
        trial.arena.expect("Retry-After", answer.headers.get("retry-after", "").isdigit(), True)
        trial.arena.expect(f"an answer within {within_s} s, not {took:.1f}", took < within_s, True)

    def lives(port):
        asked = time.monotonic()
        trial.arena.expect("alive", Caller(port).call("GET", "/healthz").status, 200)
        trial.arena.expect("alive in time", time.monotonic() - asked < NOTICED_WITHIN_S, True)

    def ask_all(within_s):
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            asked = [pool.submit(refuse, port, method, body, within_s) for port in trial.arena.ports
                     for method, body in (("GET", None), ("POST", vm_order())) for _ in range(4)]
            asked += [pool.submit(lives, port) for port in trial.arena.ports for _ in range(2)]
            for each in asked:
                each.result()
    trial.cluster.freeze()
    try:
        ask_all(NOTICED_WITHIN_S)
        ask_all(1)
        began = time.monotonic()
        trial.arena.expect("the end of a replica", trial.second.stop(), 0)
        trial.arena.expect("the end in time", time.monotonic() - began < 10, True)
    finally:
        trial.cluster.thaw()
    trial.second.start()
    trial.expect_served()
    for caller in trial.each(tenant.token):
        trial.arena.expect("served again", wait_for(lambda: caller.call("GET", "/v1/vms").status == 200, BACK_WITHIN_S), True)
        caller.expect(201, "POST", "/v1/vms", vm_order())
    trial.arena.compare(tenant)


def frozen(trial):
    """A replica that is stopped in the midst of its work keeps nobody else waiting for long, and does no harm when it wakes."""
    tenant = trial.arena.tenant(max_vms=30)
    with Load(tenant, trial.arena.ports) as load:
        wait_for(lambda: load.answered() > 300, 10)
        trial.second.freeze()
        before = load.answered()
        trial.arena.expect("load beside a frozen one", wait_for(lambda: load.answered() > before + 300, BACK_WITHIN_S + 10), True)
        trial.second.thaw()
        wait_for(lambda: load.answered() > before + 600, 10)
    trial.audit(tenant, load)


ALWAYS = (exactly_ten, ten_with_one_killed, ten_with_database_restarted, same_key, revocation, removal, suspension)
TROUBLE = (killed, publisher_killed, publisher_frozen, restarted, frozen, shut_down, away, silent, rate)


def attempt(trial, case):
    trial.arena.race = case.__name__
    try:
        case(trial)
    except (RuntimeError, OSError, LookupError):  # LookupError: an answer without what it must have
        trial.arena.expect("the end", traceback.format_exc(limit=-3), "no failure")


def run(trial, rounds):
    for trial.arena.round in range(1, rounds + 1):
        for case in ALWAYS:
            attempt(trial, case)
    for trial.arena.round in range(1, max(1, rounds // 5) + 1):
        for case in TROUBLE:
            attempt(trial, case)
    trial.arena.race = "at the end"
    done = trial.first.service_fs("verify", "--full", "--format", "jsonl")
    trial.arena.expect(f"service-fs verify --full, {done.stdout[-600:]} {done.stderr}", done.returncode, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the service-vm-tenant program")
    parser.add_argument("--rounds", type=int, default=20, help="how often each case is run; a fifth of that with trouble")
    options = parser.parse_args()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        arguments = [*UNLIMITED, "--log-level", "warning"]
        first = stack.enter_context(Server(options.server, arguments=arguments, store="postgresql"))
        second = stack.enter_context(first.replica())
        trial = Trial(first, second, seeded_random())
        run(trial, options.rounds)
        if trial.arena.faults:
            print(f"--- log of the first\n{first.log()[-6000:]}\n--- log of the second\n{second.log()[-6000:]}")
    for fault in trial.arena.faults:
        print(fault)
    print(f"{options.rounds} rounds, {trial.arena.requests} requests in volleys, {len(trial.arena.faults)} faults, published again "
          f"within {trial.longest_gap:.1f} s, {time.monotonic() - began:.0f} s")
    return 1 if trial.arena.faults else 0


if __name__ == "__main__":
    sys.exit(main())
