"""What was asked for and answered, held to what is there after a restart."""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from register import OWN_LEAVES, Comparison, Register, entries  # noqa: E402

CREATORS = {"VM_CREATED": "vm_id", "TOKEN_ISSUED": "token_id", "TENANT_CREATED": "tenant_id"}  # and what names the thing made
STATE_AFTER = {"VM_CREATED": "Provisioning", "VM_STARTED": "Provisioning", "VM_STOPPED": "Stopped"}  # of a VM without a node


class Book:
    """All operations since the last check, and for each tenant the register that its leaves make."""

    def __init__(self):
        self.admin = None  # an administrator's token
        self.tokens = {}  # by tenant: one that reads
        self.open = []
        self.registers, self.leaves = {}, collections.defaultdict(list)
        self.ended = set()  # deleted tenants, once they were compared
        self.by_id = {}  # what made or renamed something, by request id
        self.counts = collections.Counter()
        self.faults = []

    def add(self, operation):
        self.open.append(operation)
        return operation

    def check(self, caller, is_graceful):
        """Everything, while nobody changes anything. `is_graceful`: the server had time to answer what it did. Gives the operations
        that had no answer, each with whether it was done."""
        found = self.read_leaves(caller)
        undecided = [(operation, self.settle(operation, found.pop(operation.request_id, []), is_graceful))
                     for operation in self.open]
        self.faults += [f"expected no leaf without a change, there is {leaf}" for leaves in found.values() for leaf in leaves]
        self.open = []
        for register in self.registers.values():
            self.faults += register.faults
            register.faults = []
            if register.tenant not in self.ended:
                self.compare(register, caller)
        return [(operation, is_done) for operation, is_done in undecided if operation.answer is None]

    def read_leaves(self, caller):
        """The leaves since the last check by their request id; their registers take them."""
        found = collections.defaultdict(list)
        for tenant in sorted({operation.tenant for operation in self.open} | {*self.registers}):
            register = self.registers.get(tenant, Register(tenant))
            if register.state == "deleted" or not self.exists(caller, tenant):
                continue
            # The last one that is known comes again: what was there must not have moved.
            leaves = entries(caller, tenant, self.admin, max(register.size - 1, 0))
            known = [register.last] if register.last else []
            if leaves[:1] != known and known:
                self.faults.append(f"{tenant}: expected at seq {register.size - 1} {known}, there is {leaves[:1]}")
            fresh = leaves[len(known):]
            self.registers[tenant] = register.take(fresh)
            self.leaves[tenant] += fresh
            for leaf in fresh:
                if leaf["type"] not in OWN_LEAVES:
                    found[leaf["request_id"]].append(leaf)
        return found

    def exists(self, caller, tenant):
        """A tenant whose making had no answer may not be there, and then has no ledger either."""
        answer = caller.call("GET", f"/v1/tenants/{tenant}/ledger/entries?page_size=1", token=self.admin)
        return answer.status == 200

    def settle(self, operation, leaves, is_graceful):
        """Whether the operation was done; every fault of what the ledger has of it."""
        types = tuple(leaf["type"] for leaf in leaves)
        if fault := operation.answer_fault():
            self.fault(operation, fault, operation.answer)
        if operation.answer is None:
            allowed = [()] if is_graceful else [(), operation.leaves]
        else:
            allowed = [operation.leaves if operation.is_done else ()]
        if types not in allowed:
            self.fault(operation, f"the leaves {' or '.join(str(each) for each in allowed)}", leaves or "none")
        self.count(operation, types)
        is_done = operation.is_done or bool(types)
        if is_done:
            self.check_made(operation, leaves)
            self.by_id[operation.request_id] = operation
        return is_done

    def check_made(self, operation, leaves):
        """The answer and the leaf must speak of the same thing; a replay, of what the first request made."""
        last = leaves[-1] if leaves else None
        member = CREATORS.get(last["type"]) if last else None
        if operation.answer is None:
            operation.done({**last["data"], "tenant_id": last["tenant_id"]})
        elif member:
            there = {**last["data"], "tenant_id": last["tenant_id"]}[member]
            if operation.answer.json[member] != there:
                self.fault(operation, f"a leaf of {member} {operation.answer.json[member]}", last)
        if operation.repeats and operation.is_done:
            self.check_replay(operation)

    def check_replay(self, operation):
        first = next((leaf for leaf in reversed(self.leaves[operation.tenant]) if leaf["request_id"] == operation.repeats), None)
        member = CREATORS.get(first["type"]) if first else None
        if "idempotency-replayed" not in operation.answer.headers:
            self.fault(operation, f"the first answer of {operation.repeats} again", operation.answer)
        if member and operation.answer.json[member] != {**first["data"], "tenant_id": first["tenant_id"]}[member]:
            self.fault(operation, f"what {operation.repeats} made: {first}", operation.answer)

    def count(self, operation, types):
        if operation.answer is None:
            self.counts["unanswered, done" if types else "unanswered, not done"] += 1
        else:
            self.counts["refused" if not operation.is_done else "changes" if operation.leaves else "repetitions"] += 1

    def compare(self, register, caller):
        """Rows and counters with the leaves, and with what the answers said of them."""
        tenant = register.tenant
        token = self.tokens.get(tenant)
        comparison = Comparison(register, caller, self.admin, token)
        self.faults += comparison.run()
        if register.state == "deleted":
            self.ended.add(tenant)
            return
        if token is None and register.vms:
            self.faults.append(f"{tenant}: expected no VM of a tenant without a token, there is {register.vms}")
        self.compare_name(register, comparison.record)
        creations = {leaf["data"]["vm_id"]: self.by_id.get(leaf["request_id"])
                     for leaf in self.leaves[tenant] if leaf["type"] == "VM_CREATED" and leaf["data"]["vm_id"] in comparison.vms}
        states = {leaf["data"]["vm_id"]: STATE_AFTER[leaf["type"]] for leaf in self.leaves[tenant] if leaf["type"] in STATE_AFTER}
        for vm_id, row in comparison.vms.items():
            operation = creations.get(vm_id)
            if operation is None:
                self.faults.append(f"{tenant}: expected a request that made the VM {row}")
            elif row["state"] != states[vm_id]:
                self.fault(operation, f"the state {states[vm_id]}", row)
            elif operation.answer is not None and {**operation.answer.json, "state": row["state"]} != row:
                self.fault(operation, operation.answer.json, row)
            elif row["name"] != operation.body["name"]:
                self.fault(operation, operation.body, row)

    def compare_name(self, register, record):
        """Names are not in the ledger; whoever set the last one is."""
        named = [leaf for leaf in self.leaves[register.tenant] if leaf["type"] in ("TENANT_CREATED", "TENANT_UPDATED")]
        setter = self.by_id.get(named[-1]["request_id"]) if named else None
        if setter is None or setter.body["display_name"] != record["display_name"]:
            self.faults.append(f"{register.tenant}: expected the name that was set by {setter}, there is {record['display_name']}")

    def reread(self, caller):
        """Every log from its first leaf on, against what was read before."""
        for tenant, register in sorted(self.registers.items()):
            leaves = entries(caller, tenant, self.admin)
            known = self.leaves[tenant]
            if leaves[:len(known)] != known:
                seq = next((at for at, leaf in enumerate(known) if leaves[at:at + 1] != [leaf]), 0)
                self.faults.append(f"{tenant}: expected at seq {seq} {known[seq]}, there is {leaves[seq:seq + 1]}")
            late = [leaf for leaf in leaves[len(known):] if leaf["type"] not in OWN_LEAVES]
            if late:
                self.faults.append(f"{tenant}: expected nothing after seq {register.size - 1}, there is {late}")

    def fault(self, operation, expected, there):
        self.faults.append(f"{operation}: expected {expected}, there is {there}")
