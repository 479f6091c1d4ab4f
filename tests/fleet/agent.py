#!/usr/bin/env python3
"""The node's agent beside the real control plane: enrolment, a VM's whole life on libvirt's test driver, and kill -9 on either side.

Usage: agent.py --server PROGRAM [--store ENGINE]. The test driver's guests live in the agent's own process and go with it: what an agent that is started
anew does with guests that run on is tests/fleet/adoption.py's, on QEMU.
"""
import argparse
import pathlib
import secrets
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from client import Client  # noqa: E402
from node_agent import PATIENCE_S, Agent  # noqa: E402
from server import Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

LOOK_EVERY_S = 0.05
ENDS_WITHIN_S = 2
KERNEL = b"no kernel: the test driver reads none"
ORDER = {"vm_type": "linux", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 0, "ports": [{"guest_port": 22}]}


class Trial:
    def __init__(self, server, folder, tenant="acme", lifetime_s=600):
        self.server, self.folder = server, folder
        self.client = Client(server)
        self.tenant = self.client.make_tenant(tenant)
        key = credential.b64url(credential.public_key_of(secrets.token_bytes(32)))
        self.token = self.client.issue(self.tenant, key, lifetime_s=lifetime_s)["token"]
        self.token_file = self.secret_file(f"owner-{tenant}", self.token)
        self.checks, self.faults = 0, []

    def secret_file(self, name, text):
        path = pathlib.Path(self.folder, name)
        path.write_text(text + "\n", encoding="ascii")
        path.chmod(0o600)
        return path

    def expect(self, what, actual, expected):
        self.checks += 1
        if actual != expected:
            self.faults.append(f"{what}: expected {expected}, got {actual}")

    def send(self, method, path, body=None, expect=None):
        return self.client.send(method, path, self.token, body, expect=expect)

    def node(self, name="node-1"):
        return self.send("GET", f"/v1/nodes/{name}").json

    def state_of(self, vm):
        answer = self.send("GET", f"/v1/vms/{vm}")
        return answer.json["state"] if answer.status == 200 else answer.status

    def soon(self, condition):
        """Whether it comes true."""
        return wait_for(condition, PATIENCE_S, LOOK_EVERY_S)

    def await_(self, what, look, expected):
        """Looks until it is as expected, or for long enough."""
        give_up = time.monotonic() + PATIENCE_S
        while (seen := look()) != expected and time.monotonic() < give_up:
            time.sleep(LOOK_EVERY_S)
        self.expect(what, seen, expected)

    def verdict(self):
        """Prints what was not as expected; the exit status."""
        for fault in self.faults:
            print(fault, file=sys.stderr)
        print(f"{self.checks} checks, {len(self.faults)} failed")
        return 1 if self.faults else 0

    def create(self):
        return self.send("POST", "/v1/vms", ORDER, expect=201).json["vm_id"]

    def used(self):
        status = self.send("GET", "/v1/status", expect=200).json
        return {name: status[name] for name in ("vms_running", "ram_used_mb")}


def enrolment(trial, agent):
    """A tenant's token lets the machine in; what is kept is for its owner alone; another machine is not the same node."""
    done = agent.enrol(trial.tenant, "node-1", trial.token_file)
    trial.expect(f"enrol: {done.stderr}", done.returncode, 0)
    trial.expect("the node before it was heard of", trial.node()["node_id"], "node-1")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in agent.state.iterdir() if path.is_file()}
    trial.expect("its files", modes, {"agent.key": 0o600, "agent.token": 0o600, "enrolment.json": 0o600})
    again = agent.enrol(trial.tenant, "node-1", trial.token_file)
    trial.expect(f"enrol again: {again.stderr}", again.returncode, 0)
    with tempfile.TemporaryDirectory(prefix="cadastre-agent-") as folder:
        other = Agent(trial.server, folder)
        done = other.enrol(trial.tenant, "node-1", trial.token_file)
        trial.expect(f"a second machine as node-1: {done.stderr}", (done.returncode, "CONFLICT" in done.stderr or "ALREADY" in done.stderr), (1, True))
        trial.expect("that it keeps no token", (other.state / "agent.token").exists(), False)
    older = agent.run("--print-config", environment={"FLEET_CONTROLLER_URL": "http://older:1", "VM_NODE_ID": "node-9"})
    trial.expect("the older variables", ('controller = "http://older:1"' in older.stdout, 'node-id = "node-9"' in older.stdout), (True, True))


def life(trial, agent):
    """Created, stopped, started, started over, deleted; and what it was charged is given back."""
    agent.start()
    trial.await_("the node when its agent runs", lambda: trial.node()["status"], "Ready")
    vm = trial.create()
    trial.await_("created", lambda: trial.state_of(vm), "Running")
    record = trial.send("GET", f"/v1/vms/{vm}", expect=200).json
    trial.expect("where it runs", record["node_id"], "node-1")
    trial.expect("its ports", [(port["guest_port"], port["protocol"]) for port in record["host_ports"]], [(22, "tcp")])
    trial.send("POST", f"/v1/vms/{vm}/stop", expect=200)
    trial.await_("stopped", lambda: trial.state_of(vm), "Stopped")
    trial.send("POST", f"/v1/vms/{vm}/start", expect=200)
    trial.await_("started", lambda: trial.state_of(vm), "Running")
    starts = agent.steps(vm).count("define and start")
    trial.send("POST", f"/v1/vms/{vm}/reboot", expect=200)
    trial.await_("started over", lambda: agent.steps(vm).count("define and start"), starts + 1)
    trial.await_("running again", lambda: trial.state_of(vm), "Running")
    trial.expect("how often it was started", agent.steps(vm).count("define and start"), 3)
    trial.send("DELETE", f"/v1/vms/{vm}", expect=202)
    trial.await_("deleted", lambda: trial.state_of(vm), 404)
    trial.expect("what is charged", trial.used(), {"vms_running": 0, "ram_used_mb": 0})
    no_image = trial.send("POST", "/v1/vms", {**ORDER, "vm_type": "other"}, expect=201).json["vm_id"]
    trial.await_("a type without an image", lambda: trial.state_of(no_image), "Error")
    trial.expect("why", trial.send("GET", f"/v1/vms/{no_image}").json["error"], "Its node has no image for the type other.")
    trial.send("DELETE", f"/v1/vms/{no_image}")
    trial.await_("that one deleted", lambda: trial.state_of(no_image), 404)


def strangers(trial, _):
    """A heartbeat without a credential, or with a key that is not the node's, changes nothing."""
    before = trial.node()
    beat = {"node_id": "node-1", "hostname": "evil", "ram_total_mb": 1, "cpu_cores": 1, "disk_total_gb": 1}
    trial.expect("anonymous", trial.client.send("POST", "/v1/nodes/heartbeat", None, beat).status, 401)
    trial.expect("an administrator", trial.send("POST", "/v1/nodes/heartbeat", beat).status, 403)
    with tempfile.TemporaryDirectory(prefix="cadastre-agent-") as folder:
        other = Agent(trial.server, folder)
        trial.expect("another machine of the tenant", other.enrol(trial.tenant, "node-2", trial.token_file).returncode, 0)
        token = (other.state / "agent.token").read_text(encoding="ascii").strip()
        for seed, expected in ((secrets.token_bytes(32), 401), (seed_of(other.state / "agent.key"), 403)):
            url = f"{trial.server.url}/v1/nodes/heartbeat"
            fields = [("Authorization", f"DPoP {token}"), ("DPoP", credential.proof(seed, token, "POST", url))]
            trial.expect("another key's proof, and another node's", trial.client.send("POST", "/v1/nodes/heartbeat", None, beat, fields).status, expected)
    after = trial.node()
    trial.expect("the node", (after["hostname"], after["ram_total_mb"]), (before["hostname"], before["ram_total_mb"]))
    trial.send("DELETE", "/v1/nodes/node-2", expect=204)


def seed_of(path):
    der = subprocess.run(["openssl", "pkey", "-in", path, "-outform", "DER"], capture_output=True, check=True).stdout
    return der[-32:]


def control_plane_dies(trial, agent):
    """What is wished while it is dead comes about when it is back, and a guest that runs goes on meanwhile."""
    vm = trial.create()
    trial.await_("created", lambda: trial.state_of(vm), "Running")
    def missed():
        return agent.log().count("the control plane does not say what it wishes; it is tried")

    before = missed()
    trial.server.kill()
    trial.expect("that the agent misses it", trial.soon(lambda: missed() > before), True)
    trial.server.start()
    trial.client = Client(trial.server)
    trial.expect("after the control plane died", trial.state_of(vm), "Running")
    second = trial.create()
    trial.await_("created afterwards", lambda: trial.state_of(second), "Running")
    trial.expect("how often the first was started", agent.steps(vm), ["define and start"])
    for each in (vm, second):
        trial.send("DELETE", f"/v1/vms/{each}")
        trial.await_("deleted", lambda each=each: trial.state_of(each), 404)


def agent_dies(trial, agent):
    """A VM that is deleted while no agent runs stays charged until one does; guests that went with the driver are not started again."""
    vm, doomed = trial.create(), trial.create()
    for each in (vm, doomed):
        trial.await_("created", lambda each=each: trial.state_of(each), "Running")
    agent.kill()
    trial.expect("deleted without an agent", trial.send("DELETE", f"/v1/vms/{doomed}").status, 202)
    trial.expect("that one", trial.state_of(doomed), "Deleting")
    trial.expect("what is charged", trial.used()["ram_used_mb"], 128)
    agent.start()
    trial.await_("deleted with one", lambda: trial.state_of(doomed), 404)
    trial.await_("one that vanished", lambda: trial.state_of(vm), "Error")
    trial.expect("how often it was started", agent.steps(vm), ["define and start"])
    trial.send("POST", f"/v1/vms/{vm}/start", expect=200)
    trial.await_("started again when it is asked to", lambda: trial.state_of(vm), "Running")
    trial.send("DELETE", f"/v1/vms/{vm}")
    trial.await_("deleted", lambda: trial.state_of(vm), 404)


def end(trial, agent):
    """It ends within two seconds though it waits for wishes, and no secret is in its log."""
    for _ in range(2):  # two heartbeats without news: it is in the midst of a long poll
        before = trial.node()["last_heartbeat"]
        trial.expect("a heartbeat", trial.soon(lambda before=before: trial.node()["last_heartbeat"] != before), True)
    took_s, status = agent.stop()
    trial.expect("its exit", status, 0)
    trial.expect(f"that it ended within {ENDS_WITHIN_S} s ({took_s:.2f} s)", took_s < ENDS_WITHIN_S, True)
    token = (agent.state / "agent.token").read_text(encoding="ascii").strip()
    trial.expect("that the token is not in the log", any(part in agent.log() for part in (token, token.split(".")[2])), False)


ITEMS = [enrolment, life, strangers, control_plane_dies, agent_dies, end]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cadastre-agent-") as folder, Server(arguments.server, store=arguments.store) as server:
        trial = Trial(server, folder)
        agent = Agent(server, folder)
        agent.add_image("linux", kernel=KERNEL)
        try:
            for item in ITEMS:
                began = time.monotonic()
                item(trial, agent)
                print(f"{item.__name__}: {time.monotonic() - began:.1f} s")
        finally:
            agent.end()
            if trial.faults or sys.exc_info()[0]:
                print(agent.log()[-6000:], file=sys.stderr)
    return trial.verdict()


if __name__ == "__main__":
    sys.exit(main())
