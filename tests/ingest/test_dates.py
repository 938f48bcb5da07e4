"""Dates: the bank's calendar date, in the order that the whole column proves."""

import pytest

from ai2.ingest.layout import dates
from ai2.ingest.layout.dates import DateOrder

CLEAR = [
    ("2024-03-05", "2024-03-05"),
    ("2024/3/5", "2024-03-05"),
    ("2019.04.19.", "2019-04-19"),
    ("20240305", "2024-03-05"),
    ("2018-02-25 12:34:56 +0000", "2018-02-25"),
    # Neither a zone nor a late hour moves the bank's date.
    ("2024-12-31T23:59:59.000-11:00", "2024-12-31"),
    ("2024-01-05T00:30:00Z", "2024-01-05"),
    ("12-Dec-2019", "2019-12-12"),
    ("10 Feb 18", "2018-02-10"),
    ("Feb 27, 2018", "2018-02-27"),
    ("Mon 5 Jan 2020", "2020-01-05"),
    ("27. Februar 2018", "2018-02-27"),
    ("3. März 2021", "2021-03-03"),
    ("14 août 2020", "2020-08-14"),
    ("5 ene 2020", "2020-01-05"),
    ("1 mei 2020", "2020-05-01"),
    ("2 giu 2020", "2020-06-02"),
    ("1. května 2020", "2020-05-01"),
    ("12 paź 2020", "2020-10-12"),
    ("99-12-31", None),
]


class TestWritten:
    @pytest.mark.parametrize(("text", "expected"), CLEAR)
    def test_reads_what_is_clear_in_any_order(self, text: str, expected: str | None) -> None:
        found = dates.written(text)
        assert found is not None
        assert {str(found.read(order)) for order in ("dmy", "mdy")} == {str(expected)}

    @pytest.mark.parametrize(
        ("text", "order", "expected"),
        [
            ("03/04/2024", "dmy", "2024-04-03"),
            ("03/04/2024", "mdy", "2024-03-04"),
            ("22.02.18", "dmy", "2018-02-22"),
            ("18-02-22", "ymd", "2018-02-22"),
            ("31122019", "dmy", "2019-12-31"),
            ("1/2/2020 10:11 PM", "mdy", "2020-01-02"),
            ("01-02-2020 / 10:11", "dmy", "2020-02-01"),
        ],
    )
    def test_reads_in_the_order_given(self, text: str, order: DateOrder, expected: str) -> None:
        found = dates.written(text)
        assert found is not None
        assert str(found.read(order)) == expected

    @pytest.mark.parametrize("text", ["30/02/2024", "2023-02-29", "31.04.2024", "20240231"])
    def test_a_day_that_is_not_stays_no_day(self, text: str) -> None:
        found = dates.written(text)
        assert found is not None
        assert found.read("dmy") is None

    @pytest.mark.parametrize("text", ["", "Pending", "12345678", "20040000", "-45.00", "1.5", "A12", "538917600"])
    def test_other_cells_are_no_dates(self, text: str) -> None:
        assert dates.written(text) is None


class TestEvidence:
    @pytest.mark.parametrize(
        ("cells", "decided"),
        [
            (["01/10/2025", "13/10/2025"], "dmy"),
            (["01/10/2025", "10/13/2025"], "mdy"),
            (["30/02/2024", "01/02/2024"], "dmy"),  # no such day, and day-first all the same
            (["22.02.18"], "dmy"),
            (["99-12-31"], "ymd"),
        ],
    )
    def test_one_value_decides_for_all(self, cells: list[str], decided: str) -> None:
        assert dates.evidence(cells).decided == decided

    def test_days_up_to_twelve_decide_nothing(self) -> None:
        assert dates.evidence(["01/10/2025", "02/10/2025"]) == dates.Evidence(None)

    def test_a_column_may_contradict_itself(self) -> None:
        assert dates.evidence(["13/10/2025", "10/13/2025"]).contradicts

    @pytest.mark.parametrize("cells", [["2025-10-01"], ["05/05/2025", "06/06/2025"], ["1 Oct 2025"]])
    def test_asks_nothing_where_nothing_depends_on_it(self, cells: list[str]) -> None:
        assert not dates.evidence(cells).needed
