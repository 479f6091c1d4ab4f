#!/usr/bin/env python3
"""64 requests at the same moment against the real server: quotas are exact, one of many equal changes is made, and afterwards the
counters, the rows and the ledger agree.

Usage: run.py --server PROGRAM [--store ENGINE] [--rounds N] [--replicas N]. Every race of races.py and counting.py is run once a round;
with replicas the requests of each go to as many further servers on the same store in turn.
"""
import argparse
import contextlib
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import counting  # noqa: E402
import races  # noqa: E402
from arena import Arena  # noqa: E402
from seed import seeded_random  # noqa: E402
from server import UNLIMITED, Server, add_arguments  # noqa: E402

RACES = [*races.RACES, *counting.RACES]


def run(server, rounds, replicas):
    """The arena after all rounds, and after the ledger's own tool has looked at everything."""
    arena = Arena(server, *seeded_random(), replicas)
    for arena.round in range(1, rounds + 1):
        for race in RACES:
            arena.race = race.__name__
            try:
                race(arena)
            except (RuntimeError, OSError, LookupError):  # LookupError: an answer without what it must have
                arena.expect("the race's end", traceback.format_exc(limit=-2), "no failure")
    arena.race = "at the end"
    done = server.service_fs("verify", "--full", "--format", "jsonl")
    arena.expect(f"service-fs verify --full, {done.stderr}", done.returncode, 0)
    return arena


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=20, help="how often each race is run; 20 by default")
    parser.add_argument("--replicas", type=int, default=0, help="further servers on the same store")
    options = parser.parse_args()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(options.server, arguments=[*UNLIMITED, "--log-level", "warning"], store=options.store))
        replicas = [stack.enter_context(server.replica()) for _ in range(options.replicas)]
        arena = run(server, options.rounds, replicas)
    for fault in arena.faults:
        print(fault)
    print(f"{options.rounds} rounds of {len(RACES)} races, {arena.requests} requests in volleys, {arena.audits} comparisons, "
          f"{len(arena.faults)} faults, {time.monotonic() - began:.0f} s")
    return 1 if arena.faults else 0


if __name__ == "__main__":
    sys.exit(main())
