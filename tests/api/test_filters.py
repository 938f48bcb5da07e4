"""Saved filters: kept, shared, applied; one's own are nobody else's."""

from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from tests.api.asking import PersonIn

FILTERS = "/api/core/filters"
LIST = "/api/core/transactions"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
CAFES = {"name": "Cafés", "filter": {"search": "caef", "max_amount": "-10.00", "sort": "amount"}}


@pytest.fixture
async def books(owner: AsyncClient) -> None:
    items = [
        LUNCH,
        {**LUNCH, "amount": "-30.00"},
        {**LUNCH, "amount": "-3.00"},
        {**LUNCH, "description": "Taxi", "amount": "-40.00"},
    ]
    assert (await owner.post(f"{LIST}/bulk", json={"items": items})).status_code == 201


async def listed(client: AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.text
    return [item["amount"] for item in answer.json()["items"]]


async def test_a_kept_filter_says_what_the_request_does_not(owner: AsyncClient, books: None) -> None:
    kept = await owner.post(FILTERS, json=CAFES)
    assert kept.status_code == 201, kept.text
    assert kept.json()["filter"] == CAFES["filter"]
    by_it = f"filter_id={kept.json()['filter_id']}"
    assert await listed(owner, by_it) == ["-30.00", "-12.50"]
    assert await listed(owner, f"{by_it}&max_amount=-20&sort=date") == ["-30.00"]
    assert await listed(owner, f"{by_it}&search=taxi") == ["-40.00"]
    exported = await owner.get(f"{LIST}/export?format=json&{by_it}")
    assert [item["amount"] for item in exported.json()] == ["-30.00", "-12.50"]
    page = (await owner.get(f"{LIST}?{by_it}&limit=1")).json()
    assert await listed(owner, f"{by_it}&limit=1&cursor={page['next_cursor']}") == ["-12.50"]


async def test_a_filter_is_changed_and_deleted(owner: AsyncClient, books: None) -> None:
    address = f"{FILTERS}/{(await owner.post(FILTERS, json=CAFES)).json()['filter_id']}"
    etag = (await owner.get(address)).headers["ETag"]
    changed = await owner.patch(address, json={"filter": {"search": "taxi"}}, headers={"If-Match": etag})
    assert (changed.json()["name"], changed.json()["filter"]) == ("Cafés", {"search": "taxi"})
    assert (await owner.patch(address, json={"name": "x"}, headers={"If-Match": etag})).status_code == 412
    assert (await owner.delete(address)).status_code == 204
    assert (await owner.get(address)).status_code == 404
    assert (await owner.get(FILTERS)).json() == {"next_cursor": None, "items": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"filter": {"sort": "size"}},
        {"filter": {"start_date": "2026-02-30"}},
        {"filter": {"max_amount": "much"}},
        {"filter": {"unknown": 1}},
        {"filter": {"filter_id": "01a22180-e180-7113-94c5-4cece1136674"}},
        {"filter": {"cursor": "x"}},
        {"name": ""},
        {"owner": "user:1"},
    ],
)
async def test_what_the_list_would_refuse_is_not_kept(owner: AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await owner.post(FILTERS, json={**CAFES, **wrong})).status_code == 422
    assert (await owner.post(FILTERS, json=CAFES)).status_code == 201


async def test_a_name_is_its_owners_once_whatever_its_case(
    owner: AsyncClient, person_in: PersonIn, organization: Organization
) -> None:
    assert (await owner.post(FILTERS, json=CAFES)).status_code == 201
    again = await owner.post(FILTERS, json={**CAFES, "name": "CAFÉS"})
    assert (again.status_code, again.json()["code"]) == (409, "filter_name_taken")
    other = (await owner.post(FILTERS, json={**CAFES, "name": "Other"})).json()["filter_id"]
    assert (await owner.patch(f"{FILTERS}/{other}", json={"name": "cafés"})).status_code == 409
    assert (await owner.patch(f"{FILTERS}/{other}", json={"name": "OTHER"})).status_code == 200
    colleague = await person_in(organization, Role.VIEWER)
    assert (await colleague.client.post(FILTERS, json=CAFES)).status_code == 201


async def test_ones_own_is_nobody_elses_and_shared_is_everybodys(
    person_in: PersonIn, organization: Organization
) -> None:
    accountant, viewer, admin = [
        (await person_in(organization, role)).client for role in (Role.ACCOUNTANT, Role.VIEWER, Role.ADMIN)
    ]
    own = (await accountant.post(FILTERS, json=CAFES)).json()["filter_id"]
    shared = (await accountant.post(FILTERS, json={**CAFES, "name": "All", "is_shared": True})).json()["filter_id"]
    assert {item["filter_id"] for item in (await accountant.get(FILTERS)).json()["items"]} == {own, shared}
    for other in (viewer, admin):
        assert [item["filter_id"] for item in (await other.get(FILTERS)).json()["items"]] == [shared]
        assert (await other.get(f"{FILTERS}/{own}")).status_code == 404
        assert (await other.patch(f"{FILTERS}/{own}", json={"name": "x"})).status_code == 404
        assert (await other.delete(f"{FILTERS}/{own}")).status_code == 404
        assert (await other.get(f"{LIST}?filter_id={own}")).status_code == 404
        assert (await other.get(f"{LIST}?filter_id={shared}")).status_code == 200
    assert (await viewer.patch(f"{FILTERS}/{shared}", json={"name": "x"})).json()["code"] == "not_your_filter"
    assert (await viewer.delete(f"{FILTERS}/{shared}")).status_code == 403
    refused = await viewer.post(FILTERS, json={**CAFES, "is_shared": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "sharing_not_allowed")
    mine = (await viewer.post(FILTERS, json=CAFES)).json()["filter_id"]
    assert (await viewer.patch(f"{FILTERS}/{mine}", json={"is_shared": True})).status_code == 403
    assert (await admin.patch(f"{FILTERS}/{shared}", json={"is_shared": False})).json()["is_shared"] is False
    assert (await admin.get(f"{FILTERS}/{shared}")).status_code == 404
    assert (await accountant.get(f"{FILTERS}/{shared}")).json()["version"] == 2


async def test_a_filter_follows_a_category_that_is_merged(owner: AsyncClient) -> None:
    former, heir = [
        (await owner.post("/api/core/categories", json={"name": name, "kind": "expense"})).json()["category_id"]
        for name in ("Snacks", "Meals")
    ]
    await owner.post(LIST, json={**LUNCH, "category_id": former})
    kept = {"name": "Snacks", "filter": {"category_id": former, "sort": "amount"}}
    address = (await owner.post(FILTERS, json=kept)).json()["filter_id"]
    assert (await owner.post(f"/api/core/categories/{former}/merge", json={"into": heir})).status_code == 200
    assert await listed(owner, f"filter_id={address}") == ["-12.50"]
    now = (await owner.get(f"{FILTERS}/{address}")).json()
    assert (now["filter"], now["version"]) == ({"category_id": heir, "sort": "amount"}, 2)
