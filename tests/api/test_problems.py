"""Problems: whatever goes wrong, the answer has one shape, says what to do, and does not repeat what was sent."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from ai2.kit.database import Database
from ai2.kit.ids import new_id
from ai2.kit.settings import Settings, settings
from api.app import build
from tests.api.asking import connect

JSON = {"Content-Type": "application/json"}
TRANSACTIONS = "/api/core/transactions"
SECRET = "hunter2-the-rejected-value"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}


def is_problem(answer: Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id", "errors"} <= body.keys()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert SECRET not in answer.text
    return body


async def test_no_such_address(owner: AsyncClient) -> None:
    assert is_problem(await owner.get(f"/api/core/{SECRET}"))["code"] == "no_such_address"


async def test_no_such_method(owner: AsyncClient) -> None:
    answer = await owner.put(TRANSACTIONS, json={})
    assert (answer.status_code, is_problem(answer)["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"] or "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe{\x00}\x00",
        b'{"amount": NaN}',
        b'{"amount": Infinity}',
        b"\xe9",
        b"[" * 100_000,
        b'{"amount": ' + b"9" * 5000 + b"}",
    ],
)
async def test_what_is_no_json_is_unreadable(owner: AsyncClient, body: bytes) -> None:
    answer = await owner.post(TRANSACTIONS, content=body, headers=JSON)
    assert (answer.status_code, is_problem(answer)["code"]) == (400, "not_json")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_media_type_is_refused(owner: AsyncClient, media_type: str) -> None:
    answer = await owner.post(TRANSACTIONS, content=b"{}", headers={"Content-Type": media_type})
    assert (answer.status_code, is_problem(answer)["code"]) == (415, "json_expected")


async def test_a_body_beyond_the_limit_is_too_large(owner: AsyncClient) -> None:
    answer = await owner.post(TRANSACTIONS, content=b" " * 10_000_001, headers=JSON)
    assert (answer.status_code, is_problem(answer)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount": SECRET}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "1_000"}, "amount"),
        ({"amount": "12.505"}, None),
        ({"amount": "1e400"}, "amount"),
        ({"amount": "10000000000000000"}, None),
        ({"currency": SECRET}, "currency"),
        ({"currency": "XXX"}, None),
        ({"currency": "gbp"}, "currency"),
        ({"date": "2026-02-30"}, "date"),
        ({"date": 0}, "date"),
        ({"date": "2026-11-02T00:00:00"}, "date"),
        ({"date": None}, "date"),
        ({"description": ""}, "description"),
        ({"description": "a\x00b"}, "description"),
        ({"description": "\ud800"}, "description"),
        ({"tags": ["fine", "a\x00b"]}, "tags.1"),
        ({"attributes": {"till": "a\x00b"}}, "attributes.till"),
        ({"category_id": SECRET}, "category_id"),
        ({"category_id": 7}, "category_id"),
        ({"tags": SECRET}, "tags"),
        ({"type": "income"}, "type"),
        ({"organization_id": SECRET}, "organization_id"),
    ],
)
async def test_a_field_that_does_not_hold_is_named(
    owner: AsyncClient, fields: dict[str, Any], field: str | None
) -> None:
    answer = await owner.post(TRANSACTIONS, content=json.dumps({**LUNCH, **fields}).encode(), headers=JSON)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in is_problem(answer)["errors"]] == ([field] if field else [])
    assert (await owner.get(TRANSACTIONS)).json()["items"] == []


@pytest.mark.parametrize("missing", LUNCH)
async def test_a_missing_field_is_asked_for(owner: AsyncClient, missing: str) -> None:
    answer = await owner.post(TRANSACTIONS, json={name: value for name, value in LUNCH.items() if name != missing})
    assert answer.status_code == 422
    assert is_problem(answer)["errors"] == [{"field": missing, "message": "is needed"}]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        f"limit={SECRET}",
        f"cursor={SECRET}",
        "sort=colour",
        f"account_id={SECRET}",
        "start_date=1.1.2026",
        "search=%00",
        "organization_id=1",
        "min_amount=1e5",
    ],
)
async def test_a_query_that_does_not_hold_is_refused(owner: AsyncClient, query: str) -> None:
    answer = await owner.get(f"{TRANSACTIONS}?{query}")
    assert answer.status_code == 422, answer.text
    assert is_problem(answer)["errors"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_what_is_not_there_is_not_found(owner: AsyncClient, method: str) -> None:
    body = {"content": b"{}", "headers": JSON} if method == "PATCH" else {}
    answer = await owner.request(method, f"{TRANSACTIONS}/{new_id()}", **body)  # type: ignore[arg-type]
    assert (answer.status_code, is_problem(answer)["code"]) == (404, "transaction_not_found")


async def test_a_credential_is_asked_for_before_the_body_is_judged(anonymous: AsyncClient) -> None:
    answer = await anonymous.post(TRANSACTIONS, content=b"{", headers=JSON)
    assert (answer.status_code, is_problem(answer)["code"]) == (401, "credential_needed")


@pytest.fixture
async def cut_off() -> AsyncIterator[AsyncClient]:
    """An API whose database is nowhere."""
    nowhere = Settings(database_url="postgresql://127.0.0.1:1/ai2", ai2_home=settings().home)  # type: ignore[arg-type]
    database = Database(using=nowhere)
    database._pool.timeout = 0.2
    await database._pool.open()
    async with connect(build(["core"], database=database), **{"X-API-Key": "ai2_x"}) as client:
        yield client
    await database._pool.close()


async def test_without_a_database_the_answer_is_to_come_back(cut_off: AsyncClient) -> None:
    answer = await cut_off.get(TRANSACTIONS)
    assert (answer.status_code, is_problem(answer)["code"]) == (503, "database_down")
    assert int(answer.headers["Retry-After"]) > 0


async def test_without_a_database_the_service_says_that_it_is_unhealthy(cut_off: AsyncClient) -> None:
    health = await cut_off.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
    assert health.json()["dependencies"] == {"database": "unhealthy"}
    ready = await cut_off.get("/ready")
    assert (ready.status_code, is_problem(ready)["code"]) == (503, "not_ready")


async def test_what_breaks_inside_is_logged_and_not_told(
    app: FastAPI, owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("ai2.books.transactions.listing.page", broken)
    answer = await owner.get(TRANSACTIONS)
    assert (answer.status_code, is_problem(answer)["code"]) == (500, "failed")
