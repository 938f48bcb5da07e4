"""Tenancy over HTTP: another organization's ids are not there, and its own are (the positive control)."""

from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from tests.api.asking import PersonIn

LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
CAFES = {"conditions": {"description": {"by": "contains", "text": "cafe"}}, "actions": {"tags": ["cafes"]}}
TEA = {"description": "Tea", "amount": "-1.00", "head": "meals"}
FOOD = {"currency": "GBP", "amount": "400", "first_month": "2026-01"}
OF_THEIR_CATEGORY = {**CAFES, "actions": {"category_id": "{category_id}"}}
HALF_THEIRS = [{"category_id": "{category_id}"}, {"category_id": "{heir_id}", "percentage": "50"}]
SPLIT_TO_THEIRS = {**CAFES, "actions": {"split": HALF_THEIRS}}
MOVED_TO_THEIRS = {**CAFES, "actions": {"transfer": {"account_id": "{account_id}"}}}
OF_THEIR_ACCOUNT = {**CAFES, "conditions": {"account_id": "{account_id}"}}
SHARED = {"filter": {"search": "cafe"}, "is_shared": True}
LISTS = (
    "transactions", "accounts", "api-keys", "categories", "members", "members/invitations", "rules",
    "rules/applications", "events", "audit", "budgets", "filters",
)  # fmt: skip


@pytest.fixture
async def theirs(their_owner: AsyncClient, person_in: PersonIn, stranger: Organization) -> dict[str, str]:
    """Ids of another organization, by kind."""
    transaction = (await their_owner.post("/api/core/transactions", json=LUNCH)).json()
    category = (await their_owner.post("/api/core/categories", json={"name": "Mine", "kind": "expense"})).json()
    heir = (await their_owner.post("/api/core/categories", json={"name": "Ours", "kind": "expense"})).json()
    rule = (await their_owner.post("/api/core/rules", json={"name": "Mine", **CAFES})).json()
    applied = (await their_owner.post(f"/api/core/rules/{rule['rule_id']}/apply", json={})).json()
    saved = (await their_owner.post("/api/core/filters", json={"name": "Mine", **SHARED})).json()
    receipt = {"file": ("receipt.pdf", b"%PDF-1.7 theirs", "application/pdf")}
    of_lunch = f"/api/core/transactions/{transaction['transaction_id']}/attachments"
    attached = (await their_owner.post(of_lunch, files=receipt)).json()
    key = (await their_owner.post("/api/core/api-keys", json={"name": "mine", "role": "viewer"})).json()
    guest = {"email": "guest@example.com", "role": "viewer"}
    invitation = (await their_owner.post("/api/core/members/invitations", json=guest)).json()
    budget = (await their_owner.post("/api/core/budgets", json={**FOOD, "category_id": heir["category_id"]})).json()
    monthly = {"transaction_id": transaction["transaction_id"], "field": "recurring", "value": "monthly"}
    await their_owner.post("/api/ai/feedback", json=monthly)
    pattern = (await their_owner.get("/api/ai/recurring")).json()["items"][0]
    member = await person_in(stranger, Role.VIEWER)
    export = (await their_owner.post("/api/core/privacy/export", json={"scope": "organization"})).json()
    return {
        "export_id": export["export_id"],
        "transaction_id": transaction["transaction_id"],
        "account_id": transaction["account_id"],
        "category_id": category["category_id"],
        "heir_id": heir["category_id"],
        "api_key_id": key["api_key_id"],
        "invitation_id": invitation["invitation_id"],
        "user_id": member.user_id,
        "rule_id": rule["rule_id"],
        "application_id": applied["application_id"],
        "budget_id": budget["budget_id"],
        "filter_id": saved["filter_id"],
        "attachment_id": attached["attachment_id"],
        "pattern_id": pattern["pattern_id"],
    }


HALVES = [{"amount": "-6.25", "category": "groceries"}, {"amount": "-6.25", "category": "Electronics"}]
BY_ID = [
    ("GET", "/api/core/transactions/{transaction_id}", None),
    ("GET", "/api/core/privacy/exports/{export_id}", None),
    ("GET", "/api/core/transactions/{transaction_id}/history", None),
    ("PATCH", "/api/core/transactions/{transaction_id}", {"notes": "mine now"}),
    ("DELETE", "/api/core/transactions/{transaction_id}", None),
    ("PUT", "/api/core/transactions/{transaction_id}/splits", {"splits": HALVES}),
    (
        "PUT",
        "/api/core/transactions/{transaction_id}/splits",
        {"splits": [HALVES[0], {"amount": "-6.25", "category_id": "{category_id}"}]},
    ),
    ("GET", "/api/core/transactions/{transaction_id}/attachments", None),
    ("GET", "/api/core/transactions/{transaction_id}/attachments/{attachment_id}", None),
    ("DELETE", "/api/core/transactions/{transaction_id}/attachments/{attachment_id}", None),
    ("GET", "/api/core/accounts/{account_id}", None),
    ("PATCH", "/api/core/accounts/{account_id}", {"name": "mine now"}),
    ("GET", "/api/core/accounts/{account_id}/balances", None),
    ("DELETE", "/api/core/accounts/{account_id}", None),
    ("PATCH", "/api/core/categories/{category_id}", {"name": "mine now"}),
    ("DELETE", "/api/core/categories/{category_id}", None),
    ("POST", "/api/core/categories/{category_id}/merge", {"into": "{heir_id}"}),
    ("POST", "/api/core/categories/{heir_id}/merge", {"into": "{category_id}"}),
    ("DELETE", "/api/core/api-keys/{api_key_id}", None),
    ("DELETE", "/api/core/members/invitations/{invitation_id}", None),
    ("PATCH", "/api/core/members/{user_id}", {"role": "accountant"}),
    ("DELETE", "/api/core/members/{user_id}", None),
    ("GET", "/api/core/rules/{rule_id}", None),
    ("PATCH", "/api/core/rules/{rule_id}", {"name": "mine now"}),
    ("DELETE", "/api/core/rules/{rule_id}", None),
    ("POST", "/api/core/rules/{rule_id}/apply", {}),
    ("POST", "/api/core/rules/preview", {"rule_id": "{rule_id}"}),
    ("POST", "/api/core/rules/preview", {"account_id": "{account_id}"}),
    ("POST", "/api/core/rules/preview", {"rule": OF_THEIR_CATEGORY}),
    ("POST", "/api/core/rules/preview", {"rule": OF_THEIR_ACCOUNT}),
    ("POST", "/api/core/rules/applications/{application_id}/undo", None),
    ("GET", "/api/core/rules/applications?rule_id={rule_id}", None),
    ("POST", "/api/core/rules", {"name": "Theirs", **OF_THEIR_CATEGORY}),
    ("POST", "/api/core/rules", {"name": "Theirs", **OF_THEIR_ACCOUNT}),
    ("POST", "/api/core/rules", {"name": "Theirs", **SPLIT_TO_THEIRS}),
    ("POST", "/api/core/rules", {"name": "Theirs", **MOVED_TO_THEIRS}),
    ("POST", "/api/core/rules/preview", {"rule": SPLIT_TO_THEIRS}),
    ("POST", "/api/core/rules/preview", {"rule": MOVED_TO_THEIRS}),
    ("PATCH", "/api/core/rules/{rule_id}", {"actions": {"category_id": "{category_id}"}}),
    ("GET", "/api/core/filters/{filter_id}", None),
    ("PATCH", "/api/core/filters/{filter_id}", {"name": "mine now"}),
    ("DELETE", "/api/core/filters/{filter_id}", None),
    ("POST", "/api/core/filters", {"name": "Theirs", "filter": {"account_id": "{account_id}"}}),
    ("POST", "/api/core/filters", {"name": "Theirs", "filter": {"category_id": "{category_id}"}}),
    ("GET", "/api/core/transactions?filter_id={filter_id}", None),
    ("GET", "/api/core/transactions/export?format=csv&filter_id={filter_id}", None),
    ("GET", "/api/core/transactions?account_id={account_id}", None),
    ("GET", "/api/core/transactions?category_id={category_id}", None),
    ("GET", "/api/core/transactions/export?format=csv&account_id={account_id}", None),
    ("GET", "/api/core/transactions/export?format=xlsx&category_id={category_id}", None),
    ("POST", "/api/core/transactions", {**LUNCH, "account_id": "{account_id}"}),
    ("POST", "/api/core/transactions", {**LUNCH, "category_id": "{category_id}"}),
    ("POST", "/api/core/transactions/bulk", {"items": [LUNCH, {**LUNCH, "account_id": "{account_id}"}]}),
    ("POST", "/api/core/transactions/bulk", {"items": [LUNCH, {**LUNCH, "category_id": "{category_id}"}]}),
    (
        "POST",
        "/api/core/transactions/bulk-update",
        {"transaction_ids": ["{transaction_id}"], "change": {"notes": "mine now"}},
    ),
    (
        "POST",
        "/api/core/transactions/bulk-update",
        {"items": [{"transaction_id": "{transaction_id}"}], "change": {"notes": "mine now"}},
    ),
    ("POST", "/api/core/categories", {"name": "Below", "parent_id": "{category_id}"}),
    ("POST", "/api/ai/tax-analysis", {"transaction_ids": ["{transaction_id}"]}),
    ("POST", "/api/ai/tax-analysis", {"transactions": [{**TEA, "account_id": "{account_id}"}]}),
    ("POST", "/api/ai/feedback", {"transaction_id": "{transaction_id}", "field": "tax", "value": "yes"}),
    ("GET", "/api/core/budgets/{budget_id}", None),
    ("PATCH", "/api/core/budgets/{budget_id}", {"amount": "1"}),
    ("DELETE", "/api/core/budgets/{budget_id}", None),
    ("POST", "/api/core/budgets", {**FOOD, "category_id": "{category_id}"}),
    ("GET", "/api/ai/forecast?account_id={account_id}", None),
    ("GET", "/api/ai/recurring/{pattern_id}", None),
    ("POST", "/api/ai/recurring/{pattern_id}/confirm", {}),
    ("POST", "/api/ai/recurring/{pattern_id}/dismiss", None),
]


def fill(body: Any, theirs: dict[str, str]) -> Any:
    """The body with their ids in it, however deep."""
    if isinstance(body, dict):
        return {name: fill(value, theirs) for name, value in body.items()}
    if isinstance(body, list):
        return [fill(value, theirs) for value in body]
    return body.format(**theirs) if isinstance(body, str) else body


@pytest.mark.parametrize(("method", "address", "body"), BY_ID)
async def test_a_strangers_id_is_not_there_and_its_owners_is(
    owner: AsyncClient,
    their_owner: AsyncClient,
    theirs: dict[str, str],
    method: str,
    address: str,
    body: dict[str, Any] | None,
) -> None:
    request = {"method": method, "url": address.format(**theirs), "json": fill(body, theirs)}
    refused = await owner.request(**request)  # type: ignore[arg-type]
    assert refused.status_code == 404, refused.text
    assert (await their_owner.request(**request)).is_success  # type: ignore[arg-type]


async def test_a_bulk_change_takes_no_strangers_category_nor_stranger_among_ones_own(
    owner: AsyncClient, their_owner: AsyncClient, theirs: dict[str, str]
) -> None:
    mine = (await owner.post("/api/core/transactions", json=LUNCH)).json()["transaction_id"]
    address = "/api/core/transactions/bulk-update"
    category = {"transaction_ids": [mine], "change": {"category_id": theirs["category_id"]}}
    both = {"transaction_ids": [mine, theirs["transaction_id"]], "change": {"notes": "mine now"}}
    assert (await owner.post(address, json=category)).status_code == 404
    assert (await owner.post(address, json=both)).status_code == 404
    assert (await owner.get(f"/api/core/transactions/{mine}")).json()["version"] == 1
    read = (await their_owner.get(f"/api/core/transactions/{theirs['transaction_id']}")).json()
    assert read["notes"] is None
    own = {"transaction_ids": [mine], "change": {"notes": "mine now"}}
    assert (await owner.post(address, json=own)).json()["items"][0]["notes"] == "mine now"


async def test_a_strangers_category_is_in_no_split(owner: AsyncClient, theirs: dict[str, str]) -> None:
    mine = (await owner.post("/api/core/transactions", json=LUNCH)).json()["transaction_id"]
    address = f"/api/core/transactions/{mine}/splits"
    of_theirs = [HALVES[0], {"amount": "-6.25", "category_id": theirs["category_id"]}]
    assert (await owner.put(address, json={"splits": of_theirs})).status_code == 404
    assert (await owner.put(address, json={"splits": HALVES})).is_success


async def test_a_category_is_not_merged_into_a_strangers(
    owner: AsyncClient, their_owner: AsyncClient, theirs: dict[str, str]
) -> None:
    mine = (await owner.post("/api/core/categories", json={"name": "Mine", "kind": "expense"})).json()["category_id"]
    merge = f"/api/core/categories/{mine}/merge"
    assert (await owner.post(merge, json={"into": theirs["category_id"]})).status_code == 404
    heir = (await owner.post("/api/core/categories", json={"name": "Heir", "kind": "expense"})).json()["category_id"]
    assert (await owner.post(merge, json={"into": heir})).json()["category_id"] == heir


async def test_a_strangers_category_or_account_is_in_no_rule(
    owner: AsyncClient, their_owner: AsyncClient, theirs: dict[str, str]
) -> None:
    """A rule of one's own does not take them either."""
    ours = (await owner.post("/api/core/rules", json={"name": "Ours", **CAFES})).json()
    for change in ({"actions": OF_THEIR_CATEGORY["actions"]}, {"conditions": OF_THEIR_ACCOUNT["conditions"]}):
        wanted = fill(change, theirs)
        assert (await owner.patch(f"/api/core/rules/{ours['rule_id']}", json=wanted)).status_code == 404
        assert (await their_owner.patch(f"/api/core/rules/{theirs['rule_id']}", json=wanted)).is_success
    assert (await owner.post(f"/api/core/rules/{ours['rule_id']}/apply", json={})).json()["rows_changed"] == 0
    left = (await their_owner.get(f"/api/core/transactions/{theirs['transaction_id']}")).json()
    assert left["tags"] == ["cafes"]


async def test_a_list_holds_only_ones_own(owner: AsyncClient, their_owner: AsyncClient, theirs: dict[str, str]) -> None:
    for address in LISTS:
        ours = (await owner.get(f"/api/core/{address}")).text
        assert not any(found in ours for found in theirs.values())
        own = (await their_owner.get(f"/api/core/{address}")).text
        assert any(found in own for found in theirs.values())
    assert (await owner.get("/api/ai/recurring")).json()["items"] == []
    assert [each["pattern_id"] for each in (await their_owner.get("/api/ai/recurring")).json()["items"]] == [
        theirs["pattern_id"]
    ]
    export = "/api/core/transactions/export?format=json"
    assert (await owner.get(export)).json() == []
    assert [row["transaction_id"] for row in (await their_owner.get(export)).json()] == [theirs["transaction_id"]]
    assert (await owner.get("/api/core/dashboard")).json()["recent"] == []
    assert len((await their_owner.get("/api/core/dashboard")).json()["recent"]) == 1


async def test_closes_rates_and_settings_are_ones_own(owner: AsyncClient, their_owner: AsyncClient) -> None:
    rate = {"base": "USD", "quote": "GBP", "date": "2026-03-02", "rate": "0.8"}
    assert (await their_owner.put("/api/core/rates", json=rate)).is_success
    assert (await their_owner.post("/api/core/periods/close", json={"through": "2026-01-31"})).is_success
    assert (await their_owner.patch("/api/core/organization", json={"base_currency": "EUR"})).is_success
    for address in ("rates/own", "periods", "organization/history"):
        assert (await owner.get(f"/api/core/{address}")).json()["items"] == []
        assert len((await their_owner.get(f"/api/core/{address}")).json()["items"]) == 1
    assert (await owner.post("/api/core/transactions", json={**LUNCH, "date": "2026-01-02"})).is_success


async def test_what_a_strangers_people_said_is_in_no_learning_stats_of_ones_own(
    owner: AsyncClient, their_owner: AsyncClient, theirs: dict[str, str]
) -> None:
    async def said_so_far(client: AsyncClient) -> int:
        return int((await client.get("/api/ai/learning-stats")).json()["feedback"]["total"])

    before = await said_so_far(their_owner)
    said = {"transaction_id": theirs["transaction_id"], "field": "category", "value": "Coffee"}
    assert (await their_owner.post("/api/ai/feedback", json=said)).is_success
    assert await said_so_far(their_owner) == before + 1
    assert await said_so_far(owner) == 0


async def test_a_strangers_cursor_shows_nothing_of_theirs(owner: AsyncClient, their_owner: AsyncClient) -> None:
    for _ in range(2):
        await their_owner.post("/api/core/transactions", json=LUNCH)
    first = (await their_owner.get("/api/core/transactions?limit=1")).json()
    second = f"/api/core/transactions?limit=1&cursor={first['next_cursor']}"
    assert (await owner.get(second)).json()["items"] == []
    assert len((await their_owner.get(second)).json()["items"]) == 1


async def test_the_same_idempotency_key_of_two_organizations_is_two_keys(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    key = {"Idempotency-Key": "one"}
    ours = await owner.post("/api/core/transactions", json=LUNCH, headers=key)
    answer = await their_owner.post("/api/core/transactions", json=LUNCH, headers=key)
    assert answer.json()["transaction_id"] != ours.json()["transaction_id"]
    assert "Idempotency-Replayed" not in answer.headers
