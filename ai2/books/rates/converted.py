"""Converted: the dashboard's figures in one currency, each day's money by that day's rate.

Nothing of it is stored. A month is the rounded sum of its days, the total the sum of the months, so that the parts add
up. Where a rate is missing the figure is none, and what could not be converted is listed with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.dashboard import repository
from ai2.books.dashboard.service import AccountBalance
from ai2.books.rates import service as rates
from ai2.books.rates.service import EXACT, Rate, Source, rounded
from ai2.kit.database import Connection
from ai2.kit.periods import Period

Known = Mapping[tuple[str, date], Rate]


@dataclass(frozen=True)
class ConvertedFlow:
    """Income and expense in one currency; none where a day has no rate."""

    income: Decimal | None
    expense: Decimal | None
    net: Decimal | None


@dataclass(frozen=True)
class ConvertedMonth(ConvertedFlow):
    """The same of a month, named by its first day."""

    month: date


@dataclass(frozen=True)
class RateUsed:
    """The rates by which one currency was converted: how many days, of which days, from where, and how far apart."""

    base: str
    days: int
    first_rate_on: date
    last_rate_on: date
    lowest: Decimal
    highest: Decimal
    sources: list[Source]


@dataclass(frozen=True)
class Unconverted:
    """Money for which there was no rate: of which days, how much, and why."""

    base: str
    first_on: date
    last_on: date
    income: Decimal
    expense: Decimal
    reason: str


@dataclass(frozen=True)
class Converted:
    """The figures in `currency`; the balance by the rates of `balance_on`."""

    currency: str
    balance: Decimal | None
    balance_on: date
    balance_rates: list[Rate]
    totals: ConvertedFlow
    by_month: list[ConvertedMonth]
    rates: list[RateUsed]
    unconverted: list[Unconverted]


async def convert(
    db: Connection,
    organization_id: UUID,
    currency: str,
    *,
    period: Period,
    only: str | None,
    balances: Sequence[AccountBalance],
    today: date,
) -> Converted:
    """A period's flows and today's balances in one currency; `only` one currency's, or all."""
    days = await repository.flows_by_day(db, organization_id, period, only)
    held: dict[str, Decimal] = {}
    for each in balances:
        held[each.currency] = held.get(each.currency, Decimal(0)) + each.balance
    held = {base: amount for base, amount in held.items() if amount}  # nothing needs no rate
    wanted = {(row["currency"], row["booked_on"]) for row in days}
    known = await rates.converter(db, organization_id, currency, wanted | {(base, today) for base in held})
    by_month = [_month(month, list(rows), known, currency) for month, rows in groupby(days, lambda row: row["month"])]
    return Converted(
        currency=currency,
        balance=_balance(held, known, today),
        balance_on=today,
        balance_rates=[known[base, today] for base in sorted(held) if base != currency],
        totals=_totals(by_month),
        by_month=by_month,
        rates=_used([known[question] for question in wanted]),
        unconverted=_unconverted(days, known),
    )


def _balance(held: Mapping[str, Decimal], known: Known, today: date) -> Decimal | None:
    parts = [known[base, today].convert(amount) for base, amount in held.items()]
    return None if None in parts else sum((part for part in parts if part is not None), Decimal(0))


def _month(month: date, rows: Sequence[DictRow], known: Known, currency: str) -> ConvertedMonth:
    income = expense = Decimal(0)
    for row in rows:
        rate = known[row["currency"], row["booked_on"]].rate
        if rate is None:
            return ConvertedMonth(None, None, None, month)
        income = EXACT.add(income, EXACT.multiply(row["income"], rate))
        expense = EXACT.add(expense, EXACT.multiply(row["expense"], rate))
    came, went = rounded(income, currency), rounded(expense, currency)
    return ConvertedMonth(came, went, came - went, month)


def _totals(months: Sequence[ConvertedMonth]) -> ConvertedFlow:
    if any(month.net is None for month in months):
        return ConvertedFlow(None, None, None)
    income = sum((month.income for month in months if month.income is not None), Decimal(0))
    expense = sum((month.expense for month in months if month.expense is not None), Decimal(0))
    return ConvertedFlow(income, expense, income - expense)


def _used(found: Sequence[Rate]) -> list[RateUsed]:
    used = sorted((each for each in found if each.source not in (None, "same")), key=lambda each: (each.base, each.on))
    return [_used_of(base, list(own)) for base, own in groupby(used, lambda each: each.base)]


def _used_of(base: str, own: Sequence[Rate]) -> RateUsed:
    published = [each.quoted_on for each in own if each.quoted_on]
    values = [each.rate for each in own if each.rate]
    sources = sorted({each.source for each in own if each.source})
    return RateUsed(base, len(own), min(published), max(published), min(values), max(values), sources)


def _unconverted(days: Sequence[DictRow], known: Known) -> list[Unconverted]:
    """By currency and reason."""
    gone: dict[tuple[str, str], list[DictRow]] = {}
    for row in days:
        reason = known[row["currency"], row["booked_on"]].reason
        if reason:
            gone.setdefault((row["currency"], reason), []).append(row)
    return [
        Unconverted(
            base=base,
            first_on=min(row["booked_on"] for row in rows),
            last_on=max(row["booked_on"] for row in rows),
            income=sum((row["income"] for row in rows), Decimal(0)),
            expense=sum((row["expense"] for row in rows), Decimal(0)),
            reason=reason,
        )
        for (base, reason), rows in sorted(gone.items())
    ]
