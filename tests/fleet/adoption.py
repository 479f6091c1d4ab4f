#!/usr/bin/env python3
"""Guests of QEMU outlive their agent: kill -9 in the midst, and the next one adopts what runs, starts nothing twice and ends it when that is wished.

Usage: adoption.py --server PROGRAM [--store ENGINE]. Runs a libvirt session of its own, as `nobody` when it is root.
"""
import argparse
import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import agent  # noqa: E402
from hypervisor import HypervisorSession, in_reaped_family  # noqa: E402
from node_agent import SessionAgent  # noqa: E402
from server import Server, add_arguments  # noqa: E402

HALT = bytes.fromhex("faf4ebfc")  # cli; hlt; jmp: a guest that heeds no power button
BOOT_SECTOR = (HALT + bytes(510 - len(HALT)) + b"\x55\xaa").ljust(1 << 20, b"\0")
# What libvirt 9.0 keeps when it is killed in the midst of a start: no process, and a job that nobody ends.
CUT_OFF = "<domstatus state='paused' reason='starting up' pid='0'><job type='none' async='start' flags='0x0' asyncStarted='0'/>"
ORDER = {"vm_type": "tiny", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 1}


def outlive(trial, machine):
    done = machine.enrol(trial.tenant, "node-1", machine.keep_token(trial.token))
    trial.expect(f"enrol: {done.stderr}", done.returncode, 0)
    machine.start()
    vm = trial.send("POST", "/v1/vms", ORDER, expect=201).json["vm_id"]
    trial.await_("created", lambda: trial.state_of(vm), "Running")
    before = machine.processes_of(vm)
    trial.expect("its processes", len(before), 1)
    machine.kill()
    time.sleep(1)  # that nothing happens to the guest can only be waited for
    trial.expect("the process without an agent", machine.processes_of(vm), before)
    machine.start()
    trial.await_("proved again", lambda: machine.log().count("guests are run by"), 2)
    trial.expect("adopted", trial.state_of(vm), "Running")
    trial.expect("the process under the next agent", machine.processes_of(vm), before)
    trial.expect("what was done to it", machine.steps(vm), ["define and start"])
    trial.send("POST", f"/v1/vms/{vm}/stop", expect=200)
    trial.await_("stopped", lambda: trial.state_of(vm), "Stopped")
    trial.expect("that the button came first", machine.steps(vm)[1:], ["shut down", "destroy", "note the generation"])
    trial.expect("its processes when it is stopped", machine.processes_of(vm), set())
    trial.send("POST", f"/v1/vms/{vm}/start", expect=200)
    trial.await_("started", lambda: trial.state_of(vm), "Running")
    trial.send("DELETE", f"/v1/vms/{vm}", expect=202)
    trial.await_("deleted", lambda: trial.state_of(vm), 404)
    trial.expect("its processes when it is gone", machine.processes_of(vm), set())
    trial.expect("its files when it is gone", list((machine.state / "guests").iterdir()), [])
    took_s, status = machine.stop()
    trial.expect("its end", (status, took_s < agent.ENDS_WITHIN_S), (0, True))


def held(trial, machine, session):
    """A guest that libvirt holds for ever stays charged; the log says what to do, and when that is done it goes."""
    machine.start()
    vm = trial.send("POST", "/v1/vms", ORDER, expect=201).json["vm_id"]
    trial.await_("created", lambda: trial.state_of(vm), "Running")
    machine.kill()
    status = session.kept(vm)
    known = status.read_text(encoding="utf-8")
    session.kill_libvirtd()
    for pid in machine.processes_of(vm):
        os.kill(pid, signal.SIGKILL)
    trial.await_("its process", lambda: machine.processes_of(vm), set())
    status.write_text(re.sub("<domstatus .*>", CUT_OFF, known, count=1), encoding="utf-8")
    session.give(status)
    machine.start()
    trial.send("DELETE", f"/v1/vms/{vm}", expect=202)
    trial.await_("the VM, and that the log says so",
                 lambda: (trial.state_of(vm), "libvirt holds the guest as one that starts" in machine.log()), ("Deleting", True))
    status.unlink()
    session.kill_libvirtd()
    trial.await_("deleted", lambda: trial.state_of(vm), 404)
    machine.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args()
    with HypervisorSession() as session, Server(arguments.server, store=arguments.store) as server:
        trial = agent.Trial(server, session.work)
        machine = SessionAgent(server, session, arguments=("--shutdown-grace-seconds", "3"))
        machine.add_image("tiny", disk_raw=BOOT_SECTOR)
        try:
            outlive(trial, machine)
            held(trial, machine, session)
        finally:
            machine.end()
            if trial.faults or sys.exc_info()[0]:
                print(machine.log()[-6000:], file=sys.stderr)
    return trial.verdict()


if __name__ == "__main__":
    in_reaped_family(main)
