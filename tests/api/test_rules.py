"""Rules over HTTP: written, tried out, brought to the history and taken back."""

from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.ids import new_id
from tests.api.asking import ClientOf

ADDRESS = "/api/core/rules"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
CAFES = {
    "name": "Cafes",
    "conditions": {"description": {"by": "matches", "text": "cafe|coffee"}, "max_amount": "50", "sign": "out"},
    "actions": {"tags": ["drinks", "drinks"]},
}


@pytest.fixture
async def lunch(owner: AsyncClient) -> dict[str, Any]:
    return (await owner.post("/api/core/transactions", json=LUNCH)).json()


@pytest.fixture
async def cafes(owner: AsyncClient) -> dict[str, Any]:
    answer = await owner.post(ADDRESS, json=CAFES)
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == '"1"'
    return answer.json()


async def test_what_is_written_is_what_is_read(owner: AsyncClient, cafes: dict[str, Any]) -> None:
    assert (await owner.get(f"{ADDRESS}/{cafes['rule_id']}")).json() == cafes
    assert (await owner.get(ADDRESS)).json() == {"items": [cafes], "next_cursor": None}
    assert cafes["conditions"]["max_amount"] == "50"
    assert cafes["conditions"]["merchant"] is None
    assert cafes["actions"]["tags"] == ["drinks"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"conditions": {}}, "conditions"),
        ({"actions": {}}, "actions"),
        ({"actions": {"split": []}}, "actions"),
        ({"conditions": {"descripton": {"by": "equals", "text": "x"}}}, "conditions.descripton"),
        ({"conditions": {"description": {"by": "sounds", "text": "x"}}}, "conditions.description.by"),
        ({"conditions": {"description": {"by": "contains", "text": ""}}}, "conditions.description.text"),
        ({"conditions": {"description": {"by": "matches", "text": "x" * 501}}}, "conditions.description.text"),
        ({"conditions": {"description": {"by": "matches", "text": "sec(ret"}}}, "conditions.description.text"),
        ({"conditions": {"mcc": "54"}}, "conditions.mcc"),
        ({"conditions": {"min_amount": "-1"}}, "conditions.min_amount"),
        ({"position": 0}, "position"),
        ({"priority": 1}, "priority"),
    ],
)
async def test_refuses_by_name_and_does_not_repeat_what_was_sent(
    owner: AsyncClient, wrong: dict[str, Any], field: str
) -> None:
    answer = await owner.post(ADDRESS, json={**CAFES, **wrong})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "sec(ret" not in answer.text


@pytest.mark.parametrize(
    "named", [{"conditions": {"account_id": str(new_id())}}, {"actions": {"category_id": str(new_id())}}]
)
async def test_what_a_rule_names_must_be_there(owner: AsyncClient, named: dict[str, Any]) -> None:
    assert (await owner.post(ADDRESS, json={**CAFES, **named})).status_code == 404


async def test_a_change_of_what_was_not_read_is_refused(owner: AsyncClient, cafes: dict[str, Any]) -> None:
    address, read = f"{ADDRESS}/{cafes['rule_id']}", {"If-Match": '"1"'}
    changed = await owner.patch(address, json={"is_active": False}, headers=read)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json()["conditions"] == cafes["conditions"]
    assert (await owner.patch(address, json={"name": "x"}, headers=read)).status_code == 412
    assert (await owner.delete(address, headers=read)).status_code == 412
    assert (await owner.delete(address, headers={"If-Match": '"2"'})).status_code == 204
    assert (await owner.get(address)).status_code == 404


async def test_shown_applied_and_taken_back(owner: AsyncClient, lunch: dict[str, Any], cafes: dict[str, Any]) -> None:
    address = f"/api/core/transactions/{lunch['transaction_id']}"
    shown = (await owner.post(f"{ADDRESS}/preview", json={"rule_id": cafes["rule_id"]})).json()
    assert (shown["matched"], shown["changed"], shown["kept"]) == (1, 1, 0)
    [item] = shown["items"]
    assert (item["transaction_id"], item["amount"]) == (lunch["transaction_id"], "-12.50")
    assert (item["before"]["tags"], item["after"]["tags"]) == ([], ["drinks"])
    assert item["decided"] == [{"field": "tags", "rule_id": cafes["rule_id"]}]
    assert (await owner.get(address)).json()["tags"] == [], "nothing was written"

    applied = (await owner.post(f"{ADDRESS}/{cafes['rule_id']}/apply", json={})).json()
    assert (applied["rows_changed"], applied["rule_version"], applied["undone_at"]) == (1, 1, None)
    assert (await owner.get(address)).json()["tags"] == ["drinks"]
    assert (await owner.get(f"{ADDRESS}/applications")).json()["items"] == [applied]

    undone = (await owner.post(f"{ADDRESS}/applications/{applied['application_id']}/undo")).json()
    assert (undone["rows_given_back"], undone["rows_left_alone"]) == (1, 0)
    assert (await owner.get(address)).json()["tags"] == []


async def test_the_same_key_applies_once(owner: AsyncClient, lunch: dict[str, Any], cafes: dict[str, Any]) -> None:
    address, key = f"{ADDRESS}/{cafes['rule_id']}/apply", {"Idempotency-Key": "once"}
    first = await owner.post(address, json={}, headers=key)
    again = await owner.post(address, json={}, headers=key)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len((await owner.get(f"{ADDRESS}/applications")).json()["items"]) == 1


async def test_applications_come_page_by_page(owner: AsyncClient, cafes: dict[str, Any]) -> None:
    made = [(await owner.post(f"{ADDRESS}/{cafes['rule_id']}/apply", json={})).json() for _ in range(3)]
    first = (await owner.get(f"{ADDRESS}/applications?limit=2&rule_id={cafes['rule_id']}")).json()
    rest = (await owner.get(f"{ADDRESS}/applications?limit=2&cursor={first['next_cursor']}")).json()
    assert [*first["items"], *rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert (await owner.get(f"{ADDRESS}/applications?cursor=x")).status_code == 422


async def test_a_rule_decides_what_is_written_from_now_on(owner: AsyncClient, cafes: dict[str, Any]) -> None:
    made = await owner.post("/api/core/transactions", json=LUNCH)
    assert made.json()["tags"] == ["drinks"]
    assert made.headers["ETag"] == f'"{made.json()["version"]}"'


async def test_what_a_rule_imports_into_is_decided(owner: AsyncClient, cafes: dict[str, Any]) -> None:
    sent = {"csv_data": "Date,Text,Amount\n2026-03-01,Tea,-1\n2026-03-02,Coffee,-2\n", "account_name": "Imported"}
    assert (await owner.post("/api/core/csv-import", json=sent)).json()["rows"]["loaded"] == 2
    items = (await owner.get("/api/core/transactions?tag=drinks")).json()["items"]
    assert [item["description"] for item in items] == ["Coffee"]


async def test_a_viewer_may_look_and_try_but_not_change(
    client_of: ClientOf, organization: Organization, cafes: dict[str, Any]
) -> None:
    viewer, accountant = await client_of(organization, Role.VIEWER), await client_of(organization, Role.ACCOUNTANT)
    assert (await viewer.post(f"{ADDRESS}/preview", json={})).status_code == 200
    for client, status in ((viewer, 403), (accountant, 200)):
        assert (await client.post(f"{ADDRESS}/{cafes['rule_id']}/apply", json={})).status_code == status


async def test_a_split_and_a_transfer_are_told_as_they_were_written(owner: AsyncClient, lunch: dict[str, Any]) -> None:
    chart = {each["name"]: each["category_id"] for each in (await owner.get("/api/core/categories")).json()["items"]}
    parts = [
        {"category_id": chart["Coffee"], "percentage": "33.3", "amount": None},
        {"category_id": chart["Rent"], "percentage": None, "amount": "2.50"},
        {"category_id": chart["Groceries"], "percentage": None, "amount": None},
    ]
    conditions = {"description": {"by": "contains", "text": "cafe"}, "currency": "GBP"}
    made = await owner.post(ADDRESS, json={"name": "Split", "conditions": conditions, "actions": {"split": parts}})
    assert made.status_code == 201, made.text
    assert (made.json()["actions"]["split"], made.json()["actions"]["transfer"]) == (parts, None)
    shown = (await owner.post(f"{ADDRESS}/preview", json={"rule_id": made.json()["rule_id"]})).json()
    after = [(part["amount"], part["category"]) for part in shown["items"][0]["after"]["splits"]]
    assert after == [("-3.33", "Coffee"), ("-2.50", "Rent"), ("-6.67", "Groceries")]
    done = (await owner.post(f"{ADDRESS}/{made.json()['rule_id']}/apply", json={})).json()
    read = (await owner.get(f"/api/core/transactions/{lunch['transaction_id']}")).json()
    assert (done["rows_changed"], [(part["amount"], part["category"]) for part in read["splits"]]) == (1, after)
    pot = (await owner.post("/api/core/accounts", json={"name": "Pot", "currency": "GBP"})).json()
    moved = {"actions": {"transfer": {"account_id": pot["account_id"]}}}
    changed = await owner.patch(f"{ADDRESS}/{made.json()['rule_id']}", json=moved)
    assert (changed.json()["actions"]["split"], changed.json()["actions"]["transfer"]) == (
        [],
        moved["actions"]["transfer"],
    )
    wrong = {"actions": {"split": parts[:2]}}
    refused = await owner.patch(f"{ADDRESS}/{made.json()['rule_id']}", json=wrong)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "actions.split")
