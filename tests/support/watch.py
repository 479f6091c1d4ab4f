"""Waiting for a moment."""
import time

LOOK_EVERY_S = 0.0002


def wait_for(condition, patience_s, look_every_s=LOOK_EVERY_S):
    """Looks often, because a moment is to be caught, unless it is told how often; what does not come in time is not waited for. Whether it came."""
    give_up = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(look_every_s)
    return True
