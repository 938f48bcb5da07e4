"""Bad input: a clear refusal, at once and in little memory; never a traceback."""

import contextlib
import io
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai2.ingest import problems
from ai2.ingest.encodings import examine
from ai2.kit.errors import Problem
from tests.ingest.reading import lines, read

ROWS = "Date,Description,Amount\n2024-01-13,Tea,-2.00\n2024-01-14,Bus,-1.00\n"


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", problems.EmptyFile),
            (b"\n\n \r\n", problems.EmptyFile),
            (b"\0" * 5000, problems.EmptyFile),
            (b"\xef\xbb\xbf", problems.EmptyFile),
            (random.Random(1).randbytes(50_000), problems.NotText),
            (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, problems.NotText),
            (b"%PDF-1.7\n", problems.UnknownFormat),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, problems.DamagedWorkbook),
            (b"<!DOCTYPE html><html><table></table></html>", problems.UnknownFormat),
            (
                b'<?xml version="1.0"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">',
                problems.BrokenMarkup,
            ),
            (b":20:START\r\n:25:1/2\r\n", problems.NoStatement),
            (b"!Type:Cat\nNFood\n", problems.NoStatement),
            (b"01,122099999,123456789,040621,0200,1,65,,2/\n", problems.CutOff),
            (b'[{"date": "2024-01-01"}]', problems.NoTransactions),
            (b"Dear customer,\nyour statement is ready.\n", problems.NoTransactions),
            (b"a,b,c\n1,2,3\n", problems.NoTransactions),
            (b",".join([b"x"] * 1_000_000), problems.LineTooLong),
            (b"2024-01-01,A,-1.00" + b",x" * 1000 + b"\n", problems.TooManyColumns),
            (b"2024-01-13,A,-1.00\n" + b"x" * 3_000_000, problems.LineTooLong),
        ],
    )
    def test_says_what_it_is(self, content: bytes, problem: type[Problem]) -> None:
        with pytest.raises(problem) as refusal:
            read(content)
        assert refusal.value.status in (400, 413, 422)

    def test_a_million_columns_in_a_later_row_spoil_that_row_only(self) -> None:
        found = read(ROWS + "2024-01-14,Bus,-1.00\n" * 400 + "2024-01-15,X,-1.00" + ",x" * 400_000 + "\n")
        assert [rejected.reason.value for rejected in found.rejected] == ["extra_cells"]

    @pytest.mark.parametrize(
        "content",
        [
            b'"' * 900_000,
            b"\n" * 1_000_000,
            b"<OFX>" + b"<A>" * 300_000,
            b"<OFX>" + b"<A><![CDATA[" * 50_000,
            # Cells that would keep a careless expression busy for hours.
            ROWS.encode()
            + b"".join(b"2024-01-15,A,1" + b" " * (20 + place % 27) + b"x%d\n" % place for place in range(9000)),
            ROWS.encode() + b"".join(b"2024-01-15,A,1" + b" " * 50_000 + b"x%d\n" % place for place in range(50)),
        ],
        ids=["quotes", "lines", "tags", "cdata", "spaces", "long"],
    )
    def test_takes_no_time(self, content: bytes) -> None:
        started = time.process_time()
        with contextlib.suppress(Problem):
            read(content)
        assert time.process_time() - started < 10


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
    def test_reads_western_text(self, encoding: str) -> None:
        text = "Datum;Empfänger;Betrag\n2024-01-13;Café Müller;-2,00\n2024-01-14;Bäckerei;-1,00\n"
        assert lines(read(text.encode(encoding), currency="EUR"))[0] == ("2024-01-13", "-2", "Café Müller")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1250", "iso8859_2"])
    def test_reads_central_european_text(self, encoding: str) -> None:
        text = "Datum;Popis;Částka\n2024-01-13;Žluťoučký kůň příšerně úpěl;-2,00\n2024-01-14;Děkuji, účet č. 5;-1,00\n"
        assert lines(read(text.encode(encoding), currency="CZK"))[0][2] == "Žluťoučký kůň příšerně úpěl"

    def test_a_space_that_parts_thousands_is_no_letter(self) -> None:
        content = 'Buchungstag,Verwendungszweck,Betrag\n2000-01-01,Miete,"1\u00a0000,00"\n'.encode("cp1252")
        assert examine(io.BytesIO(content)).encoding == "cp1252"

    @pytest.mark.parametrize(
        ("name", "encoding"), [("Übertrag", "mac_roman"), ("Käse", "mac_roman"), ("Škoda", "cp1250")]
    )
    def test_one_letter_that_tells_nothing_is_asked_about(self, name: str, encoding: str) -> None:
        content = f"Date,Amount,Description\n2000-01-01,0.01,{name}\n".encode(encoding)
        with pytest.raises(problems.NeedsAnswer) as asked:
            examine(io.BytesIO(content))
        assert encoding in asked.value.questions[0].choices

    def test_zeros_that_pad_a_file_are_left_out(self) -> None:
        assert len(read(ROWS.encode() + b"\0" * 512).lines) == 2

    def test_a_closing_control_z_is_left_out(self) -> None:
        assert len(read(ROWS + "\x1a").lines) == 2

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
    def test_lines_may_end_in_any_way(self, end: str) -> None:
        assert len(read(ROWS.replace("\n", end)).lines) == 2

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_cells_may_be_parted_in_any_way(self, delimiter: str) -> None:
        assert len(read(ROWS.replace(",", delimiter)).lines) == 2


class TestNeverATraceback:
    """Whatever comes, the answer is lines or a Problem, and the rows balance."""

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.binary(max_size=400))
    def test_any_bytes(self, content: bytes) -> None:
        _read_or_refuse(content)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.text(alphabet='0123456789-/.,;"\n\t €£()CRabcDate', max_size=40), max_size=12))
    def test_any_text_below_a_header(self, rows: list[str]) -> None:
        _read_or_refuse(("Date,Description,Amount\n2024-01-13,A,-1.00\n" + "\n".join(rows)).encode())

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(
            st.sampled_from(
                [
                    "<STMTRS>",
                    "<STMTTRN>",
                    "</STMTTRN>",
                    "<TRNAMT>1",
                    "<DTPOSTED>20240101",
                    "</OFX>",
                    "<CURDEF>GBP",
                    "<FITID></FITID>",
                    "<![CDATA[",
                    "]]>",
                    "&amp;",
                    "\n",
                ]
            ),
            max_size=30,
        )
    )
    def test_any_tags(self, tags: list[str]) -> None:
        _read_or_refuse(("<OFX>" + "".join(tags)).encode())


def _read_or_refuse(content: bytes) -> None:
    try:
        found = read(content, currency="GBP")
    except Problem:
        return
    assert found.rows_in == len(found.lines) + len(found.rejected)
    assert found.lines["booked_on"].null_count == found.lines["amount"].null_count == 0
