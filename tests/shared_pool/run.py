#!/usr/bin/env python3
"""The shared pool from outside: a tenant's own nodes first, then the pool's, never another tenant's; who waits is served in turn and within a
second; the pool's agent sees and reports everybody's VMs, each in its own tenant's ledger; and whatever moment the server is killed at, afterwards
the room taken on each node is that of the VMs on it.

Usage: run.py --server PROGRAM [--store ENGINE] [--rounds N]
"""
import argparse
import base64
import hashlib
import http.client
import pathlib
import secrets
import shutil
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from agent import HEADROOM_MB, Agent  # noqa: E402
from client import Client  # noqa: E402
from seed import seeded_random  # noqa: E402
from server import UNLIMITED, Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

POOL, TENANTS = "pool", ("acme", "globex")
WITHIN_S = 1.0  # from when there is room until it is given
SLOW_S = 2.0  # what a loaded machine adds
PATIENCE_S = 30
LOOK_EVERY_S = 0.02
RAM_MB = 1024  # of each VM
CALLERS = 3  # of each tenant, in the volley
SSH_KEY_HEAD = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"  # of 32 bytes, as RFC 8709 has them


class Trial:
    def __init__(self, server):
        self.server = server
        self.client = Client(server)
        self.checks, self.faults, self.waits_s = 0, [], []
        self.owners = {}
        for tenant in (POOL, *TENANTS, "initech"):
            self.client.make_tenant(tenant)
            key = credential.b64url(credential.public_key_of(secrets.token_bytes(32)))
            self.owners[tenant] = self.client.issue(tenant, key)["token"]

    def expect(self, what, actual, expected):
        self.checks += 1
        if actual != expected:
            self.faults.append(f"{what}: expected {expected}, got {actual}")

    def agent(self, tenant, node, vms):
        """A node that takes so many VMs."""
        return Agent(self.client, tenant, self.owners[tenant], node, vms * RAM_MB)

    def create(self, tenant, **more):
        body = {"vm_type": "small", "ram_mb": RAM_MB, "vcpu_count": 1, "disk_gb": 1, **more}
        return self.client.send("POST", "/v1/vms", self.owners[tenant], body, expect=201).json

    def vm(self, tenant, vm_id):
        return self.client.send("GET", f"/v1/vms/{vm_id}", self.owners[tenant]).json

    def vms(self, tenant):
        return self.client.send("GET", "/v1/vms?page_size=1000", self.owners[tenant], expect=200).json["vms"]

    def node(self, tenant, node):
        return self.client.send("GET", f"/v1/nodes/{node}", self.owners[tenant], expect=200).json

    def place_of(self, tenant, vm_id):
        vm = self.vm(tenant, vm_id)
        return vm["node_id"], vm["shared_pool"]

    def comes(self, what, condition):
        """That it comes within a second; remembers how long it took."""
        began = time.monotonic()
        came = wait_for(condition, PATIENCE_S, LOOK_EVERY_S)
        took_s = time.monotonic() - began
        self.checks += 1
        self.waits_s.append(took_s)
        if not came or took_s > WITHIN_S + SLOW_S:
            self.faults.append(f"{what}: expected within {WITHIN_S} s, {'came' if came else 'had not come'} after {took_s:.2f} s")

    def placed(self, tenant):
        return {vm["vm_id"] for vm in self.vms(tenant) if vm["node_id"]}

    def events(self, tenant, vm_id):
        """What the tenant's ledger says of the VM: type, node and state after."""
        entries = self.client.send("GET", f"/v1/ledger/entries?vm_id={vm_id}", self.owners[tenant], expect=200).json["entries"]
        return [(entry["type"], entry["data"].get("node_id"), entry["data"].get("after"), entry["actor"]["kind"]) for entry in entries]

    def room_agrees(self, agent):
        """The sums of the node, what its agent is told, and what the tenants' records say are the same."""
        node, told = self.node(POOL, agent.node), agent.ask()
        records = [vm for tenant in TENANTS for vm in self.vms(tenant) if vm["shared_pool"] and vm["node_id"] == agent.node]
        ram = agent.facts["ram_total_mb"] - sum(vm["ram_alloc_mb"] for vm in records)
        return {vm["vm_id"] for vm in records} == set(told) and node["vm_count"] == len(told) and node["ram_available_mb"] == ram

    # The parts of the trial.

    def own_first(self):
        own = self.agent("acme", "own-1", 2).enrol()
        other = self.agent("initech", "initech-1", 50).enrol()
        waits = self.create("globex")["vm_id"]
        self.expect("without a pool", self.place_of("globex", waits), (None, False))
        pool = self.agent(POOL, "pool-1", 4).enrol()
        self.comes("what waited is on the pool", lambda: self.place_of("globex", waits) == ("pool-1", True))
        ids = [self.create("acme")["vm_id"] for _ in range(3)]
        self.comes("the third is on the pool", lambda: self.place_of("acme", ids[2]) == ("pool-1", True))
        self.expect("own nodes first", [self.place_of("acme", vm_id) for vm_id in ids[:2]], [("own-1", False)] * 2)
        self.expect("acme's nodes", [node["node_id"] for node in self.client.send("GET", "/v1/nodes", self.owners["acme"]).json["nodes"]], ["own-1"])
        self.expect("the pool's node asked for by acme", self.client.send("GET", "/v1/nodes/pool-1", self.owners["acme"]).status, 404)
        advice = self.client.send("GET", f"/v1/placement?ram_mb={RAM_MB}", self.owners["acme"]).json
        self.expect("the advice", (advice["node_id"], advice["shared_pool"]), ("pool-1", True))
        seen = [(each["node_id"], each["shared_pool"], each["fits"], each["ram_available_mb"]) for each in advice["nodes"]]
        self.expect("the nodes looked at", seen, [("pool-1", True, True, None), ("own-1", False, False, HEADROOM_MB)])
        large = self.client.send("GET", "/v1/placement?ram_mb=100000", self.owners["globex"]).json["nodes"]
        self.expect("a reason without figures", [each["reason"] for each in large], ["Not enough memory is free."])
        never = [self.create("globex", preferred_node=name)["vm_id"] for name in ("initech-1", "own-1")]
        self.create("acme", preferred_node="own-1")  # its own node is full: no other of that name will do
        self.comes("the room of pool-1", lambda: self.room_agrees(pool))
        self.expect("other tenants' nodes", [self.place_of("globex", vm_id) for vm_id in never], [(None, False)] * 2)
        self.expect("VMs on initech's node", self.node("initech", "initech-1")["vm_count"], 0)
        self.expect("what own-1 is told", set(own.ask()), set(ids[:2]))
        self.expect("what initech-1 is told", other.ask(), {})
        return pool, ids[2], waits

    def agent_sees_all(self, pool, of_acme, of_globex):
        told = pool.ask()
        self.expect("tenants on the node", {vm["tenant_id"] for vm in told.values()}, set(TENANTS))
        answer = pool.report().json
        self.expect("reports", (answer["changed"], answer["unknown"]), (2, []))
        for tenant, vm_id in (("acme", of_acme), ("globex", of_globex)):
            vm = self.vm(tenant, vm_id)
            self.expect(f"{tenant}'s VM at once", (vm["state"], len(vm["host_ports"])), ("Running", 1))
            self.expect(f"{tenant}'s ledger", self.events(tenant, vm_id)[-1], ("VM_STATE_CHANGED", "pool-1", "Running", "system"))
        self.expect("a report that says nothing new", pool.report().json["unchanged"], 2)
        self.expect("the pool's own ledger of acme's VM", self.events(POOL, of_acme), [])
        stranger = "01986b2e-7c3a-7a10-8a3b-2f0c1d4e5f60"
        self.expect("orphans", pool.heartbeat([of_acme, of_globex, stranger]), [stranger])
        wrong = {"vms": [{"vm_id": of_acme, "generation": 1, "state": "failed"}]}
        refused = pool.send("POST", "/v1/nodes/pool-1/reports", wrong, expect=200).json["refused"]
        self.expect("a failure without a sentence", [(each["vm_id"], each["code"]) for each in refused], [(of_acme, "INVALID_FIELD")])
        untold = {"vms": [{"vm_id": of_acme, "generation": 99, "state": "stopped"}]}
        pool.send("POST", "/v1/nodes/pool-1/reports", untold, expect=200)
        self.expect("a generation that was never wished", self.vm("acme", of_acme)["state"], "Running")

    def each_has_its_own(self, pool, of_acme, of_globex):
        """What a VM is made from, whom it lets in and what it says are its own tenant's, on whosever node."""
        for tenant in ("acme", POOL):
            image = {"name": "small", "format": "qcow2", "url": f"https://{tenant}.example/small", "sha256": "ab" * 32, "size_bytes": 1000}
            self.client.send("POST", "/v1/images", self.owners[tenant], image, expect=201)
            key = base64.b64encode(SSH_KEY_HEAD + hashlib.sha256(tenant.encode()).digest()).decode()
            self.client.send("POST", "/v1/ssh-keys", self.owners[tenant], {"name": "mine", "public_key": f"ssh-ed25519 {key} {tenant}"}, expect=201)
        told = pool.ask()
        self.expect("acme's image", (told[of_acme]["image"] or {}).get("url"), "https://acme.example/small")
        self.expect("globex has none", told[of_globex]["image"], None)
        self.expect("acme's keys", [key.split()[-1] for key in told[of_acme]["ssh_authorized_keys"]], ["acme"])
        self.expect("globex has none", told[of_globex]["ssh_authorized_keys"], [])
        said = b"acme's guest is up\n"
        self.expect("the console is taken", pool.show(of_acme, said), 204)
        console = self.client.send("GET", f"/v1/vms/{of_acme}/console", self.owners["acme"], expect=200).body
        self.expect("acme's console", console, said)
        silent = self.client.send("GET", f"/v1/vms/{of_globex}/console", self.owners["globex"], expect=200).body
        self.expect("globex's console", silent, b"")
        for reader in ("globex", POOL):
            asked = self.client.send("GET", f"/v1/vms/{of_acme}/console", self.owners[reader])
            self.expect(f"acme's console, read by {reader}", asked.status, 404)
        elsewhere = self.create("acme", preferred_node="own-1")["vm_id"]
        self.expect("a console of a VM that is not there", pool.show(elsewhere, said), 404)
        self.client.send("DELETE", f"/v1/vms/{elsewhere}", self.owners["acme"], expect=204)

    def wishes_arrive(self, pool, of_acme):
        pool.ask()
        heard = []
        waiting = threading.Thread(target=lambda: heard.append((pool.ask(wait_s=20)[of_acme]["wish"], time.monotonic())))
        waiting.start()
        time.sleep(0.3)  # so that the agent waits already; when it does not yet, it is told at once all the same
        began = time.monotonic()
        self.client.send("POST", f"/v1/vms/{of_acme}/stop", self.owners["acme"], expect=200)
        waiting.join()
        self.waits_s.append(heard[0][1] - began)
        self.expect("what the agent is told", heard[0][0], "stop")
        self.expect("within a second", heard[0][1] - began < WITHIN_S + SLOW_S, True)
        pool.report(of_acme)
        self.expect("the stopped VM", self.vm("acme", of_acme)["state"], "Stopped")
        self.client.send("DELETE", f"/v1/vms/{of_acme}", self.owners["acme"], expect=202)
        self.comes("the wish to delete it", lambda: pool.ask()[of_acme]["wish"] == "delete")
        self.expect("its room while it is there", self.node(POOL, "pool-1")["vm_count"], 2)
        pool.report(of_acme)
        self.expect("the deleted VM", self.client.send("GET", f"/v1/vms/{of_acme}", self.owners["acme"]).status, 404)
        self.comes("its room", lambda: self.node(POOL, "pool-1")["vm_count"] == 1)
        self.expect("the guests that are left", of_acme in pool.ask(), False)

    def in_turn(self, pool):
        """Three places are free on pool-1; they and four more are taken in turn."""
        self.client.send("POST", "/v1/nodes/pool-1/cordon", self.owners[POOL], expect=200)
        ids = {"acme": [self.create("acme")["vm_id"] for _ in range(6)], "globex": [self.create("globex")["vm_id"] for _ in range(3)]}
        count = {tenant: len(self.placed(tenant)) for tenant in TENANTS}
        second = self.agent(POOL, "pool-2", 4).enrol()
        self.comes("four of those that wait", lambda: self.node(POOL, "pool-2")["vm_count"] == 4)
        self.comes("their records", lambda: sum(len(self.placed(tenant)) - count[tenant] for tenant in TENANTS) == 4)
        for tenant in TENANTS:
            places = [self.place_of(tenant, vm_id)[0] for vm_id in ids[tenant]]
            self.expect(f"{tenant}'s oldest two", places, ["pool-2"] * 2 + [None] * (len(places) - 2))
        self.client.send("POST", "/v1/nodes/pool-1/uncordon", self.owners[POOL], expect=200)
        self.comes("three more", lambda: sum(len(self.placed(tenant)) - count[tenant] for tenant in TENANTS) == 7)
        self.expect("globex's last", self.place_of("globex", ids["globex"][2])[0], "pool-1")
        gone = ids["globex"][0]
        self.client.send("DELETE", f"/v1/vms/{gone}", self.owners["globex"], expect=202)
        self.comes("the wish to delete it", lambda: second.ask()[gone]["wish"] == "delete")
        second.report(gone)
        self.comes("who waited next has its room", lambda: self.place_of("acme", ids["acme"][4])[0] == "pool-2")
        for agent in (pool, second):
            self.comes(f"the room of {agent.node}", lambda agent=agent: self.room_agrees(agent))
        return second

    def taken_out(self, second):
        second.ask()
        second.report()
        drained = set(second.guests)
        self.client.send("POST", "/v1/nodes/pool-2/drain", self.owners[POOL], expect=200)
        self.comes("all are to stop", lambda: {vm["wish"] for vm in second.ask().values()} == {"stop"})
        second.report()
        of_acme = [vm["vm_id"] for vm in self.vms("acme") if vm["vm_id"] in drained]
        self.expect("acme's drained VMs", {self.vm("acme", vm_id)["state"] for vm_id in of_acme}, {"Stopped"})
        self.expect("in its ledger", self.events("acme", of_acme[0])[-2][0], "VM_STOPPED")
        going = of_acme[0]
        self.client.send("DELETE", f"/v1/vms/{going}", self.owners["acme"], expect=202)
        self.expect("a node with VMs", self.client.send("DELETE", "/v1/nodes/pool-2", self.owners[POOL]).status, 409)
        self.client.send("DELETE", "/v1/nodes/pool-2?lost=true", self.owners[POOL], expect=204)
        self.comes("the deleted VM is gone", lambda: self.client.send("GET", f"/v1/vms/{going}", self.owners["acme"]).status == 404)
        left = [(tenant, vm["vm_id"]) for tenant in TENANTS for vm in self.vms(tenant) if vm["vm_id"] in drained]
        self.comes("the others failed", lambda: all(self.vm(*each)["state"] == "Error" for each in left))
        self.expect("why", {self.vm(*each)["error"] for each in left}, {"Its node was removed, and its disk with it."})
        self.expect("where they are", {self.place_of(*each) for each in left}, {(None, False)})
        again = self.agent(POOL, "pool-2b", 6).enrol()
        tenant, vm_id = left[0]
        self.client.send("POST", f"/v1/vms/{vm_id}/start", self.owners[tenant], expect=200)
        self.comes("one that is asked to run again", lambda: self.place_of(tenant, vm_id)[0] is not None)
        self.comes("the room of pool-2b", lambda: self.room_agrees(again))
        return again

    def suspended(self):
        self.client.send("POST", "/v1/nodes/pool-1/cordon", self.owners[POOL], expect=200)
        self.client.send("POST", "/v1/nodes/pool-2b/cordon", self.owners[POOL], expect=200)
        waits = self.create("globex")["vm_id"]
        self.client.send("POST", "/v1/tenants/globex/suspend", self.client.admin, expect=200)
        for node in ("pool-1", "pool-2b"):
            self.client.send("POST", f"/v1/nodes/{node}/uncordon", self.owners[POOL], expect=200)
        probe = self.create("acme")["vm_id"]
        self.comes("acme's is placed", lambda: self.place_of("acme", probe)[0] is not None)
        self.expect("a suspended tenant's VM waits", self.place_of("globex", waits), (None, False))
        self.client.send("POST", "/v1/tenants/globex/resume", self.client.admin, expect=200)
        self.comes("it is placed then", lambda: self.place_of("globex", waits)[0] is not None)

    def killed(self, agents, rounds):
        """VMs come and go while the agents carry out what is wished; the server is killed in the midst of it."""
        chance, _ = seeded_random()
        for at in range(rounds):
            stopped, tasks = threading.Event(), []
            for tenant in TENANTS:
                tasks += [lambda tenant=tenant: self.come_and_go(tenant, stopped) for _ in range(CALLERS)]
            tasks += [lambda agent=agent: self.carry_out(agent, stopped) for agent in agents]
            threads = [threading.Thread(target=task) for task in tasks]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.3, 2.5))
            self.server.kill()
            stopped.set()
            for thread in threads:
                thread.join()
            self.server.start()
            self.client.own.connection = None
            for agent in agents:
                agent.heartbeat()
            self.quiet(f"round {at}", agents)
            for tenant in TENANTS:  # so that there is room for the next
                for vm in self.vms(tenant):
                    if vm["shared_pool"] or not vm["node_id"]:
                        self.client.send("DELETE", f"/v1/vms/{vm['vm_id']}", self.owners[tenant])
            self.quiet(f"round {at}, emptied", agents)
            self.expect(f"round {at}: VMs on the emptied nodes", [self.node(POOL, agent.node)["vm_count"] for agent in agents], [0] * len(agents))

    def other_process(self, agents):
        """Another server on the same database: what it takes is placed, also once it is alone."""
        other = self.server.replica()
        shutil.copy(self.server.data_dir / "admin.token", other.data_dir)
        for agent in agents:
            agent.heartbeat()
        with other:
            far, near = Client(other), self.client
            self.client = far
            vm_id = self.create("acme")["vm_id"]
            self.comes("what another process took", lambda: self.place_of("acme", vm_id)[1])
            agents[0].client = far
            self.server.kill()
            second = self.create("globex")["vm_id"]
            self.expect("what another process took, once it is alone", wait_for(lambda: self.place_of("globex", second)[1], PATIENCE_S, LOOK_EVERY_S), True)
            told = agents[0].ask()
            agents[0].report()
            self.expect("what it was told", {vm["state"] for tenant in TENANTS for vm in self.vms(tenant) if vm["vm_id"] in told} <= {"Running"}, True)
            self.client = agents[0].client = near
            self.server.start()
            near.own.connection = None

    def come_and_go(self, tenant, stopped):
        try:
            while not stopped.is_set():
                mine = [self.create(tenant)["vm_id"] for _ in range(3)]
                for vm_id in mine:
                    self.client.send("POST", f"/v1/vms/{vm_id}/stop", self.owners[tenant])
                    self.client.send("DELETE", f"/v1/vms/{vm_id}", self.owners[tenant])
        except (OSError, RuntimeError, ValueError, LookupError, http.client.HTTPException):
            return  # the server is gone, or this tenant has all it may have

    def carry_out(self, agent, stopped):
        try:
            while not stopped.is_set():
                agent.ask()
                if agent.guests:
                    agent.report()
        except (OSError, RuntimeError, ValueError, LookupError, http.client.HTTPException):
            return

    def quiet(self, what, agents):
        """Nothing is left half done: room and VMs agree, who can be placed is, and what is deleted goes."""

        def is_quiet():
            for agent in agents:
                agent.ask()
                if agent.guests:
                    agent.report()
            is_all_gone = all(vm["state"] != "Deleting" for tenant in TENANTS for vm in self.vms(tenant))
            return is_all_gone and all(map(self.room_agrees, agents))

        self.checks += 1
        if not wait_for(is_quiet, PATIENCE_S, LOOK_EVERY_S):
            nodes = [(self.node(POOL, agent.node), agent.ask()) for agent in agents]
            self.faults.append(f"{what}: room and VMs do not agree: {nodes} {[self.vms(tenant) for tenant in TENANTS]}")
        for tenant in TENANTS:
            status, vms = self.client.send("GET", "/v1/status", self.owners[tenant]).json, self.vms(tenant)
            charged = (status["vms"], status["ram_used_mb"], status["storage_used_gb"])
            self.expect(f"{what}: what {tenant} is charged", charged, (len(vms), *(sum(vm[of] for vm in vms) for of in ("ram_alloc_mb", "disk_gb"))))
        verified = self.server.service_fs("verify")
        self.expect(f"{what}: service-fs verify: {verified.stdout}{verified.stderr}", verified.returncode, 0)


def main():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=6)
    asked = parser.parse_args()
    with Server(asked.server, store=asked.store, arguments=[*UNLIMITED, "--shared-pool", POOL]) as server:
        trial = Trial(server)
        pool, of_acme, of_globex = trial.own_first()
        trial.agent_sees_all(pool, of_acme, of_globex)
        trial.each_has_its_own(pool, of_acme, of_globex)
        trial.wishes_arrive(pool, of_acme)
        pool.heartbeat()
        second = trial.in_turn(pool)
        second = trial.taken_out(second)
        pool.heartbeat()
        second.heartbeat()
        trial.suspended()
        trial.killed([pool, second], asked.rounds)
        if asked.store.startswith("postgresql"):
            trial.other_process([pool, second])
        verified = server.service_fs("verify", "--full")
        trial.expect(f"service-fs verify: {verified.stdout}{verified.stderr}", verified.returncode, 0)
        log = server.log()
    for fault in trial.faults:
        print("FAULT", fault)
    print(f"{trial.checks} checks, {len(trial.faults)} faults; what was to come within a second came within "
          f"{statistics.median(trial.waits_s):.2f} s at the median, {max(trial.waits_s):.2f} s at most, of {len(trial.waits_s)}")
    if trial.faults:
        print(log[-3000:])
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
