"""Nodes, images and SSH keys from the command line, with a real agent on libvirt's driver for tests: run.py runs this too."""
import hashlib
import tempfile

from node_agent import PATIENCE_S, Agent
from watch import wait_for

REFUSED, USAGE, INPUT_OUTPUT = 1, 2, 3
LOOK_EVERY_S = 0.1
KERNEL = b"no kernel: the test driver reads none"
VM = ("--type", "linux", "--ram-mb", "64", "--vcpus", "1", "--disk-gb", "0")


def images(trial):
    """An image is added by a copy of its files or by what they are known by, and belongs to whom the token is for."""
    content = bytes(range(256)) * 1024
    (trial.folder / "tiny.img").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    tiny = ("image", "add", "tiny", "--format", "raw", "--image-url", "https://images.example/tiny.raw")
    trial.run(*tiny, code=USAGE, says="give a copy of it with --file, or both --sha256 and --size-bytes")
    trial.run(*tiny, "--sha256", digest, code=USAGE, says="say what nodes know the file by")
    trial.run(*tiny, "--file", "tiny.img", "--sha256", digest, code=USAGE, says="--file excludes --sha256|--sha256 excludes --file")
    trial.run(*tiny, "--file", "nowhere", code=INPUT_OUTPUT, says="cannot read nowhere: No such file")
    trial.run(*tiny, "--file", "tiny.img", "--initrd-file", "tiny.img", code=USAGE, says="say with --initrd-url where nodes fetch the initrd")
    trial.run(*tiny, "--file", "tiny.img", "--initrd-url", "https://images.example/initrd", code=USAGE, says="--initrd-file, or both --initrd-sha256")
    trial.run("image", "add", "tiny", "--image-url", "images.example", "--file", "tiny.img", code=REFUSED, says=r"url.*\(INVALID_FIELD, request")
    added = trial.json(*tiny, "--file", "tiny.img", "--min-disk-gb", "1")
    trial.expect("what is known of the copy", (added["sha256"], added["size_bytes"], added["min_disk_gb"]), (digest, len(content), 1))
    trial.run(*tiny, "--file", "tiny.img", code=REFUSED, says=r"images do not change.*\(ALREADY_EXISTS, request")
    kernel = trial.json("image", "add", "linux", "--format", "kernel", "--image-url", "https://images.example/vmlinuz", "--sha256", "0" * 64, "--size-bytes", "5000000000",
                        "--initrd-url", "https://images.example/initrd", "--initrd-sha256", digest, "--initrd-size-bytes", "7", "--cmdline", "console=ttyS0 quiet")
    trial.expect("a kernel", (kernel["size_bytes"], kernel["initrd"], kernel["cmdline"]),
                 (5000000000, {"url": "https://images.example/initrd", "sha256": digest, "size_bytes": 7}, "console=ttyS0 quiet"))
    trial.run("image", "add", "common", "--format", "raw", "--image-url", "https://images.example/common", "--file", "-", "--context", "admin", given="common")
    rows = [line.split()[:3] for line in trial.run("image", "list").splitlines()[1:]]
    trial.expect("what VMs can be made from", rows, [["common", "platform", "raw"], ["linux", "tenant", "kernel"], ["tiny", "tenant", "raw"]])
    trial.expect("one of them", trial.json("image", "list", "--limit", "1")["images"], [trial.json("image", "get", "common")])
    trial.expect("the digest of standard input", trial.json("image", "get", "common")["sha256"], hashlib.sha256(b"common").hexdigest())
    trial.run("image", "delete", "common", code=REFUSED, says=r"There is no such image \(NOT_FOUND, request")  # the platform's
    trial.run("image", "delete", "common", "--context", "admin")
    for name in ("linux", "tiny"):
        trial.run("image", "delete", name)
    trial.expect("what is left", trial.json("image", "list")["images"], [])


def ssh_keys(trial):
    """A public key is read from its file; what is none, a private key before all, is not sent."""
    line = trial.run("key", "show", "holder.key", "--form", "openssh").strip()
    trial.save("laptop.pub", line + "\n", mode=0o644)
    trial.run("ssh-key", "add", "laptop", "holder.key", code=USAGE, says=r"holder.key holds a private key: give its public half, holder.key.pub$")
    trial.run("ssh-key", "add", "laptop", "nowhere.pub", code=INPUT_OUTPUT, says="cannot read nowhere.pub")
    trial.run("ssh-key", "add", "laptop", "public.pem", code=USAGE, says="public.pem holds no public key that OpenSSH takes: ")
    trial.run("ssh-key", "add", "laptop", "-", given=f"{line}\n{line}\n", code=USAGE, says="must be one line")
    added = trial.json("ssh-key", "add", "laptop", "laptop.pub")
    trial.expect("the key", (added["type"], added["public_key"]), ("ssh-ed25519", line))
    trial.expect("its fingerprint", added["fingerprint"], trial.run("key", "show", "holder.key", "--form", "fingerprint").strip())
    trial.run("ssh-key", "add", "again", "-", given=line, code=REFUSED, says=r"there already, as laptop.*\(ALREADY_EXISTS, request")
    trial.run("ssh-key", "add", "a key", "laptop.pub", code=REFUSED, says="name must have 1 to 63 letters")
    trial.expect("the table", [each.split()[:2] for each in trial.run("ssh-key", "list").splitlines()], [["NAME", "TYPE"], ["laptop", "ssh-ed25519"]])
    trial.expect("one of them", trial.json("ssh-key", "list", "--limit", "1")["ssh_keys"], [trial.json("ssh-key", "get", "laptop")])
    trial.run("ssh-key", "delete", "laptop")
    trial.run("ssh-key", "get", "laptop", code=REFUSED, says=r"\(NOT_FOUND, request")
    trial.expect("what is left", trial.json("ssh-key", "list")["ssh_keys"], [])


class Fleet:
    """The node `host-1` of the tenant, as the command line sees it."""

    def __init__(self, trial):
        self.trial = trial

    def node(self):
        return self.trial.json("node", "get", "host-1")

    def state_of(self, vm):
        """Its state; nothing when it is gone."""
        return {each["vm_id"]: each["state"] for each in self.trial.json("vm", "list")["vms"]}.get(vm)

    def await_(self, what, look, expected):
        wait_for(lambda: look() == expected, PATIENCE_S, LOOK_EVERY_S)
        self.trial.expect(what, look(), expected)

    def create(self):
        vm = self.trial.json("vm", "create", *VM, "--restart", "on_failure", "--preferred-node", "host-1", "--port", "22")["vm_id"]
        self.await_("a VM", lambda: self.state_of(vm), "Running")
        return vm


def placed(fleet):
    """Where a VM would go, cordons, and what is on the node."""
    trial = fleet.trial
    advice = trial.json("node", "placement", "--ram-mb", "64", "--vcpus", "1", "--disk-gb", "1", "--prefer-kvm", "--preferred-node", "host-1")
    trial.expect("where it would go", (advice["node_id"], advice["nodes"][0]["fits"]), ("host-1", True))
    trial.found("the same for people", r"^host-1 +yes +\d+ +-$", trial.run("node", "placement", "--ram-mb", "64").splitlines()[1])
    trial.found("why not", r"^host-1 +no +\d+ +\w", trial.run("node", "placement", "--ram-mb", "900000000").splitlines()[1])
    trial.run("node", "placement", code=USAGE, says="--ram-mb is required")
    trial.expect("cordoned", trial.json("node", "cordon", "host-1")["cordoned"], True)
    trial.expect("where a VM would go now", trial.json("node", "placement", "--ram-mb", "64")["node_id"], None)
    trial.expect("uncordoned", trial.json("node", "uncordon", "host-1")["cordoned"], False)
    vm = fleet.create()
    record = trial.json("vm", "get", vm)
    trial.expect("as it was ordered", (record["node_id"], record["restart_policy"], record["host_ports"][0]["guest_port"]), ("host-1", "on_failure", 22))
    trial.expect("what is on the node", [each["vm_id"] for each in trial.json("vm", "list", "--node", "host-1")["vms"]], [vm])
    trial.run("vm", "console", vm)
    return vm


def drained(fleet, vm):
    """A node with VMs stays; one that was drained and has none any more goes."""
    trial = fleet.trial
    trial.run("node", "remove", "host-1", code=REFUSED, says=r"drain it and delete them, or, .* repeat with --lost \(CONFLICT, request")
    trial.expect("drained", trial.json("node", "drain", "host-1")["cordoned"], True)
    fleet.await_("its VM", lambda: fleet.state_of(vm), "Stopped")
    trial.run("vm", "delete", vm)
    fleet.await_("its VM when it was deleted", lambda: fleet.state_of(vm), None)
    trial.expect("what is printed of a removal", trial.run("node", "remove", "host-1"), "")
    trial.run("node", "get", "host-1", code=REFUSED, says=r"There is no such node \(NOT_FOUND, request")


def lost(fleet, agent):
    """A machine that is gone for good is removed with what was on it."""
    trial = fleet.trial
    agent.stop()
    agent.enrol("acme", "host-1", trial.folder / "acme.token")
    agent.start()
    fleet.await_("the node again", lambda: fleet.node()["status"], "Ready")
    vm = fleet.create()
    agent.kill()
    trial.run("node", "remove", "host-1", "--lost")
    trial.expect("what was on it", fleet.state_of(vm), "Error")
    trial.run("vm", "delete", vm)
    trial.expect("when it was deleted", fleet.state_of(vm), None)


def nodes(trial):
    fleet = Fleet(trial)
    trial.expect("nodes before there is one", trial.json("node", "list")["nodes"], [])
    with tempfile.TemporaryDirectory(prefix="cadastre-agent-") as folder:
        agent = Agent(trial.server, folder)
        agent.add_image("linux", kernel=KERNEL)
        enrolled = agent.enrol("acme", "host-1", trial.folder / "acme.token")
        trial.expect(f"enrol: {enrolled.stderr}", enrolled.returncode, 0)
        agent.start()
        try:
            fleet.await_("the node", lambda: fleet.node()["status"], "Ready")
            trial.found("the table of nodes", r"^host-1 +Ready +no +0 ", trial.run("node", "list", "--limit", "1").splitlines()[1])
            drained(fleet, placed(fleet))
            lost(fleet, agent)
        finally:
            agent.end()
    trial.run("device", "remove", "host-1")


def run(trial):
    images(trial)
    ssh_keys(trial)
    nodes(trial)
