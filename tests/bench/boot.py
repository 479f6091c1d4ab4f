#!/usr/bin/env python3
"""How long a VM takes from the API's acceptance to its first console byte, beside QEMU started by hand with the same kernel, in turns.

Usage: boot.py --bin FOLDER [--rounds N] [--guest FOLDER]. Prints both at p50 and p95, and the ratios of the two. QEMU by hand gets what it needs to run the same
machine (q35, 128 MiB, one processor, TCG) and no disk, network or control; both begin when they are asked to.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fleet"))
from agent import Trial  # noqa: E402
from hypervisor import HypervisorSession, in_reaped_family  # noqa: E402
from node_agent import SessionAgent  # noqa: E402
from server import Server  # noqa: E402
from watch import wait_for  # noqa: E402

CMDLINE = "console=ttyS0 panic=-1 no_timer_check"
PATIENCE_S = 60
LOOK_EVERY_S = 0.001
ORDER = {"vm_type": "linux", "ram_mb": 128, "vcpu_count": 1, "disk_gb": 0}


def first_byte_after(began, path):
    """Seconds from then until the file holds anything."""
    if not wait_for(lambda: path.exists() and path.stat().st_size > 0, PATIENCE_S, LOOK_EVERY_S):
        raise RuntimeError(f"nothing was written to {path}")
    return time.monotonic() - began


def by_hand(session, kernel, initrd):
    console = session.work / "by-hand.log"
    console.unlink(missing_ok=True)
    command = ["qemu-system-x86_64", "-machine", "q35", "-m", "128", "-smp", "1", "-accel", "tcg,tb-size=32", "-display", "none", "-nodefaults", "-no-reboot",
               "-kernel", kernel, "-initrd", initrd, "-append", CMDLINE, "-serial", f"file:{console}"]
    began = time.monotonic()
    with subprocess.Popen(session.as_user(command), env=session.environment) as process:
        took = first_byte_after(began, console)
        process.kill()
    return took


def by_api(trial, machine):
    began = time.monotonic()
    vm = trial.send("POST", "/v1/vms", ORDER, expect=201).json["vm_id"]
    took = first_byte_after(began, machine.state / "guests" / vm / "console.log")
    trial.send("DELETE", f"/v1/vms/{vm}")
    trial.await_("deleted", lambda: trial.state_of(vm), 404)
    return took


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--guest", default="build/guest")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with HypervisorSession() as session, Server(options.bin / "service-vm-tenant") as server:
        kernel, initrd = session.bring_guest(options.guest)
        trial = Trial(server, session.work)
        machine = SessionAgent(server, session)
        machine.add_image("linux", kernel=kernel.read_bytes(), initrd=initrd.read_bytes(), cmdline=CMDLINE.encode() + b"\n")
        try:
            machine.enrol(trial.tenant, "node-1", machine.keep_token(trial.token)).check_returncode()
            machine.start()
            trial.await_("ready", lambda: trial.node()["status"], "Ready")
            by_hand(session, kernel, initrd)
            by_api(trial, machine)  # once each, so that both find their files in memory
            api, hand = [], []
            for number in range(options.rounds):
                for measure in ((0, 1) if number % 2 == 0 else (1, 0)):
                    if measure == 0:
                        api.append(by_api(trial, machine))
                    else:
                        hand.append(by_hand(session, kernel, initrd))
        finally:
            machine.end()
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        of_api, of_hand = percentile(api, share), percentile(hand, share)
        print(f"{name}: by the API {of_api:.3f} s, by hand {of_hand:.3f} s, ratio {of_api / of_hand:.2f}")
    ratios = [a / h for a, h in zip(api, hand)]
    print(f"ratio of each round: median {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f}) in {len(ratios)} rounds")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    in_reaped_family(main)
