"""As of: what was known at a moment is the same for ever, whatever is done to the books afterwards."""

import io
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from ai2 import flows
from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.periods import service as periods
from ai2.books.rates import service as rates
from ai2.books.transactions import service as transactions
from ai2.books.transactions import splits
from ai2.books.transactions.splits import Part
from ai2.identity import organizations
from ai2.ingest.mending.undo import undo
from ai2.ingest.service import ImportOptions, Source
from ai2.kit.database import Connection, Role, connection_parameters
from ai2.kit.errors import Invalid
from ai2.reports.model import Asked, Report
from tests.bookkeeping import Books
from tests.reports.reading import assert_explained, figures, made

QUARTER = {"start_date": date(2026, 1, 1), "end_date": date(2026, 3, 31)}
ASKED = (
    Asked(report="profit_and_loss", group_by="year", **QUARTER),
    Asked(report="balance_sheet", currency="GBP", group_by="month", **QUARTER),
)
MARCH = b"Date,Description,Amount\n2026-03-01,Bonus,70.00\n2026-03-02,Cake,-7.00\n"
Change = Callable[[Books, Connection], Awaitable[None]]


async def one_of(db: Connection, amount: str) -> UUID:
    query = "select transaction_id from books.transactions where amount = %s and deleted_at is null"
    row = await (await db.execute(query, [Decimal(amount)])).fetchone()
    assert row
    return UUID(str(row["transaction_id"]))


async def amount(books: Books, db: Connection) -> None:
    await transactions.update(
        db, books.organization_id, await one_of(db, "-850.00"), {"amount": Decimal("-860.00"), "description": "Other"}
    )


async def day_and_account(books: Books, db: Connection) -> None:
    await transactions.update(db, books.organization_id, await one_of(db, "-9.99"), {"booked_on": date(2026, 1, 3)})
    query = "update books.transactions set account_id = %s where transaction_id = %s"
    await db.execute(query, [books.accounts["Savings GBP"], await one_of(db, "15.05")])


async def recategorised(books: Books, db: Connection) -> None:
    rent = await categories.find(db, books.organization_id, "Rent")
    await transactions.update(db, books.organization_id, await one_of(db, "-9.99"), {"category_id": rent.category_id})


async def split(books: Books, db: Connection) -> None:
    parts = [Part(amount=Decimal("-800"), category="Rent"), Part(amount=Decimal("-50"), category="Electronics")]
    await splits.put(db, books.organization_id, await one_of(db, "-850.00"), parts)


async def deleted(books: Books, db: Connection) -> None:
    await transactions.delete(db, books.organization_id, await one_of(db, "-40.10"))


async def announced(_: Books, db: Connection) -> None:
    query = "update books.transactions set status = 'pending' where transaction_id = %s"
    await db.execute(query, [await one_of(db, "-9.99")])


async def renamed_category(books: Books, db: Connection) -> None:
    rent = await categories.find(db, books.organization_id, "Rent")
    await categories.update(db, books.organization_id, rent.category_id, name="Office", parent_id=rent.parent_id)
    wages = await categories.find(db, books.organization_id, "Wages")
    for name in ("Pay", "Earnings"):
        await categories.update(db, books.organization_id, wages.category_id, name=name, parent_id=None)


async def merged_category(books: Books, db: Connection) -> None:
    rent = await categories.find(db, books.organization_id, "Rent")
    electronics = await categories.find(db, books.organization_id, "Electronics")
    await categories.merge(db, books.organization_id, electronics.category_id, into=rent.category_id)


async def account(books: Books, db: Connection) -> None:
    changes = {"name": "Everyday", "kind": "card", "opening_balance": Decimal("250.00")}
    await accounts.update(db, books.organization_id, books.accounts["Current GBP"], changes)


async def anchor(books: Books, db: Connection) -> None:
    await accounts.anchor(
        db, books.organization_id, books.accounts["Savings GBP"], date(2026, 2, 28), Decimal("900.00")
    )


async def new_account(books: Books, db: Connection) -> None:
    await accounts.create(db, books.organization_id, name="Later GBP", currency="GBP", opening_balance=Decimal("33.00"))


async def rate(books: Books, db: Connection) -> None:
    for value in ("0.70", "0.75"):
        await rates.set_own(
            db, books.organization_id, base="EUR", quote="GBP", on=date(2026, 3, 31), rate=Decimal(value),
            set_by="test",
        )  # fmt: skip


async def rate_withdrawn(books: Books, db: Connection) -> None:
    await rates.delete_own(db, books.organization_id, "EUR", "GBP", date(2026, 3, 31), deleted_by="test")


async def fiscal_year(books: Books, db: Connection) -> None:
    await organizations.update(db, books.organization_id, {"fiscal_year_start": 3})


CHANGES = (
    amount, day_and_account, recategorised, split, deleted, announced, renamed_category, merged_category, account,
    anchor, new_account, rate, rate_withdrawn, fiscal_year,
)  # fmt: skip


@pytest.fixture
async def rated(books: Books) -> Books:
    """The books with a rate for each end of a month and for the day of the hotel."""
    async with books.database.transaction(books.organization_id) as db:
        for day, value in (
            ("2026-01-31", "0.85"),
            ("2026-02-14", "0.80"),
            ("2026-02-28", "0.8333"),
            ("2026-03-31", "0.9"),
        ):
            await rates.set_own(
                db, books.organization_id, base="EUR", quote="GBP", on=date.fromisoformat(day), rate=Decimal(value),
                set_by="test",
            )  # fmt: skip
    return books


async def as_of(books: Books, asked: Asked, at: datetime) -> Report:
    return await made(books, Asked(**{**vars(asked), "as_of": at}))


async def both(books: Books) -> list[Report]:
    return [await made(books, asked) for asked in ASKED]


async def assert_the_same(books: Books, reports: list[Report]) -> None:
    for report in reports:
        again = await as_of(books, report.asked, report.as_of)
        assert [figures(table) for table in again.tables] == [figures(table) for table in report.tables]
        assert (again.digest, again.as_of) == (report.digest, report.as_of)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_is_the_same_after(rated: Books, change: Change) -> None:
    before = await both(rated)
    async with rated.database.transaction(rated.organization_id) as db:
        await change(rated, db)
    assert [each.digest for each in await both(rated)] != [each.digest for each in before]  # the change is one
    await assert_the_same(rated, before)


async def test_is_explained_as_it_was_when_everything_changed(rated: Books) -> None:
    before = await both(rated)
    for change in (split, recategorised, deleted, account, anchor, rate, merged_category):
        async with rated.database.transaction(rated.organization_id) as db:
            await change(rated, db)
    for report in before:
        await assert_explained(rated, report)
    await assert_the_same(rated, before)


async def test_is_the_same_after_the_undo_of_an_import_and_a_rebuild(rated: Books) -> None:
    whose = rated.organization_id
    first = await both(rated)
    done = await flows.import_file(
        rated.database, organization_id=whose, imported_by="test", path=io.BytesIO(MARCH), file_name="march.csv",
        account_id=rated.accounts["Current GBP"], options=ImportOptions(), source=Source.CLI,
    )  # fmt: skip
    imported = await both(rated)
    async with rated.database.transaction(whose) as db:
        await undo(db, whose, done.batch_id, undone_by="test")
    undone = await both(rated)
    assert imported[0].digest not in (first[0].digest, undone[0].digest)
    assert undone[0].digest == first[0].digest
    from pipelines import dbt

    dbt.invoke("run")
    await assert_the_same(rated, [*first, *imported, *undone])
    await assert_explained(rated, imported[0])


async def test_is_explained_though_it_is_asked_for_only_later(rated: Books) -> None:
    before, at = await both(rated), datetime.now(UTC)
    for change in (recategorised, deleted, account):
        async with rated.database.transaction(rated.organization_id) as db:
            await change(rated, db)
    for report in before:
        later = await as_of(rated, report.asked, at)
        assert later.digest == report.digest
        await assert_explained(rated, later)


async def test_of_the_present_is_what_the_marts_say(rated: Books) -> None:
    for asked in (
        *ASKED,
        *(Asked(report=name, compare_to="previous_year", **QUARTER) for name in ("cash_flow", "trend")),
    ):
        report = await made(rated, asked)
        assert (await as_of(rated, asked, datetime.now(UTC))).digest == report.digest


async def test_before_anything_was_known_there_is_nothing(rated: Books) -> None:
    report = await as_of(rated, ASKED[0], datetime(2020, 1, 1, tzinfo=UTC))
    assert report.tables == ()


async def test_refuses_the_future(rated: Books) -> None:
    with pytest.raises(Invalid):
        await as_of(rated, ASKED[0], datetime.now(UTC) + timedelta(minutes=1))


async def test_a_closed_period_keeps_its_rates_as_of_then(rated: Books) -> None:
    whose = rated.organization_id
    async with rated.database.transaction(whose) as db:
        await periods.close(db, whose, date(2026, 3, 31), closed_by="test")
    closed = await both(rated)
    async with rated.database.transaction(whose) as db:
        await periods.reopen(db, whose, date(2026, 3, 1), reason="test", reopened_by="test")
        await rate(rated, db)
    assert (await both(rated))[1].digest != closed[1].digest
    await assert_the_same(rated, closed)


class TestWritersOfThatMoment:
    """Somebody began to write before the moment and ends after it: nobody is told two things."""

    async def test_are_not_in_it_when_a_report_was_made_meanwhile(self, rated: Books) -> None:
        async with rated.database.transaction(rated.organization_id) as writing:
            await amount(rated, writing)
            await account(rated, writing)
            await rate(rated, writing)
            before = await both(rated)
            await assert_the_same(rated, before)
        assert (await both(rated))[1].digest != before[1].digest
        await assert_the_same(rated, before)
        for report in before:
            await assert_explained(rated, report)

    async def test_are_not_in_it_when_it_was_asked_for_meanwhile(self, rated: Books) -> None:
        async with rated.database.transaction(rated.organization_id) as writing:
            await deleted(rated, writing)
            await new_account(rated, writing)
            at = datetime.now(UTC)
            before = [await as_of(rated, asked, at) for asked in ASKED]
        await assert_the_same(rated, before)
        # nor in an earlier one that is asked for only now: what is known stays known
        earlier = await as_of(rated, ASKED[0], at - timedelta(milliseconds=1))
        assert earlier.digest == before[0].digest

    async def test_who_began_before_but_writes_later_is_not_in_it(self, rated: Books) -> None:
        async with rated.database.transaction(rated.organization_id) as writing:
            await writing.execute("select 1")
            before = await both(rated)
            await split(rated, writing)
            await renamed_category(rated, writing)
        await assert_the_same(rated, before)

    async def test_what_came_with_a_backup_of_another_server_is_known_by_its_times(self, rated: Books) -> None:
        """Its numbers of transactions are beyond any that this server has given out."""
        await both(rated)
        moments = "update reports.moments set server = 1, snapshot = '900000000:900000000:' where organization_id = %s"
        rows = "update books.transactions set row_xid = '900000001', version = version + 1 where organization_id = %s"
        async with await psycopg.AsyncConnection.connect(**connection_parameters(Role.ADMIN)) as admin:
            for statement in (moments, rows):
                await admin.execute(statement, [rated.organization_id])
        present = await both(rated)
        assert figures(present[0].tables[0])
        await assert_the_same(rated, present)
