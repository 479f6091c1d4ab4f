#!/usr/bin/env python3
"""Guests of QEMU outlive their agent: kill -9 in the midst, and the next one adopts what runs, starts nothing twice and ends it when that is wished.

Usage: adoption.py --server PROGRAM [--store ENGINE]. Runs libvirt's session with its files in a folder of its own, as `nobody` when it is root. Answers 77 where
there is no QEMU or libvirt.
"""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import agent  # noqa: E402
from server import Server, add_arguments  # noqa: E402

SKIPPED = 77
agent.PATIENCE_S = 120  # QEMU translates, and others use the machine too
HALT = bytes.fromhex("faf4ebfc")  # cli; hlt; jmp: a guest that heeds no power button
ORDER = {"vm_type": "tiny", "ram_mb": 64, "vcpu_count": 1, "disk_gb": 1}
FOLDERS = {"XDG_RUNTIME_DIR": "run", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data", "HOME": "home"}


class SessionAgent(agent.Agent):
    """An agent of an ordinary user, with libvirt's session of that user."""

    def command(self, *arguments):
        as_nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        return [*as_nobody, *super().command(*arguments)]


def processes_of(vm):
    """The QEMU processes of a guest."""
    return subprocess.run(["pgrep", "-f", f"qemu-system.*guest={vm}"], capture_output=True, text=True, check=False).stdout.split()


def prepare(trial, machine, folder):
    """The image, and folders for libvirt that belong to the agent's user."""
    image = machine.state / "images" / "tiny"
    image.mkdir()
    (image / "disk.raw").write_bytes((HALT + bytes(510 - len(HALT)) + b"\x55\xaa").ljust(1 << 20, b"\0"))
    for name in FOLDERS.values():
        pathlib.Path(folder, name).mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chmod(folder, 0o755)
        own = [machine.state, trial.token_file, *(pathlib.Path(folder, name) for name in FOLDERS.values())]
        subprocess.run(["chown", "-R", "nobody:nogroup", *own], check=True)
    os.environ.update({name: str(pathlib.Path(folder, below)) for name, below in FOLDERS.items()})


def outlive(trial, machine):
    done = machine.enrol(trial.tenant, "node-1", trial.token_file)
    trial.expect(f"enrol: {done.stderr}", done.returncode, 0)
    machine.start()
    vm = trial.send("POST", "/v1/vms", ORDER, expect=201).json["vm_id"]
    trial.await_("created", lambda: trial.state_of(vm), "Running")
    before = processes_of(vm)
    trial.expect("its processes", len(before), 1)
    machine.kill()
    time.sleep(1)
    trial.expect("the process without an agent", processes_of(vm), before)
    machine.start()
    trial.await_("proved again", lambda: machine.log().count("guests are run by"), 2)
    trial.expect("adopted", trial.state_of(vm), "Running")
    trial.expect("the process under the next agent", processes_of(vm), before)
    trial.expect("what was done to it", machine.steps(vm), ["define and start"])
    trial.send("POST", f"/v1/vms/{vm}/stop", expect=200)
    trial.await_("stopped", lambda: trial.state_of(vm), "Stopped")
    trial.expect("that the button came first", machine.steps(vm)[1:], ["shut down", "destroy", "note the generation"])
    trial.expect("its processes when it is stopped", processes_of(vm), [])
    trial.send("POST", f"/v1/vms/{vm}/start", expect=200)
    trial.await_("started", lambda: trial.state_of(vm), "Running")
    trial.send("DELETE", f"/v1/vms/{vm}", expect=202)
    trial.await_("deleted", lambda: trial.state_of(vm), 404)
    trial.expect("its processes when it is gone", processes_of(vm), [])
    trial.expect("its files when it is gone", list((machine.state / "guests").iterdir()), [])
    took_s, status = machine.stop()
    trial.expect("its end", (status, took_s < agent.ENDS_WITHIN_S), (0, True))


def end_daemons(folder):
    """libvirt's own of this session."""
    for pid_file in pathlib.Path(folder, "run").rglob("*d.pid"):
        try:
            os.kill(int(pid_file.read_text()), signal.SIGTERM)
        except (OSError, ValueError):
            continue  # it ended by itself


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args()
    if not all(shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") for name in ("qemu-system-x86_64", "libvirtd")):
        print("skipped: there is no qemu-system-x86_64 or no libvirtd")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="cadastre-adoption-") as folder, Server(arguments.server, store=arguments.store) as server:
        trial = agent.Trial(server, folder)
        machine = SessionAgent(server, folder, uri="qemu:///session", arguments=("--shutdown-grace-seconds", "3"))
        prepare(trial, machine, folder)
        try:
            outlive(trial, machine)
        finally:
            machine.end()
            end_daemons(folder)
            if trial.faults or sys.exc_info()[0]:
                print(machine.log()[-6000:], file=sys.stderr)
    for fault in trial.faults:
        print(fault, file=sys.stderr)
    print(f"{trial.checks} checks, {len(trial.faults)} failed")
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
