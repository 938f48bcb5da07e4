"""The audit over HTTP: whatever changes something is told of, once, and nothing that was refused."""

import asyncio
from typing import Any

import pyotp
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.settings import settings
from tests.api.asking import PASSWORD, PersonIn, connect

AUDIT = "/api/core/audit"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
FILE = {"file": ("march.csv", b"Date,Description,Amount\n2026-03-01,TESCO STORES,-1.00\n")}


async def entries(client: AsyncClient, **chosen: str) -> list[dict[str, Any]]:
    answer = await client.get(AUDIT, params=chosen)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_tells_who_did_what_to_what(owner: AsyncClient) -> None:
    headers = {"X-Request-Id": "lunch-1"}
    made = (await owner.post("/api/core/transactions", json=LUNCH, headers=headers)).json()
    address = f"/api/core/transactions/{made['transaction_id']}"
    await owner.patch(address, json={"notes": "with Ana", "tags": []})
    await owner.delete(address)
    found = await entries(owner)
    assert [entry["operation"] for entry in found] == ["delete_transaction", "update_transaction", "create_transaction"]
    assert {(entry["entity_kind"], entry["entity_id"]) for entry in found} == {("transaction", made["transaction_id"])}
    assert all(entry["actor"].startswith("api_key:") for entry in found)
    assert found[1]["details"]["fields"] == ["notes", "tags"]
    assert found[2]["details"]["request_id"] == "lunch-1"
    assert "Ana" not in str(found)


async def test_nothing_is_told_of_what_changed_nothing(owner: AsyncClient) -> None:
    wrong = {**LUNCH, "currency": "XXX"}
    assert (await owner.post("/api/core/transactions", json=wrong)).status_code == 422
    assert (await owner.get("/api/core/transactions")).status_code == 200
    draft = {"conditions": {"sign": "out"}, "actions": {"tags": ["out"]}}
    assert (await owner.post("/api/core/rules/preview", json={"rule": draft})).status_code == 200
    dry = await owner.post("/api/core/csv-import", files=FILE, data={"account_name": "Current", "dry_run": "true"})
    assert dry.status_code == 200
    assert await entries(owner) == []
    once = {"Idempotency-Key": "lunch"}
    for _ in range(2):
        assert (await owner.post("/api/core/transactions", json=LUNCH, headers=once)).status_code == 201
    assert [entry["operation"] for entry in await entries(owner)] == ["create_transaction"], "the positive control"


async def test_an_import_is_one_entry(owner: AsyncClient) -> None:
    imported = (await owner.post("/api/core/csv-import", files=FILE, data={"account_name": "Current"})).json()
    await owner.post(f"/api/core/imports/{imported['batch_id']}/undo")
    found = [(each["operation"], each["entity_kind"], each["entity_id"]) for each in await entries(owner)]
    assert found == [
        ("undo_import", "batch", imported["batch_id"]),
        ("import_file", "batch", imported["batch_id"]),
    ]


async def test_a_receipt_is_told_of_when_it_comes_and_when_it_goes(owner: AsyncClient) -> None:
    made = (await owner.post("/api/core/transactions", json=LUNCH)).json()
    address = f"/api/core/transactions/{made['transaction_id']}/attachments"
    receipt = {"file": ("receipt.pdf", b"%PDF-1.7 lunch", "application/pdf")}
    added = (await owner.post(address, files=receipt)).json()
    for status in (204, 404):
        assert (await owner.delete(f"{address}/{added['attachment_id']}")).status_code == status
    told = [entry["operation"] for entry in await entries(owner)]
    assert told == ["delete_attachment", "add_attachment", "create_transaction"]


async def test_logins_are_told_also_those_that_failed_and_a_stolen_refresh_token(
    app: FastAPI, owner: AsyncClient, person_in: PersonIn, organization: Organization
) -> None:
    ana = await person_in(organization, Role.VIEWER)
    async with connect(app, address="192.0.2.9") as elsewhere:
        wrong = {"email": ana.email, "password": "wrong horse battery"}
        assert (await elsewhere.post("/api/core/auth/login", json=wrong)).status_code == 401
        for status in (200, 401):
            again = {"refresh_token": ana.tokens["refresh_token"]}
            assert (await elsewhere.post("/api/core/auth/refresh", json=again)).status_code == status
    async with asyncio.timeout(10):
        while len(found := await entries(owner, actor=f"user:{ana.user_id}")) < 3:
            await asyncio.sleep(0.02)
    assert sorted(entry["operation"] for entry in found) == ["login", "login_failed", "refresh_token_reused"]
    addresses = {entry["operation"]: entry["details"]["address_digest"] for entry in found}
    assert addresses["login"] != addresses["login_failed"] == addresses["refresh_token_reused"]


async def test_a_change_of_role_and_a_new_key_are_told(
    owner: AsyncClient, person_in: PersonIn, organization: Organization
) -> None:
    ana = await person_in(organization, Role.VIEWER)
    await owner.patch(f"/api/core/members/{ana.user_id}", json={"role": "accountant"})
    key = (await owner.post("/api/core/api-keys", json={"name": "mine", "role": "viewer"})).json()
    found = {each["operation"]: each for each in await entries(owner)}
    assert found["update_member"]["entity_id"] == ana.user_id
    assert found["create_api_key"]["entity_id"] == key["api_key_id"]
    assert key["secret" if "secret" in key else "key"] not in str(found)


async def test_pages_and_filters(owner: AsyncClient) -> None:
    ids = [(await owner.post("/api/core/transactions", json=LUNCH)).json()["transaction_id"] for _ in range(3)]
    await owner.post("/api/core/accounts", json={"name": "Cash", "currency": "GBP"})
    first = (await owner.get(AUDIT, params={"limit": 3})).json()
    rest = (await owner.get(AUDIT, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [entry["number"] for entry in first["items"] + rest["items"]] == [4, 3, 2, 1]
    assert rest["next_cursor"] is None
    assert [each["number"] for each in await entries(owner, entity_id=ids[1])] == [2]
    assert [each["number"] for each in await entries(owner, operation="create_account")] == [4]
    assert [each["number"] for each in await entries(owner, start_at=first["items"][1]["at"])] == [4, 3]
    assert [each["number"] for each in await entries(owner, end_at=first["items"][1]["at"])] == [2, 1]


async def test_the_chain_is_verified_and_its_anchor_met(owner: AsyncClient, their_owner: AsyncClient) -> None:
    await owner.post("/api/core/transactions", json=LUNCH)
    verdict = (await owner.get(f"{AUDIT}/verify")).json()
    assert (verdict["holds"], verdict["entries"]) == (True, 1)
    await owner.post("/api/core/transactions", json=LUNCH)
    assert (await owner.get(f"{AUDIT}/verify", params=verdict["anchor"])).json()["holds"]
    other = {**verdict["anchor"], "link": "0" * 64}
    refuted = (await owner.get(f"{AUDIT}/verify", params=other)).json()
    assert (refuted["holds"], refuted["why"]) == (False, "anchor_not_met")
    assert (await owner.get(f"{AUDIT}/verify", params={"number": 1})).status_code == 422
    assert (await their_owner.get(f"{AUDIT}/verify")).json()["entries"] == 0
    assert await entries(their_owner) == []


async def test_twenty_writers_at_once_leave_a_whole_chain(owner: AsyncClient) -> None:
    answers = await asyncio.gather(*(owner.post("/api/core/transactions", json=LUNCH) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    verdict = (await owner.get(f"{AUDIT}/verify")).json()
    assert (verdict["holds"], verdict["entries"]) == (True, 20)


@pytest.mark.parametrize("operation", ["register", "accept_invitation"])
async def test_who_comes_in_is_told(
    app: FastAPI, owner: AsyncClient, anonymous: AsyncClient, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if operation == "register":
        monkeypatch.setattr(settings(), "enable_multi_tenant", True)
        new = {"email": "ana@new.example", "password": PASSWORD, "name": "Ana", "organization_name": "Anas"}
        answer = await anonymous.post("/api/core/auth/register", json={**new, "base_currency": "GBP"})
    else:
        guest = {"email": "bo@new.example", "role": "admin"}
        invited = (await owner.post("/api/core/members/invitations", json=guest)).json()
        accept = {"token": invited["token"], "name": "Bo", "password": PASSWORD}
        answer = await anonymous.post("/api/core/auth/accept-invitation", json=accept)
    assert answer.is_success, answer.text
    async with connect(app, Authorization=f"Bearer {answer.json()['access_token']}") as newcomer:
        found = (await entries(newcomer))[0]
    assert (found["operation"], found["actor"]) == (operation, f"user:{answer.json()['user_id']}")


async def test_events_are_polled_in_order(owner: AsyncClient) -> None:
    for _ in range(3):
        await owner.post("/api/core/transactions", json=LUNCH)
    await owner.post("/api/core/categories", json={"name": "Boats", "kind": "expense"})
    first = (await owner.get("/api/core/events", params={"limit": 3})).json()
    rest = (await owner.get("/api/core/events", params={"cursor": first["next_cursor"], "include": "total"})).json()
    kinds = [each["kind"] for each in first["items"] + rest["items"]]
    assert kinds[-1] == "category.created"
    assert kinds.count("transaction.created") == 3
    assert (rest["next_cursor"], rest["total"]) == (None, len(kinds))
    last = rest["items"][-1]["position"]
    assert (await owner.get("/api/core/events", params={"after": last})).json() == {"items": [], "next_cursor": None}
    chosen = (await owner.get("/api/core/events", params={"kind": "category.created"})).json()["items"]
    assert [each["position"] for each in chosen] == [last]


async def test_a_wrong_code_after_a_right_password_is_told(
    app: FastAPI, owner: AsyncClient, person_in: PersonIn, organization: Organization
) -> None:
    ana = await person_in(organization, Role.VIEWER)
    secret = (await ana.client.post("/api/core/auth/second-factor", json={"password": PASSWORD})).json()["secret"]
    code = pyotp.TOTP(secret).now()
    assert (await ana.client.post("/api/core/auth/second-factor/confirm", json={"totp": code})).status_code == 200
    wrong = {"email": ana.email, "password": PASSWORD, "totp": code}  # it works once
    async with connect(app, address="192.0.2.10") as elsewhere:
        answer = await elsewhere.post("/api/core/auth/login", json=wrong)
    assert (answer.status_code, ana.user_id in answer.text) == (401, False)
    failed = {"actor": f"user:{ana.user_id}", "operation": "login_failed"}
    async with asyncio.timeout(10):
        while not await entries(owner, **failed):
            await asyncio.sleep(0.02)


async def test_who_listens_hears_of_attachments_budgets_and_rates(owner: AsyncClient) -> None:
    made = (await owner.post("/api/core/transactions", json={**LUNCH, "category": "Coffee"})).json()
    beside = f"/api/core/transactions/{made['transaction_id']}/attachments"
    receipt = {"file": ("a.pdf", b"%PDF-1.7 a receipt", "application/pdf")}
    added = [(await owner.post(beside, files=receipt)).json()["attachment_id"] for _ in range(2)]
    await owner.delete(f"{beside}/{added[0]}")
    new = {"category_id": made["category_id"], "currency": "GBP", "amount": "4", "first_month": "2026-01"}
    budget = f"/api/core/budgets/{(await owner.post('/api/core/budgets', json=new)).json()['budget_id']}"
    await owner.patch(budget, json={"amount": "5"})
    await owner.delete(budget)
    rate = {"base": "USD", "quote": "GBP", "date": "2026-03-01", "rate": "0.79"}
    assert (await owner.put("/api/core/rates", json=rate)).is_success
    told = [each["kind"] for each in (await owner.get("/api/core/events")).json()["items"]]
    assert [kind for kind in told if kind.startswith(("attachment.", "budget.", "rate."))] == [
        "attachment.added", "attachment.deleted", "budget.created", "budget.updated", "budget.deleted", "rate.set",
    ]  # fmt: skip


@pytest.mark.parametrize("start_at", ["0", "1767225600", "2026-11-02", "yesterday"])
async def test_an_instant_is_no_count_of_seconds(owner: AsyncClient, start_at: str) -> None:
    refused = await owner.get("/api/core/audit", params={"start_at": start_at})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "start_at")
    assert (await owner.get("/api/core/audit", params={"start_at": "2026-11-02T09:30:00Z"})).status_code == 200
