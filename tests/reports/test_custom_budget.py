"""Custom reports beside the budget: what was planned for each row, once, and followed down to the budget."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import NewBudget
from ai2.books.categories import service as categories
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.kit.errors import Problem
from ai2.reports.model import Asked, Report
from tests.bookkeeping import Books, open_books
from tests.reports import test_as_of as acts
from tests.reports import test_budget
from tests.reports.random_books import keep
from tests.reports.reading import assert_explained, explained, figures, made
from tests.reports.test_budget import plan
from tests.reports.test_changes import assert_adds_up
from tests.seeds import seeds

ASKED = Asked(
    report="custom", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31), dimensions=("group",),
    measures=("expense",), compare_to="budget",
)  # fmt: skip
SIGNS = {"income": {"income": 1}, "expense": {"expense": 1}, "net": {"income": 1, "expense": -1}}
MONTHS = tuple(date(2025, month, 1) for month in (10, 11, 12)) + tuple(date(2026, month, 1) for month in (1, 2, 3))
planned = test_budget.planned


def told(report: Report, currency: str = "GBP") -> list[dict[str, Decimal | None]]:
    """Of one currency what was, what was planned, the difference, and that in percent."""
    table = next(table for table in report.tables if table.currency == currency)
    return [figures(table, column.key) for column in table.columns[:4]]


def notes(report: Report) -> dict[str, str]:
    return {note.code: note.text for note in report.notes}


async def test_by_group_its_own_budget_or_those_of_its_categories(planned: Books) -> None:
    report = await made(planned, ASKED)
    actual, budget, change, percent = told(report)
    assert (actual["Shopping"], budget["Shopping"]) == (Decimal("25.05"), Decimal("70.00"))
    assert (budget["Rent and utilities"], change["Rent and utilities"], percent["Rent and utilities"]) == (
        Decimal("1600.00"), Decimal("-750.00"), Decimal("-46.9"),
    )  # fmt: skip
    assert (actual["Total"], budget["Total"]) == (Decimal("885.04"), Decimal("1670.00"))
    assert (budget["Not categorised"], budget["Income"]) == (None, None)
    assert [column.label for column in report.tables[0].columns][1:] == ["Budget", "Change", "Change %"]
    await assert_explained(planned, report)
    line = next(line.key for line in report.tables[1].lines if line.label == "Shopping")
    _, parts = await explained(planned, report, f"GBP.{line}.{report.tables[1].columns[1].key}")
    assert [(each.amount, each.told and each.told.label) for each in parts] == [
        (Decimal(amount), f"Planned for Shopping, {month} 2026")
        for amount, month in (("30.00", "Jan"), ("10.00", "Feb"), ("30.00", "Mar"))
    ]


async def test_the_net_of_what_was_planned_as_in_profit_and_loss(planned: Books) -> None:
    report = await made(planned, replace(ASKED, measures=("net", "income", "expense"), group_by="month"))
    statement = await made(planned, replace(ASKED, report="profit_and_loss", dimensions=(), measures=()))
    table, theirs = report.tables[1], figures(statement.tables[1], statement.tables[1].columns[1].key)
    whole = {measure: figures(table, f"total_{measure}_budget") for measure in SIGNS}
    assert [whole[measure]["Total"] for measure in ("income", "expense", "net")] == [
        theirs["Total income"], theirs["Total expenses"], theirs["Net profit"],
    ]  # fmt: skip
    assert (whole["net"]["Income"], whole["net"]["Shopping"]) == (Decimal("5700.00"), Decimal("-70.00"))
    assert figures(table, "2026-03_net_budget")["Total"] == Decimal("1870.00")
    await assert_explained(planned, report, few=Random(1))


async def test_by_category_a_groups_budget_is_in_the_total_alone(planned: Books) -> None:
    await planned.book("Current GBP", "2026-03-01", "-1.00", "Shopping")
    report = await made(planned, replace(ASKED, dimensions=("category",)))
    _, budget, change, _ = told(report)
    assert (budget["Rent"], budget["Electronics"], budget["Shopping"]) == (Decimal("1600.00"), None, None)
    assert (budget["Total"], change["Total"]) == (Decimal("1670.00"), Decimal("-783.96"))
    reasons = {cell.line: cell.reason for cell in report.tables[1].cells if cell.amount is None}
    lines = {line.label: line.key for line in report.tables[1].lines}
    assert reasons[lines["Electronics"]] == "it has no budget"
    assert reasons[lines["Shopping"]] == "its budget covers all below it too, and is in the total"
    assert "Shopping (GBP)" in notes(report)["budget_of_a_group"]
    await assert_explained(planned, report)


async def test_a_budget_within_another_counts_once(planned: Books) -> None:
    await plan(planned, "Electronics", "20.00", last_month=date(2026, 1, 1))
    by_category = await made(planned, replace(ASKED, dimensions=("category",)))
    assert (told(by_category)[1]["Electronics"], told(by_category)[1]["Total"]) == (20, Decimal("1670.00"))
    assert "Electronics (GBP)" in notes(by_category)["budget_within_another"]
    assert told(await made(planned, ASKED))[1]["Shopping"] == Decimal("70.00")
    statement = await made(planned, replace(ASKED, report="spending", dimensions=(), measures=()))
    assert told(statement)[1]["Total spending"] == Decimal("1670.00")


async def test_what_was_budgeted_and_never_spent_has_a_row_or_is_among_the_others(planned: Books) -> None:
    await plan(planned, "Coffee", "5.00")
    await plan(planned, "Groceries", "9.00", "USD")
    by_category = replace(ASKED, dimensions=("category",))
    report = await made(planned, by_category)
    assert [each["Coffee"] for each in told(report)[:3]] == [0, 15, -15]
    assert [each["Groceries"] for each in told(report, "USD")[:3]] == [0, 27, -27]
    assert told(report, "USD")[1]["Total"] == 27
    few = await made(planned, replace(by_category, rows=1))
    assert [(each["Rent"], each["Other"], each["Total"]) for each in told(few)[:2]] == [
        (Decimal("850.00"), Decimal("35.04"), Decimal("885.04")), (Decimal("1600.00"), 15, Decimal("1685.00")),
    ]  # fmt: skip
    for each in (report, few):
        await assert_explained(planned, each)


async def test_of_what_was_chosen_only_what_lies_in_it_whole(planned: Books, database: Database) -> None:
    ids = dict(await planned.read("select name, category_id::text from books.categories"))
    shopping = await made(planned, replace(ASKED, filters=(("group", (ids["Shopping"],)),)))
    assert [each["Total"] for each in told(shopping)[:2]] == [Decimal("25.05"), Decimal("70.00")]
    some = replace(
        ASKED, dimensions=("category",), filters=(("category", (ids["Electronics"], ids["Rent"], None)),),
    )  # fmt: skip
    report = await made(planned, some)
    assert [each["Total"] for each in told(report)[:2]] == [Decimal("885.04"), Decimal("1600.00")]
    assert "Shopping (GBP)" in notes(report)["budget_beyond_filter"]


async def test_is_not_converted(planned: Books) -> None:
    report = await made(planned, replace(ASKED, currency="GBP"))
    assert [table.currency for table in report.tables] == ["GBP"]
    assert told(report)[1]["Total"] == Decimal("1670.00")
    assert "EUR" in notes(report)["budget_other_currencies"]


async def test_of_days_that_are_no_months_there_is_no_budget(planned: Books) -> None:
    report = await made(planned, replace(ASKED, end_date=date(2026, 3, 30)))
    table = report.tables[1]
    assert {table.by_place[line.key, table.columns[1].key].reason for line in table.lines} == {
        "budgets are of whole months"
    }


async def test_is_the_same_whatever_is_planned_afterwards_and_what_moved_adds_up(planned: Books) -> None:
    asked = (
        ASKED, replace(ASKED, dimensions=("category",), group_by="month"), replace(ASKED, measures=("net",), rows=1),
    )  # fmt: skip
    before = [await made(planned, each) for each in asked]
    names = dict(await planned.read("select category_id, name from books.categories"))
    ids = {names[key]: each for key, each in await planned.read("select category_id, budget_id from books.budgets")}
    whose = planned.organization_id
    async with planned.database.transaction(whose) as db:
        await budgets.update(db, whose, ids["Rent"], {"amount": Decimal("900.00")})
        await budgets.delete(db, whose, ids["Shopping"])
        electronics, income = [await categories.find(db, whose, name) for name in ("Electronics", "Rent and utilities")]
        await categories.update(db, whose, electronics.category_id, name="Gadgets", parent_id=income.category_id)
        await acts.recategorised(planned, db)
    await plan(planned, "Coffee", "5.00")
    assert all(
        now.digest != then.digest
        for now, then in zip([await made(planned, each) for each in asked], before, strict=True)
    )
    await acts.assert_the_same(planned, before)
    for report in before:
        await assert_explained(planned, report, few=Random(1))
        await assert_adds_up(planned, report)


async def test_two_organizations_apart(planned: Books, database: Database, stranger: Organization) -> None:
    theirs = await open_books(database, stranger)
    await theirs.book("Current GBP", "2026-01-31", "-1.00", "Rent")
    await plan(theirs, "Rent", "7.00")
    before = await made(planned, ASKED)
    assert [each["Total"] for each in told(await made(theirs, ASKED))[:2]] == [1, 21]
    await plan(theirs, "Shopping", "11.00")
    assert (await made(planned, ASKED)).digest == before.digest
    assert told(before)[1]["Total"] == Decimal("1670.00")


@dataclass(frozen=True)
class Tree:
    """Budgets as they lie in their table, and what lies above each category: for plain arithmetic."""

    above: dict[str, str | None]
    kinds: dict[str, str]
    # by currency, category and month
    amounts: dict[tuple[str, str, date], Decimal]

    def row(self, category: str, dimension: str) -> str | None:
        has_below = category in self.above.values()
        if dimension == "category":
            return None if has_below else category
        return category if has_below else self.above[category] or category

    def sum(
        self, currency: str, measure: str, months: Iterable[date], rows: set[str | None], dimension: str
    ) -> Decimal | None:
        """What these rows have; of one that lies in another of them nothing."""
        found = []
        for month in months:
            own = {
                category: amount
                for (code, category, on), amount in self.amounts.items()
                if (code, on) == (currency, month) and self.row(category, dimension) in rows
                and self.kinds[category] in SIGNS[measure]
            }  # fmt: skip
            found += [
                SIGNS[measure][self.kinds[category]] * amount
                for category, amount in own.items()
                if not own.keys() & set(self.higher(category))
            ]
        return sum(found, Decimal(0)) if found else None

    def higher(self, category: str) -> Iterable[str]:
        while above := self.above[category]:
            yield (category := above)


async def tree(books: Books) -> Tree:
    rows = await books.read(
        "select category_id::text, parent_id::text, kind from books.categories where archived_at is null"
    )
    known = await books.read(
        "select currency::text, category_id::text, first_month, last_month, amount from books.budgets"
    )
    return Tree(
        {key: above for key, above, _ in rows},
        {key: kind for key, _, kind in rows},
        {
            (currency, key, month): amount
            for currency, key, first, last, amount in known
            for month in MONTHS
            if first <= month <= (last or month)
        },
    )


async def plan_at_random(books: Books, categories: list[UUID], random: Random) -> None:
    """Budgets of groups and of what lies in them; what the books refuse is not planned."""
    for _ in range(12):
        first, last = sorted(random.choices(MONTHS, k=2))
        new = NewBudget(
            category_id=random.choice(categories), currency=random.choice(("GBP", "EUR")),
            amount=Decimal(random.randint(0, 90000)) / 100, first_month=first,
            last_month=random.choice((None, last)),
        )  # fmt: skip
        try:
            async with books.database.transaction(books.organization_id) as db:
                await budgets.create(db, books.organization_id, new)
        except Problem:
            continue


@pytest.mark.parametrize("seed", seeds("test_the_same_as_plain_arithmetic_over_budgets", 2))
async def test_the_same_as_plain_arithmetic_over_budgets(database: Database, marts: None, seed: int) -> None:
    random = Random(seed)
    books, keeper = await keep(database, random, 40)
    await plan_at_random(books, keeper.categories, random)
    known = await tree(books)
    for _ in range(8):
        first, last = sorted(random.sample(range(len(MONTHS)), 2))
        asked = replace(
            ASKED, start_date=MONTHS[first], end_date=_end(MONTHS[last]),
            dimensions=(random.choice(("category", "group")),), group_by=random.choice(("none", "month", "quarter")),
            measures=tuple(random.sample([*SIGNS], random.randint(1, 3))), rows=random.choice((1, 2, None)),
        )  # fmt: skip
        report = await made(books, asked)
        _assert_planned(report, known)
        await assert_explained(books, report, few=random)


def _end(month: date) -> date:
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return date.fromordinal(after.toordinal() - 1)


def _assert_planned(report: Report, known: Tree) -> None:
    (dimension,), months = report.asked.dimensions, [month for month in MONTHS if month <= report.asked.end_date]
    for code, category, month in known.amounts:
        of_measures = any(known.kinds[category] in SIGNS[measure] for measure in report.asked.measures)
        if of_measures and report.asked.start_date <= month <= months[-1]:
            assert code in {table.currency for table in report.tables}
    every: set[str | None] = {known.row(category, dimension) for _, category, _ in known.amounts}
    for table in report.tables:
        shown = {
            dict(line.where.dimensions)[dimension]: line.key
            for line in table.lines
            if line.where and line.where.item == "row"
        }
        rows: dict[str, set[str | None]] = {key: {value} for value, key in shown.items() if value}
        rows |= {"total": {*every, None}, "other": every - set(shown) - {None}}
        for column in table.columns:
            if column.source == "kept" and column.start:
                months = [month for month in MONTHS if column.start <= month <= column.end]
                for line in table.lines:
                    wanted = known.sum(
                        table.currency, str(column.measure), months, rows.get(line.key, set()), dimension
                    )
                    cell = table.by_place[line.key, column.key]
                    assert cell.amount == wanted, (report.asked, line.label, column)
