"""Workbooks: typed cells exact, the right sheet, and whatever hides in a zip of XML refused."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai2.ingest import problems
from ai2.ingest.formats.workbook import grid
from ai2.kit.errors import Problem
from tests.ingest import writing
from tests.ingest.reading import amounts, asked, lines, read, reasons
from tests.ingest.writing import Rows

HEADER = ("Date", "Description", "Amount")
ROWS: Rows = [
    ("Bank of Tea", None, None),
    HEADER,
    (date(2025, 1, 13), "Tea & co", Decimal("-12.34")),
    (date(2025, 1, 14), "Bus", Decimal("1234.5")),
]
EXPECTED = [("2025-01-13", "-12.34", "Tea & co"), ("2025-01-14", "1234.5", "Bus")]
WRITERS: dict[str, Callable[[Rows], bytes]] = {
    "xlsx": writing.xlsx, "ods": writing.ods, "xml": writing.spreadsheetml, "html": writing.html, "xls": writing.xls,
}  # fmt: skip


class TestReads:
    @pytest.mark.parametrize("kind", WRITERS)
    def test_every_kind(self, kind: str) -> None:
        found = read(WRITERS[kind](ROWS), name="statement.xls")
        assert lines(found) == EXPECTED
        assert (found.format, found.outside["preamble"]) == ("workbook", 2)

    @pytest.mark.parametrize("kind", ["xlsx", "ods", "xml", "xls"])
    def test_rows_keep_the_numbers_that_the_program_shows(self, kind: str) -> None:
        assert read(WRITERS[kind](ROWS)).lines["line_number"].to_pylist() == [3, 4]

    @pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
    def test_in_an_archive(self, kind: str) -> None:
        assert lines(read(writing.packed({"a/jan.bin": WRITERS[kind](ROWS)}))) == EXPECTED

    @pytest.mark.parametrize("kind", WRITERS)
    def test_text_goes_the_way_of_delimited_text(self, kind: str) -> None:
        rows = [("Datum", "Text", "Betrag"), ("13.01.2025", "Tee", "-1.234,56"), ("14.01.2025", "Bus", "-2,00")]
        assert amounts(read(WRITERS[kind](rows), currency="EUR")) == [Decimal("-1234.56"), Decimal(-2)]

    def test_the_sheet_with_the_most_rows(self) -> None:
        other = [("Summary", None), (date(2025, 1, 31), 100)]
        found = read(writing.xlsx(other, ROWS, other))
        assert lines(found) == EXPECTED
        assert reasons(found) == [(5, "other_table"), (6, "other_table")], "no row vanishes"
        assert lines(read(writing.ods(other, ROWS, other))) == EXPECTED

    def test_a_sheet_a_month(self) -> None:
        february: Rows = [("Bank of Tea", None, None), HEADER, (date(2025, 2, 3), "Cake", Decimal("-4.50"))]
        found = read(writing.xlsx(ROWS, [("Notes", None)], february))
        assert lines(found) == [*EXPECTED, ("2025-02-03", "-4.5", "Cake")]
        assert found.rejected == ()

    @pytest.mark.parametrize("is_1904", [False, True])
    def test_both_epochs(self, is_1904: bool) -> None:
        assert lines(read(writing.xlsx(ROWS, is_1904=is_1904))) == EXPECTED

    def test_rejected_rows_read_by_the_same_layout(self) -> None:
        rows = [*ROWS, (date(2025, 1, 15), "Three, decimals", Decimal("-1.005"))]
        found = read(writing.xlsx(rows))
        [rejected] = found.rejected
        assert (reasons(found), rejected.original) == ([(5, "too_precise")], "2025-01-15\tThree, decimals\t-1.005")
        assert found.layout is not None
        corrected = "\t".join(HEADER) + "\n" + rejected.original.replace("1.005", "1.01")
        assert lines(read(corrected, saved=(found.layout,))) == [("2025-01-15", "-1.01", "Three, decimals")]


class TestCells:
    @pytest.mark.parametrize(
        ("raw", "cell"),
        [
            ("12.34", "12.34"), ("12.340000000000002", "12.34"), ("-1.2300000000000001E2", "-123"), ("0.1", "0.1"),
            ("0.30000000000000004", "0.3"), ("1E+5", "100000"), ("123456789012345", "123456789012345"), ("-0", "0"),
        ],
    )  # fmt: skip
    def test_numbers_have_fifteen_digits(self, raw: str, cell: str) -> None:
        assert grid.number_cell(raw) == f"\ue000{cell}"

    @pytest.mark.parametrize("raw", ["abc", "NaN", "1e+999999", "12345678901234567890"])
    def test_what_is_no_such_number_is_text(self, raw: str) -> None:
        assert grid.number_cell(raw).lower().startswith(raw[:3].lower())

    @pytest.mark.parametrize(
        ("raw", "is_1904", "cell"),
        [
            ("45670", False, "2025-01-13"), ("44208", True, "2025-01-13"), ("45670.5", False, "2025-01-13 12:00:00"),
            ("45670.999999999", False, "2025-01-13 23:59:59"), ("0.25", False, "06:00:00"),
            ("-1", False, "\ue000-1"), ("99999999", False, "\ue00099999999"),
        ],
    )  # fmt: skip
    def test_serial_numbers_are_days(self, raw: str, is_1904: bool, cell: str) -> None:
        assert grid.date_cell(raw, is_1904=is_1904) == cell

    @pytest.mark.parametrize(
        ("code", "shows_day"),
        [
            ("dd/mm/yyyy", True), ("[$-409]d\\-mmm\\-yy;@", True), ("h:mm", True), ("[h]:mm", True), ("0.00", False),
            ('#,##0.00 "days"', False), ("[Red]-#,##0.00", False), ("#,##0.00\\ [$kr-414]", False), ("General", False),
            ('_-* #,##0.00 _d_-', False), ("@", False),
        ],
    )  # fmt: skip
    def test_formats_tell_days_from_numbers(self, code: str, shows_day: bool) -> None:
        assert grid.is_date_format(code) is shows_day

    def test_every_type_of_cell(self) -> None:
        sheet = (
            '<x:row r="2"><x:c r="A2" t="s"><x:v>0</x:v></x:c>'
            '<x:c t="inlineStr"><x:is><x:t>Description</x:t></x:is></x:c>'
            '<x:c r="C2" t="str"><x:f>"Am"&amp;"ount"</x:f><x:v>Amount</x:v></x:c></x:row>'
            '<x:row><x:c r="A3" s="1"><x:v>45670</x:v></x:c><x:c t="s"><x:v>1</x:v></x:c>'
            '<x:c r="C3"><x:f>1+1</x:f><x:v>-12.340000000000001</x:v></x:c></x:row>'
            '<x:row r="9"><x:c r="A9" t="d"><x:v>2025-01-14T00:00:00</x:v></x:c><x:c t="b"><x:v>1</x:v></x:c>'
            '<x:c r="C9"><x:v>5</x:v></x:c><x:c r="D9" t="e"><x:v>#N/A</x:v></x:c></x:row>'
        )
        texts = (
            "<x:si><x:t>Date</x:t></x:si>"
            "<x:si><x:r><x:t>Te</x:t></x:r><x:r><x:t>a</x:t></x:r><x:rPh><x:t>no</x:t></x:rPh></x:si>"
        )
        styles = (
            '<x:cellStyleXfs><x:xf numFmtId="14"/></x:cellStyleXfs>'
            '<x:cellXfs><x:xf numFmtId="0"/><x:xf numFmtId="14"/></x:cellXfs>'
        )
        found = read(writing.packed(writing.xlsx_parts(sheet, texts, styles)))
        assert lines(found) == [("2025-01-13", "-12.34", "Tea"), ("2025-01-14", "5", "true")]
        assert found.lines["line_number"].to_pylist() == [3, 9]

    def test_times_move_no_day(self) -> None:
        late = datetime.fromisoformat("2025-01-13T23:59:59.999")
        rows = [HEADER, (late, "A", -1)]
        assert lines(read(writing.xlsx(rows)))[0][0] == "2025-01-13"

    def test_numbers_do_not_decide_how_text_is_read(self) -> None:
        rows = [HEADER, (date(2025, 1, 13), "A", -12.5), (date(2025, 1, 14), "B", "14.000")]
        assert asked(writing.xlsx(rows)) == {"decimal_mark"}
        assert amounts(read(writing.xlsx(rows), decimal_mark=",")) == [Decimal("-12.5"), Decimal(14000)]

    def test_text_with_commas_beside_numbers(self) -> None:
        rows = [HEADER, (date(2025, 1, 13), "A", -12.5), (date(2025, 1, 14), "B", "-1.234,56")]
        assert amounts(read(writing.xlsx(rows))) == [Decimal("-12.5"), Decimal("-1234.56")]

    def test_equal_rows_that_ods_writes_once_are_two(self) -> None:
        row = (
            '<table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="date" '
            'office:date-value="2025-01-13"/><table:table-cell office:value-type="string"><text:p>Tea</text:p>'
            "<office:annotation><text:p>a remark</text:p></office:annotation></table:table-cell>"
            '<table:table-cell office:value-type="float" office:value="-1"/></table:table-row>'
        )
        found = read(writing.ods_of(f'<table:table table:name="S">{row}</table:table>'))
        assert lines(found) == [("2025-01-13", "-1", "Tea")] * 2

    def test_html_by_excel_keeps_the_number_behind_what_is_shown(self) -> None:
        text = (
            "<table><tr><th>Date<th>Text<th>Amount</tr><tr><td>2025-01-13<td>A&nbsp;b<td x:num='-1234.5'>-1.234,50</tr>"
            "</table><table><tr><td>footer</td></tr></table>"
        )
        assert lines(read(text)) == [("2025-01-13", "-1234.5", "A b")]


SMALL = '<x:row><x:c t="inlineStr"><x:is><x:t>{}</x:t></x:is></x:c></x:row>'
ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


def one_sheet(rows: str) -> bytes:
    return writing.packed(writing.xlsx_parts(rows))


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"PK\x03\x04", problems.DamagedArchive),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), problems.DamagedWorkbook),
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
                problems.EncryptedWorkbook,
            ),
            (writing.packed({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"}), problems.UnknownFormat),
            (writing.packed({"[Content_Types].xml": "<x/>", "xl/workbook.bin": b"x"}), problems.UnknownFormat),
            (writing.packed({"mimetype": "application/epub+zip", "content.xml": "<x/>"}), problems.UnknownFormat),
            (writing.packed({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x"}), problems.DamagedWorkbook),
            (one_sheet(SMALL.format("x")), problems.NoTransactions),
            (one_sheet('<x:row><x:c t="s"><x:v>9</x:v></x:c></x:row>'), problems.DamagedWorkbook),
            (one_sheet('<x:row><x:c r="XFD1"><x:v>9</x:v></x:c></x:row>'), problems.TooManyColumns),
            (
                writing.packed(
                    {**writing.xlsx_parts(SMALL.format("x")), "xl/sharedStrings.xml": f"{ENTITY}<sst>&e;</sst>"}
                ),
                problems.UnsafeMarkup,
            ),
            (writing.ods_of("", prolog=ENTITY), problems.UnsafeMarkup),
            (writing.ods_of("", manifest="<manifest:encryption-data/>"), problems.EncryptedWorkbook),
            (writing.ods_of(""), problems.NoTransactions),
            (
                writing.ods_of(
                    '<table:table><table:table-row table:number-rows-repeated="1000000"><table:table-cell '
                    'office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row></table:table>'
                ),
                problems.ExpandsTooMuch,
            ),
            (
                writing.ods_of(
                    '<table:table><table:table-row><table:table-cell table:number-columns-repeated="16384" '
                    'office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row></table:table>'
                ),
                problems.TooManyColumns,
            ),
            (one_sheet(SMALL.format("x" * 90_000_000)), problems.ExpandsTooMuch),
            (
                writing.spreadsheetml([("a",)]).replace(b"?>\n<W", b"?>\n" + ENTITY.encode() + b"<W"),
                problems.UnsafeMarkup,
            ),
            (writing.spreadsheetml([("a",)])[:-20], problems.DamagedWorkbook),
            (b"<html><body>Please sign in</body></html>", problems.UnknownFormat),
            (writing.html([("a", "b")]), problems.UnknownFormat),
        ],
    )  # fmt: skip
    def test_says_why(self, content: bytes, problem: type[Problem]) -> None:
        with pytest.raises(problem):
            read(content, name="statement.xlsx")

    def test_an_encrypted_part(self) -> None:
        made = bytearray(writing.xlsx(ROWS))
        made[6] |= 1
        made[made.index(b"PK\x01\x02") + 8] |= 1
        with pytest.raises(problems.EncryptedArchive):
            read(bytes(made))


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=30).map(
    lambda text: f"A{' '.join(text.split())}"
)
ENTRY = st.tuples(
    st.dates(date(1970, 1, 1), date(2100, 12, 31)),
    st.integers(-(10**12), 10**12).filter(bool).map(lambda minor: Decimal(minor) / 100),
    TEXT,
)
ANSWERS = {"mapping": {"date": 1, "description": 2, "amount": 3}, "positive_is": "in"}


class TestRoundTrip:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(ENTRY, min_size=1, max_size=12), st.sampled_from(["xlsx", "ods", "xml", "xls"]))
    def test_the_same_list_comes_back(self, entries: list[tuple[date, Decimal, str]], kind: str) -> None:
        rows = [HEADER, *((day, text, amount) for day, amount, text in entries)]
        found = read(WRITERS[kind](rows), **ANSWERS)
        assert [(line["booked_on"], line["amount"], line["description"]) for line in found.lines.to_pylist()] == entries
