"""The tax summary: what the tax rules answer, line by line, each figure followed down to transactions and rules."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai2.identity import organizations
from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.kit.errors import Invalid
from ai2.kit.periods import Period
from ai2.reports.model import Asked
from ml.tax import service as tax
from ml.tax.totals import Totals
from tests.bookkeeping import Books, open_books
from tests.reports.reading import assert_explained, explained, figures, made

YEAR = {"start_date": date(2025, 4, 6), "end_date": date(2026, 4, 5)}
ASKED = Asked(report="tax_summary", **YEAR)  # type: ignore[arg-type]


@pytest.fixture
async def traders(books: Books) -> Books:
    """A sole trader in Great Britain: stationery, a lunch with a client, a refund, and one without a rate."""
    async with books.database.transaction(books.organization_id) as db:
        said = {"tax_jurisdiction": "GB", "tax_role": "self_employed", "tax_registered": False}
        await organizations.update(db, books.organization_id, said)
    await books.book("Current GBP", "2025-05-01", "-120.00", "Office supplies")
    await books.book("Current GBP", "2026-03-01", "20.00", "Office supplies")
    await books.book("Current GBP", "2025-06-01", "-100.00", "Restaurants")
    await books.book("Current GBP", "2025-07-01", "-80.00", "Groceries")
    await books.book("Travel EUR", "2025-08-01", "-60.00", "Office supplies")
    return books


async def analysed(books: Books) -> Totals:
    async with books.database.transaction(books.organization_id) as db:
        found = await tax.analyse(db, books.organization_id, period=Period(ASKED.start_date, ASKED.end_date))
    return found.totals


async def test_lines_are_those_of_the_form(traders: Books) -> None:
    (table,) = (await made(traders, ASKED)).tables
    told = figures(table)
    assert table.currency == "GBP"
    assert told["Wages"] == told["Total income"] == Decimal("2000.00")
    assert (told["adminCosts"], told["Deductions confirmed"]) == (Decimal("100.00"), Decimal("100.00"))
    # a lunch with a client is told whole, and as not allowed
    assert told["businessEntertainmentCosts"] == told["businessEntertainmentCostsDisallowable"] == Decimal("100.00")
    assert told["Deductions possible"] == Decimal("875.05")
    assert told["A receipt"] == told["Deductions of which evidence is missing"] == Decimal("975.05")
    assert (told["Personal"], told["Nobody said what it was for"]) == (Decimal("80.00"), Decimal("9.99"))


async def test_agrees_with_the_tax_analysis(traders: Books) -> None:
    (table,) = (await made(traders, ASKED)).tables
    told, known = figures(table), await analysed(traders)
    assert told["Deductions confirmed"] == known.confirmed
    assert told["Deductions possible"] == known.possible
    assert told["Not allowed of what was paid"] == known.disallowed
    assert told["Deductible by rules of a secondary source"] == known.unverified
    column = table.columns[0].key
    for line in known.by_line:
        for section, amount in (("confirmed", line.confirmed), ("possible", line.possible)):
            cell = table.by_place.get((f"{section}-line-{line.line.lower()}", column))
            assert (cell.amount if cell else 0) == amount


async def test_what_has_no_rate_is_not_assessed_and_says_why(traders: Books) -> None:
    report = await made(traders, ASKED)
    (table,) = report.tables
    cells = [cell for cell in table.cells if cell.amount is None]
    assert [(cell.entries, "no rate" in str(cell.reason)) for cell in cells] == [(2, True)]
    assert "tax_not_assessed" in {note.code for note in report.notes if note.is_warning}


async def test_every_cell_is_the_sum_of_its_parts(traders: Books) -> None:
    asked = replace(ASKED, group_by="quarter", compare_to="previous_year")
    report = await made(traders, asked)
    await assert_explained(traders, report)


async def test_a_cell_names_transaction_rule_law_and_source(traders: Books) -> None:
    report = await made(traders, ASKED)
    (table,) = report.tables
    key = table.key_of(table.by_place["confirmed-line-admincosts", table.columns[0].key])
    _, entries = await explained(traders, report, key, limit=1)
    assert [(each.amount, each.original_amount) for each in entries] == [
        (Decimal("120.00"), Decimal("-120.00")), (Decimal("-20.00"), Decimal("20.00")),
    ]  # fmt: skip
    for each in entries:
        assert each.told is not None
        assert all((each.told.rule_id, each.told.rule_version, each.told.law, each.told.source, each.transaction_id))


async def test_keeps_its_parts_when_the_books_change(traders: Books) -> None:
    report = await made(traders, ASKED)
    before = report.tables[0].by_place["total-confirmed", report.tables[0].columns[0].key]
    await traders.book("Current GBP", "2025-05-02", "-7.00", "Office supplies")
    _, entries = await explained(traders, report, report.tables[0].key_of(before))
    assert sum(each.amount or 0 for each in entries) == before.amount == Decimal("100.00")


async def test_other_jurisdictions_have_their_own_lines(traders: Books) -> None:
    asked = replace(ASKED, jurisdiction="DE")
    report = await made(traders, asked)
    assert report.tables[0].currency == "EUR"
    assert "tax_no_form" in {note.code for note in report.notes}
    with pytest.raises(Invalid):
        await made(traders, replace(asked, currency="GBP"))


async def test_two_organizations_apart(traders: Books, database: Database, stranger: Organization) -> None:
    theirs = await open_books(database, stranger)
    await theirs.book("Current GBP", "2025-05-01", "-7.00", "Office supplies")
    asked = replace(ASKED, jurisdiction="GB")
    assert figures((await made(theirs, asked)).tables[0])["adminCosts"] == Decimal("7.00")
    assert figures((await made(traders, asked)).tables[0])["adminCosts"] == Decimal("100.00")
