"""Amounts: what a series costs: always the same, the same until it rose, or another sum each time.

Amounts are whole ten-thousandths, which hold every currency's smallest coin.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

Kind = Literal["fixed", "stepped", "variable"]
# So much of an amount is a rounding and no change.
SAME = 0.002
# From so many of its neighbours on that repeat it, an amount is one that is agreed.
AGREED = 0.6
# Of amounts that move with an exchange rate a change is one that is larger than this, and than what is usual by far.
LEAST_RISE, BY_FAR, UNSTEADY = 0.06, 4, 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """What the price was, what it became, and with which payment."""

    before: int
    after: int
    # the place of the first payment at the new price
    at: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is paid: what to expect next and between what, and how it changed. `swing` is the usual step, as a share."""

    kind: Kind
    swing: float
    repeats: float
    expected: int
    low: int
    high: int
    changes: tuple[Change, ...]


def judge(amounts: Sequence[int]) -> Amounts:
    """The amounts of a series, in its order."""
    steps = _steps(amounts)
    usual = median(steps) if steps else 0.0
    repeats = sum(step <= SAME for step in steps) / len(steps) if steps else 1.0
    if repeats >= AGREED or (len(amounts) <= 3 and repeats >= 0.5):
        return _agreed(amounts, usual, repeats)
    changes = _shifts(amounts) if usual <= UNSTEADY else ()
    since = amounts[changes[-1].at :] if changes else amounts
    recent = since[-12:]
    room = max(usual, 0.01)
    low = min(*recent, round(median(recent) * math.exp(-2 * room)))
    high = max(*recent, round(median(recent) * math.exp(2 * room)))
    return Amounts("variable", usual, repeats, _expected(recent), low, high, changes)


def swing(amounts: Sequence[int]) -> float:
    """By what share an amount differs from the one before, in the middle."""
    return median(_steps(amounts))


def _steps(amounts: Sequence[int]) -> list[float]:
    return [abs(math.log(later / amount)) for amount, later in pairwise(amounts)]


def _agreed(amounts: Sequence[int], usual: float, repeats: float) -> Amounts:
    changes = []
    agreed = amounts[0]
    for at, amount in enumerate(amounts[1:], 1):
        following = amounts[at + 1] if at + 1 < len(amounts) else amount
        if not _is_same(agreed, amount) and _is_same(amount, following):
            changes.append(Change(agreed, amount, at))
            agreed = amount
    kind: Kind = "stepped" if changes else "fixed"
    return Amounts(kind, usual, repeats, agreed, agreed, agreed, tuple(changes))


def _expected(recent: Sequence[int]) -> int:
    """The middle of what was paid lately, as it was paid."""
    return sorted(recent)[len(recent) // 2]


def _is_same(one: int, other: int) -> bool:
    return abs(math.log(other / one)) <= SAME


def _shifts(amounts: Sequence[int]) -> tuple[Change, ...]:
    """The one change of a price that moves a little all the time, where there is one."""
    if len(amounts) < 6:
        return ()
    best: tuple[float, Change] | None = None
    for at in range(3, len(amounts) - 2):
        before, after = median(amounts[:at]), median(amounts[at:])
        within = [abs(math.log(each / before)) for each in amounts[:at]]
        within += [abs(math.log(each / after)) for each in amounts[at:]]
        rise, usual = abs(math.log(after / before)), max(median(within), 0.005)
        if rise >= LEAST_RISE and rise >= BY_FAR * usual and max(within) < rise and (best is None or rise > best[0]):
            best = rise, Change(_expected(amounts[:at]), _expected(amounts[at:]), at)
    return (best[1],) if best else ()
