"""Writers: rows of a table into a file of a format, some at a time, so that no file ever sits in memory."""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Protocol

from ai2.kit.sheets import CsvSheet, Sheet, XlsxSheet, instant
from ai2.reports.exports.asked import Format
from ai2.reports.exports.columns import MONEY_DECIMALS, MONEY_DIGITS, RATE_DECIMALS, RATE_DIGITS, Column, Kind
from ai2.reports.exports.tables import Table

Rows = Sequence[Sequence[Any]]
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
}
# Rows that Parquet keeps together: what is read at once, and what is held while it is written.
GROUP_ROWS = 65_536


class Writer(Protocol):
    """Where rows go. The file itself stays open."""

    def write(self, rows: Rows) -> None: ...

    def close(self) -> None: ...


def writer(wanted: Format, file: IO[bytes], table: Table) -> Writer:
    """What writes a table in this format."""
    match wanted:
        case "csv":
            return InSheet(CsvSheet(file), table.columns, head=True)
        case "xlsx":
            head = [column.name for column in table.columns]
            return InSheet(XlsxSheet(file, table.title, head=head), table.columns)
        case "parquet":
            return InParquet(file, table.columns)
        case _:
            return InJson(file, table.columns)


class InSheet:
    """CSV or XLSX: what holds several values is told as text."""

    def __init__(self, sheet: Sheet, columns: Sequence[Column], *, head: bool = False) -> None:
        self._sheet = sheet
        self._ways = [(place, _TOLD[each.kind]) for place, each in enumerate(columns) if each.kind in _TOLD]
        if head:
            sheet.write([[column.name for column in columns]])

    def write(self, rows: Rows) -> None:
        self._sheet.write(map(self._row, rows))

    def close(self) -> None:
        self._sheet.close()

    def _row(self, row: Sequence[Any]) -> list[Any]:
        cells = list(row)
        for place, way in self._ways:
            if cells[place] is not None:
                cells[place] = way(cells[place])
        return cells


class InJson:
    """One array of objects, one a line. Amounts are texts, as everywhere in this API."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._file, self._before = file, "[\n"
        self._fields = [(f"{json.dumps(each.name)}:", _WRITTEN[each.kind]) for each in columns]

    def write(self, rows: Rows) -> None:
        text = ",\n".join(map(self._object, rows))
        self._file.write(f"{self._before}{text}".encode())
        self._before = ",\n"

    def close(self) -> None:
        self._file.write(b"[]\n" if self._before == "[\n" else b"\n]\n")

    def _object(self, row: Sequence[Any]) -> str:
        fields = zip(self._fields, row, strict=True)
        return f"{{{','.join(name + ('null' if v is None else way(v)) for (name, way), v in fields)}}}"


class InParquet:
    """Parquet with exact decimals, days as date32, and texts of few values kept once each."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [
            pa.field(each.name, _arrow(each.kind), metadata={"description": each.about, "unit": each.unit or ""})
            for each in columns
        ]
        self._schema = pa.schema(fields)
        self._shares = [place for place, each in enumerate(columns) if each.kind == "share"]
        self._file = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._number = 0

    def write(self, rows: Rows) -> None:
        import pyarrow as pa

        values = [list(column) for column in zip(*rows, strict=True)]
        for place in self._shares:
            values[place] = [None if share is None else float(share) for share in values[place]]
        arrays = [pa.array(column, type=field.type) for column, field in zip(values, self._schema, strict=True)]
        self._waiting.append(pa.record_batch(arrays, schema=self._schema))
        self._number += len(rows)
        if self._number >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            table = pa.Table.from_batches(self._waiting).unify_dictionaries()
            self._file.write_table(table, row_group_size=GROUP_ROWS * 2)
        self._waiting, self._number = [], 0


def _arrow(kind: Kind) -> Any:
    import pyarrow as pa

    kinds = {
        "id": pa.string(),
        "text": pa.string(),
        "json": pa.string(),
        "label": pa.dictionary(pa.int32(), pa.string()),
        "texts": pa.list_(pa.string()),
        "date": pa.date32(),
        "instant": pa.timestamp("us", tz="UTC"),
        "money": pa.decimal128(MONEY_DIGITS, MONEY_DECIMALS),
        "rate": pa.decimal128(RATE_DIGITS, RATE_DECIMALS),
        "share": pa.float64(),
        "count": pa.int64(),
        "truth": pa.bool_(),
    }
    return kinds[kind]


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _in_quotes(value: Decimal) -> str:
    return f'"{value:f}"'


def _number(value: Decimal) -> str:
    return f"{value:f}"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _day(value: date) -> str:
    return f'"{value.isoformat()}"'


def _moment(value: datetime) -> str:
    return f'"{instant(value)}"'


def _as_it_is(value: str) -> str:
    return value


_TOLD: dict[Kind, Callable[[Any], Any]] = {"texts": ", ".join, "truth": _truth}
_WRITTEN: dict[Kind, Callable[[Any], str]] = {
    "id": _text,
    "text": _text,
    "label": _text,
    "texts": _text,
    "date": _day,
    "instant": _moment,
    "money": _in_quotes,
    "rate": _in_quotes,
    "share": _number,
    "count": str,
    "truth": _truth,
    "json": _as_it_is,
}
