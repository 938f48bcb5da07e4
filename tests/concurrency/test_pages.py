"""Pages while rows arrive: whoever walks them sees every row that was there once, in every order."""

import asyncio
import random
from typing import Any

import httpx
import pytest

from tests.concurrency.conftest import WHOLE

TRANSACTIONS = "/api/core/transactions"
ROWS = 2000 if WHOLE else 200
WALKS = ("-date", "date", "-amount", "amount", "-description", "description")


def fresh(chance: random.Random) -> dict[str, Any]:
    return {
        "date": f"2026-0{chance.randrange(1, 7)}-{chance.randrange(1, 29):02}", "currency": "GBP",
        "amount": str(chance.randrange(-50, 50)), "description": f"Shop {chance.randrange(20)}",
    }  # fmt: skip


async def write(client: httpx.AsyncClient, chance: random.Random, number: int) -> set[str]:
    made = await client.post(f"{TRANSACTIONS}/bulk", json={"items": [fresh(chance) for _ in range(number)]})
    assert made.status_code == 201, made.text
    return {row["transaction_id"] for row in made.json()["items"]}


async def walk(client: httpx.AsyncClient, sort: str) -> list[str]:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        wanted = {"limit": 37, "sort": sort, **({"cursor": cursor} if cursor else {})}
        page = (await client.get(TRANSACTIONS, params=wanted)).json()
        found += [row["transaction_id"] for row in page["items"]]
        cursor = page["next_cursor"]
    return found


@pytest.mark.timeout(900)
async def test_whoever_walks_pages_while_rows_arrive_sees_each_that_was_there_once(
    client: httpx.AsyncClient, chance: random.Random
) -> None:
    there = set[str]()
    while len(there) < ROWS:
        there |= await write(client, chance, 200)
    arrived, walking = set[str](), True

    async def go_on_writing() -> None:
        while walking:
            arrived.update(await write(client, chance, 5))

    writing = [asyncio.create_task(go_on_writing()) for _ in range(3)]
    found = await asyncio.gather(*(walk(client, sort) for sort in WALKS for _ in range(5 if WHOLE else 1)))
    walking = False
    await asyncio.gather(*writing)
    for seen in found:
        assert len(seen) == len(set(seen)), "no row twice"
        assert there <= set(seen), "none missed"
        assert set(seen) <= there | arrived
    assert any(set(seen) & arrived for seen in found), "rows did arrive"
    assert set(await walk(client, "-date")) == there | arrived
