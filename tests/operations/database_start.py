#!/usr/bin/env python3
"""A server that starts before its database waits for it: one that is down, and one that is a standby until it is promoted.

Usage: database_start.py --server PATH/service-vm-tenant. Uses a database cluster of its own, which it stops and starts.
"""
import argparse
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from server import Server  # noqa: E402
from watch import wait_for  # noqa: E402

TRIED_WITHIN_S = 15
ENDED_WITHIN_S = 5


class Trial:
    def __init__(self, server):
        self.server, self.cluster = server, server.store.cluster
        self.faults = []

    def expect(self, what, there):
        if not there:
            self.faults.append(f"{what}:\n{self.server.log()[-3000:]}")

    def launch(self, reason):
        """Starts the server, and waits until its log says that it has tried in vain, and why."""
        before = len(self.server.log()) if self.server.log_path.exists() else 0
        self.server.launch()

        def is_waiting():
            said = self.server.log()[before:]
            return "tried again" in said and reason in said
        self.expect(f"it waits, since {reason}", wait_for(is_waiting, TRIED_WITHIN_S) and self.server.is_running())

    def serves(self):
        """The server is there, and can be stopped as always."""
        self.server.wait_until_ready()
        self.expect("it stops", self.server.stop() == 0)


def run(trial):
    trial.cluster.stop()
    trial.launch("connection to server")
    trial.cluster.start()
    trial.serves()

    trial.cluster.stop()
    trial.cluster.stand_by()
    trial.cluster.start()
    trial.launch("read-only")
    trial.cluster.promote()
    trial.serves()

    trial.cluster.stop()
    trial.launch("connection to server")
    trial.server.process.send_signal(signal.SIGTERM)
    try:
        status = trial.server.process.wait(ENDED_WITHIN_S)
    except subprocess.TimeoutExpired:
        status = "none"
    trial.expect(f"SIGTERM ends one that waits with 1, not {status}", status == 1)
    return trial.faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the service-vm-tenant program")
    server = Server(parser.parse_args().server, store="postgresql")
    try:
        faults = run(Trial(server))
    finally:
        if server.is_running():
            server.kill()
        server.clean()
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
