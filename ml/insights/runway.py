"""Runway: for how many months the money lasts, if it goes on going out as it did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from psycopg.rows import DictRow

from ai2.books.dashboard.service import AccountBalance
from ai2.books.rates.service import rounded
from ml.insights.statistics import mean_between

LEAST_MONTHS, LOOK_BACK = 3, 12


@dataclass(frozen=True)
class Runway:
    """What accounts of a currency hold, what goes out of them a month more than comes in, and so how long it lasts.

    `low_months` to `high_months` is where it lies four times of five, by the spread of past months; an end that is
    none is open: it may never run out. What cannot be known is none, with a `reason`.
    """

    currency: str
    balance: Decimal | None
    monthly_burn: Decimal | None
    low_burn: Decimal | None
    high_burn: Decimal | None
    runway_months: float | None
    low_months: float | None
    high_months: float | None
    months: int
    first_month: date | None
    last_month: date | None
    reason: str | None


def runways(balances: Sequence[AccountBalance], flows: Sequence[DictRow], months: Sequence[date]) -> list[Runway]:
    """The runway of each currency that an account holds. `flows` are net sums by currency and whole month."""
    looked_at = months[-LOOK_BACK:]
    net = {(row["currency"], row["month"]): row["net"] for row in flows}
    found = []
    for currency in sorted({each.currency for each in balances}):
        held = [each for each in balances if each.currency == currency]
        values = [net.get((currency, month), Decimal(0)) for month in looked_at]
        while values and values[0] == 0:  # before anything moved in it
            values.pop(0)
        found.append(_runway(currency, held, values, looked_at[len(looked_at) - len(values) :]))
    return found


def _runway(currency: str, held: Sequence[AccountBalance], values: Sequence[Decimal], months: Sequence[date]) -> Runway:
    unknown = sorted(each.name for each in held if each.opening_is == "unknown")
    balance = None if unknown else sum((each.balance for each in held), Decimal(0))
    reason = f"nobody says what {', '.join(unknown[:3])} held at first" if unknown else None
    if len(values) < LEAST_MONTHS:
        few = f"it needs {LEAST_MONTHS} whole months in which money moved; there are {len(values)}"
        return _unknown(currency, balance, months, reason or few)
    mean, low, high = mean_between([-float(each) for each in values])
    burn, low_burn, high_burn = (rounded(Decimal(repr(each)), currency) for each in (mean, low, high))
    lasts = low_months = high_months = None
    if balance is not None and balance <= 0:
        reason = "nothing is held"
    elif balance is not None:
        lasts, low_months, high_months = (_lasts(balance, each) for each in (burn, high_burn, low_burn))
        if lasts is None:
            reason = "more comes in than goes out"
    return Runway(
        currency, balance, burn, low_burn, high_burn, lasts, low_months, high_months, len(values), months[0],
        months[-1], reason,
    )  # fmt: skip


def _unknown(currency: str, balance: Decimal | None, months: Sequence[date], reason: str) -> Runway:
    return Runway(
        currency=currency,
        balance=balance,
        monthly_burn=None,
        low_burn=None,
        high_burn=None,
        runway_months=None,
        low_months=None,
        high_months=None,
        months=len(months),
        first_month=months[0] if months else None,
        last_month=months[-1] if months else None,
        reason=reason,
    )


def _lasts(balance: Decimal, burn: Decimal) -> float | None:
    return round(float(balance / burn), 1) if burn > 0 else None
