#!/usr/bin/env python3
"""A tenant's rate on real replicas over more than a minute: never more than the limit in any 60 s, nearly all of it usable minute after
minute, and what a killed replica held comes back when its lease and the window are over.

Usage: rate_window.py --server PROGRAM. Takes 80 s, most of which it waits; it uses a database cluster of its own.
"""
import argparse
import contextlib
import pathlib
import sys
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[0:0] = [str(ROOT / "support"), str(ROOT / "concurrency")]
from arena import Arena  # noqa: E402
from crowd import Caller  # noqa: E402
from seed import seeded_random  # noqa: E402
from server import UNLIMITED, Server  # noqa: E402

RATE = 120          # requests a minute
WINDOW_S = 60       # DESIGN.md section 4
LEASE_S = 10        # domain/rate_budget.h
LOOK_S = 8          # above the cells and leases of domain/rate_budget.h, for what comes back after the window
USABLE = 0.95
HELD = 20           # requests that the killed one had admitted
PAUSE_S = 0.05      # after a request that was refused


def spread(arena, tenant):
    """Asks at both replicas in turn for longer than a minute, more often than the limit allows."""
    callers = [Caller(port, tenant.token) for port in arena.ports]
    admitted, others, asked = [], set(), 0  # when each was sent and answered
    began, ends = time.monotonic(), None
    while not ends or time.monotonic() < ends:
        sent = time.monotonic()
        status = callers[asked % len(callers)].call("GET", "/v1/vms").status
        asked += 1
        if status == 200:
            admitted.append((sent, time.monotonic()))
            continue
        # A window after the first burst all of it comes back, at the pace at which it was spent, which is that of the machine.
        ends = ends or sent + WINDOW_S + 2 * (sent - began) + LOOK_S
        others.add(status)
        time.sleep(PAUSE_S)
    # What was admitted certainly within one window: from the first one's sending to the last one's answer.
    crowded = [last[1] - first[0] for first, last in zip(admitted, admitted[RATE:]) if last[1] - first[0] < WINDOW_S]
    arena.expect(f"windows with more than {RATE}", crowded, [])
    arena.expect(f"enough admitted in {ends - began:.0f} s, of {2 * RATE}: {len(admitted)}", len(admitted) >= USABLE * 2 * RATE, True)
    arena.expect("the other answers", others, {429})


def burst(port, tenant):
    """How many of a few more than the limit are admitted at once."""
    caller = Caller(port, tenant.token)
    return [caller.call("GET", "/v1/vms").status for _ in range(RATE + 10)].count(200)


def killed(arena, tenant, victim):
    """A replica takes its slice and is killed. The other never admits what that one may have, until that is over."""
    caller = Caller(victim.port, tenant.token)
    for _ in range(HELD):
        caller.expect(200, "GET", "/v1/vms")
    victim.kill()
    began = time.monotonic()
    first = burst(arena.ports[0], tenant)
    arena.expect(f"admitted beside a killed one that had admitted {HELD}: {first}", 0 < first <= RATE - HELD, True)
    time.sleep(max(0.0, began + WINDOW_S + LEASE_S + 2 - time.monotonic()))
    later = burst(arena.ports[0], tenant)
    arena.expect(f"admitted when its slice is back: {later}", USABLE * RATE <= later <= RATE, True)


def guarded(arena, case, *arguments):
    try:
        case(arena, *arguments)
    except (RuntimeError, OSError, LookupError):
        arena.expect(f"the end of {case.__name__}", traceback.format_exc(limit=-3), "no failure")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="the service-vm-tenant program")
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Server(parser.parse_args().server, arguments=[*UNLIMITED, "--log-level", "warning"],
                                           store="postgresql"))
        second = stack.enter_context(first.replica())
        victim = first.replica()
        stack.callback(victim.clean)
        victim.start()
        arena = Arena(first, *seeded_random(), [second])
        cases = ((spread, arena.tenant(api_rate_limit_rpm=RATE)), (killed, arena.tenant(api_rate_limit_rpm=RATE), victim))
        threads = [threading.Thread(target=guarded, args=(arena, *case)) for case in cases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if victim.is_running():
            victim.kill()
    for fault in arena.faults:
        print(fault)
    print(f"{len(arena.faults)} faults, {time.monotonic() - began:.0f} s")
    return 1 if arena.faults else 0


if __name__ == "__main__":
    sys.exit(main())
