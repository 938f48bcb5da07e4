"""Limits: how many requests a credential may make in a window, and how soon one may try a password again (`tries`).

They are counted in this process's memory, or in Redis for all processes together where REDIS_URL names one.
"""

import asyncio
from dataclasses import dataclass

from ai2.kit.errors import TooManyRequests
from ai2.kit.settings import settings
from api.edge.counters import Counters, MemoryCounters
from api.edge.tries import Tries


class RateLimited(TooManyRequests):
    """The limit of requests for this credential is used up; wait until it resets."""


@dataclass(frozen=True)
class Allowance:
    """What is left of a window, as the RateLimit headers say it."""

    limit: int
    remaining: int
    reset_s: int


class Windows:
    """Fixed windows: a key's window opens with its first request."""

    def __init__(self, limit: int, window_s: float, counters: Counters | None = None) -> None:
        self.limit, self.window_s, self.counters = limit, window_s, counters or MemoryCounters()

    async def take(self, key: str) -> Allowance:
        """Count one request."""
        count, left_s = await self.counters.add(key, self.window_s)
        return Allowance(self.limit, self.limit - count, int(left_s) + 1)

    async def forget(self, key: str) -> None:
        await self.counters.forget(key)


def _counters() -> Counters:
    if not (url := settings().redis_url):
        return MemoryCounters()
    from api.edge.redis_counters import RedisCounters

    return RedisCounters(url.get_secret_value())


class Limits:
    """What the apps of one process count together: whichever port a request came in by, it counts once."""

    def __init__(self) -> None:
        self.counters = _counters()
        self.windows = Windows(settings().rate_limit_max, settings().rate_limit_window_ms / 1000, self.counters)
        self.tries = Tries(self.counters)
        # An import works hard and takes a connection or two; others wait their turn without one.
        self.imports = asyncio.Semaphore(1)
