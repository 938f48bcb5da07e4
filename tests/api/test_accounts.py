"""Accounts over HTTP: kinds, currencies, what they held at first, and put away and back."""

from typing import Any, get_args

import pytest
from httpx import AsyncClient

from ai2.books.accounts.service import AccountKind

ADDRESS = "/api/core/accounts"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
FILE = "Date,Description,Amount\n2026-11-03,Tea,-1.00\n"


@pytest.fixture
async def main(owner: AsyncClient) -> dict[str, Any]:
    body = {"name": "Main", "currency": "GBP", "opening_balance": "100.00", "opening_on": "2026-01-01", "number": "12"}
    answer = await owner.post(ADDRESS, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("kind", get_args(AccountKind))
async def test_is_of_its_kind_and_may_become_another(owner: AsyncClient, main: dict[str, Any], kind: str) -> None:
    made = (await owner.post(ADDRESS, json={"name": "Other", "currency": "JPY", "kind": kind})).json()
    assert (made["kind"], made["currency"], made["opening_balance"]) == (kind, "JPY", "0")
    assert (await owner.patch(f"{ADDRESS}/{main['account_id']}", json={"kind": kind})).json()["kind"] == kind
    assert (await owner.post(ADDRESS, json={"name": "X", "currency": "GBP", "kind": "purse"})).status_code == 422


async def test_holds_its_opening_balance_and_what_was_booked(owner: AsyncClient, main: dict[str, Any]) -> None:
    await owner.post("/api/core/transactions", json={**LUNCH, "account_id": main["account_id"]})
    [held] = (await owner.get("/api/core/dashboard")).json()["balances"]
    assert (held["balance"], held["opening_is"]) == ("87.50", "given")
    changed = await owner.patch(f"{ADDRESS}/{main['account_id']}", json={"opening_balance": "90.00"})
    assert (changed.json()["opening_balance"], changed.json()["version"]) == ("90.00", 2)
    assert (await owner.get("/api/core/dashboard")).json()["balances"][0]["balance"] == "77.50"
    assert (await owner.patch(f"{ADDRESS}/{main['account_id']}", json={"currency": "EUR"})).status_code == 409


async def test_put_away_it_takes_nothing_new_and_keeps_what_it_has(owner: AsyncClient, main: dict[str, Any]) -> None:
    mine = {"account_id": main["account_id"]}
    old = (await owner.post("/api/core/transactions", json={**LUNCH, **mine})).json()["transaction_id"]
    address = f"{ADDRESS}/{main['account_id']}"
    assert (await owner.delete(address, headers={"If-Match": '"7"'})).status_code == 412
    assert (await owner.delete(address)).status_code == 204

    async def takes() -> list[int]:
        one = await owner.post("/api/core/transactions", json={**LUNCH, **mine})
        many = await owner.post("/api/core/transactions/bulk", json={"items": [{**LUNCH, **mine}]})
        file = await owner.post("/api/core/csv-import", json={"csv_data": FILE, "positive_is": "in", **mine})
        return [one.status_code, many.status_code, file.status_code]

    assert await takes() == [409, 409, 409]
    assert (await owner.get(ADDRESS)).json()["items"] == []
    [listed] = (await owner.get(f"{ADDRESS}?archived=true")).json()["items"]
    assert listed["archived_at"] is not None
    assert (await owner.get(f"/api/core/transactions/{old}")).status_code == 200
    noted = await owner.patch(f"/api/core/transactions/{old}", json={"notes": "still mine"})
    assert noted.json()["notes"] == "still mine"

    back = await owner.patch(address, json={"is_archived": False})
    assert (back.json()["archived_at"], back.json()["name"]) == (None, "Main")
    assert await takes() == [201, 201, 201]
