"""As of, of what was planned: budgets, and statements beside them, are for ever what they were known to be."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from ai2.books.accounts import service as accounts
from ai2.books.budgets import service as budgets
from ai2.books.categories import service as categories
from ai2.books.transactions import service as transactions
from ai2.identity.erasure import erase
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, Role, connection_parameters
from ai2.reports.model import Asked, Report
from tests.bookkeeping import Books, open_books
from tests.reports import test_as_of as acts
from tests.reports import test_budget as plans
from tests.reports.reading import assert_explained, figures, made
from tests.reports.test_as_of import as_of, assert_the_same, one_of

BUDGET = plans.ASKED
ASKED = (
    BUDGET,
    replace(BUDGET, report="profit_and_loss", group_by="none", compare_to="budget"),
    replace(BUDGET, report="spending", compare_to="budget"),
    replace(BUDGET, report="custom", dimensions=("group",), measures=("expense",), compare_to="budget"),
)
planned = plans.planned
Change = Callable[[Books, Connection], Awaitable[Any]]


async def of(books: Books, db: Connection, category: str) -> budgets.Budget:
    return next(
        each.budget
        for each in await budgets.standing(db, books.organization_id, date(2026, 1, 1))
        if each.budget.category == category
    )


async def update(books: Books, db: Connection, category: str, **changes: Any) -> None:
    budget = await of(books, db, category)
    await budgets.update(db, books.organization_id, budget.budget_id, changes)


async def amount(books: Books, db: Connection) -> None:
    for value in ("810.00", "820.00"):
        await update(books, db, "Rent", amount=Decimal(value))


async def month_of_its_own(books: Books, db: Connection) -> None:
    await update(books, db, "Shopping", overrides={date(2026, 2, 1): Decimal("11.00")})
    await update(books, db, "Wages", overrides={date(2026, 3, 1): Decimal("1.00")})


async def month_taken_away(books: Books, db: Connection) -> None:
    await update(books, db, "Shopping", overrides={date(2026, 2, 1): None})


async def months(books: Books, db: Connection) -> None:
    await update(books, db, "Rent", last_month=None)
    await update(books, db, "Shopping", first_month=date(2026, 2, 1), is_rolled_over=False)


async def deleted(books: Books, db: Connection) -> None:
    for category in ("Shopping", "Wages"):
        budget = await of(books, db, category)
        await budgets.delete(db, books.organization_id, budget.budget_id)


async def created(books: Books, db: Connection) -> None:
    found = await categories.find(db, books.organization_id, "Coffee")
    new = budgets.NewBudget(
        category_id=found.category_id, currency="GBP", amount=Decimal(5), first_month=date(2026, 2, 1)
    )
    await budgets.create(db, books.organization_id, new)


async def renamed(books: Books, db: Connection) -> None:
    rent = await categories.find(db, books.organization_id, "Rent")
    await categories.update(db, books.organization_id, rent.category_id, name="Office", parent_id=rent.parent_id)


async def moved_below_another(books: Books, db: Connection) -> None:
    shopping = await categories.find(db, books.organization_id, "Shopping")
    hotels = await categories.find(db, books.organization_id, "Hotels and lodging")
    await categories.update(
        db, books.organization_id, hotels.category_id, name=hotels.name, parent_id=shopping.category_id
    )


async def merged(books: Books, db: Connection) -> None:
    rent = await categories.find(db, books.organization_id, "Rent")
    wages = await categories.find(db, books.organization_id, "Groceries")
    await categories.merge(db, books.organization_id, rent.category_id, into=wages.category_id)


async def spent_before(books: Books, db: Connection) -> None:
    """What goes over to the months of the report is less."""
    bought = await one_of(db, "-40.10")
    await transactions.update(db, books.organization_id, bought, {"booked_on": date(2026, 1, 9)})


CHANGES = (
    amount, month_of_its_own, month_taken_away, months, deleted, created, renamed, moved_below_another, merged,
    spent_before, acts.amount, acts.split, acts.recategorised, acts.deleted, acts.announced, acts.fiscal_year,
)  # fmt: skip


async def every(books: Books) -> list[Report]:
    return [await made(books, replace(asked, group_by=group)) for asked in ASKED for group in ("month", "year")]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_is_the_same_after(planned: Books, change: Change) -> None:
    before = await every(planned)
    async with planned.database.transaction(planned.organization_id) as db:
        await change(planned, db)
    assert [each.digest for each in await every(planned)] != [each.digest for each in before]  # the change is one
    await assert_the_same(planned, before)


async def test_is_the_same_and_explained_when_all_of_it_changed(planned: Books) -> None:
    before = await every(planned)
    for change in (spent_before, amount, acts.split, month_taken_away, moved_below_another, deleted, renamed):
        async with planned.database.transaction(planned.organization_id) as db:
            await change(planned, db)
        await assert_the_same(planned, before[:1])
    await assert_the_same(planned, before)
    for report in before:
        await assert_explained(planned, report)
        again = await as_of(planned, report.asked, report.as_of)
        assert again.parts == report.parts
        await assert_explained(planned, again)


async def test_of_the_present_is_what_budgets_say(planned: Books) -> None:
    for asked in ASKED:
        report = await made(planned, asked)
        assert (await as_of(planned, asked, datetime.now(UTC))).digest == report.digest


async def test_before_anything_was_planned_there_is_nothing(planned: Books) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for asked in ASKED:
        report = await as_of(planned, asked, long_ago)
        assert report.tables == ()
        assert "no_budget" in {note.code for note in report.notes}


async def test_who_is_still_changing_a_budget_is_not_in_it(planned: Books) -> None:
    async with planned.database.transaction(planned.organization_id) as writing:
        for change in (amount, month_of_its_own, created, acts.amount):
            await change(planned, writing)
        before = await every(planned)
        await assert_the_same(planned, before)
        await deleted(planned, writing)
    assert [each.digest for each in await every(planned)] != [each.digest for each in before]
    await assert_the_same(planned, before)


async def test_what_changes_nothing_of_an_account_or_a_category_leaves_it_there(planned: Books) -> None:
    """Whoever touched its row last did not make it."""
    asked = Asked(report="balance_sheet", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31))
    before = [await made(planned, asked), *await every(planned)]
    async with planned.database.transaction(planned.organization_id) as db:
        rent = await categories.find(db, planned.organization_id, "Rent")
        await categories.update(db, planned.organization_id, rent.category_id, name="Rent", parent_id=rent.parent_id)
        await accounts.update(db, planned.organization_id, planned.accounts["Current GBP"], {"number": "12345678"})
    await assert_the_same(planned, before)


async def unstamped(books: Books, tables: Mapping[str, str]) -> None:
    """As rows are that were there before their history was kept."""
    async with await psycopg.AsyncConnection.connect(**connection_parameters(Role.ADMIN)) as admin:
        for table, columns in tables.items():
            await admin.execute(
                f"update {table} set {columns} where organization_id = %s", [books.organization_id]  # type: ignore[arg-type]
            )  # fmt: skip


async def test_what_was_there_before_its_history_is_known_by_its_times(planned: Books) -> None:
    before = await every(planned)
    nothing = "row_xid = null, known_from = null"
    creators = dict.fromkeys(("books.categories", "books.accounts"), "created_xid = null")
    await unstamped(planned, {"books.budgets": nothing, "books.budget_months": nothing, **creators})
    await assert_the_same(planned, before)
    async with planned.database.transaction(planned.organization_id) as db:
        for change in (amount, month_of_its_own, renamed, deleted):
            await change(planned, db)
    await assert_the_same(planned, before)


async def test_two_organizations_apart(planned: Books, database: Database, stranger: Organization) -> None:
    theirs = await open_books(database, stranger)
    await plans.plan(theirs, "Rent", "1.00")
    before, of_theirs = await every(planned), await every(theirs)
    async with database.transaction(stranger.organization_id) as db:
        await amount(theirs, db)
    await assert_the_same(planned, before)
    await assert_the_same(theirs, of_theirs)
    told = figures((await as_of(theirs, BUDGET, before[0].as_of)).tables[0], "2026-01_planned")
    assert told["Rent"] == Decimal("1.00")


async def test_an_erasure_ends_what_was_planned_before(planned: Books, pipeline: Database) -> None:
    async with planned.database.transaction(planned.organization_id) as db:
        for change in (amount, month_taken_away, deleted, merged):
            await change(planned, db)
    done = await erase(pipeline, planned.organization_id, erased_by="test")
    assert {"books.budget_versions", "books.budget_month_versions", "books.category_code_versions"} <= done.rows.keys()
    async with pipeline.transaction() as db:
        for table in ("budget_versions", "budget_month_versions", "category_code_versions", "attachment_versions"):
            query = f"select from books.{table} where organization_id = %s"
            assert not await (await db.execute(query, [planned.organization_id])).fetchall()
