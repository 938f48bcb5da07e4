"""The balance proof: what holds, what breaks and since when, and what the bank cannot prove."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from ai2.books.accounts.service import Moved
from ai2.ingest.balances.proof import Proof, Statement, doubtful_ends, prove, unfinished

FIRST = date(2026, 3, 1)
BATCH = UUID(int=1)


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def moved(*amounts: str) -> list[Moved]:
    """One movement a day, from the first day on."""
    found = []
    for day, amount in enumerate(amounts):
        value = Decimal(amount)
        found.append(Moved(on(day), max(value, Decimal(0)), max(-value, Decimal(0))))
    return found


def said(day: int, amount: str, **more: object) -> Statement:
    known = {"kind": "closing", "is_signed": True, "batch_id": BATCH, "line_number": None, "is_last_day": False, **more}
    return Statement(on(day), Decimal(amount), **known)  # type: ignore[arg-type]


def proof(days: list[Moved], stated: list[Statement], opening: str | None = None, *, is_owed: bool = False) -> Proof:
    return prove(days, stated, opening=Decimal(opening) if opening else None, is_owed=is_owed)


def test_holds_where_every_statement_is_met() -> None:
    found = proof(moved("-10", "5", "-1"), [said(0, "90"), said(2, "94")], "100")
    assert (found.state, found.proven_until, found.first_break, found.opening_is) == ("holds", on(2), None, "given")
    assert [day.is_proven for day in found.days] == [True, None, True]


def test_breaks_on_the_first_day_that_does_not_hold_and_says_by_how_much() -> None:
    found = proof(moved("-10", "5", "-1"), [said(0, "90"), said(1, "92"), said(2, "91")], "100")
    assert found.state == "breaks"
    assert found.first_break
    assert (found.first_break.booked_on, found.first_break.difference) == (on(1), Decimal(-3))
    assert (found.first_break.proven_on, found.proven_until, found.first_break.next_difference) == (on(0), on(0), -3)


def test_without_an_opening_it_begins_with_the_first_statement() -> None:
    found = proof(moved("-10", "5", "-1"), [said(1, "95"), said(2, "94")])
    assert (found.state, found.opening_is, found.anchored_on, found.days[0].opening) == ("holds", "stated", on(1), 100)
    assert [day.is_proven for day in found.days] == [None, None, True]


def test_one_statement_alone_proves_nothing() -> None:
    found = proof(moved("-10"), [said(0, "90")])
    assert (found.state, found.proven_until, found.days[0].opening) == ("unproven", None, 100)


def test_no_statement_proves_nothing_and_nothing_is_known_of_the_opening() -> None:
    found = proof(moved("-10"), [])
    assert (found.state, found.opening_is) == ("unproven", "unknown")


def test_a_break_right_after_the_anchor_leaves_the_anchor_proven() -> None:
    found = proof(moved("-10", "5"), [said(0, "90"), said(1, "96")])
    assert found.first_break
    assert found.first_break.proven_on == on(0) == found.proven_until


def test_a_card_that_states_what_is_owed_is_turned_where_that_proves_more() -> None:
    owed = [said(0, "10", is_signed=False), said(1, "25", is_signed=False)]
    found = proof(moved("-10", "-15"), owed, is_owed=True)
    assert (found.state, found.anchored_balance) == ("holds", Decimal(-10))
    assert proof(moved("-10", "-15"), owed).state == "breaks", "of a bank account nobody turns the sign"


def test_where_no_sign_proves_anything_a_cards_balance_is_not_used() -> None:
    found = proof(moved("-10"), [said(0, "10", is_signed=False)], is_owed=True)
    assert (found.state, found.opening_is) == ("unproven", "unknown")


def test_statements_that_contradict_are_shown() -> None:
    found = proof(moved("-10"), [said(0, "90", others=(Decimal(90), Decimal(91)))], "100")
    assert (found.state, found.days[0].contradicted_by) == ("holds", (Decimal(91),))


def test_a_day_on_which_the_bank_spoke_too_early_is_left_out() -> None:
    """A download at noon: what was booked in the afternoon comes with the next file."""
    days, stated = moved("-10", "-8", "-1"), [said(0, "90"), said(1, "85", is_last_day=True), said(2, "81")]
    broken = proof(days, stated, "100")
    assert doubtful_ends(broken, stated) == {on(1): BATCH}
    early = unfinished(broken, {on(1): Decimal(-3)})
    assert early == {on(1)}
    found = prove(days, stated, opening=Decimal(100), is_owed=False, unfinished=early)
    assert (found.state, found.proven_until) == ("holds", on(2))


def test_a_difference_that_later_files_do_not_explain_stays() -> None:
    days, stated = moved("-10", "-8"), [said(0, "90"), said(1, "85", is_last_day=True)]
    assert unfinished(proof(days, stated, "100"), {on(1): Decimal(-4)}) == frozenset()


def test_days_stated_without_movement_are_proven_too() -> None:
    found = proof(moved("-10"), [said(0, "90"), said(5, "90")], "100")
    assert [(day.booked_on, day.is_proven) for day in found.days] == [(on(0), True), (on(5), True)]
