#!/usr/bin/env python3
"""Ends the real server by kill -9 while it starts for the first time. The next start must leave what an undisturbed first start leaves:
an administrator's token that works, and a ledger that holds.

Usage: first_start.py --server PROGRAM [--store ENGINE] [--times N]
"""
import argparse
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from crowd import Caller  # noqa: E402
from seed import seeded_random  # noqa: E402
from server import Server, add_arguments  # noqa: E402
from watch import wait_for  # noqa: E402

KEYS_WITHIN_S = 1
KILLED_WITHIN_S = 0.02  # of the start, or of the keys: about what a first start takes


def kill_at_start(server, chance):
    """At any moment, or soon after the keys were made."""
    server.launch()
    if chance.random() < 0.5:
        wait_for((server.data_dir / "keys" / "ledger-master.key").exists, KEYS_WITHIN_S)
    time.sleep(chance.uniform(0, KILLED_WITHIN_S))
    server.kill()


def faults_of(server):
    """What is wrong with a start after others were cut off."""
    try:
        server.start()
        if not (server.data_dir / "admin.token").exists():
            return ["expected an admin.token, there is none"]
        Caller(server.port, server.admin_token).expect(200, "GET", "/v1/tenants")
        if server.stop() != 0:
            return [f"expected exit status 0 after SIGTERM, there is {server.process.returncode}: {server.log()}"]
        done = server.service_fs("verify", "--full")
        return [f"expected service-fs verify --full to find nothing, there is {done.stderr}"] if done.returncode != 0 else []
    except (RuntimeError, OSError) as error:
        return [f"expected a server that starts and serves, there is {error}"]
    finally:
        if server.is_running():
            server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--times", type=int, default=20, help="how many data directories are begun; 20 by default")
    options = parser.parse_args()
    chance, seed = seeded_random()
    faults, kills = [], 0
    for number in range(1, options.times + 1):
        with tempfile.TemporaryDirectory(prefix="cadastre-first-start-") as folder:
            server = Server(options.server, pathlib.Path(folder, "data"), store=options.store)
            for _ in range(chance.randint(1, 3)):
                kill_at_start(server, chance)
                kills += 1
            faults += [f"start {number}, seed {seed}: {fault}" for fault in faults_of(server)]
            server.clean()
    for fault in faults:
        print(fault)
    print(f"{options.times} data directories, {kills} kills, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
