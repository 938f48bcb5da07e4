"""Figures: how each key figure follows from what the ledger says of some days."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ai2.books.rates.service import rounded
from ai2.reports.kpis.model import FigureName, Held, Known, Unit
from ai2.reports.ledger.facts import NOTHING, Sum
from ai2.reports.tables import share
from ml.insights.runway import LEAST_MONTHS, Runway

TENTH = Decimal("0.1")
NO_INCOME, NO_MOVEMENT = "there was no income", "nothing moved"


@dataclass(frozen=True)
class Seen:
    """What is known of one period in one currency. Sums have a reason where a rate is missing."""

    currency: str
    income: Sum
    expense: Sum
    # what has no category: income and expense, both as they add to the totals
    undecided: Sum
    moved: Sum
    # what savings accounts gained; none where there are none
    saved: Sum | None
    cash: Known
    runway: Runway | None
    no_runway: str
    # expenses of the whole months that runways look at, and of how many days
    spent: Sum
    days: int
    months: int
    # the payer that gave most, and what all gave
    payer: str | None
    largest: Known


def value(name: FigureName, seen: Seen) -> Known:
    """A figure of a period. Overdue income is of now alone, and not among these."""
    return MAKERS[name](seen)


def _amount(found: Sum) -> Known:
    return Known(found.amount, found.reason)


def _net(seen: Seen) -> Sum:
    return seen.income + seen.expense.times(-1)


def _margin(seen: Seen) -> Known:
    return _share_of(_net(seen), seen.income, NO_INCOME)


def _share_of(part: Sum, whole: Sum, nothing: str) -> Known:
    if part.amount is None or whole.amount is None:
        return Known(None, part.reason or whole.reason)
    return Known(share(part.amount, whole.amount)) if whole.amount > 0 else Known(None, nothing)


def _saved(seen: Seen) -> Known:
    return _amount(seen.saved) if seen.saved else Known(None, "none of the accounts is a savings account")


def _average(found: Sum, currency: str, nothing: str) -> Known:
    if found.amount is None:
        return Known(None, found.reason)
    if not found.entries:
        return Known(None, nothing)
    return Known(rounded(found.amount / found.entries, currency))


def _burn(seen: Seen) -> Known:
    if seen.runway is None:
        return Known(None, seen.no_runway)
    return Known(seen.runway.monthly_burn, None if seen.runway.monthly_burn is not None else seen.runway.reason)


def _runway(seen: Seen) -> Known:
    if seen.runway is None:
        return Known(None, seen.no_runway)
    lasts = seen.runway.runway_months
    return Known(None if lasts is None else Decimal(str(lasts)), seen.runway.reason if lasts is None else None)


def _days_of_cash(seen: Seen) -> Known:
    if seen.cash.value is None or seen.spent.amount is None:
        return Known(None, seen.cash.reason or seen.spent.reason)
    if seen.months < LEAST_MONTHS:
        return Known(None, f"it needs {LEAST_MONTHS} whole months in which money moved; there are {seen.months}")
    if seen.spent.amount <= 0:
        return Known(None, "nothing was spent in the months that are looked at")
    if seen.cash.value <= 0:
        return Known(None, "nothing is held")
    days = seen.cash.value * seen.days / seen.spent.amount
    return Known(days.quantize(TENTH, rounding=ROUND_HALF_UP))


def _largest(seen: Seen) -> Known:
    if seen.largest.value is None or seen.income.amount is None:
        return Known(None, seen.largest.reason or seen.income.reason or NO_INCOME)
    return Known(share(seen.largest.value, seen.income.amount)) if seen.income.amount > 0 else Known(None, NO_INCOME)


MAKERS: Mapping[FigureName, Callable[[Seen], Known]] = {
    "income": lambda seen: _amount(seen.income),
    "expenses": lambda seen: _amount(seen.expense),
    "net_profit": lambda seen: _amount(_net(seen)),
    "margin": _margin,
    "savings_rate": _margin,
    "set_aside": _saved,
    "cash": lambda seen: seen.cash,
    "monthly_burn": _burn,
    "runway": _runway,
    "days_of_cash": _days_of_cash,
    "average_income": lambda seen: _average(seen.income, seen.currency, NO_INCOME),
    "average_expense": lambda seen: _average(seen.expense, seen.currency, "nothing was spent"),
    "largest_payer": _largest,
    "uncategorised": lambda seen: _share_of(seen.undecided, seen.moved, NO_MOVEMENT),
}
UNITS: Mapping[FigureName, Unit] = {
    "margin": "percent", "savings_rate": "percent", "largest_payer": "percent", "uncategorised": "percent",
    "runway": "months", "days_of_cash": "days",
}  # fmt: skip


def held(now: Known, before: Known, unit: Unit) -> Held:
    """What it was, and by how much it differs: in percent of an amount that was not nothing."""
    if before.value is None:
        return Held(None, None, None, before.reason)
    if now.value is None:
        return Held(before.value, None, None, now.reason)
    change = now.value - before.value
    pct = share(change, abs(before.value)) if unit == "amount" and before.value else None
    return Held(before.value, change, pct)


def total(sums: Sequence[Sum]) -> Sum:
    found = NOTHING
    for each in sums:
        found += each
    return found


def size(found: Sum) -> Sum:
    """How much moved, whichever way."""
    return found if found.amount is None or found.amount >= 0 else found.times(-1)
