"""A node as the test plays it: a device with its own key that enrols, tells of its machine, asks what is wished and reports."""
import http.client
import pathlib
import secrets
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import credential  # noqa: E402
from client import ANSWER_WITHIN_S  # noqa: E402

HEADROOM_MB = 512  # left to the machine itself


class Agent:
    """One machine. What it runs is what it was last told, at once: `guests` maps a VM's id to its wish."""

    def __init__(self, client, tenant, owner, node, ram_mb):
        self.client, self.tenant, self.node = client, tenant, node
        self.url = client.server.url  # what proofs name, whichever process answers
        self.seed = secrets.token_bytes(32)
        self.wishes, self.guests = 0, {}
        self.facts = {"node_id": node, "hostname": node, "ram_total_mb": ram_mb + HEADROOM_MB, "cpu_cores": 64, "disk_total_gb": 10000}
        key = credential.b64url(credential.public_key_of(self.seed))
        asked = client.send("POST", f"/v1/tenants/{tenant}/devices/challenges", owner, {"device_id": node, "subject_pubkey": key}, expect=201).json
        proof = credential.enrolment(self.seed, asked["audience"], tenant, node, asked["nonce"])
        self.token = client.send("POST", f"/v1/tenants/{tenant}/devices", body={"proof": proof}, expect=201).json["token"]

    def credentials(self, method, path):
        """The headers of a call under the device's token, with a proof of its key."""
        url = self.url + path.partition("?")[0]
        return [("Authorization", f"DPoP {self.token}"), ("DPoP", credential.proof(self.seed, self.token, method, url))]

    def send(self, method, path, body=None, expect=None):
        return self.client.send(method, path, body=body, headers=self.credentials(method, path), expect=expect)

    def show(self, vm_id, console):
        """Sends the last bytes of a guest's console; the status."""
        path = f"/v1/nodes/{self.node}/consoles/{vm_id}"
        connection = http.client.HTTPConnection("127.0.0.1", self.client.server.port, timeout=ANSWER_WITHIN_S)
        headers = dict([*self.credentials("PUT", path), ("Content-Type", "application/octet-stream")])
        connection.request("PUT", path, console, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def enrol(self):
        self.send("POST", "/v1/nodes", self.facts, expect=201)
        self.heartbeat()
        return self

    def heartbeat(self, vms=()):
        """The guests that nobody knows of."""
        return self.send("POST", "/v1/nodes/heartbeat", {**self.facts, "vms": list(vms)}, expect=200).json["orphans"]

    def ask(self, wait_s=0):
        """What is wished of its VMs, by id; with a wait only once something is."""
        news = f"?after={self.wishes}&wait={wait_s}" if wait_s else ""
        told = self.send("GET", f"/v1/nodes/{self.node}/wishes{news}", expect=200).json
        self.wishes, self.guests = told["wishes"], {vm["vm_id"]: vm for vm in told["vms"]}
        return self.guests

    def report(self, *ids, state=None, expect=200):
        """Says that those, or all, are as they are wished, or in another state."""
        reached = {"run": "running", "stop": "stopped", "delete": "absent"}
        reports = []
        for vm_id in ids or list(self.guests):
            guest = self.guests[vm_id]
            report = {"vm_id": vm_id, "generation": guest["generation"], "state": state or reached[guest["wish"]]}
            if report["state"] == "running":
                report["host_ports"] = [{"host_port": 40000, "guest_port": 22, "protocol": "tcp"}]
            reports.append(report)
        return self.send("POST", f"/v1/nodes/{self.node}/reports", {"vms": reports}, expect=expect)
