"""The write load: who asks for what. Each role is one client, alone in changing what it owns, so it knows what each change writes."""
import base64
import random

from operation import Operation

PUBLIC_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037 appendix A.2
PLENTY = 1000000000
BUSY = ("OVERLOADED",)


class Role:
    """A client with its own dice, which names its requests `<role>.<number>`."""

    def __init__(self, name, seed, tenant, admin):
        self.name, self.chance, self.tenant, self.admin = name, random.Random(f"{seed} {name}"), tenant, admin
        self.number = 0

    def operation(self, method, path, **more):
        self.number += 1
        request_id = f"{self.name}.{self.number}"
        fields = {"tenant": self.tenant, "token": self.admin, "key": request_id if method == "POST" else None, **more}
        return Operation(request_id, method=method, path=path, **{**fields, "refusals": BUSY + fields.get("refusals", ())})

    def again(self, operation, is_done):
        """The same under the same key, as a client sends it that had no answer."""
        repeated = self.operation(operation.method, operation.path, tenant=operation.tenant, token=operation.token,
                                  body=operation.body, done=operation.done, refusals=operation.refusals)
        repeated.key = operation.key
        repeated.repeats = operation.request_id if is_done else None
        repeated.leaves = () if is_done else operation.leaves
        return repeated


class VmUser(Role):
    """Creates, starts, stops and deletes VMs of a tenant that others use too."""

    def __init__(self, name, seed, tenant, admin, token):
        super().__init__(name, seed, tenant, admin)
        self.token, self.wishes = token, {}

    def next(self):
        vm_id = self.chance.choice(sorted(self.wishes)) if self.wishes else None
        what = self.chance.choices(["create", "delete", "start", "stop"], [4, 2, 2, 2])[0] if vm_id else "create"
        if what == "create":
            return self.vm_operation("POST", "", body=self.order(), leaves=("VM_CREATED",), done=self.created)
        if what == "delete":
            return self.remove(vm_id)
        leaves = () if self.wishes[vm_id] == what else ("VM_STARTED" if what == "start" else "VM_STOPPED",)
        return self.vm_operation("POST", f"/{vm_id}/{what}", leaves=leaves, done=lambda _: self.wished(vm_id, what))

    def vm_operation(self, method, path, **more):
        return self.operation(method, "/v1/vms" + path, token=self.token, refusals=("QUOTA_EXCEEDED", "TENANT_SUSPENDED"), **more)

    def remove(self, vm_id):
        return self.vm_operation("DELETE", f"/{vm_id}", leaves=("VM_DELETED",), done=lambda _: self.wishes.pop(vm_id, None))

    def order(self):
        return {"vm_type": "crash-test", "name": f"{self.name}-{self.number}", "ram_mb": self.chance.randint(1, 300),
                "vcpu_count": self.chance.randint(1, 4), "disk_gb": self.chance.choice([0, 1, 5, 20])}

    def created(self, vm):
        self.wishes.setdefault(vm["vm_id"], "new")  # it will run, and the first start is recorded all the same

    def wished(self, vm_id, wish):
        self.wishes[vm_id] = wish


class TokenUser(Role):
    """Issues and revokes tokens of a tenant, as its administrator."""

    def __init__(self, name, seed, tenant, admin, token):
        super().__init__(name, seed, tenant, admin)
        self.token, self.live, self.ended, self.rids = token, [], [], []
        self.texts = {}  # by token id

    def next(self):
        what = self.chance.choices(["issue", "revoke", "revoke-again", "revoke-unknown"], [6, 4, 1, 1])[0]
        own = {"token": self.token, "refusals": ("TENANT_SUSPENDED",)}
        path = f"/v1/tenants/{self.tenant}"
        if what == "revoke" and self.live:
            token_id = self.chance.choice(self.live)
            return self.operation("DELETE", f"{path}/tokens/{token_id}", leaves=("TOKEN_REVOKED",),
                                  done=lambda _: self.revoked(token_id), **own)
        if what == "revoke-again" and self.ended + self.rids:
            victim = self.chance.choice(self.ended + self.rids)
            member = "rid" if victim in self.rids else "token_id"
            return self.operation("POST", f"{path}/revocations", body={member: victim}, **own)
        if what == "revoke-unknown":
            rid = base64.urlsafe_b64encode(self.chance.randbytes(32)).rstrip(b"=").decode()
            return self.operation("POST", f"{path}/revocations", body={"rid": rid}, leaves=("TOKEN_REVOKED",),
                                  done=lambda _: self.rids.append(rid) if rid not in self.rids else None, **own)
        body = {"subject_pubkey": PUBLIC_KEY, "scope": self.chance.choice(["READ", "USER", "INPUT"]), "expires_in_seconds": 1800}
        return self.operation("POST", f"{path}/tokens", body=body, leaves=("TOKEN_ISSUED",), done=self.issued, **own)

    def issued(self, token):
        if token["token_id"] not in self.live:
            self.live.append(token["token_id"])
        if "token" in token:
            self.texts[token["token_id"]] = token["token"]

    def revoked(self, token_id):
        if token_id in self.live:
            self.live.remove(token_id)
            self.ended.append(token_id)


class TenantKeeper(Role):
    """Renames a tenant, changes its limits, suspends and resumes it, as an administrator of the platform."""

    def __init__(self, name, seed, tenant, admin, state="active"):
        super().__init__(name, seed, tenant, admin)
        self.state = state

    def next(self):
        if self.state == "suspended" and self.chance.random() < 0.9:
            return self.switch("resume", "TENANT_RESUMED", "active")
        if self.state == "active" and self.chance.random() < 0.01:
            return self.switch("suspend", "TENANT_SUSPENDED", "suspended")
        return self.patch()

    def switch(self, verb, leaf, state):
        return self.operation("POST", f"/v1/tenants/{self.tenant}/{verb}", leaves=(leaf,), done=lambda _: self.switched(state))

    def switched(self, state):
        self.state = state

    def patch(self):
        """Every value is new, so each member that is named writes its leaf."""
        self.number += 1
        name = {"display_name": f"{self.tenant} {self.number}"}
        limits = {"api_rate_limit_rpm": PLENTY - self.number, "max_vms": self.chance.randint(40, 90),
                  "storage_quota_gb": self.chance.randint(400, 900), "max_ram_mb": self.chance.choice([None, 15000]),
                  "max_vcpus": self.chance.choice([None, 250])}
        body, leaves = self.chance.choice([(name, ("TENANT_UPDATED",)), (limits, ("TENANT_QUOTA_CHANGED",)),
                                           ({**name, **limits}, ("TENANT_UPDATED", "TENANT_QUOTA_CHANGED"))])
        return self.operation("PATCH", f"/v1/tenants/{self.tenant}", body=body, leaves=leaves, refusals=("LIMIT_BELOW_USAGE",))


class TenantMaker(TenantKeeper):
    """Registers tenants, uses them a little, and deletes them."""

    def __init__(self, name, seed, admin):
        super().__init__(name, seed, None, admin, state="none")
        self.user, self.token_text = None, None
        self.leaves_at = 0  # the number of the request with which it begins to delete

    def next(self):
        if self.state == "none":
            return self.register()
        if self.number > self.leaves_at:
            return self.leave()
        if self.state == "suspended" or self.chance.random() < 0.2:
            return super().next()
        if self.token_text is None:
            return self.issue()
        return self.user.next()

    def issue(self):
        body = {"subject_pubkey": PUBLIC_KEY, "scope": "INPUT", "expires_in_seconds": 1800}
        return self.operation("POST", f"/v1/tenants/{self.tenant}/tokens", body=body, leaves=("TOKEN_ISSUED",), done=self.issued)

    def leave(self):
        """Deletes the VMs one by one and then the tenant; tries too early now and then, and from a suspended state too."""
        if self.user.wishes and self.chance.random() < 0.9:
            if self.state == "suspended":
                return self.switch("resume", "TENANT_RESUMED", "active")
            return self.user.remove(self.chance.choice(sorted(self.user.wishes)))
        return self.operation("DELETE", f"/v1/tenants/{self.tenant}", leaves=("TENANT_DELETED",), refusals=("TENANT_NOT_EMPTY",),
                              done=lambda _: self.switched("none"))

    def register(self):
        tenant = f"{self.name}-{self.number}"
        self.user = VmUser(f"{tenant}-user", self.chance.random(), tenant, self.admin, None)
        self.token_text, self.leaves_at = None, self.number + self.chance.randint(2, 40)
        body = {"tenant_id": tenant, "display_name": f"{tenant} 0", "max_vms": 5, "storage_quota_gb": 100, "api_rate_limit_rpm": PLENTY}
        return self.operation("POST", "/v1/tenants", tenant=tenant, body=body, leaves=("TENANT_CREATED",),
                              done=lambda _: self.registered(tenant))

    def registered(self, tenant):
        self.tenant, self.state = tenant, "active"

    def issued(self, token):
        if "token" in token:
            self.token_text = self.user.token = token["token"]
