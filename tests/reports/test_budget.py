"""Budget against actual: as the budgets themselves stand, each figure followed down."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import NewBudget
from ai2.books.categories import service as categories
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.kit.errors import Invalid
from ai2.reports.model import Asked
from tests.bookkeeping import Books, open_books
from tests.reports.reading import assert_explained, explained, figures, made

ASKED = Asked(
    report="budget", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31), group_by="month",
)  # fmt: skip


async def plan(books: Books, category: str, amount: str, currency: str = "GBP", **more: object) -> None:
    async with books.database.transaction(books.organization_id) as db:
        found = await categories.find(db, books.organization_id, category)
        new = NewBudget(
            category_id=found.category_id, currency=currency, amount=Decimal(amount), first_month=date(2026, 1, 1),
            **more,  # type: ignore[arg-type]
        )  # fmt: skip
        await budgets.create(db, books.organization_id, new)


@pytest.fixture
async def planned(books: Books) -> Books:
    """Rent overspent by 50, electronics rolled over with one month of its own, wages as an income, hotels in euros."""
    await plan(books, "Rent", "800.00", last_month=date(2026, 2, 1))
    await plan(books, "Shopping", "30.00", is_rolled_over=True, overrides={date(2026, 2, 1): Decimal("10.00")})
    await plan(books, "Wages", "1900.00")
    await plan(books, "Hotels and lodging", "100.00", "EUR")
    await books.book("Travel EUR", "2026-02-15", "-5.00", "Electronics")
    return books


async def test_planned_carried_actual_left_and_used(planned: Books) -> None:
    report = await made(planned, ASKED)
    euros, pounds = report.tables
    assert [each.currency for each in report.tables] == ["EUR", "GBP"]
    february = {name: figures(pounds, f"2026-02{name}") for name in ("_planned", "_carried", "", "_left", "_used_pct")}
    assert [found["Shopping"] for found in february.values()] == [
        Decimal("10.00"), Decimal("30.00"), Decimal("25.05"), Decimal("14.95"), Decimal("62.6"),
    ]  # fmt: skip
    total = {name: figures(pounds, f"total{name}") for name in ("_planned", "_carried", "", "_left")}
    assert [found["Shopping"] for found in total.values()] == [
        Decimal("70.00"), Decimal(0), Decimal("25.05"), Decimal("44.95"),
    ]  # fmt: skip
    assert figures(pounds, "total_left")["Rent"] == Decimal("750.00")
    assert figures(pounds, "total_left")["Total expenses"] == Decimal("794.95")
    assert figures(pounds, "total")["Total income"] == Decimal("2000.00")
    assert figures(euros, "total")["Hotels and lodging"] == Decimal("120.00")
    over = next(note for note in report.notes if note.code == "over_budget" and "GBP" in note.text)
    assert "Rent in Jan 2026 by 50.00" in over.text
    assert "EUR" in next(note for note in report.notes if note.code == "budget_other_currencies").text


async def test_agrees_with_how_budgets_stand(planned: Books) -> None:
    report = await made(planned, ASKED)
    for month in (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)):
        async with planned.database.transaction(planned.organization_id) as db:
            known = await budgets.standing(db, planned.organization_id, month)
        for each in known:
            assert each.month is not None
            table = next(table for table in report.tables if table.currency == each.budget.currency)
            told = [
                table.by_place[f"budget-{each.budget.budget_id}", f"{month:%Y-%m}{name}"].amount
                for name in ("_planned", "_carried", "", "_left")
            ]
            assert told == [each.month.planned, each.month.carried, each.month.spent, each.month.left]


async def test_every_cell_is_the_sum_of_its_parts(planned: Books) -> None:
    report = await made(planned, ASKED)
    await assert_explained(planned, report)
    pounds = report.tables[1]
    line = next(line.key for line in pounds.lines if line.label == "Shopping")
    _, told = await explained(planned, report, f"GBP.{line}.2026-02_planned")
    assert [(each.amount, each.told and each.told.label) for each in told] == [
        (Decimal("10.00"), "Planned for Shopping, Feb 2026, an amount of this month's own")
    ]


@pytest.mark.parametrize("name", ["profit_and_loss", "spending"])
async def test_statements_beside_the_budget(planned: Books, name: str) -> None:
    asked = replace(ASKED, report=name, group_by="none", compare_to="budget")  # type: ignore[arg-type]
    report = await made(planned, asked)
    pounds = report.tables[1]
    actual, budget, change, percent = (figures(pounds, column.key) for column in pounds.columns)
    assert (budget["Rent and utilities: Rent"], change["Rent and utilities: Rent"]) == (1600, Decimal("-750.00"))
    assert percent["Rent and utilities: Rent"] == Decimal("-46.9")
    assert (budget["Electronics"], budget["Not categorised"]) == (None, None)
    assert (budget["Total Shopping"], actual["Total Shopping"]) == (Decimal("70.00"), Decimal("25.05"))
    total = "Total expenses" if name == "profit_and_loss" else "Total spending"
    assert budget[total] == Decimal("1670.00")
    if name == "profit_and_loss":
        assert budget["Net profit"] == 3 * 1900 - 1670
    cell = next(cell for cell in pounds.cells if cell.amount is None and cell.reason)
    assert cell.reason == "it has no budget"
    await assert_explained(planned, report)


async def test_a_budget_of_which_nothing_was_spent_is_a_line(planned: Books) -> None:
    await plan(planned, "Coffee", "5.00")
    asked = replace(ASKED, report="spending", group_by="none", compare_to="budget")
    pounds = (await made(planned, asked)).tables[1]
    label = next(line.label for line in pounds.lines if "Coffee" in line.label)
    assert [figures(pounds, column.key)[label] for column in pounds.columns[:3]] == [0, 15, -15]


async def test_is_of_whole_months(planned: Books) -> None:
    with pytest.raises(Invalid):
        await made(planned, replace(ASKED, start_date=date(2026, 1, 2)))
    asked = replace(ASKED, report="spending", group_by="none", compare_to="budget", end_date=date(2026, 3, 30))
    pounds = (await made(planned, asked)).tables[1]
    assert {pounds.by_place[line.key, pounds.columns[1].key].reason for line in pounds.lines if line.where} == {
        "budgets are of whole months"
    }


async def test_two_organizations_apart(planned: Books, database: Database, stranger: Organization) -> None:
    theirs = await open_books(database, stranger)
    assert (await made(theirs, ASKED)).tables == ()
    assert "no_budget" in {note.code for note in (await made(theirs, ASKED)).notes}
