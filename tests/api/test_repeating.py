"""Repeating: a key makes a request happen once; an ETag keeps a change from being lost."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.identity.principal import Role
from ai2.kit.database import Collided, Database
from api import unit
from tests.api.asking import PersonIn

TRANSACTIONS = "/api/core/transactions"
FILTERS = "/api/core/filters"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
KEY = {"Idempotency-Key": "lunch of 2 November"}


async def count(client: AsyncClient) -> int:
    return int((await client.get(f"{TRANSACTIONS}?include=total")).json()["total"])


async def test_the_same_request_again_gets_the_first_answer(owner: AsyncClient) -> None:
    first = await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)
    second = await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert await count(owner) == 1


async def test_another_request_with_the_key_is_refused(owner: AsyncClient) -> None:
    await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)
    other = await owner.post(TRANSACTIONS, json={**LUNCH, "amount": "-13.00"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "key_of_another")
    elsewhere = await owner.post("/api/core/categories", json={"name": "Lunch", "kind": "expense"}, headers=KEY)
    assert elsewhere.status_code == 422


async def test_a_request_that_failed_may_be_sent_again(owner: AsyncClient) -> None:
    refused = await owner.post(TRANSACTIONS, json={**LUNCH, "amount": "12.505"}, headers=KEY)
    assert refused.status_code == 422
    assert (await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)).status_code == 201


async def test_at_once_it_still_happens_once(owner: AsyncClient) -> None:
    repeats = 5
    answers = await asyncio.gather(
        *(
            owner.post(TRANSACTIONS, json=LUNCH, headers={"Idempotency-Key": str(number)})
            for number in range(20)
            for _ in range(repeats)
        )
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["transaction_id"] for answer in answers if answer.is_success}) == 20
    assert await count(owner) == 20


async def test_after_a_day_the_key_is_free(owner: AsyncClient, pipeline: Database, organization: Organization) -> None:
    await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)
    async with pipeline.transaction() as db:
        await db.execute(
            "update identity.idempotency_keys set created_at = now() - interval '25 hours' where organization_id = %s",
            [organization.organization_id],
        )
    assert (await owner.post(TRANSACTIONS, json={**LUNCH, "notes": "again"}, headers=KEY)).status_code == 201


@pytest.mark.parametrize(
    ("address", "new", "secret"),
    [
        ("/api/core/api-keys", {"name": "till", "role": "viewer"}, "key"),
        ("/api/core/members/invitations", {"email": "ben@example.com", "role": "viewer"}, "token"),
    ],
)
async def test_an_answer_with_a_secret_is_not_kept(
    owner: AsyncClient, pipeline: Database, address: str, new: dict[str, str], secret: str
) -> None:
    made = await owner.post(address, json=new, headers=KEY)
    again = await owner.post(address, json=new, headers=KEY)
    assert (again.status_code, again.json()["code"]) == (409, "answer_not_kept")
    async with pipeline.transaction() as db:
        kept = await (await db.execute("select * from identity.idempotency_keys")).fetchall()
    assert made.json()[secret] not in str(kept)


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
async def test_refuses_a_key_that_cannot_be_one(owner: AsyncClient, key: str) -> None:
    answer = await owner.post(TRANSACTIONS, json=LUNCH, headers={"Idempotency-Key": key})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("address", "new", "change"),
    [
        (TRANSACTIONS, LUNCH, {"notes": "with Ana"}),
        ("/api/core/accounts", {"name": "Savings", "currency": "GBP"}, {"name": "Rainy days"}),
        ("/api/core/categories", {"name": "Lunch", "kind": "expense"}, {"name": "Lunches"}),
    ],
)
async def test_a_change_of_what_one_has_not_seen_is_refused(
    owner: AsyncClient, address: str, new: dict[str, str], change: dict[str, str]
) -> None:
    made = await owner.post(address, json=new)
    row = f"{address}/{next(value for name, value in made.json().items() if name.endswith('_id'))}"
    if address.endswith("categories"):
        row = f"{address}/{made.json()['category_id']}"
    seen = made.headers["ETag"]
    changed = await owner.patch(row, json=change, headers={"If-Match": seen})
    assert changed.status_code == 200, changed.text
    assert changed.headers["ETag"] != seen
    for stale in (seen, '"x"', 'W/"1"'):
        answer = await owner.patch(row, json=change, headers={"If-Match": stale})
        assert (answer.status_code, answer.json()["code"]) == (412, "stale")
    assert (await owner.patch(row, json=change, headers={"If-Match": "*"})).status_code == 200
    assert (await owner.patch(row, json=change)).status_code == 200
    for version, status in ((seen, 412), ("*", 204)):
        assert (await owner.delete(row, headers={"If-Match": version})).status_code == status


async def test_a_key_is_its_senders_alone(owner: AsyncClient, person_in: PersonIn, organization: Organization) -> None:
    first = await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)
    other = await person_in(organization, Role.ACCOUNTANT)
    refused = await other.client.post(TRANSACTIONS, json=LUNCH, headers=KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "key_of_another")
    assert first.json()["transaction_id"] not in refused.text
    assert (await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)).json() == first.json(), "the positive control"


async def test_what_collides_and_finds_it_done_meanwhile_is_told_once(
    owner: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    collided, keep = asyncio.Event(), unit.idempotency.keep

    async def keep_the_second_time(*given: Any) -> None:
        if not collided.is_set():
            collided.set()
            raise Collided
        await keep(*given)

    monkeypatch.setattr(unit.idempotency, "keep", keep_the_second_time)
    monkeypatch.setattr(unit, "PAUSES_S", (1.0,))
    again = asyncio.create_task(owner.post(TRANSACTIONS, json=LUNCH, headers=KEY))
    await collided.wait()
    assert (await owner.post(TRANSACTIONS, json=LUNCH, headers=KEY)).status_code == 201
    assert (await again).headers["Idempotency-Replayed"] == "true"
    told = (await owner.get("/api/core/audit", params={"operation": "create_transaction"})).json()["items"]
    assert (len(told), await count(owner)) == (1, 1)


@pytest.mark.parametrize(
    ("address", "change"), [("/api/core/privacy/retention", {"events_days": 30}), (FILTERS, {"name": "Another"})]
)
async def test_of_changes_at_once_of_one_version_one_holds(
    person_in: PersonIn, organization: Organization, address: str, change: dict[str, Any]
) -> None:
    owner = (await person_in(organization, Role.OWNER)).client
    if address == FILTERS:
        kept = await owner.post(FILTERS, json={"name": "Drinks", "filter": {"search": "tea"}})
        address = f"{FILTERS}/{kept.json()['filter_id']}"
    seen = {"If-Match": (await owner.get(address)).headers["ETag"]}
    answers = await asyncio.gather(*(owner.patch(address, json=change, headers=seen) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
