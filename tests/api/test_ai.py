"""Analysis and feedback over HTTP: every answer has its reasons, and an organization learns for itself alone."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.jobs import HANDLERS
from ai2.kit import queue
from ai2.kit.database import Database
from tests.api.asking import ClientOf

ANALYZE = "/api/ai/analyze-transaction"
BATCH = "/api/ai/batch-analyze"
TESCO = {"description": "CARD PAYMENT TO TESCO STORES 3297 LONDON", "amount": "-12.50", "currency": "GBP"}
UNHEARD_OF = {"description": "ZORBLAX QUIMBY 4471", "amount": "-80.00", "currency": "GBP"}


async def book(client: AsyncClient, movement: dict[str, str]) -> dict[str, Any]:
    made = await client.post("/api/core/transactions", json={"date": "2026-03-01", **movement})
    row: dict[str, Any] = made.json()
    return row


async def teach(client: AsyncClient, transaction: dict[str, Any], value: str, apply_to: str = "this") -> Any:
    said = {"transaction_id": transaction["transaction_id"], "field": "category", "value": value, "apply_to": apply_to}
    answer = await client.post("/api/ai/feedback", json=said)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_known_merchant_is_known_with_its_reasons(owner: AsyncClient) -> None:
    answer = await owner.post(ANALYZE, json=TESCO)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["category"]["detailed"] == "FOOD_AND_DRINK_GROCERIES"
    assert body["category"]["name"] == "Groceries"
    assert body["merchant"]["name"] == "Tesco"
    assert body["decision"] == "apply"
    assert 0 < body["confidence"] <= 1
    assert body["reasons"]
    assert body["version"]
    assert body["recurring"] is None
    assert body["tax"]["jurisdiction"] == "GB"


async def test_a_correction_holds_from_the_next_request_on_and_for_nobody_else(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    before = (await owner.post(ANALYZE, json=UNHEARD_OF)).json()
    learned = await teach(owner, await book(owner, UNHEARD_OF), "Office supplies")
    assert (learned["transaction"]["category"], learned["transaction"]["decided_by"]) == ("Office supplies", "user")
    after = (await owner.post(ANALYZE, json={**UNHEARD_OF, "description": "ZORBLAX QUIMBY 9902"})).json()
    assert (after["category"]["name"], after["decided_by"], after["decision"]) == (
        "Office supplies", "merchant", "apply",
    )  # fmt: skip
    theirs = (await their_owner.post(ANALYZE, json=UNHEARD_OF)).json()
    assert theirs["category"]["detailed"] == before["category"]["detailed"]


async def test_two_organizations_taught_differently_answer_differently(
    owner: AsyncClient, their_owner: AsyncClient
) -> None:
    await teach(owner, await book(owner, UNHEARD_OF), "Office supplies")
    await teach(their_owner, await book(their_owner, UNHEARD_OF), "Gifts and novelties")
    ours, theirs = [(await c.post(ANALYZE, json=UNHEARD_OF)).json() for c in (owner, their_owner)]
    assert (ours["category"]["name"], theirs["category"]["name"]) == ("Office supplies", "Gifts and novelties")


async def test_a_correction_for_similar_ones_changes_them_but_no_persons_own(owner: AsyncClient) -> None:
    first, second, mine = [await book(owner, UNHEARD_OF) for _ in range(3)]
    await teach(owner, mine, "Coffee")
    learned = await teach(owner, first, "Office supplies", "similar")
    assert learned["others_changed"] == 1
    rows = {row["transaction_id"]: row for row in (await owner.get("/api/core/transactions")).json()["items"]}
    assert rows[second["transaction_id"]]["decided_by"] == "merchant"
    assert rows[mine["transaction_id"]]["category"] == "Coffee"


async def test_many_are_answered_by_their_ids(owner: AsyncClient) -> None:
    wanted = [{**TESCO, "id": "b"}, {**UNHEARD_OF, "id": "a"}, {**TESCO, "id": "c"}]
    answer = await owner.post(BATCH, json={"transactions": wanted})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert results.keys() == {"a", "b", "c"}
    assert results["b"] == results["c"] == (await owner.post(ANALYZE, json=TESCO)).json()
    assert results["a"] != results["b"]


async def test_ten_thousand_at_once(owner: AsyncClient) -> None:
    wanted = [{**TESCO, "id": str(number), "description": f"TESCO {number}"} for number in range(10_001)]
    assert len((await owner.post(BATCH, json={"transactions": wanted[:-1]})).json()["results"]) == 10_000
    assert (await owner.post(BATCH, json={"transactions": wanted})).status_code == 422


async def test_a_stored_period_is_categorised_by_its_job(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    inside, outside = await book(owner, TESCO), await book(owner, {**TESCO, "date": "2026-05-01"})
    job = await owner.post(BATCH, json={"period": "2026-03"})
    assert job.status_code == 202, job.text
    address = f"{BATCH}/{job.json()['job_id']}"
    async with database.transaction(organization.organization_id) as db:
        waiting = await queue.get(db, organization.organization_id, UUID(job.json()["job_id"]))
    await HANDLERS["categorise"](database, database, waiting, lambda _: None)
    rows = {row["transaction_id"]: row for row in (await owner.get("/api/core/transactions")).json()["items"]}
    assert rows[inside["transaction_id"]]["category"] == "Groceries"
    assert rows[outside["transaction_id"]]["category"] is None
    assert (await owner.get(address)).json()["job_id"] == job.json()["job_id"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"period": "last summer"},
        {"period": "2026", "transactions": [{**TESCO, "id": "a"}]},
        {"transactions": []},
        {"transactions": [{**TESCO, "id": "a"}, {**TESCO, "id": "a"}]},
        {"transactions": [TESCO]},
        {"transactions": [{**TESCO, "id": "a", "amount": "12.505"}]},
        {"transactions": [{"description": "Tesco", "id": "a", "amount": "12.50505"}]},
        {"transactions": [{"description": "Tesco", "id": "a", "amount": "1e20"}]},
        {"transactions": [{**TESCO, "id": "a", "mcc": "12"}]},
    ],
)
async def test_a_batch_that_does_not_hold_is_refused(owner: AsyncClient, body: dict[str, Any]) -> None:
    assert (await owner.post(BATCH, json=body)).status_code == 422


async def test_a_stored_batch_is_a_job(
    owner: AsyncClient, their_owner: AsyncClient, client_of: ClientOf, organization: Organization
) -> None:
    files = {"file": ("march.csv", b"Date,Description,Amount\n2026-03-01,TESCO STORES,-1.00\n")}
    imported = await owner.post("/api/core/csv-import", files=files, data={"account_name": "Current"})
    wanted = {"batch_id": imported.json()["batch_id"]}
    job = await owner.post(BATCH, json=wanted)
    assert job.status_code == 202, job.text
    address = f"{BATCH}/{job.json()['job_id']}"
    assert (await owner.get(address)).json()["state"] == "queued"
    assert (await their_owner.get(address)).status_code == 404
    assert (await their_owner.post(BATCH, json=wanted)).status_code == 404
    viewer = await client_of(organization, Role.VIEWER)
    assert (await viewer.post(BATCH, json=wanted)).status_code == 403


async def test_a_strangers_ids_are_not_there(owner: AsyncClient, their_owner: AsyncClient) -> None:
    theirs = await book(their_owner, TESCO)
    said = {"transaction_id": theirs["transaction_id"], "field": "category", "value": "Coffee"}
    asked = {**TESCO, "account_id": theirs["account_id"]}
    assert (await owner.post("/api/ai/feedback", json=said)).status_code == 404
    assert (await owner.post(ANALYZE, json=asked)).status_code == 404
    assert (await their_owner.post("/api/ai/feedback", json=said)).status_code == 200
    assert (await their_owner.post(ANALYZE, json=asked)).status_code == 200


async def test_feedback_in_a_category_that_is_not_there_changes_nothing(owner: AsyncClient) -> None:
    row = await book(owner, TESCO)
    said = {"transaction_id": row["transaction_id"], "field": "category", "value": "No such category"}
    answer = await owner.post("/api/ai/feedback", json=said)
    assert (answer.status_code, answer.json()["code"]) == (404, "category_not_found")
    assert (await owner.get(f"/api/core/transactions/{row['transaction_id']}")).json() == row
