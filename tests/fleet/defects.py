#!/usr/bin/env python3
"""Ten defects that systems like this one have had, each as a test of its name.

Usage: defects.py --server PROGRAM [--store ENGINE] [NAME...]. On libvirt's driver for tests; `agent_restart_leaves_guests_running_and_adopted` needs guests that
outlive their agent and is tests/fleet/adoption.py.
"""
import argparse
import pathlib
import re
import secrets
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from agent import KERNEL, ORDER, Trial, strangers  # noqa: E402
from client import Client  # noqa: E402
from node_agent import Agent  # noqa: E402
from server import UNLIMITED, Server, add_arguments  # noqa: E402

UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SOON_S = 10  # far less than what a hung node could hold anybody up: its long poll takes 20 s, its silence is noticed after 30


class World:
    """One tenant with one node, its agent and more when they are asked for."""

    def __init__(self, server, folder, name):
        self.server, self.folder, self.agents = server, pathlib.Path(folder), []
        self.trial = Trial(server, self.folder, name)
        self.agent = self.node("node-1")

    def node(self, name):
        folder = self.folder / name
        folder.mkdir()
        agent = Agent(self.server, folder)
        agent.add_image("linux", kernel=KERNEL)
        done = agent.enrol(self.trial.tenant, name, self.trial.token_file)
        self.trial.expect(f"enrol {name}: {done.stderr}", done.returncode, 0)
        self.agents.append(agent.start())
        self.trial.await_(f"{name} when its agent runs", lambda: self.trial.node(name)["status"], "Ready")
        return agent

    def running(self, **more):
        vm = self.trial.send("POST", "/v1/vms", {**ORDER, **more}, expect=201).json["vm_id"]
        self.trial.await_("a VM", lambda: self.trial.state_of(vm), "Running")
        return vm

    def last_entries(self, count):
        entries = self.trial.send("GET", "/v1/ledger/entries?page_size=1000", expect=200).json["entries"]
        return [entry["type"] for entry in entries][-count:]

    def end(self):
        for agent in self.agents:
            agent.end()


def quota_holds_through_heartbeats_restarts_and_stale_nodes(world):
    trial = world.trial
    trial.client.send("PATCH", f"/v1/tenants/{trial.tenant}", trial.client.admin, {"max_vms": 2}, expect=200)
    vms = [world.running() for _ in range(2)]

    def is_full(when):
        refused = trial.send("POST", "/v1/vms", ORDER)
        usage = trial.send("GET", f"/v1/tenants/{trial.tenant}").json["usage"]
        trial.expect(f"one more {when}", (refused.status, refused.code, usage["vms"]), (429, "QUOTA_EXCEEDED", 2))

    is_full("at once")
    before = trial.node()["last_heartbeat"]
    trial.expect("a further heartbeat", trial.soon(lambda: trial.node()["last_heartbeat"] != before), True)
    is_full("after a heartbeat")
    world.server.kill()
    world.server.start()
    trial.client = Client(world.server)
    is_full("after the control plane died")
    world.agent.kill()
    trial.await_("the node without its agent", lambda: trial.node()["status"], "Unknown")
    is_full("while the node is stale")
    trial.expect("a deletion there", trial.send("DELETE", f"/v1/vms/{vms[0]}").status, 202)
    is_full("while a deletion waits for the node")
    world.agent.start()
    trial.await_("deleted", lambda: trial.state_of(vms[0]), 404)
    trial.expect("one more when there is room", trial.send("POST", "/v1/vms", ORDER).status, 201)
    is_full("when that is taken")


def every_action_is_in_the_ledger_when_the_caller_has_its_answer(world):
    trial = world.trial
    vm = world.running()

    def told(what, method, path, expected, body=None):
        trial.send(method, path, body)
        trial.expect(f"the ledger after {what}", expected in world.last_entries(3), True)

    trial.expect("the node's beginnings", {"NODE_ENROLLED", "DEVICE_ENROLLED", "NODE_HEARTBEAT"} <= set(world.last_entries(1000)), True)
    told("a stop", "POST", f"/v1/vms/{vm}/stop", "VM_STOPPED")
    told("a start", "POST", f"/v1/vms/{vm}/start", "VM_STARTED")
    told("a creation", "POST", "/v1/vms", "VM_CREATED", ORDER)
    told("a cordon", "POST", "/v1/nodes/node-1/cordon", "NODE_CORDONED")
    world.agent.kill()
    told("a deletion that waits", "DELETE", f"/v1/vms/{vm}", "VM_STATE_CHANGED")
    told("a node that is lost", "DELETE", "/v1/nodes/node-1?lost=true", "NODE_REMOVED")
    trial.expect("the VM that was being deleted on it", (trial.state_of(vm), "VM_DELETED" in world.last_entries(5)), (404, True))


def anonymous_or_foreign_key_heartbeats_change_nothing(world):
    strangers(world.trial, world.agent)


def duplicate_node_ids_are_refused(world):
    trial = world.trial
    other = Agent(world.server, world.folder / "other")
    done = other.enrol(trial.tenant, "node-1", trial.token_file)
    trial.expect(f"a second machine as node-1: {done.stderr}", (done.returncode, (other.state / "agent.token").exists()), (1, False))
    trial.expect("whose node it is", trial.node()["status"], "Ready")


def ids_are_distinct_and_unguessable(world):
    ids = [world.trial.send("POST", "/v1/vms", {**ORDER, "ram_mb": 1}, expect=201).json["vm_id"] for _ in range(60)]
    world.trial.expect("UUIDs of version 7", [vm for vm in ids if not UUID_V7.fullmatch(vm)], [])
    by_chance = [vm.replace("-", "")[16:] for vm in ids]  # RFC 9562 section 5.7: rand_b, less the two bits of the variant
    for place in range(1, 16):
        world.trial.expect(f"that digit {place} is drawn anew each time", len({text[place] for text in by_chance}) > 4, True)
    world.trial.expect("how many share half of it", len({text[:8] for text in by_chance}), len(ids))


def destroy_stays_deleting_and_charged_until_process_and_disk_are_gone(world):
    trial = world.trial
    vm = world.running(disk_gb=1)
    world.agent.kill()  # the node cannot be reached
    trial.expect("the answer", trial.send("DELETE", f"/v1/vms/{vm}").status, 202)
    trial.await_("the node without its agent", lambda: trial.node()["status"], "Unknown")
    usage = trial.send("GET", f"/v1/tenants/{trial.tenant}").json["usage"]
    trial.expect("the VM meanwhile", (trial.state_of(vm), usage["vms"], usage["storage_gb"]), ("Deleting", 1, 1))
    world.agent.start()
    trial.await_("deleted", lambda: trial.state_of(vm), 404)
    trial.expect("its files by then", (world.agent.state / "guests" / vm).exists(), False)
    trial.expect("what is charged then", trial.send("GET", f"/v1/tenants/{trial.tenant}").json["usage"]["vms"], 0)


def a_hung_node_delays_nobody_else(world):
    trial = world.trial
    world.node("node-2")
    world.agent.process.send_signal(signal.SIGSTOP)
    stuck = trial.send("POST", "/v1/vms", {**ORDER, "preferred_node": "node-1"}, expect=201).json["vm_id"]
    began = time.monotonic()
    world.running(preferred_node="node-2")
    globex = trial.client.issue(trial.client.make_tenant(trial.tenant + "-2"), credential.b64url(credential.public_key_of(secrets.token_bytes(32))))["token"]
    trial.expect("another tenant's order", trial.client.send("POST", "/v1/vms", globex, ORDER).status, 201)
    took_s = time.monotonic() - began
    trial.expect(f"that both took less than {SOON_S} s ({took_s:.1f} s)", took_s < SOON_S, True)
    world.agent.process.send_signal(signal.SIGCONT)
    trial.await_("the one on the hung node", lambda: trial.state_of(stuck), "Running")


def placement_never_crosses_tenants(world):
    trial = world.trial
    other = Trial(world.server, world.folder, trial.tenant + "-2")
    waiting = other.send("POST", "/v1/vms", ORDER, expect=201).json["vm_id"]
    named = other.send("POST", "/v1/vms", {**ORDER, "preferred_node": "node-1"}, expect=201).json["vm_id"]
    for _ in range(3):
        world.running()  # the node has room and takes its own tenant's
    for vm in (waiting, named):
        record = other.send("GET", f"/v1/vms/{vm}", expect=200).json
        other.expect("another tenant's VM", (record["state"], record["node_id"]), ("Provisioning", None))
    other.expect("another tenant's advice", other.send("GET", "/v1/placement?ram_mb=64", expect=200).json["nodes"], [])
    other.expect("another tenant's view of the node", other.send("GET", "/v1/nodes/node-1").status, 404)
    trial.expect("the VMs on the node", trial.node()["vm_count"], 3)
    trial.faults += other.faults


def error_always_says_why(world):
    trial = world.trial
    without_image = trial.send("POST", "/v1/vms", {**ORDER, "vm_type": "other"}, expect=201).json["vm_id"]
    trial.await_("a type without an image", lambda: trial.state_of(without_image), "Error")
    lost = world.running()
    world.agent.kill()
    trial.send("DELETE", "/v1/nodes/node-1?lost=true", expect=204)
    for vm in (without_image, lost):
        record = trial.send("GET", f"/v1/vms/{vm}", expect=200).json
        trial.expect(f"the reason of {record}", (record["state"], bool(record["error"]) and record["error"].endswith(".")), ("Error", True))


DEFECTS = [quota_holds_through_heartbeats_restarts_and_stale_nodes, every_action_is_in_the_ledger_when_the_caller_has_its_answer,
           anonymous_or_foreign_key_heartbeats_change_nothing, duplicate_node_ids_are_refused, ids_are_distinct_and_unguessable,
           destroy_stays_deleting_and_charged_until_process_and_disk_are_gone, a_hung_node_delays_nobody_else, placement_never_crosses_tenants,
           error_always_says_why]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    faults = 0
    with Server(options.server, store=options.store, arguments=UNLIMITED) as server:
        for number, defect in enumerate(DEFECTS):
            if options.names and defect.__name__ not in options.names:
                continue
            with tempfile.TemporaryDirectory(prefix="cadastre-defect-") as folder:
                began = time.monotonic()
                world = World(server, folder, f"tenant-{number}")
                try:
                    defect(world)
                finally:
                    world.end()
                    if world.trial.faults or sys.exc_info()[0]:
                        print(world.agent.log()[-4000:], file=sys.stderr)
                print(f"{defect.__name__}: {world.trial.checks} checks, {len(world.trial.faults)} failed, {time.monotonic() - began:.1f} s", flush=True)
                for fault in world.trial.faults:
                    print(f"  {fault}", flush=True)
                faults += len(world.trial.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
