"""Words: what a person would say of a chart to another who cannot see it."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from ai2.kit.money import exact

NAMED = 3


class Point(NamedTuple):
    """A figure and what it is of; null where it cannot be had."""

    label: str
    amount: Decimal | None


def money(amount: Decimal | None, currency: str) -> str:
    """1,234.50 GBP."""
    return "unknown" if amount is None else f"{exact(amount, currency):,f} {currency}"


def percent(part: Decimal, whole: Decimal) -> str:
    """Without decimals from ten on: 76 %, and 7.6 %."""
    share = part * 100 / whole
    places = Decimal(1) if abs(share) >= 10 else Decimal("0.1")
    return f"{share.quantize(places, rounding=ROUND_HALF_UP) + 0:,f} %"


def course(what: str, points: Sequence[Point], currency: str) -> str:
    """How something went: its highest, its lowest, and the change from the first to the last."""
    known = [(label, amount) for label, amount in points if amount is not None]
    missing = [label for label, amount in points if amount is None]
    return " ".join(each for each in (_course(what, known, currency), _missing(what, missing)) if each)


def _course(what: str, known: Sequence[tuple[str, Decimal]], currency: str) -> str:
    if not known:
        return ""
    (first, begin), (last, end) = known[0], known[-1]
    if len(known) == 1:
        return f"{what}: {money(begin, currency)} ({first})."
    high, low = max(known, key=lambda each: each[1]), min(known, key=lambda each: each[1])
    if high[1] == low[1]:
        return f"{what}: {money(begin, currency)} throughout, from {first} to {last}."
    return (
        f"{what}: highest {money(high[1], currency)} ({high[0]}), lowest {money(low[1], currency)} ({low[0]}); "
        f"{_change(begin, end, currency)} from {first} to {last}."
    )


def _change(begin: Decimal, end: Decimal, currency: str) -> str:
    """By how much; in percent only of what was above zero, or it would say the contrary."""
    if end == begin:
        return "no change"
    share = f" ({percent(abs(end - begin), begin)})" if begin > 0 else ""
    return f"{'up' if end > begin else 'down'} {money(abs(end - begin), currency)}{share}"


def _missing(what: str, labels: Sequence[str]) -> str:
    if not labels:
        return ""
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return f"{what} cannot be told of {', '.join(labels[:NAMED])}{more}."


def ranking(what: str, points: Sequence[Point], currency: str) -> str:
    """Which are the largest, and how much of all of it they are. `points` come largest first."""
    known = [(label, amount) for label, amount in points if amount is not None]
    missing = _missing(what, [label for label, amount in points if amount is None])
    if not known:
        return missing
    total = sum((amount for _, amount in known), Decimal(0))
    is_whole = total > 0 and all(amount >= 0 for _, amount in known)
    told = [
        f"{label} {money(amount, currency)}" + (f" ({percent(amount, total)})" if is_whole else "")
        for label, amount in known[:NAMED]
    ]
    rest = f", and {len(known) - NAMED} more" if len(known) > NAMED else ""
    return f"{what}: {money(total, currency)} in all. Largest: {'; '.join(told)}{rest}. {missing}".rstrip()


def nothing(what: str) -> str:
    """What is said where there is nothing to draw."""
    return f"{what}: there is nothing to show in these days."
