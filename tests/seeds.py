"""Seeds of random tests: others in each run, and the same in all of its processes, which have to find the same tests.

A test's seed is in its name; AI2_TEST_SEED=<the run's, which its head says> asks for the same ones again.
"""

import os
from random import Random, randrange

RUN = int(os.environ.setdefault("AI2_TEST_SEED", str(randrange(1 << 32))))


def seeds(test: str, count: int) -> list[int]:
    """So many for a test."""
    random = Random(f"{RUN} {test}")
    return [random.randrange(1 << 32) for _ in range(count)]
