"""The balance proof: opening balance plus everything booked is what the bank says the account held. Pure.

Where nobody said what the account held at first, that follows from the first balance that the bank states; the proof
then begins there. See docs/reference/balances.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from ai2.books.accounts.service import Moved, OpeningIs

State = Literal["holds", "breaks", "unproven"]
NOTHING = Decimal(0)


@dataclass(frozen=True)
class Statement:
    """What counts as stated for the end of a day. `is_last_day`: its file ends there, so the day may not have."""

    balance_on: date
    amount: Decimal
    kind: str
    is_signed: bool
    batch_id: UUID
    line_number: int | None
    is_last_day: bool
    others: tuple[Decimal, ...] = ()


@dataclass(frozen=True)
class Day:
    """What an account held before and after a day, and what its bank says of its end.

    `is_proven` is none where the bank says nothing, where the proof begins, and where the bank spoke before the day
    was over. `contradicted_by` are other amounts that other files state for the same day.
    """

    booked_on: date
    opening: Decimal
    money_in: Decimal
    money_out: Decimal
    closing: Decimal
    stated: Decimal | None = None
    difference: Decimal | None = None
    is_proven: bool | None = None
    contradicted_by: tuple[Decimal, ...] = ()


@dataclass(frozen=True)
class Break:
    """The first day that does not hold, and the last before it that did. The bank has `difference` more than we."""

    booked_on: date
    difference: Decimal
    proven_on: date | None
    # what is left of the difference on the next stated day: nothing, where a row only stands on the wrong day
    next_difference: Decimal | None = None


@dataclass(frozen=True)
class Proof:
    """Whether the books hold what the bank says. `unproven`: there is nothing to prove them by."""

    state: State
    opening_is: OpeningIs
    anchored_on: date | None
    anchored_balance: Decimal | None
    proven_until: date | None
    first_break: Break | None
    days: tuple[Day, ...]

    def within(self, start: date | None, end: date | None) -> list[Day]:
        """The days from start to end, both included."""
        return [day for day in self.days if (start or date.min) <= day.booked_on <= (end or date.max)]


def prove(
    moved: Sequence[Moved],
    stated: Sequence[Statement],
    *,
    opening: Decimal | None,
    is_owed: bool,
    unfinished: frozenset[date] = frozenset(),
) -> Proof:
    """Prove an account's days, in order of date. `opening` is none where nobody said it.

    `is_owed`: a card or a loan, of which some banks state what is owed as a positive number; the sign that proves
    more is taken, and balances are left out where neither does. On `unfinished` days the bank spoke too early.
    """
    readings = [_prove(moved, reading, opening, unfinished) for reading in _signs(stated, is_owed=is_owed)]
    if len(readings) == 1:
        return readings[0]
    plus, minus = map(_proven_days, readings)
    if plus == minus:
        return _prove(moved, [each for each in stated if each.is_signed or not each.amount], opening, unfinished)
    return readings[0] if plus > minus else readings[1]


def _signs(stated: Sequence[Statement], *, is_owed: bool) -> list[Sequence[Statement]]:
    if not is_owed or all(each.is_signed for each in stated):
        return [stated]
    return [stated, [each if each.is_signed else _turned(each) for each in stated]]


def _turned(statement: Statement) -> Statement:
    return replace(statement, amount=-statement.amount, others=tuple(-amount for amount in statement.others))


def _proven_days(proof: Proof) -> int:
    return sum(1 for day in proof.days if day.is_proven)


def _prove(
    moved: Sequence[Moved], stated: Sequence[Statement], opening: Decimal | None, unfinished: frozenset[date]
) -> Proof:
    anchor = stated[0] if stated and opening is None else None
    said = {each.balance_on: each for each in stated if each.kind != "implied"}
    by_day = {each.booked_on: each for each in moved}
    held = opening or NOTHING
    if anchor:
        before = (each.money_in - each.money_out for each in moved if each.booked_on <= anchor.balance_on)
        held = anchor.amount - sum(before, NOTHING)
    days = []
    for on in sorted(by_day.keys() | said.keys()):
        day = _day(on, held, by_day.get(on), said.get(on), counts=on not in unfinished and said.get(on) is not anchor)
        held = day.closing
        days.append(day)
    first = next((day for day in days if day.is_proven is False), None)
    proven = [day.booked_on for day in days if day.is_proven and (first is None or day.booked_on < first.booked_on)]
    until = (
        proven[-1]
        if proven
        else anchor.balance_on
        if anchor and first and anchor.balance_on < first.booked_on
        else None
    )
    return Proof(
        state="breaks" if first else "holds" if proven else "unproven",
        opening_is="given" if opening is not None else "stated" if anchor else "unknown",
        anchored_on=anchor.balance_on if anchor else None,
        anchored_balance=anchor.amount if anchor else None,
        proven_until=until,
        first_break=_break(first, until, days) if first else None,
        days=tuple(days),
    )


def _day(on: date, held: Decimal, moved: Moved | None, said: Statement | None, *, counts: bool) -> Day:
    money_in, money_out = (moved.money_in, moved.money_out) if moved else (NOTHING, NOTHING)
    closing = held + money_in - money_out
    if said is None:
        return Day(on, held, money_in, money_out, closing)
    difference = said.amount - closing
    others = tuple(sorted(set(said.others) - {said.amount}))
    proven = difference == 0 if counts else None
    return Day(on, held, money_in, money_out, closing, said.amount, difference, proven, others)


def _break(first: Day, previous: date | None, days: Sequence[Day]) -> Break:
    following = next((day for day in days if day.booked_on > first.booked_on and day.is_proven is not None), None)
    return Break(first.booked_on, first.difference or NOTHING, previous, following.difference if following else None)


def doubtful_ends(proof: Proof, stated: Sequence[Statement]) -> dict[date, UUID]:
    """Days where a file ends and the difference changes: the bank may have spoken before the day was over."""
    ends = {each.balance_on: each.batch_id for each in stated if each.is_last_day and each.kind != "implied"}
    found, before = {}, NOTHING
    for day in proof.days:
        if day.is_proven is None or day.difference is None:
            continue
        if day.difference != before and day.booked_on in ends:
            found[day.booked_on] = ends[day.booked_on]
        before = day.difference
    return found


def unfinished(proof: Proof, came_later: dict[date, Decimal]) -> frozenset[date]:
    """Of these days, those whose difference is just what later files still brought for them."""
    found, before = set(), NOTHING
    for day in proof.days:
        if day.is_proven is None or day.difference is None:
            continue
        if day.booked_on in came_later and day.difference - before == -came_later[day.booked_on]:
            found.add(day.booked_on)
        else:
            before = day.difference
    return frozenset(found)
