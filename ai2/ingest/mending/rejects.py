"""Rejects: quarantined rows as a CSV file that a person corrects and sends back, and that file read again.

Each row has its line number and reason before the cells that it came with; where the file has no columns (OFX,
MT940...), a date, an amount and a description to fill in, and the text as it came. A spreadsheet runs a cell that
begins like a formula: such a cell gets an apostrophe before it, which reading takes away again. A plain number
begins no formula.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ai2.ingest import encodings
from ai2.ingest.layout.model import Layout
from ai2.ingest.lines import Reason
from ai2.ingest.mending.corrections import FREE_HEADER, Cells, header_of, is_table
from ai2.kit.errors import FieldError, Invalid

LEADING = ("line", "reason_code", "reason")
ORIGINAL = "original"
DELIMITERS = ",;\t|"
# What OWASP lists under CSV injection, with any apostrophes before it, so that none is lost.
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
NUMBER = re.compile(r"[+-]\d[\d.,]*")
ESCAPED = re.compile(r"'+[=+\-@\t\r\n]")


class NotRejects(Invalid):
    """The file is not one of rejected rows; its first column is `line`, as in rejects.csv."""


class ColumnsDoNotFit(Invalid):
    """The file's columns are not those of rejects.csv; keep them, only the reasons may go."""


@dataclass(frozen=True)
class File:
    """One file of a batch: the lines after `lines_before` are its."""

    lines_before: int
    layout: Layout | None

    @property
    def columns(self) -> Cells:
        """What a person fills in, and beside it the text as it came where that has no columns."""
        return header_of(self.layout) if is_table(self.layout) else (*FREE_HEADER, ORIGINAL)


@dataclass(frozen=True)
class Sent:
    """What came back: the cells by line, and what is no row of a line."""

    rows: dict[int, Cells]
    ignored: list[dict[str, Any]]


def files(described: Mapping[str, Any] | None) -> list[File]:
    """A batch's files, from what its import wrote down of them (ai2.ingest.loading.batches.described)."""
    return [
        File(each["lines_before"], Layout.model_validate(each["layout"]) if each["layout"] else None)
        for each in (described or {}).get("files", [])
    ] or [File(0, None)]


def as_csv(known: list[File], rejected: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The rows, each file's under its header."""
    last = None
    for row in rejected:
        file = _file_of(known, row["line_number"])
        if file is not last:
            yield _line([*LEADING, *file.columns])
            last = file
        yield _line([str(row["line_number"]), row["reason_code"], row["reason"], *map(safe, _cells(file, row))])


def safe(cell: str) -> str:
    """The cell so that no spreadsheet runs it."""
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell


def plain(cell: str) -> str:
    """The cell as it was before `safe`."""
    return cell[1:] if ESCAPED.match(cell) else cell


def read(raw: bytes, known: list[File]) -> Sent:
    """The corrected rows in a file that came back. Raises NotRejects, ColumnsDoNotFit."""
    text = _text(raw)
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in DELIMITERS if _is_header(next(csv.reader([first], delimiter=mark), []))), None)
    if delimiter is None:
        raise NotRejects(errors=(FieldError("file", "begins with the column `line`"),))
    rows: dict[int, Cells] = {}
    ignored: list[dict[str, Any]] = []
    names: Cells = ()
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        if _is_header(row):
            names = tuple(row[1:])
        elif any(row):
            _take(row, names, known, rows, ignored)
    return Sent(rows, ignored)


def _take(
    row: list[str], names: Cells, known: list[File], rows: dict[int, Cells], ignored: list[dict[str, Any]]
) -> None:
    try:
        line = int(row[0])
    except ValueError:
        ignored.append({"line_number": None, "reason": "the row has no line number"})
        return
    file = _file_of(known, line)
    cells = _in_order(tuple(map(plain, row[1:])), names, file)
    if line in rows:
        ignored.append({"line_number": line, "reason": "the line is given twice; the first counts"})
    elif not is_table(file.layout) and not any(cell.strip() for cell in cells):
        ignored.append({"line_number": line, "reason": "nothing was filled in"})
    else:
        rows[line] = cells


def _in_order(cells: Cells, names: Cells, file: File) -> Cells:
    """The cells as the file has its columns; reasons may have been taken out, columns moved."""
    wanted = header_of(file.layout)
    for skipped in range(len(LEADING)):
        if _same(names[skipped : skipped + len(wanted)], wanted) and set(names[:skipped]) <= set(LEADING):
            end = len(wanted) + (not is_table(file.layout)) + skipped
            kept = cells[skipped : skipped + len(wanted)]
            # what stands beyond the last column was there before
            return (*kept, *cells[end:]) if any(cells[end:]) else kept
    places = {name.strip().casefold(): place for place, name in enumerate(names)}
    if len(places) == len(names) and all(name.strip().casefold() in places for name in wanted):
        found = [places[name.strip().casefold()] for name in wanted]
        return tuple(cells[place] if place < len(cells) else "" for place in found)
    raise ColumnsDoNotFit(errors=(FieldError("file", f"has the columns {', '.join(('line', *wanted))}"[:500]),))


def _same(names: Cells, wanted: Cells) -> bool:
    return [plain(name).strip().casefold() for name in names] == [name.strip().casefold() for name in wanted]


def _is_header(row: list[str]) -> bool:
    return len(row) > 1 and row[0].strip().casefold() == LEADING[0]


def _file_of(known: list[File], line: int) -> File:
    return next((file for file in reversed(known) if line > file.lines_before), known[0])


def is_unchanged(known: list[File], row: Mapping[str, Any], cells: Cells) -> bool:
    """Whether a row came back just as it went out."""
    went_out = _cells(_file_of(known, row["line_number"]), row)[: len(cells)]
    return [cell.strip() for cell in cells] == [cell.strip() for cell in went_out]


def _cells(file: File, row: Mapping[str, Any]) -> list[str]:
    """The row's cells as they came, as many as there are columns at least."""
    original = (row["original"] or "").rstrip("\r\n")
    if not is_table(file.layout) and row["reason_code"] == Reason.PERIOD_CLOSED.value:
        return [*original.split(", ", 2), original]
    if file.layout is None or not is_table(file.layout):
        return [*("" for _ in FREE_HEADER), original]
    cells = _split(original, file.layout, is_open=row["reason_code"] == "open_quote")
    return cells + [""] * (len(file.columns) - len(cells))


def _split(original: str, layout: Layout, *, is_open: bool) -> list[str]:
    if is_open or not layout.quote:
        return original.split(layout.delimiter)
    lines = io.StringIO(original, newline="")
    reader = csv.reader(lines, delimiter=layout.delimiter, quotechar=layout.quote, escapechar=layout.escape)
    try:
        return next(reader, [])
    except csv.Error:
        return original.split(layout.delimiter)


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _text(raw: bytes) -> str:
    """The file's text, whatever a spreadsheet wrote it as."""
    found = encodings.examine(io.BytesIO(raw))
    return raw.decode(found.encoding, errors="replace").lstrip("\ufeff")
