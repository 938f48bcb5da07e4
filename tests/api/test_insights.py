"""Insights and recommendations over HTTP: each from stored rows, with the rows behind it, gone when they are."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from httpx import AsyncClient

from ai2 import jobs
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.kit.ids import new_id
from ai2.kit.queue import Job

INSIGHTS, RECOMMENDATIONS, ANOMALIES = "/api/ai/insights", "/api/ai/recommendations", "/api/ai/anomalies"
TODAY = datetime.now(UTC).date()
Write = Callable[..., Awaitable[None]]


def month(back: int, day: int = 5) -> date:
    """A day of the month that lies so many months before this one."""
    index = TODAY.year * 12 + TODAY.month - 1 - back
    return date(index // 12, index % 12 + 1, day)


async def write(client: AsyncClient, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    defaults = {"currency": "GBP", "description": "Power Company"}
    items = [{**defaults, **row, "date": row["date"].isoformat()} for row in rows]
    answer = await client.post("/api/core/transactions/bulk", json={"items": items})
    assert answer.is_success, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def category(client: AsyncClient, name: str, kind: str) -> str:
    made = await client.post("/api/core/categories", json={"name": name, "kind": kind})
    return str(made.json()["category_id"])


async def look(database: Database, pipeline: Database, organization: Organization) -> None:
    """What the worker does after something was written."""
    job = Job(organization.organization_id, new_id(), "find_anomalies", {}, "running", 1, 0)
    await jobs.find_anomalies(database, pipeline, job, lambda _: None)


def year_of(last: str) -> list[dict[str, Any]]:
    """Wages and a power bill of 13 months, the last bill of this amount; rent that goes up and down a little."""
    rows = []
    for back in range(13, 0, -1):
        bill = last if back == 1 else f"-{60 + back % 3}.00"
        rows += [
            {"date": month(back), "amount": bill, "category": "Utilities"},
            {"date": month(back, 6), "amount": f"-{900 + 7 * (back % 4)}.00", "description": "Landlord"},
            {"date": month(back, 1), "amount": "700.00", "description": "Employer"},
        ]
    return [*rows, {"date": TODAY, "amount": "-3.00", "description": "Corner Cafe"}]


@pytest.fixture
async def utilities(owner: AsyncClient, their_owner: AsyncClient) -> None:
    for client in (owner, their_owner):
        await client.post("/api/core/categories", json={"name": "Utilities", "kind": "expense"})


async def test_two_organizations_are_told_different_things_of_their_own_rows(
    owner: AsyncClient, their_owner: AsyncClient, utilities: None
) -> None:
    await write(owner, year_of("-180.00"))
    await write(their_owner, year_of("-61.00"))
    ours, theirs = (await owner.get(INSIGHTS)).json(), (await their_owner.get(INSIGHTS)).json()
    [told] = [each for each in ours["trends"] if each["category"] == "Utilities"]
    assert (told["type"], told["amount"], told["usual"], told["method"]) == ("month", "180.00", "61.00", "robust_z")
    assert told["rows"]["transaction_ids"]
    behind = (await owner.get(told["rows"]["link"])).json()["items"]
    assert sum(Decimal(row["amount"]) for row in behind if row["date"] >= told["month"]) == -180
    assert [each for each in theirs["trends"] if each["category"] == "Utilities"] == []
    assert ours["runway"][0]["monthly_burn"] != theirs["runway"][0]["monthly_burn"]


async def test_what_cannot_be_known_is_null_with_a_reason(owner: AsyncClient) -> None:
    empty = (await owner.get(INSIGHTS)).json()
    assert (empty["trends"], empty["runway"], empty["anomalies"]["items"]) == ([], [], [])
    assert empty["trends_reason"]
    assert empty["anomalies"]["reason"]
    assert (empty["forecast"], bool(empty["forecast_reason"])) == (None, True)
    await write(owner, [{"date": TODAY, "amount": "-3.00"}])
    [runway] = (await owner.get(INSIGHTS)).json()["runway"]
    assert (runway["balance"], runway["runway_months"], bool(runway["reason"])) == (None, None, True)
    nothing = (await owner.get(RECOMMENDATIONS)).json()
    assert {each["type"] for each in nothing["items"]} == {"review_uncategorized"}
    assert "unused_subscription" in {each["type"] for each in nothing["unavailable"]}


async def test_currencies_are_never_added_up(owner: AsyncClient) -> None:
    for currency, amount in (("GBP", "-50.00"), ("USD", "-70.00")):
        made = {"name": currency, "currency": currency, "opening_balance": "1000", "opening_on": month(7).isoformat()}
        account = (await owner.post("/api/core/accounts", json=made)).json()["account_id"]
        of = {"amount": amount, "currency": currency, "account_id": account}
        await write(owner, [{**of, "date": month(back)} for back in range(6)])
    both = (await owner.get(INSIGHTS)).json()["runway"]
    assert {each["currency"]: each["monthly_burn"] for each in both} == {"GBP": "50.00", "USD": "70.00"}
    [dollars] = (await owner.get(INSIGHTS, params={"currency": "USD"})).json()["runway"]
    assert (dollars["currency"], dollars["balance"]) == ("USD", "580.00")
    open_work = (await owner.get(RECOMMENDATIONS)).json()["items"]
    assert {(each["currency"], each["amount"]) for each in open_work} >= {("GBP", "300.00"), ("USD", "420.00")}


async def test_an_anomaly_from_its_finding_to_its_dismissal(
    owner: AsyncClient, database: Database, pipeline: Database, organization: Organization
) -> None:
    day = TODAY - timedelta(days=1)
    bread = [{"amount": f"-{4 + number % 5}.10", "description": "Baker"} for number in range(60)]
    await write(owner, [{**each, "date": day - timedelta(days=2 * at)} for at, each in enumerate(bread)])
    first, second = await write(owner, [{"date": day, "amount": "-9.95"}] * 2)
    await look(database, pipeline, organization)
    told = (await owner.get(INSIGHTS)).json()["anomalies"]
    [found] = [each for each in told["items"] if each["kind"] == "duplicate_charge"]
    assert {found["transaction_id"], *found["related_transaction_ids"]} == {
        first["transaction_id"], second["transaction_id"],
    }  # fmt: skip
    assert (told["is_behind"], found["amount"], 0.5 <= found["score"] <= 1) == (False, "-9.95", True)
    [asked_back] = [e for e in (await owner.get(RECOMMENDATIONS)).json()["items"] if e["type"] == "duplicate_charge"]
    assert (asked_back["amount"], len(asked_back["rows"]["transaction_ids"])) == ("9.95", 2)

    address = f"{ANOMALIES}/{found['anomaly_id']}"
    dismissed = await owner.post(f"{address}/dismiss", json={"note": "two tickets"})
    assert (dismissed.json()["state"], dismissed.json()["note"]) == ("dismissed", "two tickets")
    await look(database, pipeline, organization)
    assert (await owner.get(INSIGHTS)).json()["anomalies"]["items"] == []
    listed = (await owner.get(ANOMALIES, params={"state": "dismissed", "include": "total"})).json()
    assert (listed["total"], listed["items"][0]["anomaly_id"]) == (1, found["anomaly_id"])
    assert (await owner.post(f"{address}/reopen")).json()["state"] == "open"
    assert (await owner.get(ANOMALIES)).json()["items"][0]["anomaly_id"] == found["anomaly_id"]
    await owner.delete(f"/api/core/transactions/{found['transaction_id']}")
    assert (await owner.get(address)).status_code == 404


async def test_recommends_by_budgets_fees_and_transfers(owner: AsyncClient) -> None:
    snacks = (await owner.post("/api/core/categories", json={"name": "Snacks", "kind": "expense"})).json()[
        "category_id"
    ]
    limit = {"category_id": snacks, "currency": "GBP", "amount": "10", "first_month": f"{TODAY:%Y-%m}"}
    await owner.post("/api/core/budgets", json=limit)
    everything = (await owner.get("/api/core/categories")).json()["items"]
    by_code = {code: each["category_id"] for each in everything for code in each["codes"]}
    fees = by_code.get("BANK_FEES_OVERDRAFT_FEES") or by_code["BANK_FEES"]
    moved = (await owner.post("/api/core/categories", json={"name": "Moved away", "kind": "transfer"})).json()[
        "category_id"
    ]
    _, fee, half = await write(owner, [
        {"date": TODAY, "amount": "-14.50", "category_id": snacks},
        {"date": TODAY, "amount": "-35.00", "category_id": fees, "description": "Overdraft"},
        {"date": TODAY, "amount": "-500.00", "category_id": moved, "description": "To savings"},
    ])  # fmt: skip
    found = {each["type"]: each for each in (await owner.get(RECOMMENDATIONS)).json()["items"]}
    assert found["budget_overrun"]["amount"] == "4.50"
    assert found["fees_and_interest"]["rows"]["transaction_ids"] == [fee["transaction_id"]]
    assert found["fees_and_interest"]["amount"] == "35.00"
    assert found["unpaired_transfer"]["rows"]["transaction_ids"] == [half["transaction_id"]]
    assert "review_uncategorized" not in found
    for each in found.values():
        assert (await owner.get(each["rows"]["link"])).is_success
