"""Rendering: the same figures in every format, texts that stay texts, and files that open and can be heard."""

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from ai2.reports.charts import drawer
from ai2.reports.charts.drawer import DrawingFailed
from ai2.reports.charts.of_reports import for_report
from ai2.reports.model import Column, Report
from ai2.reports.render import typesetter
from ai2.reports.render.comma_separated import csv as as_csv
from ai2.reports.render.files import MEDIA_TYPES, render
from ai2.reports.render.layout import PAPERS, paper, parts
from ai2.reports.render.page import html
from ai2.reports.render.paper import MOST_CELLS, PdfNotMade, TooLargeForPaper, pdf
from ai2.reports.render.wording import Picture, figure, file_name
from ai2.reports.render.workbook import xlsx
from tests.reports.made_up import HOSTILE, NO_RATE, WARNING, made_up, months

FORMULA = re.compile(r"[=+\-@\t\r]")
MONEY, SHARE = Column("a", "A", None, date(2026, 1, 1)), Column("b", "B", None, date(2026, 1, 1), "change_pct")
CHART = Picture(
    "Net by month",
    b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="40"><rect width="9" height="30"/></svg>',
    "Net rose from 1 to 3.",
)


@pytest.mark.parametrize(
    ("amount", "column", "currency", "written"),
    [
        ("1234567.5", MONEY, "GBP", "1,234,567.50"),
        ("-1234", MONEY, "JPY", "−1,234"),
        ("-0.5", MONEY, "KWD", "−0.500"),
        ("-0.00", MONEY, "GBP", "0.00"),
        ("1.005", MONEY, "GBP", "1.005"),  # never rounded away
        ("12", MONEY, "", "12"),  # of no currency
        ("-8.3", SHARE, "GBP", "−8.3%"),
        ("100", SHARE, "JPY", "100.0%"),
    ],
)
def test_a_figure_has_its_currencys_decimals_and_a_true_minus(
    amount: str, column: Column, currency: str, written: str
) -> None:
    assert figure(Decimal(amount), column, currency) == written


def test_a_files_name_is_one_name_and_never_a_path() -> None:
    report = replace(made_up(), title="../a/b\\c\r\n\x00")
    assert file_name(report, "pdf") == "a b c 2026-01-01 to 2026-03-31.pdf"
    assert file_name(replace(report, title="..."), "csv").startswith("Report ")


class TestCsv:
    def test_it_says_what_it_is_and_has_every_figure_exactly(self) -> None:
        rows = list(csv.reader(io.StringIO(as_csv(made_up(amounts=("1234.5", "-0.1", None))).decode(), newline="")))
        assert rows[:2] == [["Title", "Profit and loss"], ["Warning", WARNING]]
        begin = rows.index([])
        head, *lines = rows[begin + 2 :]
        assert head == ["Line", "Kind", "Depth", "Currency", "Jan 2020", "Missing"]
        figures = {line[0]: line[4:] for line in lines}
        assert figures["Wages"] == ["1234.50", ""]
        assert figures["Rent"] == ["-0.10", ""]
        assert figures["Groceries"] == ["", f"Jan 2020: {NO_RATE}"]

    def test_no_text_is_a_formula(self) -> None:
        rows = csv.reader(io.StringIO(as_csv(made_up(HOSTILE, organization="=cmd()")).decode(), newline=""))
        cells = [cell for row in rows for cell in row]
        assert {"'=cmd()", "'=1+1", "'@SUM(A1)", "'\t=1"} <= set(cells)
        assert [cell for cell in cells if FORMULA.match(cell) and not re.fullmatch(r"-?\d+\.\d+", cell)] == []


class TestXlsx:
    def test_numbers_are_numbers_days_are_days_and_totals_are_bold(self) -> None:
        book = openpyxl.load_workbook(io.BytesIO(xlsx(made_up(currencies=("GBP", "KWD")))))
        assert book.sheetnames == ["Profit and loss GBP", "Profit and loss KWD", "About"]
        sheet = book["Profit and loss GBP"]
        found = {row[0].value: row for row in sheet.iter_rows() if row[0].value}
        assert (found["Wages"][1].value, found["Wages"][1].number_format) == (1234.5, "#,##0.00")
        assert found["Groceries"][1].value == "n/a [1]"
        assert f"[1] {NO_RATE}" in found
        assert found["To"][1].value == datetime(2020, 1, 28)  # noqa: DTZ001 - a day, as openpyxl reads it
        assert (found["Net"][1].font.bold, found["Wages"][1].font.bold) == (True, False)
        assert found["Wages"][0].alignment.indent == 1
        assert sheet.freeze_panes == f"B{found['To'][0].row + 1}"
        assert sheet.print_title_rows == f"${found['Line'][0].row}:${found['To'][0].row}"
        assert f"Warning: {WARNING}" in found
        assert book["Profit and loss KWD"][found["Wages"][1].coordinate].number_format == "#,##0.000"
        about = {row[0]: row[1] for row in book["About"].iter_rows(values_only=True)}
        assert about["From"] == datetime(2026, 1, 1)  # noqa: DTZ001
        assert about["SHA-256 of the figures"] == made_up(currencies=("GBP", "KWD")).digest

    def test_what_fifteen_digits_do_not_hold_is_text(self) -> None:
        amounts = ("1234567890123.45", "12345678901234.56", "-12345678901234.56")
        sheet = openpyxl.load_workbook(io.BytesIO(xlsx(made_up(amounts=amounts)))).worksheets[0]
        values = {row[0]: row[1] for row in sheet.iter_rows(values_only=True)}
        assert [values["Wages"], values["Rent"]] == [1234567890123.45, "12345678901234.56"]

    def test_no_text_is_a_formula_and_every_sheet_has_a_name(self) -> None:
        report = made_up(HOSTILE, currencies=("GBP", "gbp"), organization="=cmd()")
        report = replace(report, tables=tuple(replace(table, title="'[a]:*?/\\" * 9) for table in report.tables))
        book = openpyxl.load_workbook(io.BytesIO(xlsx(report)))
        assert len({name.casefold() for name in book.sheetnames}) == 3
        cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
        assert [cell.value for cell in cells if cell.data_type == "f"] == []
        assert "'=1+1" in [cell.value for cell in cells]

    @pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed (libreoffice-calc)")
    def test_libreoffice_opens_it_with_numbers_as_numbers(self, tmp_path: Path) -> None:
        (tmp_path / "report.xlsx").write_bytes(xlsx(made_up((*HOSTILE, "Last"), amounts=("-1234.5",))))
        command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "fods"]
        subprocess.run([*command, "report.xlsx"], cwd=tmp_path, check=True, capture_output=True, timeout=120)
        office, table = (f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("office", "table"))
        cells = list(ElementTree.parse(tmp_path / "report.fods").iter(f"{table}table-cell"))  # noqa: S314 - our own
        kinds = [(cell.get(f"{office}value-type"), cell.get(f"{office}value")) for cell in cells]
        assert kinds.count(("float", "-1234.5")) == len(HOSTILE) + 2
        assert [cell.get(f"{office}date-value") for cell in cells].count("2026-01-01") == 1
        assert not [cell for cell in cells if cell.get(f"{table}formula")]


class Reading(HTMLParser):
    """What a browser makes of a page: its elements, and the text of its tables' cells by row."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data


class TestHtml:
    def test_its_tables_can_be_heard_and_have_every_figure(self) -> None:
        page = Reading(html(made_up(), [CHART]))
        assert page.rows == [["GBP", "Jan 2020"], ["Money"], ["Wages", "1,234.50"], ["Rent", "−40.10"],
                             ["Groceries", "n/a1"], ["Net", "1,234.50"]]  # fmt: skip
        scopes = [attributes.get("scope") for tag, attributes in page.elements if tag == "th"]
        assert scopes == ["col", "col", "rowgroup", "row", "row", "row", "row"]
        tags = [tag for tag, _ in page.elements]
        assert {"caption", "main", "h1", "title", "footer"} <= set(tags)
        assert ("html", {"lang": "en"}) in page.elements
        assert [each["alt"] for tag, each in page.elements if tag == "img"] == [CHART.title]

    def test_it_runs_and_fetches_nothing(self) -> None:
        made = html(made_up(HOSTILE, organization="<img src=x onerror=alert(1)>"), [CHART])
        page = Reading(made)
        assert {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements} == set()
        assert [each for _, each in page.elements if any(name.startswith("on") for name in each)] == []
        assert all((each["src"] or "").startswith("data:") for _, each in page.elements if "src" in each)
        assert [row[0] for row in page.rows[2:-1]] == list(HOSTILE)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_its_colours_can_be_read(self, scheme: str) -> None:
        style = html(made_up()).decode()
        first, second, *_ = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
        colors = dict(re.findall(r"--([a-z-]+): (#\w+)", first if scheme == "light" else second))
        pairs = [(name, "paper") for name in ("ink", "quiet", "accent", "alarm")]
        pairs += [("ink", "alarm-paper"), ("alarm", "alarm-paper")]
        poor = {pair: found for pair in pairs if (found := contrast(*(colors[name] for name in pair))) < 4.5}
        assert poor == {}


def contrast(one: str, other: str) -> float:
    """By WCAG 2."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestPdf:
    def test_it_is_tagged_has_a_title_and_a_language_and_heads_of_tables(self) -> None:
        read = PdfReader(io.BytesIO(pdf(made_up(("Wages",) * 90, months(3)), [CHART])))
        root = read.trailer["/Root"]
        assert root["/MarkInfo"]["/Marked"].value is True
        assert root["/Lang"] == "en"
        assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
        assert b"pdfuaid" in read.trailer["/Root"]["/Metadata"].get_data()
        assert read.metadata is not None
        assert read.metadata.title == "Profit and loss, Harbour & Sons"
        kinds = [element["/S"] for element in elements(root["/StructTreeRoot"])]
        assert kinds.count("/TH") == 4
        assert kinds.count("/TR") == 92
        figures = [element for element in elements(root["/StructTreeRoot"]) if element["/S"] == "/Figure"]
        assert [element["/Alt"] for element in figures] == [CHART.title]

    def test_every_page_says_what_it_is_of_and_which_one(self) -> None:
        report = made_up(("Wages",) * 150, months(3))
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf(report))).pages]
        assert len(pages) > 2
        for at, page in enumerate(pages, 1):
            assert f"Page {at} of {len(pages)}" in page
            assert report.digest[:16] in page
            assert "1 January 2026 to 31 March 2026" in page
            assert "Harbour & Sons" in page
            assert at == len(pages) or "Jan 2020" in page  # the head of the table, on each of its pages
        assert pages[0].index(WARNING) < pages[0].index("Jan 2020")
        whole = "\n".join(pages)
        for text in (NO_RATE, "Savings GBP is complete.", report.digest, "−40.10", "1,234.50"):
            assert text in whole

    def test_no_text_is_markup(self) -> None:
        read = PdfReader(io.BytesIO(pdf(made_up(HOSTILE, organization=HOSTILE[0] + HOSTILE[1]))))
        text = read.pages[0].extract_text().replace("\u200b", "").replace("\n", "")
        assert "Net" in text
        for label in HOSTILE:
            assert not (label.isascii() and label.isprintable()) or label in text
        assert HOSTILE[0] + HOSTILE[1] in text

    def test_what_is_not_set_is_refused_and_the_report_is_there_otherwise(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(typesetter, "PATIENCE_S", 0.001)
        with pytest.raises(PdfNotMade):
            pdf(made_up())

    def test_a_wide_table_lies_across_and_a_wider_one_comes_in_parts(self) -> None:
        upright, across, wider = (made_up(columns=months(number)).tables for number in (3, 13, 60))
        assert [paper(tables).is_landscape for tables in (upright, across, wider)] == [False, True, True]
        assert len(list(parts(across[0], paper(across)))) == 1
        found = list(parts(wider[0], PAPERS[-1]))
        assert tuple(column for part in found for column in part.columns) == wider[0].columns
        assert len(found) > 3
        assert all(sum(part.widths_em) <= PAPERS[-1].width_em for part in found)

    def test_what_is_too_large_is_refused_and_the_rest_of_the_formats_have_it(self) -> None:
        report = made_up(("Wages",) * (MOST_CELLS // 100 + 1), months(100))
        with pytest.raises(TooLargeForPaper):
            pdf(report)
        assert as_csv(report).count(b"\n") > MOST_CELLS // 100


def elements(node: DictionaryObject) -> list[DictionaryObject]:
    """The elements of a PDF's structure, from the top."""
    kids = node.get("/K", [])
    kids = kids if isinstance(kids, list) else [kids]
    known = [kid.get_object() for kid in kids]
    return [
        each for kid in known if isinstance(kid, DictionaryObject) and "/S" in kid for each in [kid, *elements(kid)]
    ]


@pytest.mark.parametrize("name", [*MEDIA_TYPES])
def test_the_same_report_gives_the_same_file_and_an_empty_one_a_file_too(name: str) -> None:
    report: Report = made_up(HOSTILE, currencies=("GBP", "EUR"))
    assert render(report, name).content == render(report, name).content
    empty = replace(report, tables=(), notes=(), computed_by=())
    assert len(render(empty, name).content) > 100


class TestCharts:
    def test_pages_have_the_charts_that_go_with_the_report(self) -> None:
        report = made_up(columns=months(3))
        drawn = [chart.title for chart in for_report(report)]
        page = Reading(render(report, "html").content)
        assert [each["alt"] for tag, each in page.elements if tag == "img"] == drawn
        assert len(drawn) > 0

    def test_what_cannot_be_drawn_holds_no_report_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> bytes:
            raise DrawingFailed

        monkeypatch.setattr(drawer, "draw_now", fail)
        page = render(made_up(columns=months(3)), "html").content.decode()
        assert "charts of this report could not be drawn" in page
        assert "1,234.50" in page
