"""Recurring over HTTP: what is found, what people say to it, and that their word stays."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from ai2 import flows
from ai2.consumers import CONSUMERS
from ai2.identity.organizations import Organization
from ai2.jobs import HANDLERS
from ai2.kit import queue
from ai2.kit.database import Database
from ai2.kit.deliveries import deliver_all
from ml.recurring import service
from ml.recurring.finding import find
from ml.recurring.service import RecurringMatch, Upcoming

ADDRESS = "/api/ai/recurring"
NETFLIX = [(f"2025-{month:02}-05", "-9.99" if month < 10 else "-12.99") for month in range(1, 13)]
UTILITY = [("2026-01-15", "-245.67"), ("2026-04-16", "-189.45")]
SATURDAY = date(2025, 5, 3).toordinal()
SUMS = (38, 112, 61, 147, 52, 95, 70, 131, 44, 88, 160, 57, 103, 41, 125, 78, 66)  # no two weeks alike
GROCERIES = [(date.fromordinal(SATURDAY + 7 * week).isoformat(), f"-{each}.40") for week, each in enumerate(SUMS)]
TODAY = date(2026, 4, 20)


async def book(client: AsyncClient, description: str, paid: list[tuple[str, str]]) -> list[str]:
    rows = [{"date": day, "amount": amount, "currency": "GBP", "description": description} for day, amount in paid]
    made = await client.post("/api/core/transactions/bulk", json={"items": rows})
    assert made.is_success, made.text
    return [row["transaction_id"] for row in made.json()["items"]]


async def look(database: Database, organization: Organization, *, is_all: bool = False, today: date = TODAY) -> Any:
    async with database.transaction(organization.organization_id) as db:
        return await find(db, organization.organization_id, is_all=is_all, today=today)


async def patterns(client: AsyncClient, **query: str) -> dict[str, dict[str, Any]]:
    answer = await client.get(ADDRESS, params=query)
    assert answer.status_code == 200, answer.text
    return {item["merchant"]: item for item in answer.json()["items"]}


async def events(client: AsyncClient) -> list[str]:
    found = (await client.get("/api/core/events", params={"limit": 1000})).json()["items"]
    return [event["kind"] for event in found if event["kind"].startswith("recurring.")]


async def test_bills_are_found_with_their_next_day_and_the_rest_is_rejected_with_reasons(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    paid = await book(owner, "NETFLIX.COM", NETFLIX)
    await book(owner, "Northern Power Electricity", UTILITY)
    await book(owner, "TESCO STORES", GROCERIES)
    await look(database, organization, today=date(2026, 1, 1))

    found = await patterns(owner)

    netflix = found["netflix"]
    assert (netflix["cadence"], netflix["state"], netflix["amount"]) == ("monthly", "active", "-12.99")
    assert netflix["price_changes"] == [{"from": "-9.99", "to": "-12.99", "since": "2025-10-05", "is_rise": True}]
    assert netflix["next_earliest_date"] <= netflix["next_date"] <= netflix["next_latest_date"]
    assert netflix["payments"] == 12
    whole = (await owner.get(f"{ADDRESS}/{netflix['pattern_id']}")).json()
    assert [row["transaction_id"] for row in whole["transactions"]] == paid[::-1]
    [power] = [item for name, item in found.items() if "power" in name]
    assert (power["cadence"], power["state"], power["payments"]) == ("quarterly", "active", 2)
    [groceries] = (await patterns(owner, state="rejected")).values()
    assert groceries["reason_code"] == "habit"
    assert groceries["reasons"]
    assert (await events(owner)).count("recurring.found") == 1


async def test_looking_again_changes_nothing_and_keeps_the_ids(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    await book(owner, "NETFLIX.COM", NETFLIX)
    first = await look(database, organization)
    before = (await owner.get(ADDRESS)).json()
    again = await look(database, organization, is_all=True)
    idle = await look(database, organization)
    assert (await owner.get(ADDRESS)).json() == before
    assert (first.patterns, first.new, again.patterns, again.new, again.gone, idle.groups) == (1, 1, 1, 0, 0, 0)


async def test_a_persons_word_stays_whatever_is_found_later(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    await book(owner, "NETFLIX.COM", NETFLIX)
    await book(owner, "Spotify", NETFLIX[:9])
    await book(owner, "TESCO STORES", GROCERIES)
    await look(database, organization)
    found = {item["merchant"].split()[0]: item for item in (await owner.get(ADDRESS)).json()["items"]}
    dismissed, spotify, tesco = (found[name]["pattern_id"] for name in ("netflix", "spotify", "tesco"))
    assert (await owner.post(f"{ADDRESS}/{dismissed}/dismiss")).json()["state"] == "dismissed"
    said = await owner.post(f"{ADDRESS}/{tesco}/confirm", json={"cadence": "weekly"})
    assert said.status_code == 200, said.text
    assert (await owner.post(f"{ADDRESS}/{spotify}/confirm")).json()["is_confirmed"]

    await book(owner, "NETFLIX.COM", [("2026-01-05", "-12.99"), ("2026-02-05", "-12.99")])
    await book(owner, "TESCO STORES", [("2025-08-30", "-140.00")])
    await look(database, organization, is_all=True)

    now = {item["pattern_id"]: item for item in (await owner.get(ADDRESS)).json()["items"]}
    assert (now[dismissed]["state"], now[dismissed]["payments"]) == ("dismissed", 14)
    assert (now[tesco]["is_confirmed"], now[tesco]["cadence"], now[tesco]["payments"]) == (True, "weekly", 18)
    assert now[spotify]["is_confirmed"]
    assert len(now) == 3
    assert set(await events(owner)) >= {"recurring.confirmed", "recurring.dismissed", "recurring.found"}


async def test_a_rise_and_a_miss_are_told_once(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    await book(owner, "NETFLIX.COM", NETFLIX[:9])
    await look(database, organization)
    await book(owner, "NETFLIX.COM", NETFLIX[9:])
    await look(database, organization)
    await book(owner, "Anything else", [("2026-01-31", "-1.00")])  # the account is known up to then
    for _ in range(2):
        await look(database, organization)
    assert await events(owner) == ["recurring.found", "recurring.price_rise", "recurring.missed"]


@pytest.mark.parametrize(("value", "expected"), [("yes", "quarterly"), ("monthly", "monthly")])
async def test_feedback_makes_a_pattern_that_nobody_found(
    owner: AsyncClient, database: Database, organization: Organization, value: str, expected: str
) -> None:
    [_, last] = await book(owner, "Zorblax Quimby", [("2026-01-15", "-245.67"), ("2026-04-16", "-189.45")])
    said = {"transaction_id": last, "field": "recurring", "value": value}
    answer = await owner.post("/api/ai/feedback", json=said)
    assert answer.status_code == 200, answer.text
    await look(database, organization, is_all=True)
    [found] = (await owner.get(ADDRESS)).json()["items"]
    assert (found["is_confirmed"], found["cadence"]) == (True, expected)


async def test_feedback_says_no_for_one_and_for_all(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    ids = await book(owner, "NETFLIX.COM", NETFLIX)
    await look(database, organization)
    no = {"field": "recurring", "value": "no"}
    assert (await owner.post("/api/ai/feedback", json={**no, "transaction_id": ids[11]})).is_success
    await look(database, organization, is_all=True)
    [found] = (await owner.get(ADDRESS)).json()["items"]
    assert (found["state"] != "dismissed", found["payments"]) == (True, 11)
    all_of_them = {**no, "transaction_id": ids[0], "apply_to": "always"}
    assert (await owner.post("/api/ai/feedback", json=all_of_them)).json()["others_changed"] == 10
    await look(database, organization, is_all=True)
    assert [item["state"] for item in (await owner.get(ADDRESS)).json()["items"]] == ["dismissed"]
    assert (
        await owner.post("/api/ai/feedback", json={**no, "transaction_id": ids[1], "value": "never"})
    ).status_code == 422


async def test_what_people_dismissed_before_it_was_found_is_never_found(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    ids = await book(owner, "NETFLIX.COM", NETFLIX[:1])
    no = {"field": "recurring", "value": "no", "apply_to": "always", "transaction_id": ids[0]}
    assert (await owner.post("/api/ai/feedback", json=no)).is_success
    await book(owner, "NETFLIX.COM", NETFLIX[1:])
    await look(database, organization)
    assert {item["state"] for item in (await owner.get(ADDRESS)).json()["items"]} == {"dismissed"}


async def test_what_is_written_down_is_looked_at_by_a_job(
    owner: AsyncClient, database: Database, pipeline: Database, organization: Organization
) -> None:
    await book(owner, "NETFLIX.COM", NETFLIX)
    await deliver_all(database, pipeline, [each for each in CONSUMERS if each.name == "recurring"])
    async with database.transaction(organization.organization_id) as db:
        query = "select job_id from queue.jobs where kind = 'find_recurring' and state = 'queued'"
        [row] = await (await db.execute(query)).fetchall()
        job = await queue.get(db, organization.organization_id, row["job_id"])
    result = await HANDLERS["find_recurring"](database, pipeline, job, lambda _: None)
    assert result
    assert result["patterns"] == 1
    async with database.transaction(organization.organization_id) as db:
        query = "select job_id from queue.jobs where kind = 'rehearse_forecast' and state = 'queued'"
        [row] = await (await db.execute(query)).fetchall()
        job = await queue.get(db, organization.organization_id, row["job_id"])
    assert await HANDLERS["rehearse_forecast"](database, pipeline, job, lambda _: None) == {"is_forecast": True}


@dataclass(frozen=True)
class Asked:
    """A movement of money, as a decider asks."""

    description: str
    amount: Decimal
    date: date | None
    merchant: str | None = None
    currency: str | None = "GBP"
    account_id: UUID | None = None
    transaction_id: UUID | None = None


async def matched(database: Database, organization: Organization, **item: Any) -> RecurringMatch | None:
    asked = Asked(**{**item, "amount": Decimal(item["amount"])})
    async with database.transaction(organization.organization_id) as db:
        return (await service.matching(db, organization.organization_id, [asked]))[0]


async def test_a_payment_continues_a_pattern_where_merchant_amount_and_day_fit(
    owner: AsyncClient, database: Database, organization: Organization, stranger: Organization
) -> None:
    ids = await book(owner, "NETFLIX.COM", NETFLIX)
    music = {"transaction_id": ids[0], "field": "category", "value": "Insurance", "apply_to": "this"}
    await owner.post("/api/ai/feedback", json=music)
    await look(database, organization)
    fits = {"description": "NETFLIX.COM", "amount": "-12.99", "date": date(2026, 2, 5)}
    match = await matched(database, organization, **fits)
    assert match
    assert match.category_id
    assert match.is_by_people
    assert await matched(database, stranger, **fits) is None
    for other in ({"amount": "-40"}, {"amount": "12.99"}, {"date": date(2026, 2, 20)}, {"description": "Other"}):
        assert await matched(database, organization, **{**fits, **other}) is None
    without_a_day = await matched(database, organization, **{**fits, "date": None})
    assert without_a_day
    assert without_a_day.confidence < match.confidence


async def test_what_is_to_come_is_told_until_a_day(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    await book(owner, "NETFLIX.COM", NETFLIX)
    await look(database, organization, today=date(2025, 12, 31))
    async with database.transaction(organization.organization_id) as db:
        ahead: list[Upcoming] = await service.upcoming(
            db, organization.organization_id, date(2026, 3, 31), since=date(2026, 1, 1)
        )
    assert [each.due_on for each in ahead] == [date(2026, month, 5) for month in (1, 2, 3)]
    assert {(str(each.amount), each.currency) for each in ahead} == {("-12.99", "GBP")}


async def test_the_dashboard_shows_what_is_due(
    owner: AsyncClient, database: Database, organization: Organization
) -> None:
    today = date.today()  # noqa: DTZ011 - the dashboard looks ahead from the day it is
    paid = [(date.fromordinal(today.toordinal() - 7 * back + 3).isoformat(), "-25.00") for back in range(1, 9)]
    await book(owner, "Yoga studio membership", paid)
    await flows.find_recurring(database, organization.organization_id)
    shown = (await owner.get("/api/core/dashboard")).json()
    assert shown["upcoming_recurring"][0]["date"] == date.fromordinal(today.toordinal() + 3).isoformat()
    assert shown["upcoming_recurring_reason"] is None
