"""Listing over HTTP: filters, sorts, and pages that stay apart while rows arrive."""

from typing import Any

import pytest
from httpx import AsyncClient

ADDRESS = "/api/core/transactions"


@pytest.fixture
async def booked(owner: AsyncClient) -> AsyncClient:
    """An owner with seven purchases on three days."""
    for number in range(7):
        await book(owner, f"2026-03-0{1 + number % 3}", f"-{number + 1}.00", f"Shop {number}")
    return owner


async def book(client: AsyncClient, day: str, amount: str, description: str, **more: Any) -> dict[str, Any]:
    new = {"date": day, "amount": amount, "currency": "GBP", "description": description, **more}
    made = await client.post(ADDRESS, json=new)
    assert made.status_code == 201, made.text
    row: dict[str, Any] = made.json()
    return row


async def walk(client: AsyncClient, query: str, limit: int = 2) -> list[dict[str, Any]]:
    """All pages, one after the other."""
    found, cursor = [], ""
    while True:
        page = (await client.get(f"{ADDRESS}?{query}&limit={limit}{cursor}")).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("sort", ["date", "-date", "amount", "-amount", "description", "-description"])
async def test_pages_of_every_sort_add_up_to_the_whole(booked: AsyncClient, sort: str) -> None:
    whole = (await booked.get(f"{ADDRESS}?sort={sort}&limit=1000")).json()
    assert len(whole["items"]) == 7
    assert whole["next_cursor"] is None
    assert await walk(booked, f"sort={sort}") == whole["items"]


async def test_rows_that_arrive_meanwhile_neither_repeat_nor_hide_others(booked: AsyncClient) -> None:
    first = (await booked.get(f"{ADDRESS}?limit=3")).json()
    await book(booked, "2026-03-09", "-1.00", "arrived before")
    await book(booked, "2026-02-01", "-1.00", "arrived behind")
    rest = await booked.get(f"{ADDRESS}?limit=100&cursor={first['next_cursor']}")
    seen = [item["description"] for item in first["items"] + rest.json()["items"]]
    assert sorted(seen) == sorted([f"Shop {number}" for number in range(7)] + ["arrived behind"])


async def test_a_cursor_belongs_to_its_sort(booked: AsyncClient) -> None:
    cursor = (await booked.get(f"{ADDRESS}?limit=1&sort=date")).json()["next_cursor"]
    answer = await booked.get(f"{ADDRESS}?sort=amount&cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_cursor")


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("", 7),
        ("start_date=2026-03-02", 4),
        ("end_date=2026-03-01", 3),
        ("start_date=2026-03-02&end_date=2026-03-02", 2),
        ("min_amount=-2.00", 2),
        ("max_amount=-6", 2),
        ("type=income", 0),
        ("type=expense", 7),
        ("currency=EUR", 0),
        ("search=shop 3", 1),
        ("search=%25", 0),
        ("uncategorized=true", 7),
        ("status=pending", 0),
    ],
)
async def test_a_filter_holds_for_the_items_and_the_total(booked: AsyncClient, query: str, total: int) -> None:
    page = (await booked.get(f"{ADDRESS}?{query}&include=total")).json()
    assert (len(page["items"]), page["total"]) == (total, total)


async def test_the_total_is_there_only_when_asked_for(booked: AsyncClient) -> None:
    assert "total" not in (await booked.get(ADDRESS)).json()


async def test_a_deleted_transaction_is_in_no_list(booked: AsyncClient) -> None:
    gone = (await booked.get(ADDRESS)).json()["items"][0]
    assert (await booked.delete(f"{ADDRESS}/{gone['transaction_id']}")).status_code == 204
    assert gone not in await walk(booked, "")
    assert (await booked.get(f"{ADDRESS}/{gone['transaction_id']}")).status_code == 404


async def test_a_patch_merges(booked: AsyncClient) -> None:
    row = await book(booked, "2026-03-04", "-3.00", "Tea", notes="two cups", tags=["team"], attributes={"till": "3"})
    address = f"{ADDRESS}/{row['transaction_id']}"
    changed = (await booked.patch(address, json={"date": "2026-03-05", "merchant": "Tea House"})).json()
    assert changed["date"] == "2026-03-05"
    for name in ("amount", "notes", "tags", "attributes", "category_id"):
        assert changed[name] == row[name]
    cleared = (await booked.patch(address, json={"notes": None})).json()
    assert (cleared["notes"], cleared["merchant"]) == (None, "Tea House")


async def test_a_category_by_name_is_the_persons_decision(booked: AsyncClient) -> None:
    row = await book(booked, "2026-03-04", "-3.00", "Tea", category="coffee")
    assert (row["category"], row["decided_by"], row["confidence"]) == ("Coffee", "user", 1.0)
    listed = (await booked.get(f"{ADDRESS}?category_id={row['category_id']}")).json()["items"]
    assert listed == [row]


async def test_the_dashboard_includes_what_was_posted_a_moment_before(booked: AsyncClient) -> None:
    before = (await booked.get("/api/core/dashboard?period=2026-03")).json()
    await book(booked, "2026-03-20", "100.25", "Invoice 7")
    after = (await booked.get("/api/core/dashboard?period=2026-03")).json()
    assert before["totals"] == [
        {"currency": "GBP", "income": "0.00", "expense": "28.00", "net": "-28.00", "transactions": 7}
    ]
    assert (after["totals"][0]["income"], after["totals"][0]["net"]) == ("100.25", "72.25")
    assert after["balances"][0]["balance"] == "72.25"
    assert after["recent"][0]["description"] == "Invoice 7"
    assert after["uncategorized"] == 8


async def test_balances_run_from_the_opening_balance(owner: AsyncClient) -> None:
    new = {"name": "Current", "currency": "GBP", "opening_balance": "100.10"}
    account = (await owner.post("/api/core/accounts", json=new)).json()
    await book(owner, "2026-03-01", "-0.10", "Tea", account_id=account["account_id"])
    await book(owner, "2026-03-03", "20", "Ana", account_id=account["account_id"])
    found = (await owner.get(f"/api/core/accounts/{account['account_id']}/balances")).json()
    assert [(day["date"], day["closing"]) for day in found["items"]] == [
        ("2026-03-01", "100.00"),
        ("2026-03-03", "120.00"),
    ]
    later = await owner.get(f"/api/core/accounts/{account['account_id']}/balances?start_date=2026-03-02")
    assert [day["closing"] for day in later.json()["items"]] == ["120.00"]
