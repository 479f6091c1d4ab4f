"""What a tenant's ledger says is there, and whether the rows and counters that the API shows are that."""
LIMITS = ("max_vms", "storage_quota_gb", "max_ram_mb", "max_vcpus")
# Leaves that no change of the tenant stands behind: sums of refusals, who of the platform read the log, links seen in use.
OWN_LEAVES = {"REQUESTS_REFUSED", "LEDGER_READ", "TOKEN_LINK_SEEN"}
# What a ledger may hold while the tenant is suspended: what the platform does.
WHILE_SUSPENDED = OWN_LEAVES | {"TENANT_UPDATED", "TENANT_QUOTA_CHANGED", "TENANT_RESUMED", "TENANT_DELETED", "TOKEN_REVOKED", "DEVICE_REMOVED"}


def entries(caller, tenant, token=None, since=0):
    """The tenant's leaves from a sequence number on."""
    return caller.pages(f"/v1/tenants/{tenant}/ledger/entries", "entries", f"&from={since}", token)


class Register:
    """One tenant's rows, rebuilt from its leaves, each held to the rules as it comes: no gap, no step back in time, nothing beyond a
    limit, nothing under a revoked token or while suspended. What breaks a rule stands in `faults`."""

    def __init__(self, tenant):
        self.tenant, self.faults = tenant, []
        self.size, self.last_ts, self.log_id, self.last = 0, 0, None, None
        self.state, self.quota, self.vms, self.tokens = None, {}, {}, {}

    @property
    def used(self):
        return {"vms": len(self.vms), "storage_gb": sum(vm["disk_gb"] for vm in self.vms.values()),
                "ram_mb": sum(vm["ram_mb"] for vm in self.vms.values()),
                "vcpus": sum(vm["vcpu_count"] for vm in self.vms.values())}

    def fault(self, leaf, expected):
        self.faults.append(f"ledger of {self.tenant}: expected {expected}, there is {leaf}")

    def take(self, leaves):
        for leaf in leaves:
            self.check_place(leaf)
            self.check_standing(leaf)
            getattr(self, "take_" + leaf["type"].lower(), self.take_unknown)(leaf, leaf["data"])
            over = [name for name, used in zip(LIMITS, self.used.values())
                    if leaf["type"] == "VM_CREATED" and self.quota.get(name) is not None and used > self.quota[name]]
            if over:
                self.fault(leaf, f"no VM beyond {', '.join(f'{name} {self.quota[name]}' for name in over)}")
            self.last = leaf
        return self

    def check_place(self, leaf):
        if leaf["seq"] != self.size:
            self.fault(leaf, f"seq {self.size}")
        if leaf["ts"] < self.last_ts:
            self.fault(leaf, f"no time before {self.last_ts}")
        if self.log_id not in (None, leaf["log_id"]):
            self.fault(leaf, f"log {self.log_id}")
        if leaf["tenant_id"] != self.tenant:
            self.fault(leaf, f"tenant {self.tenant}")
        if (leaf["type"] == "TENANT_CREATED") != (leaf["seq"] == 0):
            self.fault(leaf, "TENANT_CREATED at seq 0 and there alone")
        self.size, self.last_ts, self.log_id = leaf["seq"] + 1, leaf["ts"], leaf["log_id"]

    def check_standing(self, leaf):
        if self.state == "deleted" and leaf["type"] not in OWN_LEAVES:
            self.fault(leaf, "no change of a deleted tenant")
        if self.state == "suspended" and leaf["type"] not in WHILE_SUSPENDED:
            self.fault(leaf, "no change of a suspended tenant")
        actor = leaf["actor"]["token_id"]
        if self.tokens.get(actor, {}).get("revoked"):
            self.fault(leaf, f"nothing under the token {actor}, which was revoked before")

    def take_unknown(self, leaf, _):
        if leaf["type"] not in OWN_LEAVES:
            self.fault(leaf, "a type that this test knows")

    def take_tenant_created(self, _, data):
        self.state, self.quota = "active", data["quota"]

    def take_tenant_updated(self, *_):
        """Names do not stand in the ledger."""

    def take_tenant_quota_changed(self, leaf, data):
        if data["before"] != self.quota:
            self.fault(leaf, f"the quota before to be {self.quota}")
        self.quota = data["after"]

    def take_tenant_suspended(self, *_):
        self.state = "suspended"

    def take_tenant_resumed(self, *_):
        self.state = "active"

    def take_tenant_deleted(self, leaf, _):
        if self.vms:
            self.fault(leaf, f"a tenant with {len(self.vms)} VMs to stay")
        self.state = "deleted"

    def take_vm_created(self, leaf, data):
        if data["vm_id"] in self.vms:
            self.fault(leaf, "a VM that is new")
        self.vms[data["vm_id"]] = {**data, "revision": 1}

    def take_vm_started(self, leaf, data):
        if data["vm_id"] not in self.vms:
            return self.fault(leaf, "a VM that is there")
        self.vms[data["vm_id"]]["revision"] += 1
        return None

    take_vm_stopped = take_vm_state_changed = take_vm_started

    def take_node_enrolled(self, *_):
        """Nodes are held to the ledger by tests/fleet."""

    take_image_added = take_image_removed = take_ssh_key_added = take_ssh_key_removed = take_node_enrolled
    take_node_heartbeat = take_node_cordoned = take_node_removed = take_node_enrolled

    def take_vm_deleted(self, leaf, data):
        vm = self.vms.pop(data["vm_id"], None)
        if vm is None or vm["disk_gb"] != data["disk_gb"]:
            self.fault(leaf, f"a VM that is there, {vm}")

    def take_token_issued(self, leaf, data):
        if data["token_id"] in self.tokens:
            self.fault(leaf, "a token that is new")
        self.tokens[data["token_id"]] = {**data, "revoked": False}

    def take_token_revoked(self, leaf, data):
        if "token_id" not in data:
            return
        token = self.tokens.get(data["token_id"])
        if token is None or token["revoked"]:
            self.fault(leaf, f"a token that was not revoked, {token}")
        else:
            token["revoked"] = True


class Comparison:
    """Holds what the API shows of one tenant, while nobody changes it, to its Register."""

    def __init__(self, register, caller, admin, token=None):
        self.register, self.caller, self.admin, self.token = register, caller, admin, token
        self.path = f"/v1/tenants/{register.tenant}"
        self.record, self.vms = None, {}  # as the API shows them
        self.faults = []

    def run(self):
        """What differs. Without a `token` of the tenant its VMs cannot be listed."""
        if self.register.state == "deleted":
            self.expect("the answer for a deleted tenant", self.caller.call("GET", self.path, token=self.admin).status, 404)
            return self.faults
        self.compare_tenant()
        self.compare_tokens()
        if self.token:
            self.compare_status()
            self.compare_vms()
        return self.faults

    def expect(self, what, there, expected):
        if there != expected:
            self.faults.append(f"{self.register.tenant}: {what}: by the ledger {expected}, by the API {there}")

    def compare_tenant(self):
        record = self.record = self.caller.expect(200, "GET", self.path, token=self.admin).json
        self.expect("state", record["state"], self.register.state)
        self.expect("usage", record["usage"], self.register.used)
        self.expect("limits", {name: record[name] for name in self.register.quota}, self.register.quota)

    def compare_status(self):
        status = self.caller.expect(200, "GET", "/v1/status", token=self.token).json
        shown = {"vms": status["vms"], "storage_gb": status["storage_used_gb"], "ram_mb": status["ram_used_mb"],
                 "vcpus": status["vcpus_used"]}
        self.expect("status", shown, self.register.used)
        self.expect("state in the status", status["state"], self.register.state)
        self.expect("limits in the status", {name: status[name] for name in self.register.quota}, self.register.quota)

    def compare_tokens(self):
        rows = self.caller.pages(self.path + "/tokens", "tokens", token=self.admin)
        shown = {row["token_id"]: (row["rid"], row["scope"], row["subject_pubkey"], row["revoked_at"] is not None) for row in rows}
        self.compare_rows("token", shown, {name: (token["rid"], token["scope"], token["subject_key"], token["revoked"])
                                           for name, token in self.register.tokens.items()})

    def compare_vms(self):
        self.vms = {row["vm_id"]: row for row in self.caller.pages("/v1/vms", "vms", token=self.token)}
        shown = {name: (row["vm_type"], row["ram_alloc_mb"], row["vcpu_count"], row["disk_gb"], self.revision(name))
                 for name, row in self.vms.items()}
        self.compare_rows("VM", shown,
                          {name: (vm["vm_type"], vm["ram_mb"], vm["vcpu_count"], vm["disk_gb"], vm["revision"])
                           for name, vm in self.register.vms.items()})

    def revision(self, vm_id):
        """How often the VM was changed: once when it was created, once for each wish."""
        return int(self.caller.expect(200, "GET", f"/v1/vms/{vm_id}", token=self.token).headers["etag"].strip('"'))

    def compare_rows(self, kind, shown, expected):
        for name in sorted(shown.keys() | expected.keys()):
            self.expect(f"{kind} {name}", shown.get(name), expected.get(name))
