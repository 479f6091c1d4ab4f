"""Tenants made for one race each, the requests of a race, and the comparison that follows it."""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from crowd import Caller, request_bytes, volley  # noqa: E402
from register import Comparison, Register, entries  # noqa: E402

PUBLIC_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037 appendix A.2
PLENTY = 1000000000
UNITS = {"max_vms": "count", "storage_quota_gb": "GB", "max_ram_mb": "MiB", "max_vcpus": "count"}


def vm_order(disk_gb=1, ram_mb=64, vcpu_count=1):
    return {"vm_type": "racer", "ram_mb": ram_mb, "vcpu_count": vcpu_count, "disk_gb": disk_gb}


class Tenant:
    """A tenant, its administrator's token, and the VMs that its answers say it has."""

    def __init__(self, name, issued):
        self.name, self.token, self.token_id = name, issued["token"], issued["token_id"]
        self.vms = {}

    def post_vm(self, order=None, headers=(), token=None):
        return request_bytes("POST", "/v1/vms", token or self.token, order or vm_order(), headers)

    def delete_vm(self, vm_id):
        return request_bytes("DELETE", f"/v1/vms/{vm_id}", self.token)


class Arena:
    """A running server, and what was wrong. A race is a volley of requests; what comes of it is checked answer by answer, and then
    row by row against the ledger."""

    def __init__(self, server, chance, seed, replicas=()):
        self.server, self.chance, self.seed = server, chance, seed
        self.ports = [server.port, *(replica.port for replica in replicas)]
        self.admin = server.admin_token
        self.caller = Caller(server.port, self.admin)
        self.round, self.race, self.made = 0, "", 0
        self.faults, self.requests, self.audits = [], 0, 0

    def expect(self, what, there, expected):
        if there != expected:
            self.faults.append(f"round {self.round}, seed {self.seed}, {self.race}: {what}: expected {expected}, there is {there}")
        return there == expected

    def fresh_name(self):
        self.made += 1
        return f"racer-{self.made}"

    def tenant(self, **limits):
        """A new tenant with limits that bind only where they are named."""
        name = self.fresh_name()
        self.caller.expect(201, "POST", "/v1/tenants", {
            "tenant_id": name, "display_name": name, "max_vms": PLENTY, "storage_quota_gb": PLENTY, "api_rate_limit_rpm": PLENTY,
            **limits})
        return Tenant(name, self.issue(name))

    def issue(self, name, scope="service:tenant-admin"):
        return self.caller.expect(201, "POST", f"/v1/tenants/{name}/tokens",
                                  {"subject_pubkey": PUBLIC_KEY, "scope": scope, "expires_in_seconds": 3600}).json

    def volley(self, requests):
        self.requests += len(requests)
        return volley(self.ports, requests)

    def create(self, tenant, orders):
        """Creates VMs at the same moment; answers who was taken, and holds every refusal to its form."""
        answers = self.volley([tenant.post_vm(order) for order in orders])
        self.take_created(tenant, answers)
        return answers

    def take_created(self, tenant, answers):
        for answer in answers:
            if answer.status == 201:
                tenant.vms[answer.json["vm_id"]] = answer.json
            else:
                self.check_quota_refusal(answer)

    def check_quota_refusal(self, answer):
        """DESIGN.md section 4.2: what is wrong is named, and nothing says that waiting helps."""
        if not self.expect("a refusal", (answer.status, answer.code), (429, "QUOTA_EXCEEDED")):
            return
        problem = answer.json
        self.expect("retryable", problem["retryable"], False)
        self.expect("Retry-After", answer.headers.get("retry-after"), None)
        for violation in problem["violations"]:
            within = 0 <= violation["used"] <= violation["limit"] < violation["used"] + violation["requested"]
            self.expect(f"a violation that is one, {violation}", within, True)
            self.expect("unit", violation["unit"], UNITS[violation["quota"]])

    def statuses(self, what, answers, expected):
        """How often each status came. Statuses that may come any number of times stand in `expected` with None."""
        counts = collections.Counter(answer.status for answer in answers)
        shown = {status: count for status, count in counts.items() if expected.get(status, 0) is not None}
        others = [str(answer) for answer in answers if answer.status not in expected]
        self.expect(f"{what} {others[:3] if others else ''}", shown,
                    {status: count for status, count in expected.items() if count})

    def audit(self, tenant):
        """Rows, counters and ledger against each other, and all against the answers."""
        register = self.compare(tenant)
        self.expect("VMs that were answered for", set(register.vms), set(tenant.vms))
        return register

    def compare(self, tenant):
        """Rows, counters and ledger against each other."""
        self.audits += 1
        register = Register(tenant.name).take(entries(self.caller, tenant.name))
        token = tenant.token if not register.tokens[tenant.token_id]["revoked"] else None
        if token is None and register.state == "active":
            token = self.issue(tenant.name)["token"]
            register.take(entries(self.caller, tenant.name, since=register.size))
        faults = register.faults + Comparison(register, self.caller, self.admin, token).run()
        self.faults += [f"round {self.round}, seed {self.seed}, {self.race}: {fault}" for fault in faults]
        return register
