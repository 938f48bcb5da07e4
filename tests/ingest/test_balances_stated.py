"""What statements state: the day's last line has its balance, whichever way the file runs."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ai2.ingest.balances.stated import stated
from ai2.ingest.lines import StatedBalance, Statement, lines_of

FIRST = date(2026, 3, 2)
# Offset in days, amount, balance after it.
ROWS = [(0, "-10.00", "90.00"), (0, "-5.50", "84.50"), (1, "200.00", "284.50"), (3, "-4.50", "280.00")]
ENDS = {0: "84.50", 1: "284.50", 3: "280.00"}


def statement(rows: list[tuple[int, str, str | None]], *balances: StatedBalance, **more: Any) -> Statement:
    lines = [
        {
            "line_number": number,
            "booked_on": FIRST + timedelta(days=day),
            "amount": Decimal(amount),
            "currency": "GBP",
            "description": "x",
            "balance": Decimal(balance) if balance else None,
            **more,
        }
        for number, (day, amount, balance) in enumerate(rows, 2)
    ]
    return Statement("a.csv", "delimited", "1", lines_of(lines), balances=balances, last_line=len(rows) + 1)


def running(*statements: Statement) -> dict[int, str]:
    """The running balances that are kept, by day."""
    return {
        (each.balance_on - FIRST).days: str(round(each.amount, 2))
        for each in stated(statements).balances
        if each.kind == "running"
    }


def test_oldest_first_the_last_line_of_a_day_counts() -> None:
    assert running(statement(ROWS)) == ENDS


def test_newest_first_the_first_line_of_a_day_counts() -> None:
    assert running(statement(ROWS[::-1])) == ENDS


@pytest.mark.parametrize("way", [1, -1])
def test_of_a_single_day_the_running_sums_tell_the_order(way: int) -> None:
    rows = [(0, "-10.00", "90.00"), (0, "-5.50", "84.50"), (0, "1.25", "85.75")]
    assert running(statement(rows[::way])) == {0: "85.75"}


def test_what_neither_dates_nor_sums_order_is_not_kept_and_named() -> None:
    found = stated([statement([(0, "-10.00", "90.00"), (0, "10.00", "100.00")])])
    assert (found.balances, found.undecided) == ((), ("a.csv",))


def test_a_column_that_is_no_running_balance_is_not_kept() -> None:
    rows = [(day, "-1.00", str(17 * day % 7 + 100)) for day in range(10)]
    assert stated([statement(rows)]).undecided == ("a.csv",)  # type: ignore[arg-type]


def test_one_row_missing_in_a_file_changes_nothing_of_what_it_states() -> None:
    assert running(statement([*ROWS[:1], *ROWS[2:]])) == {0: "90.00", 1: "284.50", 3: "280.00"}


def test_what_is_owed_as_a_positive_number_is_turned() -> None:
    owed = [(day, amount, str(-Decimal(balance))) for day, amount, balance in ROWS]
    assert running(statement(owed)) == ENDS  # type: ignore[arg-type]
    assert all(each.is_signed for each in stated([statement(owed)]).balances)  # type: ignore[arg-type]


def test_balances_on_some_lines_only_count_where_they_end_a_day() -> None:
    sparse = [(0, "-10.00", None), (0, "-5.50", "84.50"), (1, "200.00", None), (3, "-4.50", "280.00")]
    assert running(statement(sparse)) == {0: "84.50", 3: "280.00"}


def test_dates_out_of_order_end_no_day_between() -> None:
    rows = [(0, "-10.00", "90.00"), (2, "-5.50", "84.50"), (1, "200.00", "284.50"), (3, "-4.50", "280.00")]
    assert running(statement(rows)) == {0: "90.00", 3: "280.00"}


def test_the_balance_before_the_first_line_begins_the_proof() -> None:
    [implied] = [each for each in stated([statement(ROWS[::-1])]).balances if each.kind == "implied"]
    assert (implied.balance_on, implied.amount) == (FIRST - timedelta(days=1), Decimal("100"))


def test_of_two_files_the_one_that_goes_further_counts() -> None:
    early = statement([(0, "-10.00", "90.00")])
    assert running(statement(ROWS), early) == ENDS
    assert running(early, statement(ROWS)) == ENDS


def test_pending_lines_state_nothing() -> None:
    assert stated([statement(ROWS, status="pending")]).balances == ()


def on(day: int, amount: str, kind: str) -> StatedBalance:
    return StatedBalance(FIRST + timedelta(days=day), Decimal(amount), kind)  # type: ignore[arg-type]


def headed(rows: list[tuple[int, str, None]], *balances: StatedBalance) -> list[tuple[int, str, str, bool]]:
    return sorted(
        ((each.balance_on - FIRST).days, each.kind, str(each.amount), each.is_signed)
        for each in stated([statement(rows, *balances)]).balances  # type: ignore[arg-type]
    )


def test_an_opening_balance_is_the_evening_before_its_lines() -> None:
    rows = [(0, "-10.00", None)]
    assert headed(rows, on(0, "100", "opening"), on(0, "90", "closing")) == [
        (-1, "opening", "100", True),
        (0, "closing", "90", True),
    ]


def test_an_opening_balance_named_after_its_own_day_stays_there() -> None:
    assert headed([(1, "-10.00", None)], on(0, "100", "opening"))[0][:2] == (0, "opening")


def test_statements_in_a_row_carry_one_balance_on() -> None:
    """MT940, a statement a day, the opening named after the day of the closing that it repeats."""
    rows = [(0, "-10.00", None), (1, "5.00", None)]
    found = headed(
        rows, on(-1, "100", "opening"), on(0, "90", "closing"), on(0, "90", "opening"), on(1, "95", "closing")
    )
    assert [(day, kind) for day, kind, *_ in found] == [(-1, "opening"), (0, "closing"), (1, "closing")]


def test_a_statement_may_close_before_the_lines_of_its_date() -> None:
    """Closed on the 8th, and the next one of the 8th brings that day's lines: it was the evening of the 7th."""
    rows = [(0, "-25.00", None), (1, "-10.00", None), (7, "-25.00", None), (8, "-10.00", None)]
    in_a_row = (on(0, "1000", "opening"), on(7, "965", "closing"), on(7, "965", "opening"), on(14, "930", "closing"))
    assert headed(rows, *in_a_row) == [
        (-1, "opening", "1000", True),
        (6, "closing", "965", True),
        (14, "closing", "930", True),
    ]


def test_of_several_statements_of_a_day_the_last_closes_it() -> None:
    rows = [(0, "-10.00", None), (0, "5.00", None)]
    in_a_row = (on(0, "100", "opening"), on(0, "90", "closing"), on(0, "90", "opening"), on(0, "95", "closing"))
    assert headed(rows, *in_a_row) == [(-1, "opening", "100", True), (0, "closing", "95", True)]
    assert headed(rows, *in_a_row[2:], *in_a_row[:2]) == headed(rows, *in_a_row)


def test_a_card_that_states_what_is_owed_is_turned_by_its_own_lines() -> None:
    found = headed([(1, "-10.00", None)], on(0, "50", "opening"), on(1, "60", "closing"))
    assert [amount for _, _, amount, _ in found] == ["-50", "-60"]


def test_one_balance_alone_proves_no_sign() -> None:
    assert headed([(0, "-10.00", None)], on(0, "60", "closing")) == [(0, "closing", "60", False)]
