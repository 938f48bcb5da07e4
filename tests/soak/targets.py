"""Targets: for each format small valid files to begin with, and the words that its parser listens for."""

import io
import zipfile
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from tests.ingest import writing

# Valid files have a name with a dot; what a hunt found has none.
SEEDS = Path(__file__).parent / "seeds"
ROWS: writing.Rows = [
    ("Date", "Description", "Amount", "Balance"),
    (date(2025, 1, 13), "Tea & co", Decimal("-12.34"), Decimal("87.66")),
    (date(2025, 1, 14), "Bus", Decimal("1234.5"), Decimal("1322.16")),
    (date(2025, 1, 14), "Bus", "-1,00", None),
]
XLSX = writing.xlsx_parts(
    '<x:row r="1"><x:c r="A1" t="s"><x:v>0</x:v></x:c><x:c t="inlineStr"><x:is><x:t>Text</x:t></x:is></x:c>'
    '<x:c t="str"><x:v>Amount</x:v></x:c></x:row><x:row><x:c s="1"><x:v>45670</x:v></x:c><x:c t="s"><x:v>1</x:v></x:c>'
    "<x:c><x:f>1+1</x:f><x:v>-12.340000000000001</x:v></x:c></x:row>",
    "<x:si><x:t>Date</x:t></x:si><x:si><x:r><x:t>Tea</x:t></x:r></x:si>",
    '<x:numFmts><x:numFmt numFmtId="165" formatCode="dd/mm/yy"/></x:numFmts>'
    '<x:cellXfs><x:xf numFmtId="0"/><x:xf numFmtId="165"/></x:cellXfs>',
)


@dataclass(frozen=True)
class Target:
    """`parts` are those of a zip, which are packed anew after one of them was changed."""

    seeds: tuple[bytes, ...] = ()
    parts: tuple[dict[str, str | bytes], ...] = ()
    words: tuple[bytes, ...] = ()


def _parts(zipped: bytes) -> dict[str, str | bytes]:
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _valid(name: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((SEEDS / name).glob("*.*")))


WORDS = {
    "ofx": (b"<STMTTRN>", b"</STMTTRN>", b"<INVSTMTRS>", b"<CCSTMTRS>", b"<!DOCTYPE", b"]]>", b"&#"),
    "mt940": (b"\n:61:", b"\n:86:", b"\n:62F:", b"\n:60M:", b"\n-}", b"{1:", b"?20", b"RC", b"//"),
    "camt": (b"<Ntry>", b"</Ntry>", b"<Amt>", b"<!ENTITY", b"<TxDtls>", b"&amp;", b"<RvslInd>true"),
    "qif": (b"\n^\n", b"\nD", b"\nT", b"\n$", b"\nS", b"\n!Type:", b"\n!Account\n", b"'", b"-"),
    "bai2": (b"\n16,", b"\n88,", b"\n03,", b"\n49,", b"/ 16,", b",/", b"D,99,", b",,,,"),
    "json": (b"{", b"}", b"[", b"]", b'"', b"null", b"1e999999999", b"-0", b"NaN", b"\\u0000", b"\\ud800", b'"a":'),
    "delimited": (b'"', b";", b"\t", b"|", b"\r\n", b"Date", b"31.02.2025", b"1.000", b"CR"),
}
TARGETS = {
    **{name: Target(_valid(name), words=words) for name, words in WORDS.items()},
    "xlsx": Target(
        (writing.packed(XLSX),),
        (XLSX, _parts(writing.xlsx(ROWS))),
        (b"<x:row>", b"</x:c>", b'r="XFD9"', b't="s"', b"<!DOCTYPE", b'date1904="1"', b"1e9", b"&lt;"),
    ),
    "ods": Target(
        (writing.ods(ROWS),),
        (_parts(writing.ods(ROWS)),),
        (b"<table:table-row>", b"</table:table-cell>", b'number-rows-repeated="9999"', b"<text:p>"),
    ),
    "xls": Target((writing.xls(ROWS),)),
    "old_tables": Target(
        (writing.spreadsheetml(ROWS), writing.html(ROWS)),
        words=(b"<Row>", b"</Cell>", b'ss:Index="9"', b"<table>", b"</tr>", b"<td colspan=99>", b"<!--", b"&#x110000;"),
    ),
}
