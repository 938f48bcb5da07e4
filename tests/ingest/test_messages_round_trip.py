"""Messages: any list of transactions, written as a bank would, comes back; and nothing that is sent ends a reader."""

import io
from datetime import date, timedelta
from decimal import Decimal
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai2.ingest.containers import Member
from ai2.ingest.formats import camt, mt940, ofx
from ai2.ingest.formats.shared import records
from ai2.ingest.layout.model import Options
from ai2.ingest.lines import Account, Statement
from ai2.kit.errors import Problem
from tests.ingest.messages_written import ACCOUNT, WRITERS, Paid
from tests.ingest.reading import read

# What SWIFT's letters and those of the three formats have in common, and what makes markup hard.
TEXT = st.text(alphabet="abcXYZ 0123456789,;.()&'éü", min_size=1, max_size=200).map(lambda text: " ".join(text.split()))
PAID = st.builds(
    lambda day, later, minor, name, text: Paid(day, day + timedelta(later), Decimal(minor) / 100, name, text),
    st.dates(date(1980, 1, 1), date(2060, 12, 31)),
    st.integers(-100, 100),
    st.integers(-(10**9), 10**9).filter(bool),
    TEXT.map(lambda text: text[:54].strip()).filter(bool),
    TEXT.filter(bool),
)
PARSERS = {"mt940": mt940, "camt": camt, "ofx1": ofx, "ofx2": ofx}


class TestRoundTrip:
    @pytest.mark.parametrize("name", WRITERS)
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(paid=st.lists(PAID, min_size=1, max_size=8))
    def test_the_same_list_comes_back(self, name: str, paid: list[Paid]) -> None:
        found = read(WRITERS[name](paid), currency="EUR", number=ACCOUNT)
        assert [
            (line["booked_on"], line["value_on"], line["amount"], line["merchant"], line["description"])
            for line in found.lines.to_pylist()
        ] == [
            (each.booked_on, each.value_on, each.amount, each.name, records.description(each.name, each.text))
            for each in paid
        ]
        assert found.rejected == ()
        assert found.outside["unproven"] == 0


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A statement in which bytes were changed, left out, doubled or put in."""
    content = WRITERS[name](draw(st.lists(PAID, max_size=3)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 60)))
        piece = draw(st.one_of(st.binary(max_size=20), st.just(content[start:end] * 2), st.sampled_from(SHARP)))
        content = content[:start] + piece + content[end:]
    return content


SHARP = (
    b"<", b">", b"</", b"<![CDATA[", b"]]>", b"<!--", b"&#0;", b"&x;", b"<!DOCTYPE x>", b"<TxDtls>", b"<Ntry>", b"<X>",
    b"<Stmt>", b"\r\n:61:", b"\r\n:86:", b"\r\n:60F:", b"\r\n-\r\n", b"-}", b"{4:", b"\0", b"\xff\xfe", b"<STMTTRN>",
    b"<STMTTRNP>", b"</STMTTRN>", b"<CORRECTFITID>1", b"9" * 60, b"?20", b"/NAME/", b"SVWZ+", b"\xc2\xb2", b"\xd9\xa3",
)  # fmt: skip


class TestAnything:
    @pytest.mark.parametrize("name", WRITERS)
    @settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(data=st.data())
    def test_damaged_statements_are_read_or_refused(self, name: str, data: st.DataObject) -> None:
        read_or_refused(PARSERS[name], data.draw(damaged(name)))

    @pytest.mark.parametrize("parser", [mt940, camt, ofx], ids=lambda parser: parser.NAME)
    @settings(max_examples=150, deadline=5000)
    @given(content=st.binary(max_size=400))
    def test_any_bytes_are_read_or_refused(self, parser: ModuleType, content: bytes) -> None:
        read_or_refused(parser, content)


def read_or_refused(parser: ModuleType, content: bytes) -> None:
    """Nothing but a Problem, and every row counted."""
    try:
        found: Statement = parser.read(Member("x", lambda: io.BytesIO(content)), Account("EUR"), Options(), ())
    except Problem:
        return
    places = [*found.lines["line_number"].to_pylist(), *(rejected.line_number for rejected in found.rejected)]
    assert len(set(places)) == len(places) == found.rows_in
    assert all(0 < place <= found.last_line for place in places)
