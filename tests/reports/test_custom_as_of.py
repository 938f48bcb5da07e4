"""Custom reports as of a moment: what was known then, whatever is done afterwards; and what moved since."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from ai2.books.categories import service as categories
from ai2.books.rates import service as rates
from ai2.books.transactions import service as transactions
from ai2.books.transactions import splits
from ai2.books.transactions.splits import Part
from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Problem
from ai2.reports import moments, service
from ai2.reports.model import Asked
from ai2.reports.service import ReportNotFound
from tests.bookkeeping import Books, open_books
from tests.reports import test_as_of as acts
from tests.reports.random_books import keep, keep_on
from tests.reports.reading import assert_explained, explained, figures, made
from tests.reports.test_as_of import Change, as_of, assert_the_same, one_of
from tests.reports.test_changes import assert_adds_up, moved
from tests.reports.test_custom_random import FISCAL, expected, named, questions, told, write
from tests.seeds import seeds

QUARTER = Asked(
    report="custom", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31), dimensions=("category",),
    measures=("expense", "count"),
)  # fmt: skip
SHAPES = (
    replace(QUARTER, rows=2, group_by="month"),
    replace(QUARTER, dimensions=("group", "section"), measures=("net",), currency="GBP", compare_to="previous_period"),
    replace(QUARTER, dimensions=("tag",), measures=("amount",), rows=1),
    replace(QUARTER, dimensions=("merchant", "decided_by"), measures=(), currency="GBP"),
    replace(QUARTER, dimensions=("account", "quarter"), filters=(("tag", ("home", None)),)),
    replace(QUARTER, dimensions=("year",), measures=("count",), filters=(("description", ("rent",)),)),
)
NO_SUMS = replace(QUARTER, dimensions=("category",), measures=("average", "smallest", "largest"))
rated = acts.rated


async def tagged(books: Books, db: Connection) -> None:
    tags = "update books.transactions set tags = '{home,fixed}' where organization_id = %s and amount = -850"
    await db.execute(tags, [books.organization_id])


async def retagged(books: Books, db: Connection) -> None:
    tags = "update books.transactions set tags = '{car}' where organization_id = %s and amount in (-850, -40.10)"
    await db.execute(tags, [books.organization_id])


async def renamed_merchant(books: Books, db: Connection) -> None:
    changes = {"merchant": "Corner Shop", "description": "Renting a drill"}
    await transactions.update(db, books.organization_id, await one_of(db, "-9.99"), changes)


async def moved_category(books: Books, db: Connection) -> None:
    rent = await categories.find(db, books.organization_id, "Rent")
    shopping = await categories.find(db, books.organization_id, "Shopping")
    await categories.update(db, books.organization_id, rent.category_id, name="Rent", parent_id=shopping.category_id)
    wages = await categories.find(db, books.organization_id, "Wages")
    await categories.update(db, books.organization_id, wages.category_id, name="Pay", parent_id=None)


async def split_with_tags(books: Books, db: Connection) -> None:
    parts = [
        Part(amount=Decimal("-30.10"), category="Coffee", tags=("gift",)),
        Part(amount=Decimal("-10"), category="Electronics"),
    ]
    await splits.put(db, books.organization_id, await one_of(db, "-40.10"), parts)


async def added(books: Books, db: Connection) -> None:
    new = transactions.NewTransaction(
        booked_on=date(2026, 3, 3), amount=Decimal("-77.00"), currency="EUR", description="Hotel",
        account_id=books.accounts["Travel EUR"], category="Hotels and lodging", tags=("home",),
    )  # fmt: skip
    await transactions.create(db, books.organization_id, new)


async def another_rate(books: Books, db: Connection) -> None:
    await rates.set_own(
        db, books.organization_id, base="EUR", quote="GBP", on=date(2026, 2, 14), rate=Decimal("0.71"), set_by="test"
    )


# The last ones first would not find what they change.
CHANGES: tuple[Change, ...] = (
    tagged, another_rate, renamed_merchant, acts.recategorised, retagged, moved_category, acts.split, added,
    split_with_tags, acts.account, acts.merged_category, acts.announced, acts.fiscal_year,
)  # fmt: skip


async def test_is_the_same_whatever_comes_after(rated: Books) -> None:
    known = {asked: [await made(rated, asked)] for asked in SHAPES}
    for change in CHANGES:
        async with rated.database.transaction(rated.organization_id) as db:
            await change(rated, db)
        for asked, reports in known.items():
            reports.append(await made(rated, asked))
    for asked, reports in known.items():
        assert len({report.digest for report in reports}) > 2, asked
        await assert_the_same(rated, reports[::3])
        for report in (reports[0], reports[len(CHANGES) // 2]):
            await assert_explained(rated, report, few=Random(1))


@pytest.mark.parametrize("asked", SHAPES[:4], ids=lambda asked: "_".join(asked.dimensions))
async def test_what_moved_adds_up(rated: Books, asked: Asked) -> None:
    first = await made(rated, asked)
    for change in CHANGES[:8]:
        async with rated.database.transaction(rated.organization_id) as db:
            await change(rated, db)
    second = await made(rated, asked)
    for change in CHANGES[8:-1]:
        async with rated.database.transaction(rated.organization_id) as db:
            await change(rated, db)
    for report in (first, second):
        assert (await assert_adds_up(rated, report)).is_changed


async def test_says_why(rated: Books) -> None:
    report = await made(rated, SHAPES[2])
    for change in (tagged, renamed_merchant):
        async with rated.database.transaction(rated.organization_id, actor=f"user:{change.__name__}") as db:
            await change(rated, db)
    _, rows = await moved(rated, report)
    assert [(row.reasons, row.changed_by) for row in rows] == [(("tags",), "user:tagged")]


async def test_an_average_is_told_without_parts(rated: Books) -> None:
    report = await made(rated, NO_SUMS)
    async with rated.database.transaction(rated.organization_id) as db:
        await acts.recategorised(rated, db)
    told_of, rows = await moved(rated, report)
    changed = {(cell.label, cell.column): (cell.amount_then, cell.amount_now) for cell in told_of.cells}
    assert changed["Rent", "Average"] == (Decimal("-850.00"), Decimal("-430.00"))
    assert (rows, told_of.causes) == ([], ())


async def test_is_of_one_moment_though_somebody_writes_meanwhile(rated: Books) -> None:
    whose, first = rated.organization_id, [await made(rated, asked) for asked in SHAPES]
    async with rated.database.transaction(whose) as db:
        known = await moments.present(db, whose)
        async with rated.database.transaction(whose) as writing:
            for change in (acts.recategorised, tagged, moved_category):
                await change(rated, writing)
        for asked, before in zip(SHAPES, first, strict=True):
            report = await service.make_at(db, whose, asked, known)
            assert (report.digest, report.as_of) == (before.digest, known.moment.at)


async def test_of_a_group_that_is_none_any_more(rated: Books) -> None:
    ids = dict(await rated.read("select name, category_id::text from books.categories"))
    asked = replace(QUARTER, dimensions=("group",), filters=(("group", (ids["Shopping"],)),))
    report = await made(rated, asked)
    async with rated.database.transaction(rated.organization_id) as db:
        for name in ("Electronics", "Shopping"):
            found = await categories.find(db, rated.organization_id, name)
            rent = await categories.find(db, rated.organization_id, "Rent and utilities")
            await categories.update(db, rated.organization_id, found.category_id, name=name, parent_id=rent.category_id)
    await assert_the_same(rated, [report])


async def _disturb(books: Books, random: Random) -> None:
    """Rows recategorised, retagged, split, deleted, moved and added; categories renamed and moved."""
    whose = books.organization_id
    rows = await books.read("select transaction_id, amount from books.transactions where splits is null")
    [[rent]] = await books.read("select category_id from books.categories where name = 'Rent'")
    for transaction_id, amount in random.sample(rows, 25):
        changes: list[dict[str, Any]] = [
            {"category_id": random.choice([None, rent])}, {"merchant": "Elsewhere", "description": "nr 1 home"},
            {"booked_on": date(2026, 1, random.randint(1, 28))}, {"tags": ["car"]}, {},
        ]  # fmt: skip
        parts = [Part(amount=amount - 1, category="Rent"), Part(amount=Decimal(1), category="Coffee", tags=("gift",))]
        change = random.choice(changes)
        with suppress(Problem):  # a transfer's other side is not to be split
            async with books.database.transaction(whose) as db:
                if change:
                    await transactions.update(db, whose, transaction_id, change)
                elif random.random() < 0.5 and amount != 1:
                    await splits.put(db, whose, transaction_id, parts)
                else:
                    await transactions.delete(db, whose, transaction_id)
    async with books.database.transaction(whose) as db:
        await organizations.update(db, whose, {"fiscal_year_start": 1 + FISCAL})
        for name in ("Coffee", "Electronics"):
            found = await categories.find(db, whose, name)
            await categories.update(db, whose, found.category_id, name=f"{name} again", parent_id=None)
    await write(books, random, {"Coffee": "Coffee again", "Electronics": "Electronics again"})


@pytest.mark.parametrize("seed", seeds("test_is_what_plain_python_reckoned_then", 1))
async def test_is_what_plain_python_reckoned_then(
    database: Database, organization: Organization, stranger: Organization, marts: None, seed: int
) -> None:
    random = Random(seed)
    for whose in (organization, stranger):
        async with database.transaction(whose.organization_id) as db:
            await organizations.update(db, whose.organization_id, {"fiscal_year_start": FISCAL})
    both = [await open_books(database, whose) for whose in (organization, stranger)]
    written = [await write(books, random) for books in both]
    names, at = [await named(books) for books in both], datetime.now(UTC)
    for books in both:
        await _disturb(books, random)
    for asked in [*questions(random)][:6]:
        for books, entries, by_id in zip(both, written, names, strict=True):
            then = await made(books, replace(asked, as_of=at))
            assert told(then, by_id) == expected(entries, asked), asked
            await assert_explained(books, then, limit=50, few=random)
            assert (await as_of(books, asked, datetime.now(UTC))).digest == (await made(books, asked)).digest


@pytest.mark.parametrize("seed", seeds("test_of_random_books_it_adds_up", 1))
async def test_of_random_books_it_adds_up(database: Database, marts: None, seed: int) -> None:
    random = Random(seed)
    books, keeper = await keep(database, random, 40)
    shapes = ("category", "group", "account", "section", "decided_by", "month")
    reports = [
        await made(books, Asked(
            report="custom", start_date=date(2025, 9, 1), end_date=date(2026, 4, 30), rows=random.choice((2, 5, None)),
            dimensions=tuple(random.sample(shapes, random.randint(1, 2))), currency=random.choice((None, "GBP")),
            measures=tuple(random.sample(("amount", "income", "expense", "net", "count"), 2)),
        ))
        for _ in range(5)
    ]  # fmt: skip
    await keep_on(keeper, database, 15)
    await assert_the_same(books, reports)
    for report in reports:
        await assert_explained(books, report, limit=50, few=random)
        await assert_adds_up(books, report)


async def test_two_organizations_never_mix(rated: Books, database: Database, stranger: Organization) -> None:
    theirs = await open_books(database, stranger)
    await theirs.book("Current GBP", "2026-01-31", "-850.00", "Rent")
    ours = await made(rated, QUARTER)
    async with database.transaction(theirs.organization_id) as db:
        await moved_category(theirs, db)
    at = datetime.now(UTC)
    told_of_them = figures((await as_of(theirs, QUARTER, at)).tables[0])
    assert (told_of_them["Rent"], told_of_them["Total"]) == (Decimal("850.00"), Decimal("850.00"))
    assert (await as_of(rated, QUARTER, at)).digest == ours.digest
    with pytest.raises(ReportNotFound):
        await explained(theirs, ours, ours.tables[0].key_of(ours.tables[0].cells[0]))
