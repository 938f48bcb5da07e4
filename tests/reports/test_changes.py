"""Changes: what a report's cells moved by is what its causes add up to, to the cent, each cause named."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from ai2.books.rates import service as rates
from ai2.reports import changes
from ai2.reports.changes_model import Changes, RowChange
from ai2.reports.model import Asked, Report
from tests.bookkeeping import Books
from tests.reports import test_as_of as acts
from tests.reports.reading import made
from tests.reports.test_as_of import CHANGES, QUARTER, Change

ASKED = (
    Asked(report="profit_and_loss", currency="GBP", compare_to="previous_period", **QUARTER),
    Asked(report="balance_sheet", currency="GBP", group_by="month", **QUARTER),
    Asked(report="cash_flow", group_by="month", **QUARTER),
)
rated = acts.rated


async def moved(books: Books, report: Report, limit: int = 1) -> tuple[Changes, list[RowChange]]:
    """What moved: the first page, and the rows of all pages."""
    first, found, before = None, [], None
    while first is None or before is not None:
        async with books.database.transaction(books.organization_id) as db:
            page = await changes.changes(db, books.organization_id, report.report_id, before=before, limit=limit)
        first, before = first or page, page.last
        found += page.rows
    return first, found


async def assert_adds_up(books: Books, report: Report) -> Changes:
    """Every cell is now what it was and what its causes say, and no other cell moves."""
    told, found = await moved(books, report)
    now = await made(books, report.asked)
    sums: dict[str, Decimal | None] = defaultdict(Decimal)
    for effect in [each for one in (*told.causes, *found) for each in one.effects]:
        known = None not in (sums[effect.key], effect.difference)
        sums[effect.key] = sums[effect.key] + effect.difference if known else None  # a rate is missing
    derived = {column.key for table in now.tables for column in table.columns if column.is_derived}
    cells = {cell.key: cell for cell in told.cells if cell.key.rsplit(".", 1)[-1] not in derived}
    silent = {key for key, cell in cells.items() if cell.difference is None}
    both = (*report.tables, *now.tables)  # a figure that could not be had, and still cannot, has not changed
    silent |= {table.key_of(cell) for table in both for cell in table.cells if cell.amount is None}
    assert {key for key, each in sums.items() if each is None} <= silent
    assert {key: cell.difference for key, cell in cells.items() if key not in silent} == {
        key: each for key, each in sums.items() if each != 0 and key not in silent
    }
    for table in now.tables:
        for cell in table.cells:
            key = table.key_of(cell)
            assert key not in cells or cells[key].amount_now == cell.amount
    assert told.is_changed == (now.digest != report.digest)
    return told


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_add_up_after(rated: Books, change: Change) -> None:
    reports = [await made(rated, asked) for asked in ASKED]
    async with rated.database.transaction(rated.organization_id) as db:
        await change(rated, db)
    told = [await assert_adds_up(rated, report) for report in reports]
    assert any(each.is_changed for each in told) or change is acts.fiscal_year


async def test_add_up_after_all_of_them(rated: Books) -> None:
    reports = [await made(rated, asked) for asked in ASKED]
    for change in (
        acts.split,
        acts.recategorised,
        acts.deleted,
        acts.rate,
        acts.account,
        acts.anchor,
        acts.new_account,
    ):
        async with rated.database.transaction(rated.organization_id) as db:
            await change(rated, db)
    await rated.book("Travel EUR", "2026-03-31", "-33.33", "Electronics")
    async with rated.database.transaction(rated.organization_id) as db:
        await rates.set_own(
            db, rated.organization_id, base="EUR", quote="GBP", on=date(2026, 2, 14), rate=Decimal("0.8111"),
            set_by="test",
        )  # fmt: skip
    for report in reports:
        await assert_adds_up(rated, report)


async def test_say_why_newest_first(rated: Books) -> None:
    report = await made(rated, ASKED[0])
    for change in (acts.amount, acts.recategorised, acts.deleted):
        async with rated.database.transaction(rated.organization_id, actor=f"user:{change.__name__}") as db:
            await change(rated, db)
    new = await rated.book("Current GBP", "2026-03-05", "-5.00", "Rent")
    _, rows = await moved(rated, report)
    assert [(row.reasons, row.changed_by) for row in rows] == [
        (("new",), None), (("deleted",), "user:deleted"), (("category",), "user:recategorised"),
        (("amount",), "user:amount"),
    ]  # fmt: skip
    assert rows[0].transaction_id == new.transaction_id
    assert (rows[2].before["decided_by"], rows[2].after["decided_by"]) == (None, "user")
    assert [(row.before or {}).get("amount") for row in rows[1:]] == [
        Decimal("-40.10"), Decimal("-9.99"), Decimal("-850.00"),
    ]  # fmt: skip


async def test_a_renamed_category_is_named_and_moves_nothing(rated: Books) -> None:
    report = await made(rated, ASKED[2])
    async with rated.database.transaction(rated.organization_id) as db:
        await acts.renamed_category(rated, db)
    told, rows = await moved(rated, report)
    labels = {(cause.label_then, cause.label_now) for cause in told.causes if cause.kind == "renamed"}
    assert ("Rent and utilities: Rent", "Rent and utilities: Office") in labels
    assert rows == []


async def test_nothing_moved_is_told_so(rated: Books) -> None:
    told, rows = await moved(rated, await made(rated, ASKED[1]))
    assert (told.is_changed, told.cells, told.causes, rows) == (False, (), (), [])
