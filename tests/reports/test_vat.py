"""The VAT return: boxes from what the tax rules answer and the books say, and nothing guessed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from ai2.books.transactions import attachments
from ai2.identity import organizations
from ai2.kit.periods import Period
from ai2.reports.definitions.vat import OUTSIDE
from ai2.reports.forms.taxed import read_rate
from ai2.reports.forms.vat_returns import RETURNS
from ai2.reports.model import Asked
from ml.tax import service as tax
from tests.bookkeeping import Books
from tests.reports.reading import assert_explained, explained, figures, made

ASKED = Asked(report="vat", start_date=date(2026, 1, 1), end_date=date(2026, 3, 31))


async def said(books: Books, **settings: Any) -> None:
    async with books.database.transaction(books.organization_id) as db:
        await organizations.update(db, books.organization_id, {f"tax_{name}": each for name, each in settings.items()})


async def sell(books: Books, day: str, amount: str, tax_rate: str | None) -> None:
    sold = await books.book("Current GBP", day, amount, "Income")
    if tax_rate is not None:
        async with books.database.transaction(books.organization_id) as db:
            query = """
                update books.transactions set attributes = jsonb_build_object('tax_rate', %s::text)
                where organization_id = %s and transaction_id = %s
            """
            await db.execute(query, [tax_rate, books.organization_id, sold.transaction_id])


@pytest.fixture
async def registered(books: Books) -> Books:
    """Sales at 20 % and 0 %, one exempt, one of which nobody said it; stationery with and without its receipt."""
    await said(books, jurisdiction="GB", role="self_employed", registered=True, scheme="cash")
    await sell(books, "2026-01-05", "1200.00", "20")
    await sell(books, "2026-02-05", "-120.00", "20 %")
    await sell(books, "2026-02-06", "300.00", "0")
    await sell(books, "2026-02-07", "50.00", "exempt")
    await sell(books, "2026-03-07", "77.00", None)
    paid = await books.book("Current GBP", "2026-03-01", "-60.00", "Office supplies")
    await books.book("Current GBP", "2026-03-02", "-36.00", "Office supplies")
    async with books.database.transaction(books.organization_id) as db:
        await attachments.add(
            db, books.organization_id, paid.transaction_id, file=BytesIO(b"%PDF-1.7 ours"), file_name="receipt.pdf",
            size_bytes=13, added_by="test",
        )  # fmt: skip
    return books


async def test_boxes(registered: Books) -> None:
    report = await made(registered, ASKED)
    told = figures(report.tables[0])
    boxes = {label.partition(":")[0]: amount for label, amount in told.items() if label[0].isdigit()}
    assert boxes == {
        "1": Decimal("180.00"), "2": 0, "3": Decimal("180.00"), "4": Decimal("10.00"), "5": Decimal("170.00"),
        "6": Decimal("1250.00"), "7": Decimal("80.00"), "8": 0, "9": 0,
    }  # fmt: skip
    assert told["At 20 %: output tax"] == Decimal("180.00")
    assert told["At 0 %: sales, without tax"] == Decimal("300.00")
    assert told[OUTSIDE["unknown_sales"]] == Decimal("77.00")
    # half of the electronics came back; nobody said that they were for the business
    assert told[OUTSIDE["input_possible"]] == Decimal("10.17")
    assert {"vat_rates_unknown", "vat_basis", "vat_form"} <= {note.code for note in report.notes}


async def test_agrees_with_the_tax_analysis(registered: Books) -> None:
    told = figures((await made(registered, ASKED)).tables[0])
    async with registered.database.transaction(registered.organization_id) as db:
        period = Period(ASKED.start_date, ASKED.end_date)
        known = (await tax.analyse(db, registered.organization_id, period=period)).totals
    assert told["4: VAT reclaimed on purchases and other inputs"] == known.recoverable_confirmed
    assert told[OUTSIDE["input_possible"]] == known.recoverable_possible


@pytest.mark.parametrize("where", [*RETURNS, "DE"])
async def test_every_cell_is_the_sum_of_its_parts(registered: Books, where: str) -> None:
    await said(registered, jurisdiction="CA-ON" if where == "CA" else where, registered=True)
    report = await made(registered, replace(ASKED, group_by="quarter"))
    assert report.tables
    await assert_explained(registered, report)


async def test_a_box_names_rule_and_law(registered: Books) -> None:
    report = await made(registered, ASKED)
    (table,) = report.tables
    _, entries = await explained(registered, report, f"GBP.box-4.{table.columns[0].key}")
    assert [(each.amount, each.original_amount) for each in entries] == [(Decimal("10.00"), Decimal("-60.00"))]
    assert entries[0].told is not None
    assert (entries[0].told.rule_id, bool(entries[0].told.law)) == ("gb.consumption.standard", True)


@pytest.mark.parametrize(
    "settings", [{"registered": False}, {"registered": None}, {"scheme": "flat_rate"}, {"scheme": "exempt"}]
)
async def test_says_why_there_is_no_return(registered: Books, settings: dict[str, Any]) -> None:
    await said(registered, **settings)
    report = await made(registered, ASKED)
    assert (report.tables, report.notes[0].code) == ((), "vat_no_return")


async def test_who_reckons_by_invoices_is_told_that_they_are_missing(registered: Books) -> None:
    await said(registered, scheme="accrual")
    notes = (await made(registered, ASKED)).notes
    assert any(note.code == "vat_basis" and note.is_warning for note in notes)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20", 20), ("20.0%", 20), (" 5 % ", 5), ("Exempt", "exempt"), ("standard", None), ("120", None), ("-5", None)],
)
def test_a_rate_that_was_said(text: str, rate: int | str | None) -> None:
    assert read_rate(text) == rate
