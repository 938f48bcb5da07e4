"""Limits: so many requests in a window, counted for a credential, told in every answer."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from api.app import build
from api.edge.counters import MemoryCounters
from api.edge.limits import Windows
from tests.api.asking import connect


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def strict(database: Database) -> FastAPI:
    """An app that allows three requests a minute."""
    app = build(["core"], database=database)
    app.state.limits.windows = Windows(3, 60)
    return app


async def test_beyond_the_limit_the_answer_says_when_to_come_back(strict: FastAPI, owner: AsyncClient) -> None:
    async with connect(strict, **{"X-API-Key": owner.headers["X-API-Key"]}) as client:
        answers = [await client.get("/api/core/accounts") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["RateLimit-Limit"] == "3"
    assert 0 < int(answers[3].headers["Retry-After"]) <= 60
    assert answers[3].headers["RateLimit-Reset"] == answers[3].headers["Retry-After"]


async def test_one_credential_does_not_use_up_anothers(
    strict: FastAPI, owner: AsyncClient, their_owner: AsyncClient, organization: Organization
) -> None:
    async with connect(strict) as client:
        for _ in range(4):
            await client.get("/api/core/accounts", headers={"X-API-Key": owner.headers["X-API-Key"]})
        other = {"X-API-Key": their_owner.headers["X-API-Key"]}
        assert (await client.get("/api/core/accounts", headers=other)).status_code == 200


async def test_guessing_keys_is_counted_for_the_address(strict: FastAPI) -> None:
    async with connect(strict, address="203.0.113.9") as client:
        answers = [await client.get("/api/core/accounts", headers={"X-API-Key": f"guess {n}"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


async def test_health_is_never_limited(strict: FastAPI) -> None:
    async with connect(strict) as client:
        assert {(await client.get("/health")).status_code for _ in range(5)} == {200}


async def test_a_window_opens_again() -> None:
    clock = Clock()
    windows = Windows(1, 60, MemoryCounters(clock))
    assert [(await windows.take("a")).remaining for _ in range(2)] == [0, -1]
    clock.now += 60
    assert (await windows.take("a")).remaining == 0
