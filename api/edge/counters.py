"""Counters: what is counted for a while, and what has to wait: in this process's memory, or shared by many.

Keys may name people and addresses: whoever keeps them elsewhere keeps their digests.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

KEPT = 100_000  # keys remembered; beyond it the oldest is forgotten


class Counters(Protocol):
    """Counts that begin anew when their window ends, and waits that end by themselves."""

    async def add(self, key: str, window_s: float) -> tuple[int, float]:
        """Count one; how many they are in this window, which its first one opened, and its seconds that are left."""

    async def forget(self, key: str) -> None:
        """There was none, and nothing waits."""

    async def hold(self, key: str, wait_s: float) -> None:
        """Let this wait from now on."""

    async def held_s(self, key: str) -> float:
        """The seconds that this still has to wait."""

    async def answers(self) -> bool:
        """Whether what they lean on answers."""

    async def close(self) -> None:
        """Let go of connections."""


class MemoryCounters:
    """The counts of this process alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._waits: OrderedDict[str, float] = OrderedDict()

    async def add(self, key: str, window_s: float) -> tuple[int, float]:
        now = self.clock()
        ends_at, count = self._counts.get(key, (0.0, 0))
        if ends_at <= now:
            ends_at, count = now + window_s, 0
            self._counts.pop(key, None)
        self._counts[key] = (ends_at, count + 1)
        _trim(self._counts)
        return count + 1, ends_at - now

    async def forget(self, key: str) -> None:
        self._counts.pop(key, None)
        self._waits.pop(key, None)

    async def hold(self, key: str, wait_s: float) -> None:
        self._waits.pop(key, None)
        self._waits[key] = self.clock() + wait_s
        _trim(self._waits)

    async def held_s(self, key: str) -> float:
        return self._waits.get(key, 0.0) - self.clock()

    async def answers(self) -> bool:
        return True

    async def close(self) -> None:
        pass


def _trim(kept: OrderedDict[str, tuple[float, int]] | OrderedDict[str, float]) -> None:
    if len(kept) > KEPT:
        kept.popitem(last=False)
