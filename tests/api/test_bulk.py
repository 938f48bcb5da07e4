"""Bulk over HTTP: many at once do what each alone does, and all are written or none."""

from typing import Any

import pytest
from httpx import AsyncClient

from ai2.kit.ids import new_id

ADDRESS = "/api/core/transactions"
BULK, UPDATE = f"{ADDRESS}/bulk", f"{ADDRESS}/bulk-update"


def lunch(**fields: Any) -> dict[str, Any]:
    return {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe", **fields}


async def written(client: AsyncClient, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await client.post(BULK, json={"items": list(items)})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["items"])


async def count(client: AsyncClient) -> int:
    return int((await client.get(f"{ADDRESS}?include=total")).json()["total"])


@pytest.fixture
async def own(owner: AsyncClient) -> dict[str, str]:
    """Two accounts, by name."""
    made = {}
    for name, kind in (("Current", "bank"), ("Rainy day", "savings")):
        answer = await owner.post("/api/core/accounts", json={"name": name, "currency": "GBP", "kind": kind})
        made[name] = answer.json()["account_id"]
    return made


async def test_each_is_written_as_a_single_one_is(owner: AsyncClient) -> None:
    items = [
        lunch(category="groceries", notes="with Ana", tags=["team"], attributes={"till": "3"}),
        lunch(currency="JPY", amount=1200, merchant="Ramen"),
        lunch(amount="1234567890123456.78", reference="7"),
        lunch(category="FOOD_AND_DRINK_COFFEE", type="expense"),
    ]
    many = await written(owner, *items)
    single = [(await owner.post(ADDRESS, json=item)).json() for item in items]
    own = {"transaction_id", "created_at", "updated_at", "decided_at"}
    plain = [[{k: v for k, v in row.items() if k not in own} for row in rows] for rows in (many, single)]
    assert plain[0] == plain[1]
    assert [row["decided_by"] for row in many] == ["user", None, None, "user"]
    assert many[2]["amount"] == "1234567890123456.78"


async def test_rules_decide_what_each_leaves_open(owner: AsyncClient) -> None:
    kinds = {"Cafes we like": "expense", "Into savings": "transfer"}
    made = {}
    for name, kind in kinds.items():
        answer = await owner.post("/api/core/categories", json={"name": name, "kind": kind})
        made[name] = answer.json()["category_id"]
    for text, category in (("cafe", "Cafes we like"), ("rainy day", "Into savings")):
        rule = {
            "conditions": {"description": {"by": "contains", "text": text}},
            "actions": {"category_id": made[category]},
        }
        assert (await owner.post("/api/core/rules", json={"name": text, **rule})).status_code == 201
    items = [
        lunch(),
        lunch(category="groceries"),
        lunch(description="To rainy day", type="expense"),
        lunch(description="To rainy day"),
    ]
    many = await written(owner, *items)
    single = [(await owner.post(ADDRESS, json=item)).json() for item in items]
    assert (
        [row["decided_by"] for row in many] == [row["decided_by"] for row in single] == ["rule", "user", None, "rule"]
    )
    assert many[0]["category_id"] == made["Cafes we like"]


async def test_a_thousand_are_written_and_a_thousand_and_one_are_not(owner: AsyncClient) -> None:
    assert (await owner.post(BULK, json={"items": [lunch()] * 1001})).status_code == 422
    assert (await owner.post(BULK, json={"items": []})).status_code == 422
    made = await written(owner, *[lunch(description=f"Lunch {number}") for number in range(1000)])
    assert [row["description"] for row in made] == [f"Lunch {number}" for number in range(1000)]
    assert await count(owner) == 1000


WRONG = [
    (lunch(amount="-12.505"), 422, "items.1.amount"),
    (lunch(amount="ten"), 422, "items.1.amount"),
    (lunch(currency="XXX"), 422, "items.1.currency"),
    (lunch(type="income"), 422, "items.1.type"),
    (lunch(type="transfer"), 422, "items.1.type"),  # nothing is its other side
    (lunch(category="Nowhere"), 404, "items.1.category"),
    (lunch(category_id=str(new_id())), 404, "items.1.category_id"),
    (lunch(account_id=str(new_id())), 404, "items.1.account_id"),
]


@pytest.mark.parametrize(("wrong", "status", "field"), WRONG)
async def test_one_that_does_not_hold_is_named_and_none_is_written(
    owner: AsyncClient, wrong: dict[str, Any], status: int, field: str
) -> None:
    answer = await owner.post(BULK, json={"items": [lunch(), wrong, lunch()]})
    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (status, [field]), answer.text
    assert await count(owner) == 0
    assert (await owner.get("/api/core/accounts")).json()["items"] == []


async def test_refuses_another_currency_than_the_accounts(owner: AsyncClient, own: dict[str, str]) -> None:
    item = lunch(currency="EUR", account_id=own["Current"])
    answer = await owner.post(BULK, json={"items": [item]})
    assert answer.json()["errors"] == [{"field": "items.0.currency", "message": "is GBP for this account"}]


async def test_all_that_is_wrong_is_told_at_once(owner: AsyncClient) -> None:
    answer = await owner.post(BULK, json={"items": [lunch(amount="0.001"), lunch(), lunch(amount="0.001")]})
    assert [error["field"] for error in answer.json()["errors"]] == ["items.0.amount", "items.2.amount"]
    assert "0.001" not in answer.text


async def test_two_sides_of_a_transfer_in_one_bulk_are_paired(owner: AsyncClient, own: dict[str, str]) -> None:
    out = lunch(amount="-500.00", description="TRANSFER TO RAINY DAY", account_id=own["Current"])
    into = lunch(amount="500.00", description="TRANSFER FROM CURRENT", account_id=own["Rainy day"], type="transfer")
    made = await written(owner, out, into, lunch())
    assert [row["type"] for row in made] == ["transfer", "transfer", "expense"]


async def test_what_is_said_to_be_income_is_not_paired(owner: AsyncClient, own: dict[str, str]) -> None:
    out = lunch(amount="-500.00", description="TRANSFER TO RAINY DAY", account_id=own["Current"], type="expense")
    into = lunch(amount="500.00", description="TRANSFER FROM CURRENT", account_id=own["Rainy day"], type="income")
    assert [row["type"] for row in await written(owner, out, into)] == ["expense", "income"]


async def test_the_same_key_writes_and_changes_once(owner: AsyncClient) -> None:
    key = {"Idempotency-Key": "bulk"}
    first = await owner.post(BULK, json={"items": [lunch()]}, headers=key)
    again = await owner.post(BULK, json={"items": [lunch()]}, headers=key)
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert await count(owner) == 1
    change = {"transaction_ids": [first.json()["items"][0]["transaction_id"]], "change": {"notes": "seen"}}
    answers = [await owner.post(UPDATE, json=change, headers={"Idempotency-Key": "change"}) for _ in range(2)]
    assert [answer.json()["items"][0]["version"] for answer in answers] == [2, 2]


async def test_a_change_of_many_is_what_a_change_of_each_would_be(owner: AsyncClient) -> None:
    made = await written(owner, lunch(), lunch(description="Tea", tags=["old"]))
    coffee = (await owner.post("/api/core/categories", json={"name": "Beans", "kind": "expense"})).json()
    change = {"category_id": coffee["category_id"], "tags": ["new"], "date": "2026-11-05", "attributes": {"a": "b"}}
    ids = [row["transaction_id"] for row in made]
    answer = await owner.post(UPDATE, json={"transaction_ids": ids, "change": change})
    assert answer.status_code == 200, answer.text
    changed = answer.json()["items"]
    assert [row["transaction_id"] for row in changed] == ids
    for row, former in zip(changed, made, strict=True):
        assert (row["category"], row["decided_by"], row["confidence"]) == ("Beans", "user", 1)
        assert (row["tags"], row["date"], row["attributes"], row["version"]) == (["new"], "2026-11-05", {"a": "b"}, 2)
        assert (row["description"], row["amount"]) == (former["description"], former["amount"])
        assert (await owner.get(f"{ADDRESS}/{row['transaction_id']}")).json() == row
    away = await owner.post(UPDATE, json={"transaction_ids": ids, "change": {"category_id": None}})
    assert [(row["category_id"], row["decided_by"]) for row in away.json()["items"]] == [(None, None)] * 2


async def test_a_version_that_is_past_is_named_and_nothing_changes(owner: AsyncClient) -> None:
    one, two = await written(owner, lunch(), lunch())
    await owner.patch(f"{ADDRESS}/{two['transaction_id']}", json={"notes": "mine"})
    items = [{"transaction_id": row["transaction_id"], "version": 1} for row in (one, two)]
    stale = await owner.post(UPDATE, json={"items": items, "change": {"notes": "yours"}})
    assert (stale.status_code, [e["field"] for e in stale.json()["errors"]]) == (412, ["items.1"])
    assert (await owner.get(f"{ADDRESS}/{one['transaction_id']}")).json()["notes"] is None
    items[1]["version"] = 2
    assert (await owner.post(UPDATE, json={"items": items, "change": {"notes": "yours"}})).status_code == 200


async def test_unknown_and_repeated_ids_are_named(owner: AsyncClient) -> None:
    [one] = [row["transaction_id"] for row in await written(owner, lunch())]
    unknown = await owner.post(UPDATE, json={"transaction_ids": [one, str(new_id())], "change": {"notes": "x"}})
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (404, "transaction_ids.1")
    twice = await owner.post(UPDATE, json={"transaction_ids": [one, one], "change": {"notes": "x"}})
    assert (twice.status_code, twice.json()["errors"][0]["field"]) == (422, "transaction_ids.1")
    await owner.delete(f"{ADDRESS}/{one}")
    assert (await owner.post(UPDATE, json={"transaction_ids": [one], "change": {"notes": "x"}})).status_code == 404


async def test_an_amount_must_suit_each_currency(owner: AsyncClient) -> None:
    made = await written(owner, lunch(), lunch(currency="JPY", amount="-5"))
    ids = [row["transaction_id"] for row in made]
    answer = await owner.post(UPDATE, json={"transaction_ids": ids, "change": {"amount": "-1.50"}})
    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (422, ["transaction_ids.1"])


@pytest.mark.parametrize(
    "body",
    [
        {"change": {"notes": "x"}},
        {"transaction_ids": [str(new_id())], "items": [{"transaction_id": str(new_id())}], "change": {"notes": "x"}},
        {"transaction_ids": [str(new_id())], "change": {"currency": "EUR"}},
        {"transaction_ids": [], "change": {"notes": "x"}},
    ],
)
async def test_refuses_a_change_that_says_too_little_or_too_much(owner: AsyncClient, body: dict[str, Any]) -> None:
    assert (await owner.post(UPDATE, json=body)).status_code == 422


async def test_moved_away_a_side_is_a_transfer_no_more(owner: AsyncClient, own: dict[str, str]) -> None:
    out = lunch(amount="-500.00", description="TRANSFER TO RAINY DAY", account_id=own["Current"])
    into = lunch(amount="500.00", description="TRANSFER FROM CURRENT", account_id=own["Rainy day"])
    made = await written(owner, out, into)
    ids = [row["transaction_id"] for row in made]
    away = {"transaction_ids": ids[:1], "change": {"date": "2026-06-02"}}
    assert [row["type"] for row in (await owner.post(UPDATE, json=away)).json()["items"]] == ["expense"]
    assert (await owner.get(f"{ADDRESS}/{ids[1]}")).json()["type"] == "income"
    back = {"transaction_ids": ids, "change": {"date": "2026-11-02"}}
    assert [row["type"] for row in (await owner.post(UPDATE, json=back)).json()["items"]] == ["transfer"] * 2


async def test_a_decision_against_a_transfer_is_heard(owner: AsyncClient, own: dict[str, str]) -> None:
    out = lunch(amount="-500.00", description="TRANSFER TO RAINY DAY", account_id=own["Current"])
    into = lunch(amount="500.00", description="TRANSFER FROM CURRENT", account_id=own["Rainy day"])
    made = await written(owner, out, into)
    category = (await owner.post("/api/core/categories", json={"name": "Gifts out", "kind": "expense"})).json()
    ids = [row["transaction_id"] for row in made]
    change = {"transaction_ids": ids[:1], "change": {"category_id": category["category_id"]}}
    assert (await owner.post(UPDATE, json=change)).json()["items"][0]["type"] == "expense"
    [transfer] = (await owner.get("/api/core/transfers")).json()["items"]
    assert transfer["state"] == "rejected"
    assert (await owner.get(f"{ADDRESS}/{ids[1]}")).json()["type"] == "income"
