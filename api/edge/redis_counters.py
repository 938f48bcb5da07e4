"""Counters in Redis (or Valkey): one count for all processes of a deployment.

They are in every request's way, so Redis has a few milliseconds to answer. Where it does not, this process goes on
counting by itself for a while: for that long each process allows the whole limit, and nobody is turned away because
Redis is down. That is said once in the log each time, and by `/health`.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ai2.kit import logs
from api.edge.counters import MemoryCounters

ANSWERS_WITHIN_S = 0.05
ALONE_S = 5.0  # how long this process counts by itself before it asks Redis again
PREFIX = "ai2:limits:"
# One step for Redis, so that no count is without its end, whatever dies in between.
ADD = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
"""

log = logs.logger("ai2.api")


class RedisCounters:
    """The counts of every process that has the same REDIS_URL."""

    def __init__(self, url: str, *, answers_within_s: float = ANSWERS_WITHIN_S) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=answers_within_s, socket_connect_timeout=answers_within_s, protocol=2
        )
        self._add = self._redis.register_script(ADD)
        self._alone = MemoryCounters()
        self._alone_until = 0.0

    async def add(self, key: str, window_s: float) -> tuple[int, float]:
        found = await self._asked(lambda: self._add(keys=[_name("count", key)], args=[int(window_s * 1000)]))
        if found is None:
            return await self._alone.add(key, window_s)
        count, left_ms = found
        return int(count), int(left_ms) / 1000

    async def forget(self, key: str) -> None:
        await self._alone.forget(key)
        await self._asked(lambda: self._redis.delete(_name("count", key), _name("wait", key)))

    async def hold(self, key: str, wait_s: float) -> None:
        await self._alone.hold(key, wait_s)
        if wait_s > 0:
            await self._asked(lambda: self._redis.set(_name("wait", key), 1, px=int(wait_s * 1000)))

    async def held_s(self, key: str) -> float:
        left_ms = await self._asked(lambda: self._redis.pttl(_name("wait", key)))
        if left_ms is None:
            return await self._alone.held_s(key)
        return max(int(left_ms), 0) / 1000

    async def answers(self) -> bool:
        try:
            # `ping` is typed as two things, of which one cannot be awaited
            return bool(await self._redis.execute_command("PING"))  # type: ignore[no-untyped-call]
        except (RedisError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        await self._redis.aclose()

    async def _asked(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """Redis's answer, or None where this process is alone."""
        if time.monotonic() < self._alone_until:
            return None
        try:
            return await question()
        except (RedisError, OSError, TimeoutError) as error:
            self._alone_until = time.monotonic() + ALONE_S
            log.warning("Redis does not answer; limits are counted by this process alone", kind=type(error).__name__)
            return None


def _name(kind: str, key: str) -> str:
    return f"{PREFIX}{kind}:{hashlib.sha256(key.encode()).hexdigest()}"
