"""History over HTTP: who changed what of a transaction, and when."""

from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.ids import new_id
from tests.api.asking import ClientOf

ADDRESS = "/api/core/transactions"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}


@pytest.fixture
async def lunch(owner: AsyncClient) -> str:
    return str((await owner.post(ADDRESS, json=LUNCH)).json()["transaction_id"])


async def history(client: AsyncClient, transaction_id: str, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"{ADDRESS}/{transaction_id}/history{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_what_nobody_changed_has_one_version(owner: AsyncClient, lunch: str) -> None:
    [only] = (await history(owner, lunch))["items"]
    assert (only["version"], only["known_to"], only["changed_by"], only["changes"]) == (1, None, None, [])


async def test_a_version_says_what_it_changed_from_what_to_what(
    owner: AsyncClient, client_of: ClientOf, organization: Organization, lunch: str
) -> None:
    accountant = await client_of(organization, Role.ACCOUNTANT)
    await owner.patch(f"{ADDRESS}/{lunch}", json={"amount": "-13", "tags": ["team"]})
    await accountant.patch(f"{ADDRESS}/{lunch}", json={"date": "2026-11-03"})
    third, second, first = (await history(owner, lunch))["items"]
    assert third["changes"] == [{"field": "date", "from": "2026-11-02", "to": "2026-11-03"}]
    assert second["changes"] == [
        {"field": "amount", "from": "-12.50", "to": "-13.00"},
        {"field": "tags", "from": [], "to": ["team"]},
    ]
    assert second["changed_by"].startswith("api_key:")
    assert third["changed_by"] != second["changed_by"]
    assert (first["known_to"], second["known_to"]) == (second["known_from"], third["known_from"])


async def test_a_decision_is_told_with_its_category(owner: AsyncClient, lunch: str) -> None:
    category = (await owner.post("/api/core/categories", json={"name": "Bees", "kind": "expense"})).json()
    await owner.patch(f"{ADDRESS}/{lunch}", json={"category_id": category["category_id"]})
    await owner.patch(f"{ADDRESS}/{lunch}", json={"category_id": None})
    await owner.delete(f"/api/core/categories/{category['category_id']}")
    changes = {change["field"]: change for change in (await history(owner, lunch))["items"][1]["changes"]}
    assert changes["category"]["to"] == "Bees"
    assert changes["category_id"]["to"] == category["category_id"]
    assert (changes["decided_by"]["to"], changes["confidence"]["to"]) == ("user", 1)


async def test_a_deleted_transaction_still_has_its_history(owner: AsyncClient, lunch: str) -> None:
    await owner.delete(f"{ADDRESS}/{lunch}")
    [deleted, _] = (await history(owner, lunch))["items"]
    [change] = deleted["changes"]
    assert (change["field"], change["from"]) == ("deleted_at", None)
    assert change["to"].endswith("Z")


async def test_pages_together_are_the_whole(owner: AsyncClient, lunch: str) -> None:
    for number in range(4):
        await owner.patch(f"{ADDRESS}/{lunch}", json={"notes": str(number)})
    whole = (await history(owner, lunch))["items"]
    seen, page = [], await history(owner, lunch, "?limit=2")
    seen += page["items"]
    while page["next_cursor"]:
        page = await history(owner, lunch, f"?limit=2&cursor={page['next_cursor']}")
        seen += page["items"]
    assert [item["version"] for item in whole] == [5, 4, 3, 2, 1]
    assert seen == whole


async def test_an_import_is_who_brought_a_first_version(owner: AsyncClient) -> None:
    body = {"csv_data": "Date,Text,Amount\n2026-03-01,Tea,-1\n", "account_name": "Imported", "currency": "GBP"}
    batch = (await owner.post("/api/core/csv-import", json=body)).json()
    [row] = (await owner.get(f"{ADDRESS}?batch_id={batch['batch_id']}")).json()["items"]
    first = (await history(owner, row["transaction_id"]))["items"][-1]
    assert first["changed_by"] == f"batch:{batch['batch_id']}"


async def test_an_unknown_transaction_has_none(owner: AsyncClient) -> None:
    assert (await owner.get(f"{ADDRESS}/{new_id()}/history")).status_code == 404
