"""Anomalies in the books: found once, told with what is normal, gone when the rows change, dismissed for good."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database
from ai2.kit.periods import Period
from ml.anomalies import service
from ml.anomalies.service import Filter

FIRST = date(2026, 1, 5)
JUNE = Period(date(2026, 6, 1), date(2026, 6, 30))
Write = Callable[..., Awaitable[UUID]]


@pytest.fixture
async def write(db: Connection, organization: Organization) -> Write:
    """Writes a transaction down, in pounds; half a year of a baker and a landlord lie before."""
    account = await accounts.create(db, organization.organization_id, name="Current", currency="GBP")

    async def one(merchant: str, amount: str, booked_on: date, **more: Any) -> UUID:
        new = NewTransaction(
            amount=Decimal(amount), booked_on=booked_on, description=merchant, currency="GBP",
            account_id=account.account_id, **more,
        )  # fmt: skip
        return (await transactions.create(db, organization.organization_id, new)).transaction_id

    for number in range(60):
        await one("Baker", f"-{4 + number % 5}.{number % 10}0", FIRST + timedelta(days=2 * number))
    for number in range(6):
        await one("Landlord", "-900.00", date(2026, 1 + number, 1) - timedelta(days=1 if number else 0))
    return one


async def found(db: Connection, organization: Organization) -> dict[str, Any]:
    each = await service.find(db, organization.organization_id, JUNE)
    return {anomaly.kind: anomaly for anomaly in each}


async def test_tells_each_kind_with_what_would_have_been_normal(
    db: Connection, organization: Organization, write: Write
) -> None:
    day = date(2026, 6, 10)
    first = await write("Baker", "-6.35", day)
    double = await write("Baker", "-6.35", day)
    rent = await write("Landlord", "-9000.00", day)
    stranger = await write("Yacht Broker", "-8000.00", day)
    credit = await write("Baker", "5.15", day + timedelta(days=1))
    told = await found(db, organization)
    assert {kind: each.transaction_id for kind, each in told.items()} == {
        "duplicate_charge": double, "unusual_amount": rent, "new_merchant_large": stranger, "sign_flip": credit,
    }  # fmt: skip
    assert told["duplicate_charge"].related == [first]
    normal = told["unusual_amount"].normal
    assert (normal.low, normal.high, normal.usual, normal.sign) == (*[Decimal("-900.00")] * 3, "out")
    assert told["unusual_amount"].amount == Decimal("-9000.00")
    assert (told["sign_flip"].normal.sign, told["sign_flip"].normal.every_days) == ("out", 2)
    assert told["new_merchant_large"].normal.low == Decimal("-900.00")
    assert all(0.5 <= each.score <= 1 and each.reasons for each in told.values())


async def test_a_merchant_last_seen_long_ago_is_judged_by_what_holds_of_all(
    db: Connection, organization: Organization, write: Write
) -> None:
    for day in (date(2025, 1, 2), date(2026, 6, 10), date(2026, 6, 10)):
        await write("Old Friend", "-7.77", day)
    told = await found(db, organization)
    share = told["duplicate_charge"].normal.repeated_share
    assert share is not None
    assert 0 < share < 0.1


async def test_judging_again_changes_nothing_and_what_is_edited_or_deleted_is_gone(
    db: Connection, organization: Organization, write: Write
) -> None:
    rent = await write("Landlord", "-9000.00", date(2026, 6, 10))
    stranger = await write("Yacht Broker", "-8000.00", date(2026, 6, 11))
    before = await service.find(db, organization.organization_id, JUNE)
    assert await service.find(db, organization.organization_id, JUNE) == before
    assert len(before) == 2
    await transactions.update(db, organization.organization_id, rent, {"amount": Decimal("-900.00")})
    await transactions.delete(db, organization.organization_id, stranger)
    assert await service.surest(db, organization.organization_id, Filter(), limit=9) == []
    assert await service.find(db, organization.organization_id, JUNE) == []


async def test_what_is_dismissed_stays_dismissed_and_a_silenced_merchant_is_not_told_again(
    db: Connection, organization: Organization, write: Write
) -> None:
    whose = organization.organization_id
    await write("Landlord", "-9000.00", date(2026, 6, 10))
    [anomaly] = await service.find(db, whose, JUNE)
    await service.dismiss(db, whose, anomaly.anomaly_id, by="user:x", note="a year ahead", whole_merchant=False)
    assert await service.find(db, whose, JUNE) == []
    await write("Landlord", "-8000.00", date(2026, 6, 20))
    [second] = await service.find(db, whose, JUNE)
    await service.dismiss(db, whose, second.anomaly_id, by="user:x", note=None, whole_merchant=True)
    await write("Landlord", "-7000.00", date(2026, 6, 21))
    assert await service.find(db, whose, JUNE) == []
    dismissed = await service.surest(db, whose, Filter(state="dismissed"), limit=9)
    assert {each.note for each in dismissed} == {"a year ahead", None}
    again = await service.reopen(db, whose, second.anomaly_id)
    assert again.state == "open"
    assert {each.amount for each in await service.find(db, whose, JUNE)} == {Decimal(-8000), Decimal(-7000)}


async def test_catching_up_judges_only_what_came_since(
    database: Database, organization: Organization, db: Connection, write: Write
) -> None:
    whose = organization.organization_id
    await write("Landlord", "-9000.00", date(2026, 6, 10))
    assert await service.catch_up(db, whose) == 67
    assert await service.last_run(db, whose)
    assert len(await service.surest(db, whose, Filter(), limit=9)) == 1


async def test_transfers_pending_rows_and_other_currencies_are_kept_apart(
    db: Connection, organization: Organization, write: Write
) -> None:
    """The positive control is above: such an amount is told where it is none of these."""
    day, whose = date(2026, 6, 10), organization.organization_id
    moved = await categories.create(db, whose, name="Moved to savings", kind="transfer", parent_id=None)
    await write("Landlord", "-9000.00", day, category_id=moved.category_id)
    pending = await write("Landlord", "-9000.00", day)
    await db.execute("update books.transactions set status = 'pending' where transaction_id = %s", [pending])
    dollars = await accounts.create(db, whose, name="Dollars", currency="USD")
    new = NewTransaction(
        amount=Decimal(-9000), booked_on=day, description="Landlord", currency="USD", account_id=dollars.account_id
    )
    await transactions.create(db, whose, new)
    assert await found(db, organization) == {}


async def test_what_is_normal_for_one_organization_says_nothing_of_another(
    database: Database, db: Connection, organization: Organization, stranger: Organization, write: Write
) -> None:
    await write("Landlord", "-9000.00", date(2026, 6, 10))
    assert await found(db, organization)
    async with database.transaction(stranger.organization_id) as theirs:
        assert await service.find(theirs, stranger.organization_id, JUNE) == []
        assert await service.last_run(theirs, stranger.organization_id) is None
