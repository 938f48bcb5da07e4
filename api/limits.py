"""Limits: how many requests a credential may make in a window, and how soon one may try a password again (`tries`).

Both are counted in this process's memory; with several workers each counts for itself.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ai2.kit.errors import TooManyRequests
from ai2.kit.settings import settings
from api.tries import Tries

KEPT = 100_000  # keys remembered; beyond it the oldest window is forgotten


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

    def __init__(self, limit: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.window_s, self.clock = limit, window_s, clock
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str) -> Allowance:
        """Count one request."""
        now = self.clock()
        ends_at, used = self._windows.get(key, (0.0, 0))
        if ends_at <= now:
            ends_at, used = now + self.window_s, 0
            self._windows.pop(key, None)
        self._windows[key] = (ends_at, used + 1)
        if len(self._windows) > KEPT:
            self._windows.popitem(last=False)
        return Allowance(self.limit, self.limit - used - 1, int(ends_at - now) + 1)

    def forget(self, key: str) -> None:
        self._windows.pop(key, None)


class Limits:
    """What the apps of one process count together: whichever port a request came in by, it counts once."""

    def __init__(self) -> None:
        self.windows = Windows(settings().rate_limit_max, settings().rate_limit_window_ms / 1000)
        self.tries = Tries()
        # An import works hard and takes a connection or two; others wait their turn without one.
        self.imports = asyncio.Semaphore(1)
