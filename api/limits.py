"""Limits: how many requests a credential may make in a window, and how soon one may try a password again.

Both are counted in this process's memory; with several workers each counts for itself.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ai2.kit.errors import TooManyRequests
from ai2.kit.settings import settings

KEPT = 100_000  # keys remembered; beyond it the oldest window is forgotten
FREE_TRIES = 5
LONGEST_WAIT_S = 900


class LoginThrottled(TooManyRequests):
    """Too many wrong passwords from here for this address; wait before trying again."""


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


class Tries:
    """Wrong passwords by e-mail and address: each beyond the free ones doubles the wait, up to 15 minutes.

    Counted for the pair, so nobody can lock another person out from somewhere else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._failed: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def check(self, pair: tuple[str, str]) -> None:
        _, free_at = self._failed.get(pair, (0, 0.0))
        wait_s = free_at - self.clock()
        if wait_s > 0:
            raise LoginThrottled(retry_after_s=int(wait_s) + 1)

    def failed(self, pair: tuple[str, str]) -> None:
        times = self._failed.pop(pair, (0, 0.0))[0] + 1
        wait_s = min(2.0 ** (times - FREE_TRIES), LONGEST_WAIT_S) if times >= FREE_TRIES else 0.0
        self._failed[pair] = (times, self.clock() + wait_s)
        if len(self._failed) > KEPT:
            self._failed.popitem(last=False)

    def succeeded(self, pair: tuple[str, str]) -> None:
        self._failed.pop(pair, None)


class Limits:
    """What the apps of one process count together: whichever port a request came in by, it counts once."""

    def __init__(self) -> None:
        self.windows = Windows(settings().rate_limit_max, settings().rate_limit_window_ms / 1000)
        self.tries = Tries()
        # An import works hard and takes a connection or two; others wait their turn without one.
        self.imports = asyncio.Semaphore(1)
