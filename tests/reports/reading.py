"""How tests read a report: by the names a person sees."""

from decimal import Decimal
from random import Random

from ai2.reports import explain, service
from ai2.reports.explain import EntryPart, Explanation
from ai2.reports.model import Asked, Cell, Report, Table
from tests.bookkeeping import Books


async def made(books: Books, asked: Asked) -> Report:
    async with books.database.transaction(books.organization_id) as db:
        return await service.generate(db, books.organization_id, asked, created_by="test")


def figures(table: Table, column: str = "") -> dict[str, Decimal | None]:
    """Every line that has figures, by its label, in one column."""
    chosen = column or table.columns[0].key
    return {
        line.label: table.by_place[line.key, chosen].amount
        for line in table.lines
        if (line.key, chosen) in table.by_place
    }


async def explained(books: Books, report: Report, key: str, limit: int = 1000) -> tuple[Explanation, list[EntryPart]]:
    """A cell's explanation, and the entries of all of its pages."""
    first: Explanation | None = None
    entries: list[EntryPart] = []
    after = None
    while first is None or after is not None:
        async with books.database.transaction(books.organization_id) as db:
            found = await explain.explain(db, books.organization_id, report.report_id, key, after=after, limit=limit)
        first = first or found
        entries += found.entries
        after = found.last
    return first, entries


async def assert_explained(books: Books, report: Report, *, limit: int = 3, few: Random | None = None) -> None:
    """Every cell of every table is the sum of its parts; or of some by chance."""
    for table in report.tables:
        cells = few.sample(table.cells, min(len(table.cells), 12)) if few else table.cells
        for cell in cells:
            await _assert_adds_up(books, report, table, cell, limit)


async def _assert_adds_up(books: Books, report: Report, table: Table, cell: Cell, limit: int) -> None:
    """Of the cells that it is worked out from, and of its entries and what is converted whole."""
    key = table.key_of(cell)
    told, entries = await explained(books, report, key, limit=limit)
    column = next(each for each in table.columns if each.key == cell.column)
    assert told.amount == cell.amount
    if cell.amount is None or column.role == "change_pct" or column.measure in ("average", "smallest", "largest"):
        return
    if told.cells:
        assert sum((each.sign * (each.amount or 0) for each in told.cells), Decimal(0)) == cell.amount, key
    if not column.is_derived:
        parts = [each.amount for each in entries if each.amount is not None]
        parts += [each.amount for each in told.balances if each.amount is not None]
        assert sum(parts, Decimal(0)) == cell.amount, key
    for balance in told.balances:
        own = [each for each in entries if (each.line, each.account_id) == (balance.line, balance.account_id)]
        assert sum((each.original_amount for each in own), Decimal(0)) == balance.original_amount
