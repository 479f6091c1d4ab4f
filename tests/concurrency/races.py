"""The races: what is sent at the same moment, and what may come of it. Each is run with a tenant of its own."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from arena import PLENTY, PUBLIC_KEY, vm_order  # noqa: E402
from crowd import CONCURRENT, request_bytes  # noqa: E402

WAVES = 5


def exactly_ten(arena, order, **limits):
    """Of 64 creates ten are taken, and each other one is refused for the limit."""
    tenant = arena.tenant(**limits)
    answers = arena.create(tenant, [vm_order(**order)] * CONCURRENT)
    arena.statuses("creates", answers, {201: 10, 429: CONCURRENT - 10})
    for answer in answers:
        if answer.status == 429:
            arena.expect("limits in the way", [each["quota"] for each in answer.json["violations"]], list(limits))
    arena.audit(tenant)


def max_vms(arena):
    exactly_ten(arena, {}, max_vms=10)


def storage(arena):
    exactly_ten(arena, {"disk_gb": 10}, storage_quota_gb=100)


def ram(arena):
    exactly_ten(arena, {"ram_mb": 100}, max_ram_mb=1000)


def vcpus(arena):
    exactly_ten(arena, {"vcpu_count": 2}, max_vcpus=20)


def uneven(arena):
    """Sizes of every kind: no sum passes its limit, and who was refused would not fit at the end either."""
    limits = {"max_vms": 30, "storage_quota_gb": 100, "max_ram_mb": 4000, "max_vcpus": 60}
    tenant = arena.tenant(**limits)
    orders = [vm_order(arena.chance.choice([0, 1, 7, 20, 33, 60]), arena.chance.randint(1, 600), arena.chance.randint(1, 9))
              for _ in range(CONCURRENT)]
    answers = arena.create(tenant, orders)
    used = arena.audit(tenant).used
    for order, answer in zip(orders, answers):
        sums = [used["vms"] + 1, used["storage_gb"] + order["disk_gb"], used["ram_mb"] + order["ram_mb"],
                used["vcpus"] + order["vcpu_count"]]
        fits = all(total <= limit for total, limit in zip(sums, limits.values()))
        arena.expect(f"{answer} to {order} with {used} in use at the end: room left", answer.status == 429 and fits, False)


def drift(arena):
    """Deletes and creates at once, again and again; then exactly the room that is left is given away."""
    tenant = arena.tenant(max_vms=10, storage_quota_gb=10)
    arena.create(tenant, [vm_order()] * CONCURRENT)
    for _ in range(WAVES):
        delete_and_create(arena, tenant, arena.chance.randint(1, len(tenant.vms)) if tenant.vms else 0)
        arena.audit(tenant)
    free = 10 - len(tenant.vms)
    arena.statuses("creates in the room left", arena.create(tenant, [vm_order()] * CONCURRENT), {201: free, 429: CONCURRENT - free})
    answers = arena.volley([tenant.delete_vm(vm_id) for vm_id in tenant.vms])
    arena.statuses("deletes of all", answers, {204: 10})
    tenant.vms.clear()
    arena.audit(tenant)
    arena.statuses("creates after all were deleted", arena.create(tenant, [vm_order()] * CONCURRENT), {201: 10, 429: CONCURRENT - 10})
    counted_by_tool(arena, tenant, arena.audit(tenant))


def delete_and_create(arena, tenant, victims):
    """Deletes `victims` VMs, each twice and the first eight times, among creates; one delete of each works."""
    doomed = arena.chance.sample(sorted(tenant.vms), victims)
    calls = [("DELETE", vm_id) for vm_id in [*doomed, *doomed, *doomed[:1] * 6]]
    calls += [("POST", None)] * (CONCURRENT - len(calls))
    arena.chance.shuffle(calls)
    answers = arena.volley([tenant.delete_vm(vm_id) if method == "DELETE" else tenant.post_vm() for method, vm_id in calls])
    for vm_id in doomed:
        own = [answer for call, answer in zip(calls, answers) if call == ("DELETE", vm_id)]
        arena.statuses(f"deletes of {vm_id}", own, {204: 1, 404: len(own) - 1})
        del tenant.vms[vm_id]
    arena.take_created(tenant, [answer for call, answer in zip(calls, answers) if call[0] == "POST"])


def counted_by_tool(arena, tenant, register):
    """The same by service-fs, which proves each leaf: created less deleted are those that are there."""
    counts = []
    for event in ("VM_CREATED", "VM_DELETED"):
        done = arena.server.service_fs("read", "--filter", f"tenant-id={tenant.name}", "--event-type", event, "--format", "jsonl",
                                       "--complete")
        arena.expect(f"service-fs read, {done.stderr}", done.returncode, 0)
        counts.append(sum(f'"type":"{event}"' in line for line in done.stdout.splitlines()))
    arena.expect(f"VMs by service-fs, {counts[0]} created and {counts[1]} deleted", counts[0] - counts[1], len(register.vms))


def check_replays(arena, answers):
    """Of one key and body: one answer is the first, all others repeat it or say that it is under way (409)."""
    arena.statuses("one key", answers, {201: None, 409: None})
    arena.expect("409s of another kind", [str(each) for each in answers if each.status == 409 and each.code != "IDEMPOTENCY_IN_FLIGHT"],
                 [])
    done = [answer for answer in answers if answer.status == 201]
    arena.expect("first answers", sum("idempotency-replayed" not in answer.headers for answer in done), 1)
    arena.expect("different answers", len({(answer.body, answer.headers.get("location"), answer.headers.get("etag"))
                                           for answer in done}), 1)
    return done[:1]


def one_key(arena):
    """64 times the same create is one VM; a quota that refuses is not remembered."""
    tenant = arena.tenant(max_vms=1)
    requests = [tenant.post_vm(headers={"Idempotency-Key": "the-same"})] * CONCURRENT
    arena.take_created(tenant, check_replays(arena, arena.volley(requests)))
    arena.audit(tenant)
    again = arena.volley(requests[:1])[0]
    arena.expect("the same later", (again.json["vm_id"], again.headers.get("idempotency-replayed")), (*tenant.vms, "true"))
    refused = [tenant.post_vm(headers={"Idempotency-Key": "another"})] * CONCURRENT
    arena.take_created(tenant, [answer for answer in arena.volley(refused) if answer.code != "IDEMPOTENCY_IN_FLIGHT"])
    arena.expect("VMs", len(tenant.vms), 1)
    arena.statuses("a delete", arena.volley([tenant.delete_vm(vm_id) for vm_id in tenant.vms]), {204: 1})
    tenant.vms.clear()
    arena.take_created(tenant, check_replays(arena, arena.volley(refused)))
    arena.audit(tenant)


def one_key_two_bodies(arena):
    """Whoever comes first has the key; the other body is refused."""
    tenant = arena.tenant()
    orders = [vm_order(disk_gb=1 + at % 2) for at in range(CONCURRENT)]
    answers = arena.volley([tenant.post_vm(order, {"Idempotency-Key": "two-bodies"}) for order in orders])
    arena.take_created(tenant, [answer for answer in answers if answer.status == 201][:1])
    disk_gb = next((vm["disk_gb"] for vm in tenant.vms.values()), None)
    check_replays(arena, [answer for order, answer in zip(orders, answers) if order["disk_gb"] == disk_gb])
    others = [(answer.status, answer.code) for order, answer in zip(orders, answers) if order["disk_gb"] != disk_gb]
    allowed = {(422, "IDEMPOTENCY_MISMATCH"), (409, "IDEMPOTENCY_IN_FLIGHT")}
    arena.expect("answers to the other body", [each for each in others if each not in allowed], [])
    arena.audit(tenant)


def one_key_for_a_token(arena):
    """A token's text is not kept, and yet every answer holds the same."""
    tenant = arena.tenant()
    body = {"subject_pubkey": PUBLIC_KEY, "scope": "READ", "expires_in_seconds": 60}
    path = f"/v1/tenants/{tenant.name}/tokens"
    check_replays(arena, arena.volley([request_bytes("POST", path, arena.admin, body, {"Idempotency-Key": "token"})] * CONCURRENT))
    arena.expect("tokens", len(arena.audit(tenant).tokens), 2)


def one_tenant(arena):
    """64 times the same new tenant_id is one tenant."""
    name = arena.fresh_name()
    body = {"tenant_id": name, "display_name": name, "max_vms": 1, "storage_quota_gb": 1, "api_rate_limit_rpm": PLENTY}
    answers = arena.volley([request_bytes("POST", "/v1/tenants", arena.admin, {**body, "max_vms": at}) for at in range(CONCURRENT)])
    arena.statuses("one tenant_id", answers, {201: 1, 409: CONCURRENT - 1})
    arena.expect("409s of another kind", [str(each) for each in answers if each.status == 409 and each.code != "ALREADY_EXISTS"], [])
    winner = [answer.json for answer in answers if answer.status == 201][0]
    record = arena.caller.expect(200, "GET", f"/v1/tenants/{name}").json
    arena.expect("the record", record, winner)
    leaves = arena.caller.pages(f"/v1/tenants/{name}/ledger/entries", "entries", "&type=TENANT_CREATED")
    arena.expect("max_vms in the leaves", [leaf["data"]["quota"]["max_vms"] for leaf in leaves], [winner["max_vms"]])


def one_version(arena):
    """Of 64 changes of the same version one is made."""
    tenant = arena.tenant(max_vms=1000)
    path = f"/v1/tenants/{tenant.name}"
    version = {"If-Match": arena.caller.expect(200, "GET", path).headers["etag"]}
    answers = arena.volley([request_bytes("PATCH", path, arena.admin, {"max_vms": at}, version) for at in range(CONCURRENT)])
    arena.statuses("one version", answers, {200: 1, 412: CONCURRENT - 1})
    winner = [answer for answer in answers if answer.status == 200][0]
    now = arena.caller.expect(200, "GET", path)
    arena.expect("the record", (now.json, now.headers["etag"]), (winner.json, winner.headers["etag"]))
    arena.expect("max_vms by the ledger", arena.audit(tenant).quota["max_vms"], winner.json["max_vms"])


def raced_by(arena, tenant, request, others):
    """One request somewhere among creates; answers its answer and theirs. No create may have an answer that is not in `others`."""
    creates = [tenant.post_vm() for _ in range(CONCURRENT - 1)]
    place = arena.chance.randrange(CONCURRENT)
    answers = arena.volley([*creates[:place], request, *creates[place:]])
    own = answers.pop(place)
    arena.take_created(tenant, [answer for answer in answers if answer.status == 201])
    refused = {(answer.status, answer.code) for answer in answers if answer.status != 201}
    arena.expect("refusals of creates", refused - others, set())
    return own


def suspension(arena):
    """After the suspension nothing is created: the ledger's order says so."""
    tenant = arena.tenant()
    own = raced_by(arena, tenant, request_bytes("POST", f"/v1/tenants/{tenant.name}/suspend", arena.admin), {(403, "TENANT_SUSPENDED")})
    arena.expect("the suspension", own.status, 200)
    arena.audit(tenant)


def revocation(arena):
    """After the revocation nothing is created under the token: the ledger's order says so."""
    tenant = arena.tenant()
    path = f"/v1/tenants/{tenant.name}/tokens/{tenant.token_id}"
    own = raced_by(arena, tenant, request_bytes("DELETE", path, arena.admin), {(401, "UNAUTHENTICATED")})
    arena.expect("the revocation", own.status, 204)
    arena.audit(tenant)


def deletion(arena):
    """A tenant with VMs stays, a deleted one gets none."""
    tenant = arena.tenant()
    own = raced_by(arena, tenant, request_bytes("DELETE", f"/v1/tenants/{tenant.name}", arena.admin), {(401, "UNAUTHENTICATED")})
    arena.expect("the deletion", (own.status, own.code), (409, "TENANT_NOT_EMPTY") if tenant.vms else (204, None))
    arena.audit(tenant)


RACES = [max_vms, storage, ram, vcpus, uneven, drift, one_key, one_key_two_bodies, one_key_for_a_token, one_tenant, one_version,
         suspension, revocation, deletion]
