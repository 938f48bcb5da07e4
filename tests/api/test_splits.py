"""Splits over HTTP: put, read, refused with by how much, and exported once."""

import json
from typing import Any

import pytest
from httpx import AsyncClient

from tests.api.test_export import export, read_csv, read_xlsx

ADDRESS = "/api/core/transactions"
SHOP = {"date": "2026-11-02", "amount": "-50.00", "currency": "GBP", "description": "Super Store"}
PARTS = [
    {"amount": "-45.50", "category": "groceries", "tags": ["home"], "notes": "food"},
    {"amount": -4.5, "category": "Electronics"},
]


@pytest.fixture
async def shop(owner: AsyncClient) -> dict[str, Any]:
    return dict((await owner.post(ADDRESS, json=SHOP)).json())


async def put(client: AsyncClient, shop: dict[str, Any], parts: list[dict[str, Any]], **more: Any) -> Any:
    return await client.put(f"{ADDRESS}/{shop['transaction_id']}/splits", json={"splits": parts}, **more)


async def test_is_told_with_the_transaction_in_order(owner: AsyncClient, shop: dict[str, Any]) -> None:
    made = await put(owner, shop, PARTS, headers={"If-Match": '"1"'})
    assert made.status_code == 200, made.text
    assert made.headers["ETag"] == '"2"'
    read = (await owner.get(f"{ADDRESS}/{shop['transaction_id']}")).json()
    assert read == made.json()
    assert [(part["amount"], part["category"], part["notes"], part["tags"]) for part in read["splits"]] == [
        ("-45.50", "Groceries", "food", ["home"]),
        ("-4.50", "Electronics", None, []),
    ]
    assert (read["decided_by"], read["category"]) == ("user", None)
    assert (await put(owner, shop, PARTS, headers={"If-Match": '"1"'})).status_code == 412
    assert (await put(owner, shop, [])).json()["splits"] == []


async def test_a_sum_that_is_out_says_by_how_much(owner: AsyncClient, shop: dict[str, Any]) -> None:
    refused = await put(owner, shop, [PARTS[0], {**PARTS[1], "amount": "-4.25"}])
    assert refused.status_code == 422
    assert refused.json()["code"] == "splits_do_not_hold"
    assert (refused.json()["out_by"], "0.25 GBP more" in refused.json()["detail"]) == ("0.25", True)


@pytest.mark.parametrize(
    "part", [{"amount": "-4.50"}, {"amount": "-4.50", "category": "Rent", "category_id": "x"}, {"category": "Rent"}]
)
async def test_a_part_names_its_amount_and_one_category(
    owner: AsyncClient, shop: dict[str, Any], part: dict[str, Any]
) -> None:
    assert (await put(owner, shop, [PARTS[0], part])).status_code == 422


async def test_a_change_that_the_parts_would_contradict_is_a_conflict(owner: AsyncClient, shop: dict[str, Any]) -> None:
    await put(owner, shop, PARTS)
    one = await owner.patch(f"{ADDRESS}/{shop['transaction_id']}", json={"amount": "-51"})
    many = await owner.post(
        f"{ADDRESS}/bulk-update",
        json={"transaction_ids": [shop["transaction_id"]], "change": {"category_id": None}},
    )
    assert (one.status_code, one.json()["code"]) == (409, "is_split")
    assert (many.status_code, many.json()["errors"][0]["field"]) == (409, "transaction_ids.0")


async def test_an_export_has_it_once_with_its_parts(owner: AsyncClient, shop: dict[str, Any]) -> None:
    await put(owner, shop, PARTS)
    of_category = (await owner.get(f"{ADDRESS}/{shop['transaction_id']}")).json()["splits"][1]["category_id"]
    [row] = read_csv(await export(owner, f"format=csv&category_id={of_category}"))
    [cells] = read_xlsx(await export(owner, "format=xlsx"))
    [item] = (await export(owner, "format=json")).json()
    assert row["amount"] == item["amount"] == "-50.00"
    assert json.loads(row["splits"]) == json.loads(cells["splits"]) == item["splits"]
    assert [part["amount"] for part in item["splits"]] == ["-45.50", "-4.50"]
