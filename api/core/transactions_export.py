"""Transactions as a file: CSV, XLSX or JSON, of what the list would show and in its order.

The file is written to disk while one statement is read, so it is one state of the books, however large; then the
transaction ends, and only then it is sent: nobody's slow line holds a connection.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import IO, Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ai2.books.transactions import listing
from ai2.books.transactions.listing import Filter
from ai2.books.transactions.service import Transaction
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.sheets import Cell, CsvSheet, Sheet, XlsxSheet
from api.core.transactions import SavedOrGiven, SplitOut, TransactionOut, check_theirs, with_saved
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/transactions", tags=["transactions"], route_class=Unit)

Format = Literal["csv", "xlsx", "json"]
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
# A sheet of a workbook ends at 1,048,576 rows; the rest of them is for what arrives while it is counted.
MOST_XLSX_ROWS = 1_000_000
IN_MEMORY_BYTES, PIECE_BYTES = 1_000_000, 64 * 1024
COLUMNS = list(TransactionOut.model_fields)
CONFIDENCE = COLUMNS.index("confidence")


class TooManyRowsForXlsx(Invalid):
    """A workbook holds a million rows and these are more; take fewer, or csv or json."""


class ExportQuery(SavedOrGiven):
    """What to export: filters and sorts are the list's."""

    format: Format
    bom: bool = Field(default=False, description="For csv: begin with a byte order mark, for programs that want one.")


class JsonItems:
    """One array of the list's items."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._before = file, b"["

    def write(self, items: Sequence[Transaction]) -> None:
        for item in items:
            self._file.write(self._before + TransactionOut.model_validate(item).model_dump_json().encode())
            self._before = b",\n"

    def close(self) -> None:
        self._file.write(b"[]" if self._before == b"[" else b"]")


@router.get(
    "/export",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                MEDIA_TYPES["xlsx"]: {"schema": {"type": "string", "format": "binary"}},
                "application/json": {
                    "schema": {"type": "array", "items": {"$ref": "#/components/schemas/TransactionOut"}}
                },
            },
        }
    },
)
async def export_transactions(db: Db, who: Caller, wanted: Annotated[ExportQuery, Query()]) -> Response:
    """All that the list would show, as a file with a row of names on top, or as one array of the list's items.

    In csv and xlsx a text that a spreadsheet would compute (it begins with = + - @, TAB or CR) has an apostrophe in
    front. Amounts are exact: in csv and json with all their digits; in xlsx a number where its fifteen digits
    suffice, and text where they do not.
    """
    meant = await with_saved(db, who, wanted)
    await check_theirs(db, who.organization_id, meant)
    chosen = Filter(**meant.chosen())
    if wanted.format == "xlsx" and await listing.total(db, who.organization_id, chosen) > MOST_XLSX_ROWS:
        raise TooManyRowsForXlsx(errors=(FieldError("format", "is csv or json for so many rows"),))
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - sent, and then closed
    write, close = _writer(file, wanted.format, bom=wanted.bom)
    async for some in listing.stream(db, who.organization_id, chosen, sort=meant.sort):
        await asyncio.to_thread(write, some)
    await asyncio.to_thread(close)
    headers = {
        "Content-Disposition": f'attachment; filename="transactions.{wanted.format}"',
        "Content-Length": str(file.tell()),
    }
    return StreamingResponse(_pieces(file), headers=headers, media_type=MEDIA_TYPES[wanted.format])


def _writer(
    file: IO[bytes], format: Format, *, bom: bool
) -> tuple[Callable[[Sequence[Transaction]], None], Callable[[], None]]:
    if format == "json":
        items = JsonItems(file)
        return items.write, items.close
    sheet: Sheet = CsvSheet(file, bom=bom) if format == "csv" else XlsxSheet(file, "Transactions")
    sheet.write([COLUMNS])
    return lambda some: sheet.write(map(_row, some)), sheet.close


def _row(item: Transaction) -> list[Cell]:
    cells = []
    for value in _values(item):
        way = _CELLS.get(type(value))
        cells.append(way(value) if way else value)
    if item.confidence is not None:
        cells[CONFIDENCE] = Decimal(repr(float(item.confidence)))  # as the list writes it
    return cells


def _json(value: dict[str, Any]) -> str | None:
    return json.dumps(value, ensure_ascii=False) if value else None


def _list(values: list[Any]) -> str:
    if all(isinstance(value, str) for value in values):
        return ", ".join(values)
    parts = [SplitOut.model_validate(value).model_dump(mode="json") for value in values]
    return json.dumps(parts, ensure_ascii=False)


# What holds several values is told as a list would be written, and what holds names, and splits, by JSON.
_CELLS: dict[type, Callable[[Any], Cell]] = {list: _list, dict: _json, UUID: str}
# By the names of the books, which are those of the list but for a few.
_values = attrgetter(*(str(field.validation_alias or name) for name, field in TransactionOut.model_fields.items()))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece
