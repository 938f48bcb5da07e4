"""Pieces: a file that is read piece by piece is decided as if it had been read whole."""

import pytest

from ai2.ingest.layout.apply import Reading, apply
from ai2.ingest.layout.infer import Gathered, Source, gather, infer
from ai2.ingest.layout.model import Options
from ai2.ingest.layout.sheet import Record, Sheet, SheetBuilder
from ai2.ingest.lines import Account
from ai2.ingest.problems import NeedsAnswer

SIGNED = ("Date", "Text", "Amount")
WITH_BALANCE = ("Date", "Text", "Amount", "Balance")
SIDES = ("Date", "Text", "Debit", "Credit")
Rows = list[tuple[str, ...]]

# Files in which the first half alone would ask, or decide otherwise than the whole.
DECIDED_LATER: list[tuple[tuple[str, ...], Rows, Rows]] = [
    (SIGNED, [("01/02/2025", "A", "-1.00")], [("13/02/2025", "B", "-1.00")]),
    (SIGNED, [("2025-01-01", "A", "-14.000")], [("2025-01-02", "B", "-1.50")]),
    (SIGNED, [("2025-01-01", "A", "5.00")], [("2025-01-02", "B", "-1.50"), ("2025-01-03", "C", "-2.50")]),
    (
        WITH_BALANCE,
        [("2025-01-01", "A", "5.00", ""), ("2025-01-01", "B", "5.00", "90.00")],
        [("2025-01-02", "C", "6.00", "84.00"), ("2025-01-02", "D", "4.00", "80.00")],
    ),
    (SIDES, [("2025-01-01", "A", "", "5.00")], [("2025-01-02", "B", "-1.50", "")]),
    (SIGNED, [("2025-01-01", "A", "5.00 CR")], [("2025-01-02", "B", "1.50")]),
]
# Files whose halves contradict each other.
ASKED: list[tuple[tuple[str, ...], Rows, Rows, str]] = [
    (SIGNED, [("13/02/2025", "A", "-1.00")], [("02/13/2025", "B", "-1.00")], "date_order"),
    (SIGNED, [("2025-01-01", "A", "-1.50")], [("2025-01-02", "B", "-1,50")], "decimal_mark"),
    (SIGNED, [("2025-01-01", "A", "-1.50")], [("2025-01-02", "B", "1.50"), ("2025-01-02", "C", "2")], "positive_is"),
]


def source(header: tuple[str, ...], rows: Rows, first_line: int = 2) -> Source:
    return Source(sheet(header, rows, first_line), header, ",")


def sheet(header: tuple[str, ...], rows: Rows, first_line: int = 2) -> Sheet:
    builder = SheetBuilder(header, len(header))
    for number, cells in enumerate(rows, first_line):
        builder.add(Record(number, number, list(cells)))
    return builder.build()


def gathered(header: tuple[str, ...], first: Rows, *others: Rows) -> Gathered:
    found = gather(source(header, first), Account("GBP"), Options())
    for rows in others:
        found = found.with_sheet(source(header, rows))
    return found


class TestGathered:
    @pytest.mark.parametrize(("header", "first", "second"), DECIDED_LATER)
    def test_pieces_are_decided_as_the_whole(self, header: tuple[str, ...], first: Rows, second: Rows) -> None:
        whole = infer(source(header, first + second), Account("GBP"), Options())
        assert gathered(header, first, second).layout() == whole
        assert gathered(header, first, second).open == frozenset()

    @pytest.mark.parametrize(("header", "first", "second", "field"), ASKED)
    def test_pieces_that_contradict_each_other_are_asked_about(
        self, header: tuple[str, ...], first: Rows, second: Rows, field: str
    ) -> None:
        assert gathered(header, first, second).open == {field}

    def test_what_the_first_piece_leaves_open_is_said(self) -> None:
        found = gathered(SIGNED, [("01/02/2025", "A", "5.00")])
        assert found.open == {"date_order", "positive_is"}
        with pytest.raises(NeedsAnswer):
            found.layout()

    def test_a_person_decides_for_all_pieces(self) -> None:
        found = gather(
            source(SIGNED, [("01/02/2025", "A", "5.00")]), Account("GBP"), Options(date_order="mdy", positive_is="in")
        ).with_sheet(source(SIGNED, [("03/04/2025", "B", "6.00")]))
        assert found.layout().date_order == "mdy"


class TestApplied:
    def applied(self, rows: Rows, *, is_last: bool) -> Reading:
        layout = infer(source(SIGNED, [("2025-01-01", "A", "-5.00")]), Account("GBP"), Options())
        return apply(sheet(SIGNED, rows), layout, Account("GBP"), ends_whole=True, is_last=is_last)

    def test_only_the_last_piece_has_a_footer(self) -> None:
        rows = [("2025-01-01", "A", "-5.00"), ("That is all", "", "")]
        assert self.applied(rows, is_last=True).outside["footer"] == 1
        assert [reason.value for _, _, reason in self.applied(rows, is_last=False).rejected] == ["bad_date"]

    def test_a_section_goes_on_in_the_next_piece(self) -> None:
        first = self.applied([("2025-01-01", "A", "-5.00"), ("Pending transactions", "", "")], is_last=False)
        assert (first.section, first.outside["header"]) == ("pending", 1)
        layout = infer(source(SIGNED, [("2025-01-01", "A", "-5.00")]), Account("GBP"), Options())
        rows = [("2025-01-02", "B", "-6.00"), ("Posted transactions", "", ""), ("2025-01-03", "C", "-7.00")]
        found = apply(sheet(SIGNED, rows), layout, Account("GBP"), ends_whole=True, section=first.section)
        assert found.lines["status"].to_pylist() == ["pending", "posted"]
