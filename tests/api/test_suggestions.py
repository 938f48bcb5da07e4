"""The review queue over HTTP: most useful first, answered once, and what was rejected never comes back."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from httpx import AsyncClient

from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ml import registry, service
from ml.answers import Alternative, Descriptor, Verdict
from tests.api.test_ai import book

Q = "/api/ai/suggestions"
MODEL = {"detailed": "FOOD_AND_DRINK_COFFEE", "confidence": 0.6, "decision": "review"}


class Guessing:
    """A model that is never sure: what it says of a merchant can be changed."""

    version = "g"

    def __init__(self) -> None:
        self.said: dict[str, dict[str, Any]] = {}

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        return [self._verdict(each) for each in descriptors]

    def _verdict(self, asked: Descriptor) -> Verdict:
        known = next((said for word, said in self.said.items() if word in asked.description), {})
        return Verdict(
            **{**MODEL, **known}, decided_by="model", version="m-1", reasons=("what tells: cafe",),
            alternatives=(Alternative("FOOD_AND_DRINK_RESTAURANT", 0.2),),
        )  # fmt: skip


Suggest = Callable[[], Awaitable[None]]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Guessing:
    guessing = Guessing()
    monkeypatch.setattr(registry, "champion", lambda: guessing)
    return guessing


@pytest.fixture
def suggest(database: Database, organization: Organization, model: Guessing) -> Suggest:
    async def run() -> None:
        async with database.transaction(organization.organization_id) as db:
            await service.suggest(db, organization.organization_id)

    return run


async def books(client: AsyncClient, *rows: tuple[str, str]) -> list[dict[str, Any]]:
    return [await book(client, {"description": text, "amount": amount, "currency": "GBP"}) for text, amount in rows]


async def listed(client: AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"{Q}?{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def row(client: AsyncClient, transaction: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/api/core/transactions/{transaction['transaction_id']}")).json()
    return found


async def test_the_most_useful_answer_comes_first(owner: AsyncClient, suggest: Suggest, model: Guessing) -> None:
    model.said = {"DEAR": {"confidence": 0.8}, "RARE": {"confidence": 0.5}}
    await books(owner, *[("OFTEN CAFE", "-10.00")] * 3, ("DEAR CAFE", "-100.00"), ("RARE CAFE", "-5.00"))
    await suggest()
    found = await listed(owner)
    told = [(each["transaction"]["description"], each["settles"], each["amount"]) for each in found]
    assert told == [("DEAR CAFE", 1, "100.0000"), ("OFTEN CAFE", 3, "30.0000"), ("RARE CAFE", 1, "5.0000")]
    assert [float(each["usefulness"]) for each in found] == pytest.approx(
        [20.0, 12.0, 2.5]
    )  # amount x (1 - confidence)
    first = found[0]
    assert (first["category"]["name"], first["reasons"], first["decided_by"]) == (
        "Coffee",
        ["what tells: cafe"],
        "model",
    )
    assert [each["name"] for each in first["alternatives"]] == ["Restaurants"]
    assert (await owner.get(f"{Q}?include=total")).json()["total"] == 3


async def test_pages_keep_their_order_while_answers_are_given_and_rows_come_in(
    owner: AsyncClient, suggest: Suggest
) -> None:
    names = "ABCDEFG"
    for place, letter in enumerate(names):
        await books(owner, *[(f"{letter * 4} CAFE", f"-{10 + place}.00")] * 2)
    await suggest()
    whole = [each["transaction"]["description"] for each in await listed(owner)]
    seen, cursor = [], ""
    while True:
        page = (await owner.get(f"{Q}?limit=2{cursor}")).json()
        seen += [each["transaction"]["description"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        await books(owner, ("ZZZZ CAFE", "-900.00"), ("AAAA CAFE", "-900.00"))
        await suggest()
        await owner.post(f"{Q}/{page['items'][0]['suggestion_id']}/accept", json={})
    assert seen == whole
    assert len(seen) == len(names)


async def test_yes_is_a_person_s_decision_and_teaches(owner: AsyncClient, suggest: Suggest) -> None:
    first, other = await books(owner, *[("QUIMBY CAFE", "-5.00")] * 2)
    await suggest()
    (found,) = await listed(owner)
    answer = await owner.post(f"{Q}/{found['suggestion_id']}/accept", json={"apply_to": "similar"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["others_changed"] == 1
    assert {(await row(owner, each))["decided_by"] for each in (first, other)} == {"user", "merchant"}
    assert await listed(owner) == []
    asked = {"description": "QUIMBY CAFE 0042", "amount": "-7.00"}
    told = (await owner.post("/api/ai/analyze-transaction", json=asked)).json()
    assert (told["category"]["name"], told["version"]) == ("Coffee", "taught")
    again = await owner.post(f"{Q}/{found['suggestion_id']}/accept", json={})
    assert (again.status_code, again.json()["code"]) == (409, "suggestion_answered")


async def test_an_alternative_may_be_taken_instead(owner: AsyncClient, suggest: Suggest) -> None:
    (booked,) = await books(owner, ("QUIMBY CAFE", "-5.00"))
    await suggest()
    (found,) = await listed(owner)
    other = found["alternatives"][0]["category_id"]
    await owner.post(f"{Q}/{found['suggestion_id']}/accept", json={"category": other})
    assert (await row(owner, booked))["category_id"] == other


async def test_no_never_comes_back_for_the_same_answer_but_another_one_may(
    owner: AsyncClient, suggest: Suggest, model: Guessing
) -> None:
    first, other = await books(owner, *[("QUIMBY CAFE", "-5.00")] * 2)
    await suggest()
    (found,) = await listed(owner)
    answer = await owner.post(f"{Q}/{found['suggestion_id']}/reject", json={"apply_to": "similar"})
    assert answer.json() == {"rejected": 2}
    for sure in ({}, {"decision": "apply", "confidence": 0.99}):  # not even when the model is sure of it now
        model.said = {"QUIMBY": sure}
        await suggest()
        assert await listed(owner) == []
        assert {(await row(owner, each))["category"] for each in (first, other)} == {None}
    model.said = {"QUIMBY": {"detailed": "FOOD_AND_DRINK_RESTAURANT"}}
    await suggest()
    assert [each["category"]["name"] for each in await listed(owner)] == ["Restaurants"]
    model.said = {}
    await suggest()  # the model changes its mind: what was rejected stays rejected
    assert [each["category"]["name"] for each in await listed(owner)] == ["Restaurants"]


async def test_a_closed_period_is_left_alone(owner: AsyncClient, suggest: Suggest) -> None:
    (booked,) = await books(owner, ("QUIMBY CAFE", "-5.00"))
    await suggest()
    assert len(await listed(owner)) == 1
    await owner.post("/api/core/periods/close", json={"through": "2026-03-31"})
    assert await listed(owner) == []
    answer = await owner.post(f"{Q}/{booked['transaction_id']}/accept", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "period_closed")
    assert (await row(owner, booked))["category"] is None


async def test_many_answers_are_taken_or_none(owner: AsyncClient, suggest: Suggest) -> None:
    one, two = await books(owner, ("QUIMBY CAFE", "-5.00"), ("ZORBLAX CAFE", "-6.00"))
    await suggest()
    yes = {"suggestion_id": one["transaction_id"], "answer": "accept"}
    no = {"suggestion_id": two["transaction_id"], "answer": "reject"}
    stale = {"suggestion_id": two["account_id"], "answer": "reject"}
    refused = await owner.post(f"{Q}/bulk", json={"items": [yes, stale]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (404, "items.1.suggestion_id")
    assert len(await listed(owner)) == 2
    assert (await owner.post(f"{Q}/bulk", json={"items": [yes, yes]})).status_code == 422
    done = await owner.post(f"{Q}/bulk", json={"items": [yes, no]})
    assert done.json() == {"accepted": 1, "rejected": 1, "others_changed": 0, "others_closed": 0}
    assert await listed(owner) == []
    assert (await row(owner, one))["decided_by"] == "user"


async def test_what_was_decided_otherwise_waits_no_more(owner: AsyncClient, suggest: Suggest) -> None:
    (booked,) = await books(owner, ("QUIMBY CAFE", "-5.00"))
    await suggest()
    coffee = (await listed(owner))[0]["category"]["category_id"]
    await owner.patch(f"/api/core/transactions/{booked['transaction_id']}", json={"category_id": coffee})
    assert await listed(owner) == []


async def test_a_stranger_s_suggestions_are_not_there(
    owner: AsyncClient, their_owner: AsyncClient, suggest: Suggest
) -> None:
    (booked,) = await books(owner, ("QUIMBY CAFE", "-5.00"))
    await suggest()
    assert await listed(their_owner) == []
    for act in ("accept", "reject"):
        assert (await their_owner.post(f"{Q}/{booked['transaction_id']}/{act}", json={})).status_code == 404
    assert (await owner.post(f"{Q}/{booked['transaction_id']}/reject", json={})).status_code == 200


async def test_suggestions_are_looked_for_when_asked(owner: AsyncClient, their_owner: AsyncClient) -> None:
    job = await owner.post(Q, json={"period": "2026-03"})
    assert job.status_code == 202, job.text
    address = f"/api/ai/batch-analyze/{job.json()['job_id']}"
    assert (await owner.get(address)).json()["state"] == "queued"
    assert (await their_owner.get(address)).status_code == 404
    assert (await owner.post(Q, json={"period": "last summer"})).status_code == 422
