#!/usr/bin/env python3
"""Runs the tests of real guests in a libvirt session of their own, and then sees to it that nothing of a guest is left.

Usage: run.py --program real_guest_test --guest FOLDER [ARGUMENT...]. FOLDER is where tools/guest_image has, or puts, the kernel.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from hypervisor import HypervisorSession, in_reaped_family  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="the doctest program")
    parser.add_argument("--guest", required=True, help="the folder of tools/guest_image")
    options, arguments = parser.parse_known_args()
    with HypervisorSession() as session:
        program, = session.bring(options.program)
        kernel, initrd = session.bring_guest(options.guest)
        environment = {"CADASTRE_GUEST_KERNEL": str(kernel), "CADASTRE_GUEST_INITRD": str(initrd)}
        status = session.run([program, *arguments], environment).returncode
        for left, what in ((session.guests(), "QEMU runs on"), (session.virsh("list", "--all", "--name"), "libvirt still has")):
            if left:
                print(f"{what}: {left}")
                status = status or 1
    return status


if __name__ == "__main__":
    in_reaped_family(main)
