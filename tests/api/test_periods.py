"""Periods over HTTP: who closes and reopens, and what a refusal says."""

from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from tests.api.asking import ClientOf

LUNCH = {"date": "2026-03-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
PERIODS = "/api/core/periods"


async def test_an_accountant_closes_and_only_an_admin_reopens(client_of: ClientOf, organization: Organization) -> None:
    accountant = await client_of(organization, Role.ACCOUNTANT)
    made = (await accountant.post("/api/core/transactions", json=LUNCH)).json()
    closed = await accountant.post(f"{PERIODS}/close", json={"through": "2026-03-31"})
    assert (closed.status_code, closed.json()["left_open"]) == (200, {"uncategorized": 1, "pending": 0})
    again = await accountant.post(f"{PERIODS}/close", json={"through": "2026-02-28"})
    assert (again.status_code, again.json()["code"]) == (409, "already_closed")

    address = f"/api/core/transactions/{made['transaction_id']}"
    refused = await accountant.patch(address, json={"amount": "-1.00"})
    assert (refused.status_code, refused.json()["code"]) == (409, "period_closed")
    assert "POST /api/core/periods/reopen" in refused.json()["detail"]
    assert refused.json()["closed_through"] == "2026-03-31"
    assert (await accountant.patch(address, json={"notes": "seen"})).json()["notes"] == "seen"

    wanted = {"from": "2026-03-02", "reason": "late bill"}
    assert (await accountant.post(f"{PERIODS}/reopen", json=wanted)).status_code == 403
    admin = await client_of(organization, Role.ADMIN)
    assert (await admin.post(f"{PERIODS}/reopen", json={**wanted, "reason": " "})).status_code == 422
    assert (await admin.post(f"{PERIODS}/reopen", json=wanted)).json()["closed_after"] is None
    assert (await admin.post(f"{PERIODS}/reopen", json=wanted)).json()["code"] == "not_closed"
    assert (await accountant.patch(address, json={"amount": "-1.00"})).json()["amount"] == "-1.00"


async def test_the_history_is_read_in_pages(owner: AsyncClient) -> None:
    for day in ("2026-01-31", "2026-02-28", "2026-03-31"):
        await owner.post(f"{PERIODS}/close", json={"through": day})
    first = (await owner.get(PERIODS, params={"limit": 2})).json()
    rest = (await owner.get(PERIODS, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert first["closed_through"] == "2026-03-31"
    assert [each["day"] for each in first["items"] + rest["items"]] == ["2026-03-31", "2026-02-28", "2026-01-31"]
    assert rest["next_cursor"] is None
    assert (await owner.get(PERIODS, params={"cursor": "x"})).status_code == 422


async def test_bulk_writes_into_closed_days_are_refused_whole(owner: AsyncClient) -> None:
    await owner.post(f"{PERIODS}/close", json={"through": "2026-03-31"})
    items = [{**LUNCH, "date": "2026-04-01"}, LUNCH]
    answer = await owner.post("/api/core/transactions/bulk", json={"items": items})
    assert (answer.status_code, answer.json()["code"]) == (409, "period_closed")
    assert (await owner.get("/api/core/transactions")).json()["items"] == []


async def test_a_category_of_closed_days_is_not_merged_away(owner: AsyncClient) -> None:
    ids = [
        (await owner.post("/api/core/categories", json={"name": name, "kind": "expense"})).json()["category_id"]
        for name in ("Old", "New")
    ]
    await owner.post("/api/core/transactions", json={**LUNCH, "category_id": ids[0]})
    await owner.post(f"{PERIODS}/close", json={"through": "2026-03-31"})
    merge = f"/api/core/categories/{ids[0]}/merge"
    assert (await owner.post(merge, json={"into": ids[1]})).json()["code"] == "period_closed"
    await owner.post(f"{PERIODS}/reopen", json={"from": "2026-01-01", "reason": "merge"})
    assert (await owner.post(merge, json={"into": ids[1]})).status_code == 200
