"""Idempotency keys over HTTP: however often, whoever hangs up and whenever the server dies, a request happens once."""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

import httpx
import pytest

from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from tests.concurrency.conftest import WHOLE, Api

KEYS = 1000 if WHOLE else 60
REPEATS = 5
KILLS = 30 if WHOLE else 3
ENTRY = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
TRANSACTIONS = "/api/core/transactions"
IMPORTS = "/api/core/csv-import"


def keyed(key: object) -> dict[str, str]:
    return {"Idempotency-Key": str(key)}


async def ask(client: httpx.AsyncClient, key: str, path: str = TRANSACTIONS, **more: Any) -> httpx.Response:
    """Ask until there is an answer that is one: a request that is still running is asked for again."""
    while True:
        answer = await client.post(path, headers=keyed(key), **(more or {"json": {**ENTRY, "reference": key}}))
        if answer.status_code != 409:
            return answer
        assert answer.json()["code"] == "key_at_work"
        await asyncio.sleep(0.02)


async def effects(client: httpx.AsyncClient) -> Counter[str]:
    """How often each reference is in the books."""
    found: Counter[str] = Counter()
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get(TRANSACTIONS, params={"limit": 1000, **({"cursor": cursor} if cursor else {})})).json()
        found.update(row["reference"] or row["description"] for row in page["items"])
        cursor = page["next_cursor"]
    return found


@pytest.mark.timeout(600)
async def test_each_key_of_many_that_come_at_once_has_one_effect(
    client: httpx.AsyncClient, chance: random.Random
) -> None:
    asked = [f"key {number}" for number in range(KEYS)] * REPEATS
    chance.shuffle(asked)
    at_once = asyncio.Semaphore(50)

    async def one(key: str) -> tuple[str, httpx.Response]:
        async with at_once:
            return key, await ask(client, key)

    answers = await asyncio.gather(*(one(key) for key in asked))
    assert {answer.status_code for _, answer in answers} == {201}
    told = {(key, answer.content) for key, answer in answers}
    assert len(told) == KEYS, "all repeats of a key are told the same"
    replayed = sum(answer.headers.get("Idempotency-Replayed") == "true" for _, answer in answers)
    assert replayed == KEYS * (REPEATS - 1)
    assert await effects(client) == Counter(set(asked))


async def test_whoever_hung_up_before_the_answer_finds_it_kept(
    client: httpx.AsyncClient, chance: random.Random
) -> None:
    keys = [f"lost {number}" for number in range(KEYS // 10)]
    for key in keys:
        with contextlib.suppress(httpx.TimeoutException):
            timeout = httpx.Timeout(5, read=chance.uniform(0.0005, 0.02))
            await client.post(TRANSACTIONS, json={**ENTRY, "reference": key}, headers=keyed(key), timeout=timeout)
    for key in keys:
        assert (await ask(client, key)).status_code == 201
    assert await effects(client) == Counter(keys)


async def test_a_key_is_of_one_request_and_of_one_organization(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    mine = await ask(client, "one")
    other_body = await client.post(TRANSACTIONS, json={**ENTRY, "amount": "-1.00"}, headers=keyed("one"))
    assert (other_body.status_code, other_body.json()["code"]) == (422, "key_of_another")
    theirs = await ask(other_client, "one")
    assert theirs.status_code == 201
    assert "Idempotency-Replayed" not in theirs.headers
    assert theirs.json()["transaction_id"] != mine.json()["transaction_id"]


async def test_a_request_that_still_runs_is_said_to(
    client: httpx.AsyncClient, database: Database, organization: Organization
) -> None:
    async with database.transaction(organization.organization_id) as db:
        name = f"idempotency {organization.organization_id} slow"
        await db.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        running = await client.post(TRANSACTIONS, json=ENTRY, headers=keyed("slow"))
    assert (running.status_code, running.json()["code"]) == (409, "key_at_work")
    assert (await client.post(TRANSACTIONS, json=ENTRY, headers=keyed("slow"))).status_code == 201


CSV = "Date,Description,Amount\n" + "".join(f"2026-03-{day:02},Tea {day},-{day}.00\n" for day in range(1, 29))


@pytest.mark.timeout(1500)
async def test_a_server_that_dies_at_any_moment_leaves_all_or_nothing_and_a_repeat_completes_it(
    api: Api, client: httpx.AsyncClient, chance: random.Random
) -> None:
    """Entries and an import are on their way when it is killed; asked again, each has happened once."""
    keys: list[str] = []
    for kill in range(KILLS):
        fresh = [f"killed {kill} {number}" for number in range(10)]
        file = {"csv_data": CSV.replace("Tea", f"Tea {kill} of"), "account_name": f"Account {kill}"}
        asked = [asyncio.create_task(ask(client, key)) for key in fresh]
        asked.append(asyncio.create_task(ask(client, f"import {kill}", IMPORTS, json=file)))
        await asyncio.sleep(chance.uniform(0, 0.15))
        api.kill()
        await asyncio.gather(*asked, return_exceptions=True)
        api.start()
        for key in fresh:
            assert (await ask(client, key)).status_code == 201
        imported = await ask(client, f"import {kill}", IMPORTS, json=file)
        assert (imported.status_code, imported.json()["rows"]["loaded"]) == (201, 28), imported.text
        again = await ask(client, f"import {kill}", IMPORTS, json=file)
        assert (again.content, again.headers["Idempotency-Replayed"]) == (imported.content, "true")
        keys += [*fresh, *(f"Tea {kill} of {day}" for day in range(1, 29))]
    assert await effects(client) == Counter(keys)
