#!/usr/bin/env python3
"""What the heartbeats of a fleet cost the control plane: 50 agents with 100 VMs between them, at rest, every 10 s.

Usage: heartbeats.py --bin FOLDER [--nodes N] [--vms N] [--seconds N]. The agents are real, their guests libvirt's driver's for tests. Prints the share of one
core that the control plane used while nothing happened but heartbeats, long polls and the retelling of reports.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fleet"))
from agent import KERNEL, Trial  # noqa: E402
from node_agent import Agent  # noqa: E402
from server import UNLIMITED, Server  # noqa: E402

ORDER = {"vm_type": "linux", "ram_mb": 1, "vcpu_count": 1, "disk_gb": 0}


def cpu_seconds(pid):
    """User and system time of a process (proc(5), stat)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--vms", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    agents = []
    with tempfile.TemporaryDirectory(prefix="cadastre-fleet-") as folder, Server(options.bin / "service-vm-tenant", arguments=UNLIMITED) as server:
        trial = Trial(server, folder)
        try:
            for number in range(options.nodes):
                own = pathlib.Path(folder, str(number))
                own.mkdir()
                agent = Agent(server, own, heartbeat_s=10)
                agent.add_image("linux", kernel=KERNEL)
                agent.enrol(trial.tenant, f"node-{number}", trial.token_file).check_returncode()
                agents.append(agent.start())
                trial.await_("ready", lambda name=f"node-{number}": trial.node(name)["status"], "Ready")
            for number in range(options.vms):
                trial.send("POST", "/v1/vms", {**ORDER, "preferred_node": f"node-{number % options.nodes}"}, expect=201)
            running = lambda: len(trial.send("GET", "/v1/vms?page_size=1000&state=Running").json["vms"])  # noqa: E731
            trial.await_("all of them", running, options.vms)
            before, began = cpu_seconds(server.process.pid), time.monotonic()
            time.sleep(options.seconds)  # what is measured
            used, took = cpu_seconds(server.process.pid) - before, time.monotonic() - began
        finally:
            for agent in agents:
                agent.end()
    for fault in trial.faults:
        print(fault, file=sys.stderr)
    print(f"{options.nodes} nodes, {options.vms} VMs: {100 * used / took:.2f} % of one core over {took:.0f} s")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
