"""Stated balances: from statements to what each says the account held at the end of a day. Pure.

A running balance stands beside each line; the day's last line has the day's balance. Which line is a day's last
depends on whether the file runs oldest or newest first: the dates say so, or where they do not, the way in which
each balance is the one before it plus the amount. Where neither decides, none of the file's is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout.casting import scaled
from ai2.ingest.lines import StatedBalance, Statement
from ai2.ingest.loading.staging import line_offsets

Kind = Literal["opening", "closing", "running", "implied"]
DAY = timedelta(days=1)
# Of fewer steps than this between two balances, a single row left out by the bank is a large share.
FEW_STEPS = 4
PROOF_SHARE = 0.5


@dataclass(frozen=True)
class Stated:
    """What an account held at the end of a day. `is_signed`: the file itself proves that owed is below zero."""

    balance_on: date
    amount: Decimal
    kind: Kind
    is_signed: bool
    line_number: int | None = None


@dataclass(frozen=True)
class Said:
    """What the files of a batch state, one of each kind a day; `undecided` names files whose balances prove nothing."""

    balances: tuple[Stated, ...]
    undecided: tuple[str, ...]


def stated(statements: Sequence[Statement]) -> Said:
    """Everything that the statements of a batch state. Where two speak of one day, the one that goes further counts."""
    found: dict[tuple[date, Kind], Stated] = {}
    undecided = []
    in_order = sorted(zip(statements, line_offsets(list(statements)), strict=True), key=lambda pair: _last_day(pair[0]))
    for statement, offset in in_order:
        posted = _posted(statement.lines)
        running = running_balances(posted)
        if running is None:
            undecided.append(statement.file_name)
        for balance in (*(running or ()), *headed(statement.balances, posted)):
            number = balance.line_number
            found[balance.balance_on, balance.kind] = (
                balance if number is None else replace(balance, line_number=number + offset)
            )
    return Said(tuple(found.values()), tuple(undecided))


def _posted(lines: pa.Table) -> pa.Table:
    lines = lines.select(["line_number", "booked_on", "amount", "balance", "status"])
    is_posted = pc.equal(lines["status"], "posted")
    return lines if pc.all(is_posted).as_py() else lines.filter(is_posted)


def _last_day(statement: Statement) -> date:
    last = pc.max(statement.lines["booked_on"]).as_py() if len(statement.lines) else None
    return max([last or date.min, *(balance.balance_on for balance in statement.balances)])


class _Reading(NamedTuple):
    """One way to read the column of balances, oldest line first, and how many of its steps are the amounts."""

    is_downwards: bool
    sign: int
    held: int


def running_balances(posted: pa.Table) -> tuple[Stated, ...] | None:
    """The balance beside each day's last line, and that before the first line. None: they cannot be understood."""
    known = np.flatnonzero(np.asarray(pc.is_valid(posted["balance"])))
    if not len(known):
        return ()
    amount, balance = scaled(posted["amount"].combine_chunks()), scaled(posted["balance"].combine_chunks())
    days = np.asarray(posted["booked_on"].cast(pa.int32()))
    read = [_reading(amount, balance, known, is_downwards=way) for way in _ways(days)]
    best = max(read, key=lambda reading: reading.held)
    if len(read) == 2 and len(posted) > 1 and read[0].held == read[1].held:
        return None
    order = np.arange(len(posted)) if best.is_downwards else np.arange(len(posted))[::-1]
    ends = order[_ends_of_days(days[order])]
    ends = ends[np.isin(ends, known)]
    columns = amount[order], balance[order]
    if not (
        _is_running(*columns, _places(order, known), best)
        or _is_running(*columns, _places(order, ends), best, by_day=True)
    ):
        return None
    telling = best.held > 0
    sign = best.sign if telling else 1
    found = [
        Stated(day, value if sign > 0 else -value, "running", telling, number)
        for day, value, number in zip(
            posted["booked_on"].take(ends).to_pylist(), posted["balance"].take(ends).to_pylist(),
            posted["line_number"].take(ends).to_pylist(), strict=True,
        )
    ]  # fmt: skip
    first = _places(order, known)[0]
    before = Decimal(int(sign * balance[order][first] - amount[order][: first + 1].sum())) / 10_000
    began_on = date(1970, 1, 1) + timedelta(days=int(days.min())) - DAY
    return (Stated(began_on, before, "implied", telling), *found)


def _ways(days: NDArray[np.int32]) -> tuple[bool, ...]:
    """Downwards where dates only grow, upwards where they only fall, either where they do not tell."""
    steps = np.diff(days)
    grows, falls = bool((steps > 0).any()), bool((steps < 0).any())
    return (True, False) if grows == falls else (grows,)


def _reading(
    amount: NDArray[np.int64], balance: NDArray[np.int64], known: NDArray[np.intp], *, is_downwards: bool
) -> _Reading:
    if not is_downwards:
        amount, balance, known = amount[::-1], balance[::-1], (len(amount) - 1 - known)[::-1]
    moved, changed = _steps(amount, balance, known)
    plus, minus = (int(((moved == sign * changed) & (moved != 0)).sum()) for sign in (1, -1))
    return _Reading(is_downwards, 1 if plus >= minus else -1, 0 if plus == minus else max(plus, minus))


def _steps(
    amount: NDArray[np.int64], balance: NDArray[np.int64], known: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What moved between two stated balances, and how the balance changed; some banks state one a day."""
    total = np.cumsum(amount)
    return np.diff(total[known]), np.diff(balance[known])


def _is_running(
    amount: NDArray[np.int64],
    balance: NDArray[np.int64],
    known: NDArray[np.intp],
    reading: _Reading,
    *,
    by_day: bool = False,
) -> bool:
    """Whether the column can be a running balance at all: most steps are the amounts, or there are few steps."""
    moved, changed = _steps(amount, balance, known)
    telling = moved != 0
    held = ((moved == reading.sign * changed) & telling).sum()
    if by_day:
        return bool(held and held >= PROOF_SHARE * telling.sum())
    return bool(telling.sum() < FEW_STEPS or held >= PROOF_SHARE * telling.sum())


def _ends_of_days(days: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where a day ends: every line before is of that day or earlier, every line behind is of a later one."""
    earlier = np.maximum.accumulate(days) == days
    behind = np.append(np.minimum.accumulate(days[::-1])[::-1][1:], np.iinfo(np.int32).max)
    return np.flatnonzero(earlier & (behind > days))


def _places(order: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where these rows stand in that order."""
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    return np.sort(place[rows])


def headed(balances: Sequence[StatedBalance], posted: pa.Table) -> list[Stated]:
    """What a statement's head and foot state, each as of the end of a day.

    An opening balance is that of the evening before its date, unless no line has its date: then banks name the day
    of the balance itself. What one statement leaves, the next begins with: said twice, it counts once.
    """
    if not balances:
        return []
    begun = {(each.balance_on, each.amount) for each in balances if each.kind == "opening"}
    carried = {(each.balance_on, each.amount) for each in balances if each.kind == "closing"} & begun
    openings = [each for each in balances if each.kind == "opening" and (each.balance_on, each.amount) not in carried]
    closings = [each for each in balances if each.kind == "closing"]
    ends = [each for each in closings if (each.balance_on, each.amount) not in carried]
    sign = _sign(openings, ends, posted)
    moved = _moved(posted)
    found: dict[tuple[date, Kind], Stated] = {}
    for each in openings:
        on = each.balance_on - DAY if each.balance_on in moved else each.balance_on
        found.setdefault((on, "opening"), _at(on, each, sign))
    begins = min(found.values(), key=lambda each: each.balance_on, default=None)
    # several statements of one day: the last is the one that no other goes on from
    for each in sorted(closings, key=lambda each: (each.balance_on, each.amount) not in carried):
        is_carried = (each.balance_on, each.amount) in carried
        on = _end_of(each, moved, begins, sign) if is_carried else each.balance_on
        found[on, "closing"] = _at(on, each, sign)
    return list(found.values())


def _moved(posted: pa.Table) -> dict[date, Decimal]:
    by_day = posted.group_by("booked_on").aggregate([("amount", "sum")])
    return dict(zip(by_day["booked_on"].to_pylist(), by_day["amount_sum"].to_pylist(), strict=True))


def _end_of(closing: StatedBalance, moved: dict[date, Decimal], begins: Stated | None, sign: int | None) -> date:
    """The day that a balance ends which the next statement begins with: where lines of its date are still to come,
    and the lines before it say so, the day before."""
    if begins is not None:
        grew = (-closing.amount if sign == -1 else closing.amount) - begins.amount
        days = [(on, amount) for on, amount in moved.items() if on > begins.balance_on]
        through = sum((amount for on, amount in days if on <= closing.balance_on), Decimal(0))
        if grew != through and grew == through - moved.get(closing.balance_on, Decimal(0)):
            return closing.balance_on - DAY
    return closing.balance_on


def _at(on: date, balance: StatedBalance, sign: int | None) -> Stated:
    amount = -balance.amount if sign == -1 else balance.amount
    return Stated(on, amount, balance.kind, sign is not None)


def _sign(openings: Sequence[StatedBalance], closings: Sequence[StatedBalance], posted: pa.Table) -> int | None:
    """What the lines prove: +1 where the balance grew by their sum, -1 where it fell by it, none where neither."""
    moved = pc.sum(posted["amount"]).as_py() or 0
    if not openings or not closings or not moved:
        return None
    first = min(openings, key=lambda balance: balance.balance_on)
    last = max(closings, key=lambda balance: balance.balance_on)
    grew = last.amount - first.amount
    return 1 if grew == moved else -1 if grew == -moved else None
