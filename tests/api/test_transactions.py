"""Transactions over HTTP."""

import json
from typing import Any

import pytest
from httpx import AsyncClient

ADDRESS = "/api/core/transactions"


def lunch(**fields: Any) -> dict[str, Any]:
    return {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe", **fields}


async def test_a_transaction_written_down_is_read_back(owner: AsyncClient) -> None:
    made = await owner.post(ADDRESS, json=lunch(notes="with Ana", tags=["team"], attributes={"till": "3"}))
    assert made.status_code == 201, made.text
    read = await owner.get(f"{ADDRESS}/{made.json()['transaction_id']}")
    assert read.json() == made.json()
    assert {k: read.json()[k] for k in ("date", "amount", "type", "notes", "tags")} == {
        "date": "2026-11-02", "amount": "-12.50", "type": "expense", "notes": "with Ana", "tags": ["team"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "currency", "written"),
    [
        ("1234567890123456.78", "GBP", "1234567890123456.78"),  # a double would have rounded it
        ("0.1", "GBP", "0.10"),
        ('"-0.07"', "GBP", "-0.07"),
        ("1e2", "GBP", "100.00"),
        ("12", "JPY", "12"),
        ('"1.234"', "KWD", "1.234"),
        ("0", "GBP", "0.00"),
        ("-0.0", "GBP", "0.00"),
    ],
)
async def test_amounts_stay_exact(owner: AsyncClient, number: str, currency: str, written: str) -> None:
    body = json.dumps(lunch(currency=currency)).replace('"-12.50"', number)
    made = await owner.post(ADDRESS, content=body, headers={"Content-Type": "application/json"})
    assert made.json()["amount"] == written


async def test_instants_are_utc(owner: AsyncClient) -> None:
    made = (await owner.post(ADDRESS, json=lunch())).json()
    assert made["created_at"].endswith("Z")
    assert made["decided_at"] is None
