"""Statements: the figures a person would write on paper, each the sum of its parts, as soon as a row is written."""

from datetime import date
from decimal import Decimal

import pytest

from ai2.books.rates import service as rates
from ai2.reports.model import Asked
from tests.bookkeeping import Books
from tests.reports.reading import assert_explained, figures, made

QUARTER = {"start_date": date(2026, 1, 1), "end_date": date(2026, 3, 31)}
EVERY = ("profit_and_loss", "balance_sheet", "cash_flow", "spending", "category_breakdown", "trend")


class TestFigures:
    async def test_profit_and_loss(self, books: Books) -> None:
        report = await made(books, Asked(report="profit_and_loss", **QUARTER))
        euros, pounds = report.tables
        assert (euros.currency, pounds.currency) == ("EUR", "GBP")
        assert figures(pounds) == {
            "Income: Wages": Decimal("2000.00"),
            "Total income": Decimal("2000.00"),
            "Shopping: Electronics": Decimal("25.05"),
            "Rent and utilities: Rent": Decimal("850.00"),
            "Not categorised": Decimal("9.99"),
            "Total expenses": Decimal("885.04"),
            "Net profit": Decimal("1114.96"),
        }
        assert figures(euros)["Net profit"] == Decimal("-120.00")

    async def test_balance_sheet(self, books: Books) -> None:
        report = await made(books, Asked(report="balance_sheet", **QUARTER))
        pounds = figures(report.tables[1])
        assert pounds["Current GBP"] == Decimal("714.96")
        assert pounds["Total assets"] == pounds["Total equity"] == Decimal("1214.96")
        assert pounds["Exchange differences"] == 0

    async def test_converted_by_each_days_rate(self, books: Books) -> None:
        async with books.database.transaction(books.organization_id) as db:
            for day, rate in ((date(2026, 2, 14), "0.80"), (date(2026, 3, 31), "0.90")):
                await rates.set_own(
                    db, books.organization_id, base="EUR", quote="GBP", on=day, rate=Decimal(rate), set_by="test"
                )
        flows = await made(books, Asked(report="profit_and_loss", currency="GBP", **QUARTER))
        assert figures(flows.tables[0])["Net profit"] == Decimal("1018.96")
        sheet = figures((await made(books, Asked(report="balance_sheet", currency="GBP", **QUARTER))).tables[0])
        assert sheet["Travel EUR"] == Decimal("-108.00")
        assert sheet["Exchange differences"] == Decimal("-12.00")
        assert sheet["Total equity"] == sheet["Total assets"] == Decimal("1106.96")

    async def test_what_has_no_rate_is_no_figure(self, books: Books) -> None:
        report = await made(books, Asked(report="profit_and_loss", currency="JPY", **QUARTER))
        net = report.tables[0].by_place["net", report.tables[0].columns[0].key]
        assert (net.amount, bool(net.reason)) == (None, True)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("currency", [None, "GBP"])
async def test_every_cell_is_the_sum_of_its_parts(books: Books, name: str, currency: str | None) -> None:
    async with books.database.transaction(books.organization_id) as db:
        await rates.set_own(
            db, books.organization_id, base="EUR", quote="GBP", on=date(2026, 2, 14), rate=Decimal("0.8333"),
            set_by="test",
        )  # fmt: skip
    asked = Asked(
        report=name, start_date=date(2026, 1, 15), end_date=date(2026, 2, 20), group_by="month", currency=currency,  # type: ignore[arg-type]
        compare_to="previous_period",
    )  # fmt: skip
    await assert_explained(books, await made(books, asked))


@pytest.mark.parametrize("name", EVERY)
async def test_what_was_just_written_is_in_the_next_report(books: Books, name: str) -> None:
    asked = Asked(report=name, **QUARTER)  # type: ignore[arg-type]
    before = await made(books, asked)
    await books.book("Current GBP", "2026-02-03", "-1.00", "Rent")
    after = await made(books, asked)
    assert before.digest != after.digest
    again = await made(books, asked)
    assert (again.digest, again.report_id == after.report_id) == (after.digest, False)
