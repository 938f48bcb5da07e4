"""CSV: what the report is of, then one table after another, exact, and no text of anybody's a formula."""

import io
from collections.abc import Iterator

from ai2.kit.sheets import Cell, CsvSheet
from ai2.reports.model import Line, Report, Table
from ai2.reports.render.wording import facts, origin, subject, with_decimals

HEAD = ("Line", "Kind", "Depth", "Currency")


def csv(report: Report, *, bom: bool = False) -> bytes:
    """A report as CSV. Rows of a table have the table's number of cells; a blank row comes before each table."""
    file = io.BytesIO()
    sheet = CsvSheet(file, bom=bom)
    sheet.write(_preamble(report))
    for table in report.tables:
        sheet.write(_rows(table))
    sheet.close()
    return file.getvalue()


def _preamble(report: Report) -> Iterator[tuple[Cell, ...]]:
    yield "Title", report.title
    for note in sorted(report.notes, key=lambda each: not each.is_warning):
        yield "Warning" if note.is_warning else "Note", note.text
    for fact in [*subject(report), *facts(report), *origin(report)]:
        yield fact.name, fact.value


def _rows(table: Table) -> Iterator[tuple[Cell, ...]]:
    yield ()
    yield (table.title,)
    yield *HEAD, *(column.label for column in table.columns), "Missing"
    for line in table.lines:
        yield _row(table, line)


def _row(table: Table, line: Line) -> tuple[Cell, ...]:
    """A line: its figures with all their digits, and of those that are missing why."""
    figures: list[Cell] = []
    missing = []
    for column in table.columns:
        cell = table.by_place.get((line.key, column.key))
        if cell is None or cell.amount is None:
            figures.append(None)
            missing += [f"{column.label}: {cell.reason}"] if cell and cell.reason else []
        else:
            figures.append(with_decimals(cell.amount, column, table.currency))
    return line.label, line.kind, line.depth, table.currency, *figures, "; ".join(missing)
