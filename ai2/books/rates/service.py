"""Rates: what one currency was worth in another on a day, from which publication, or why that is not known.

An organization's own rate comes first, then the European Central Bank's, across the euro. The last one on or before
the day counts, up to MAX_AGE_DAYS: banks rest at weekends. Days of a closed period keep what was known when it was
closed. Nothing is ever guessed: without a rate there is a reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import Literal
from uuid import UUID

from ai2.books.moments import Moment
from ai2.books.rates import repository
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid, NotFound
from ai2.kit.ids import new_id
from ai2.kit.money import exponent

MAX_AGE_DAYS = 7
EURO = "EUR"
# Rates are told, and used, to twelve digits: whoever multiplies by what is told gets what we get.
DIGITS = Context(prec=12, rounding=ROUND_HALF_EVEN)
EXACT = Context(prec=60)

Source = Literal["own", "ecb", "same"]
Question = tuple[str, str, date]


class OwnRateNotFound(NotFound):
    """There is no rate of your own for this pair and day; GET /api/core/rates/own lists them."""


@dataclass(frozen=True)
class Rate:
    """What one `base` was worth in `quote` for the day `on`, by what was published of `quoted_on`.

    Without a rate there is a `reason`. `frozen_at` says when the day's period was closed: the rate is as it was known
    then.
    """

    base: str
    quote: str
    on: date
    rate: Decimal | None
    quoted_on: date | None
    source: Source | None
    frozen_at: datetime | None
    reason: str | None

    def convert(self, amount: Decimal) -> Decimal | None:
        """The amount in `quote`, rounded to its decimals, half away from zero; none where there is no rate."""
        return None if self.rate is None else rounded(EXACT.multiply(amount, self.rate), self.quote)


@dataclass(frozen=True)
class OwnRate:
    """A rate that an organization set: one `base` is `rate` of `quote` on that day."""

    rate_id: UUID
    base: str
    quote: str
    quoted_on: date
    rate: Decimal
    set_by: str
    known_from: datetime


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount with its currency's decimals, half away from zero."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP, context=EXACT) + 0


async def converter(
    db: Connection,
    organization_id: UUID,
    into: str,
    wanted: Iterable[tuple[str, date]],
    *,
    known_at: Moment | None = None,
) -> dict[tuple[str, date], Rate]:
    """The rate into one currency for each other one and day, as known then. Raises UnknownCurrency."""
    exponent(into)
    found = await rates(db, organization_id, [(base, into, on) for base, on in wanted], known_at=known_at)
    return {(base, on): each for (base, _, on), each in found.items()}


async def rate(db: Connection, organization_id: UUID, base: str, quote: str, on: date) -> Rate:
    """The rate between two currencies for a day."""
    return (await rates(db, organization_id, [(base, quote, on)]))[base, quote, on]


async def rates(
    db: Connection, organization_id: UUID, wanted: Iterable[Question], *, known_at: Moment | None = None
) -> dict[Question, Rate]:
    """The rate for each question (base, quote, day), all asked at once: as they are known, or were at a moment."""
    questions = sorted(set(wanted))
    for currency in {each for question in questions for each in question[:2]}:
        exponent(currency)
    answers = {
        (base, quote, on): Rate(base, quote, on, Decimal(1), on, "same", None, None)
        for base, quote, on in questions
        if base == quote
    }
    asked = [question for question in questions if question not in answers]
    found = await repository.lookup(db, organization_id, asked, MAX_AGE_DAYS, known_at) if asked else []
    for question, row in zip(asked, found, strict=True):
        value = DIGITS.divide(row["worth"], row["unit"]) if row["quoted_on"] else None
        answers[question] = Rate(*question, value, row["quoted_on"], row["source"], row["frozen_at"], None)
    return await _with_reasons(db, answers, known_at)


async def _with_reasons(db: Connection, answers: dict[Question, Rate], known_at: Moment | None) -> dict[Question, Rate]:
    silent = [each for each in answers.values() if each.rate is None]
    if not silent:
        return answers
    asked = {each for answer in silent for each in (answer.base, answer.quote)}
    extents = await repository.extents(db, asked, known_at)
    told = {
        (each.base, each.quote, each.on): Rate(
            each.base, each.quote, each.on, None, None, None, each.frozen_at, _reason(each, extents)
        )
        for each in silent
    }
    return {**answers, **told}


def _reason(rate: Rate, extents: dict[str, tuple[date, date]]) -> str:
    for currency in (rate.base, rate.quote):
        if currency != EURO and currency not in extents:
            return f"no rate of {currency} is known; load reference rates, or set one of your own"
    if rate.frozen_at:
        return f"none was known when the period was closed ({rate.frozen_at:%Y-%m-%d}); reopen it and close it again"
    late = [currency for currency in (rate.base, rate.quote) if currency in extents and extents[currency][0] > rate.on]
    if late:
        return f"the first rate of {late[0]} is of {extents[late[0]][0]}"
    return f"there is none of the {MAX_AGE_DAYS} days before; load reference rates, or set one of your own"


async def set_own(
    db: Connection, organization_id: UUID, base: str, quote: str, on: date, rate: Decimal, *, set_by: str
) -> Rate:
    """Set a rate of one's own; what was set for the pair and day before, either way round, stays in the history."""
    exponent(base)
    exponent(quote)
    if base == quote:
        raise Invalid(errors=(FieldError("quote", "is another currency than base"),))
    if not (rate.is_finite() and 0 < rate < Decimal(10) ** 12 and rate.as_tuple().exponent >= -18):  # type: ignore[operator]
        raise Invalid(errors=(FieldError("rate", "is above zero, below a trillion, with at most 18 decimals"),))
    await repository.refuse_closed(db, organization_id, on)
    await repository.lock_pairs(db, organization_id)
    await repository.end(db, organization_id, base, quote, on, ended_by=set_by)
    await repository.insert(
        db, organization_id, rate_id=new_id(), base=base, quote=quote, quoted_on=on, rate=rate, set_by=set_by
    )
    await events.emit(db, organization_id, "rate.set", {"base": base, "quote": quote, "date": on.isoformat()})
    return (await rates(db, organization_id, [(base, quote, on)]))[base, quote, on]


async def delete_own(
    db: Connection, organization_id: UUID, base: str, quote: str, on: date, *, deleted_by: str
) -> None:
    """Take a rate of one's own away: the reference rate counts again."""
    await repository.refuse_closed(db, organization_id, on)
    if not await repository.end(db, organization_id, base, quote, on, ended_by=deleted_by):
        raise OwnRateNotFound
    await events.emit(db, organization_id, "rate.deleted", {"base": base, "quote": quote, "date": on.isoformat()})


async def own_rates(
    db: Connection, organization_id: UUID, *, after: UUID | None = None, limit: int
) -> tuple[list[OwnRate], UUID | None]:
    """The organization's own rates, the last set first, and the last one's id where there are more."""
    found = await repository.own_rates(db, organization_id, after=after, limit=limit + 1)
    items = [OwnRate(**row) for row in found[:limit]]
    return items, items[-1].rate_id if len(found) > limit else None


async def count_own(db: Connection, organization_id: UUID) -> int:
    """How many rates of its own an organization has."""
    return await repository.count_own(db, organization_id)
