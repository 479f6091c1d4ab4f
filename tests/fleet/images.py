#!/usr/bin/env python3
"""Guests made from the catalogue: fetched by the node, believed by their digest alone, told who may log in; and what they write is read over the API.

Usage: images.py --server PROGRAM --guest FOLDER [--store ENGINE]. Runs QEMU in a libvirt session of its own; the images are served on loopback.
"""
import argparse
import functools
import hashlib
import http.server
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from adoption import BOOT_SECTOR  # noqa: E402
from agent import Trial  # noqa: E402
from hypervisor import HypervisorSession, in_reaped_family  # noqa: E402
from node_agent import SessionAgent  # noqa: E402
from server import Server, add_arguments  # noqa: E402

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO5c7PSw3BVGV8DHQoGsOSESyD3eOp4D/fpNkzQF9ufG ana@laptop"
MARKER = b"CADASTRE-GUEST-READY"


class Shop(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, and nothing in the log. Counts what is asked for."""
    asked = []

    def do_GET(self):
        Shop.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


class World:
    def __init__(self, server, session, machine, folder):
        self.trial, self.machine, self.folder = Trial(server, session.work), machine, folder
        self.shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Shop, directory=folder))
        threading.Thread(target=self.shop.serve_forever, daemon=True).start()

    def file(self, name, **changed):
        """How the catalogue describes a file of the folder."""
        content = pathlib.Path(self.folder, name).read_bytes()
        return {"url": f"http://127.0.0.1:{self.shop.server_port}/{name}", "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content), **changed}

    def add(self, name, **image):
        self.trial.send("POST", "/v1/images", {"name": name, **image}, expect=201)

    def order(self, vm_type, state, **more):
        vm = self.trial.send("POST", "/v1/vms", {"vm_type": vm_type, "ram_mb": 128, "vcpu_count": 1, "disk_gb": 1, **more}, expect=201).json["vm_id"]
        self.trial.await_(f"a {vm_type}", lambda: self.trial.state_of(vm), state)
        return vm

    def error_of(self, vm):
        return self.trial.send("GET", f"/v1/vms/{vm}", expect=200).json["error"] or ""

    def forget(self, *vms):
        for vm in vms:
            self.trial.send("DELETE", f"/v1/vms/{vm}")
            self.trial.await_("deleted", lambda vm=vm: self.trial.state_of(vm), 404)


def a_kernel_of_the_catalogue_boots_and_is_read(world):
    trial = world.trial
    world.add("linux", format="kernel", **world.file("vmlinuz"), initrd=world.file("initrd.gz"), cmdline="console=ttyS0 quiet panic=-1 no_timer_check")
    vm = world.order("linux", "Running")
    trial.expect("its console", trial.soon(lambda: MARKER in trial.send("GET", f"/v1/vms/{vm}/console", expect=200).body), True)
    asked = len(Shop.asked)
    second = world.order("linux", "Running")
    trial.expect("what a second one had to be fetched for", len(Shop.asked), asked)
    world.forget(vm, second)
    trial.expect("the console of one that is gone", trial.send("GET", f"/v1/vms/{vm}/console").status, 404)


def a_disk_of_the_catalogue_boots_with_a_seed(world):
    trial = world.trial
    trial.send("POST", "/v1/ssh-keys", {"name": "ana", "public_key": KEY}, expect=201)
    world.add("tiny", format="raw", **world.file("tiny.raw"))
    vm = world.order("tiny", "Running", name="web", ram_mb=64)
    seed = world.machine.state / "guests" / vm / "seed.iso"
    copy = world.machine.session.work / "user-data"
    subprocess.run(["xorriso", "-osirrox", "on", "-indev", f"stdio:{seed}", "-extract", "/user-data", copy], check=True, capture_output=True)
    trial.expect("that its seed names the key", KEY in copy.read_text(encoding="utf-8"), True)
    world.forget(vm)
    trial.expect("the seed of one that is gone", seed.exists(), False)


def what_is_not_what_it_should_be_boots_nothing(world):
    tiny = world.file("tiny.raw")
    rows = {
        "forged": ({**tiny, "sha256": "0" * 64}, "its SHA-256 is not that of the catalogue"),
        "longer": ({**tiny, "size_bytes": tiny["size_bytes"] - 1, "sha256": "1" * 64}, "it is longer than its"),
        "shorter": ({**tiny, "size_bytes": tiny["size_bytes"] + 1, "sha256": "2" * 64}, "bytes and not"),
        "missing": ({**tiny, "url": tiny["url"] + ".gone?token=hidden", "sha256": "3" * 64}, "404"),
    }
    for name, (file, why) in rows.items():
        world.add(name, format="raw", **file)
        vm = world.order(name, "Error", ram_mb=64)
        error = world.error_of(vm)
        world.trial.expect(f"why {name} is in Error: {error}", (why in error, "hidden" in error), (True, False))
        world.forget(vm)
    world.add("large", format="raw", **{**tiny, "min_disk_gb": 5})
    vm = world.order("large", "Error", ram_mb=64)
    world.trial.expect("a disk that is too small", world.error_of(vm), "disk_gb must be at least 5 for the image large; it is 1.")
    world.forget(vm)
    world.trial.expect("that nothing of the URL's query is in the log", "hidden" in world.machine.log(), False)


def a_guest_that_dies_is_started_again_as_it_was_ordered(world):
    trial = world.trial
    vm = world.order("tiny", "Running", ram_mb=64, restart_policy="on_failure")
    first, = world.machine.processes_of(vm)
    os.kill(first, signal.SIGKILL)
    trial.expect("another process", trial.soon(lambda: world.machine.processes_of(vm) - {first}), True)
    trial.await_("running again", lambda: trial.state_of(vm), "Running")
    world.forget(vm)


ITEMS = [a_kernel_of_the_catalogue_boots_and_is_read, a_disk_of_the_catalogue_boots_with_a_seed, what_is_not_what_it_should_be_boots_nothing,
         a_guest_that_dies_is_started_again_as_it_was_ordered]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--guest", required=True, help="the folder of tools/guest_image")
    options = parser.parse_args()
    with HypervisorSession() as session, Server(options.server, store=options.store) as server:
        folder = session.folder / "shop"
        folder.mkdir()
        for path in session.bring_guest(options.guest):
            path.rename(folder / path.name)
        (folder / "tiny.raw").write_bytes(BOOT_SECTOR)
        machine = SessionAgent(server, session)
        world = World(server, session, machine, folder)
        try:
            done = machine.enrol(world.trial.tenant, "node-1", machine.keep_token(world.trial.token))
            world.trial.expect(f"enrol: {done.stderr}", done.returncode, 0)
            machine.start()
            for item in ITEMS:
                began = time.monotonic()
                item(world)
                print(f"{item.__name__}: {time.monotonic() - began:.1f} s")
        finally:
            machine.end()
            world.shop.shutdown()
            if world.trial.faults or sys.exc_info()[0]:
                print(machine.log()[-6000:], file=sys.stderr)
    return world.trial.verdict()


if __name__ == "__main__":
    in_reaped_family(main)
