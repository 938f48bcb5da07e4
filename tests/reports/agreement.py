"""Agreement: a report held to what the rows of the books say, cell by cell."""

from random import Random

from ai2.reports.model import Report
from tests.bookkeeping import Books
from tests.reports.reading import explained
from tests.reports.recomputed import Rows, Span, expected


def assert_agrees(rows: Rows, report: Report) -> None:
    """Every table, column, line and figure is what plain arithmetic over the rows gives, and nothing else is there."""
    wanted = expected(rows, report.asked)
    assert [table.currency for table in report.tables] == sorted(wanted)
    for table in report.tables:
        ours = wanted[table.currency]
        assert [Span(each.role, each.start, each.end) for each in table.columns] == ours.columns
        shown = {
            line.key: [table.by_place[line.key, column.key].amount for column in table.columns]
            for line in table.lines
            if line.kind != "heading"
        }
        assert shown == ours.figures, (report.asked, table.currency)
        own = [column.key for column in table.columns if not column.is_derived]
        for (line_key, place), entries in ours.entries.items():
            assert table.by_place[line_key, own[place]].entries == len(entries), (report.asked, line_key)
        for cell in table.cells:
            assert cell.amount is not None or cell.reason, (report.asked, cell)


async def assert_entries_are_these(books: Books, rows: Rows, report: Report, few: Random | None = None) -> None:
    """The explanation of every item, or of some by chance, names just the entries that the rows have, each once."""
    wanted = expected(rows, report.asked)
    for table in report.tables:
        own = [column.key for column in table.columns if not column.is_derived]
        items = list(wanted[table.currency].entries.items())
        for (line_key, place), entries in few.sample(items, min(len(items), 12)) if few else items:
            key = table.key_of(table.by_place[line_key, own[place]])
            _, told = await explained(books, report, key, limit=200)
            found = [(each.transaction_id, each.place, each.original_amount) for each in told if each.transaction_id]
            assert (len(found), set(found)) == (len(entries), entries), (report.asked, key)
