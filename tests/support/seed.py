"""The one number that a test with chance in it runs from."""
import os
import random
import time

VARIABLE = "CADASTRE_TEST_SEED"


def seeded_random():
    """A generator and its seed: the environment's, or a fresh one. Prints it, so that the run can be repeated."""
    seed = int(os.environ.get(VARIABLE) or time.time_ns() % 2**32)
    print(f"seed {seed} (repeat with {VARIABLE}={seed})", flush=True)
    return random.Random(seed), seed
