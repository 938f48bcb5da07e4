"""Sheets: what is written is what a spreadsheet shows, and nothing of it is computed."""

import csv
import gc
import io
import tempfile
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from ai2.kit.sheets import Cell, CsvSheet, XlsxSheet, harmless


def as_csv(*rows: list[Cell], bom: bool = False) -> bytes:
    file = io.BytesIO()
    sheet = CsvSheet(file, bom=bom)
    sheet.write(rows)
    sheet.close()
    return file.getvalue()


def from_xlsx(*rows: list[Cell]) -> list[list[Any]]:
    """The cells as openpyxl, another program, reads them."""
    file = io.BytesIO()
    sheet = XlsxSheet(file, "A & B")
    sheet.write(rows)
    sheet.close()
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["A & B"]
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


FORMULAS = ["=1+1", "+44 20", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_would_be_computed_is_marked_as_text(text: str) -> None:
    assert harmless(text) == f"'{text}"
    [[read]] = list(csv.reader(io.StringIO(as_csv([text]).decode(), newline="")))
    [[shown]] = from_xlsx([text])
    assert read == unescape(shown) == f"'{text}"


@pytest.mark.parametrize("text", ["Tea", "a=b", "'quoted", "é 数", 'a;b,"c"\nd'])
def test_another_text_stays_as_it_is(text: str) -> None:
    [[read, _]] = list(csv.reader(io.StringIO(as_csv([text, "end"]).decode(), newline="")))
    assert read == text
    assert from_xlsx([text, "end"])[0][0] == text


def test_numbers_stay_numbers() -> None:
    assert as_csv([Decimal("-12.50"), 7, None]) == b"-12.50,7,\r\n"
    assert from_xlsx([Decimal("-12.50"), 7, None, "end"]) == [[-12.5, 7, None, "end"]]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("1234567890123456.78", "1234567890123456.78"),  # a double has not so many digits
        ("-9999999999999999.99", "-9999999999999999.99"),
        ("1234567890123.45", 1234567890123.45),
        ("1000000000000000.00", 1000000000000000),
        ("0.00", 0),
    ],
)
def test_an_amount_that_no_double_holds_is_text_in_a_workbook(number: str, shown: object) -> None:
    assert as_csv([Decimal(number)]) == f"{number}\r\n".encode()
    [[read]] = from_xlsx([Decimal(number)])
    assert read == shown


def test_days_are_days_and_instants_instants() -> None:
    day, at = date(2026, 11, 2), datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC)
    assert as_csv([day, at]) == b"2026-11-02,2026-11-02T23:59:59Z\r\n"
    [[shown_day, shown_at]] = from_xlsx([day, at])
    assert (shown_day.date(), shown_at) == (day, at.replace(tzinfo=None))


def test_the_last_instant_of_a_day_is_of_that_day() -> None:
    [[shown]] = from_xlsx([datetime(2026, 11, 2, 23, 59, 59, 999_999, tzinfo=UTC)])
    assert shown == datetime(2026, 11, 2, 23, 59, 59)  # noqa: DTZ001 - a workbook knows no zone


def test_a_day_before_workbooks_count_them_is_text() -> None:
    assert from_xlsx([date(1, 1, 1)]) == [["0001-01-01"]]
    assert from_xlsx([datetime(1899, 1, 1, 12, tzinfo=UTC)]) == [["1899-01-01T12:00:00Z"]]


def test_a_workbook_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    finished, given_up = (XlsxSheet(io.BytesIO(), name) for name in ("finished", "given up"))
    for sheet in (finished, given_up):
        sheet.write([["Tea", Decimal("-1.20")]])
    assert list(tmp_path.iterdir())
    finished.close()
    with warnings.catch_warnings(action="ignore"):  # of the folder that nobody closed
        del sheet, given_up
        gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_xml_cannot_hold_is_written_all_the_same() -> None:
    [[shown]] = from_xlsx(["a\x01b\x0bc <&> _x0041_"])
    assert unescape(shown) == "a\x01b\x0bc <&> _x0041_"


def test_a_text_too_long_for_a_cell_says_that_it_is_cut() -> None:
    [[shown]] = from_xlsx(["x" * 40_000])
    assert (len(shown), shown[-1]) == (32_767, "…")


def test_begins_with_a_mark_only_when_asked() -> None:
    assert as_csv(["é"]) == "é\r\n".encode()
    assert as_csv(["é"], bom=True) == b"\xef\xbb\xbf" + "é\r\n".encode()
