"""Budgets over HTTP: written, read with how they stand, changed by whoever saw them last, deleted."""

from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import AsyncClient

BUDGETS = "/api/core/budgets"
TODAY = datetime.now(UTC).date()
MONTH = f"{TODAY:%Y-%m}"


@pytest.fixture
async def category_id(owner: AsyncClient) -> str:
    made = await owner.post("/api/core/categories", json={"name": "Snacks", "kind": "expense"})
    return str(made.json()["category_id"])


async def test_a_budget_from_its_first_day_to_its_last(owner: AsyncClient, category_id: str) -> None:
    new = {"category_id": category_id, "currency": "GBP", "amount": 50, "first_month": MONTH}
    made = await owner.post(BUDGETS, json={**new, "overrides": {MONTH: "60.5"}})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    lunch = {"date": TODAY.isoformat(), "amount": "-12.50", "currency": "GBP", "description": "Crisps"}
    await owner.post("/api/core/transactions", json={**lunch, "category_id": category_id})

    listed = (await owner.get(BUDGETS)).json()
    [found] = listed["items"]
    assert (listed["month"], found["amount"], found["overrides"]) == (MONTH, "50.00", {MONTH: "60.50"})
    standing = found["standing"]
    assert {name: standing[name] for name in ("planned", "carried", "spent", "left")} == {
        "planned": "60.50", "carried": "0.00", "spent": "12.50", "left": "48.00",
    }  # fmt: skip
    assert (standing["computed_by"], standing["as_of"][:10]) == ("books.totals", TODAY.isoformat())
    assert standing["forecast"]["amount"] is None
    assert standing["forecast"]["reason"]
    assert (await owner.get(BUDGETS, params={"month": "2001-01"})).json()["items"] == []

    address = f"{BUDGETS}/{found['budget_id']}"
    changed = await owner.patch(address, json={"rollover": True}, headers={"If-Match": '"1"'})
    assert (changed.json()["rollover"], changed.headers["ETag"]) == (True, '"2"')
    stale = await owner.patch(address, json={"amount": "1"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert (await owner.get(address, params={"month": "2001-01"})).json()["standing"] is None
    assert (await owner.delete(address)).status_code == 204
    assert (await owner.get(address)).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "-1"},
        {"amount": "0.001"},
        {"first_month": "2026-13"},
        {"first_month": "2026-11-01"},
        {"last_month": "2025-12"},
        {"overrides": {"2025-12": "1"}},
        {"overrides": {"x": "1"}},
        {"currency": "XAU"},
        {"spent": "1"},
    ],
)
async def test_refuses_what_does_not_hold(owner: AsyncClient, category_id: str, change: dict[str, Any]) -> None:
    new = {"category_id": category_id, "currency": "GBP", "amount": "50", "first_month": "2026-01"}
    assert (await owner.post(BUDGETS, json={**new, **change})).status_code == 422
    assert (await owner.post(BUDGETS, json=new)).status_code == 201
