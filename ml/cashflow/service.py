"""The forecast: what will come in and go out, and what accounts will hold, by month, with intervals and the back-test.

Everything is by currency, and no two are added; where one is asked for, the past is forecast as it was worth in it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.dashboard import service as dashboard
from ai2.books.rates import service as rates
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.periods import months as whole_months
from ml.cashflow import kept, recurring, repository, telling
from ml.cashflow.kept import HORIZON, Said
from ml.cashflow.lines import Lines, converted, lines
from ml.cashflow.outlook import Outlook, of_rehearsal
from ml.cashflow.span import Booked, Span, span
from ml.cashflow.telling import CurrencyForecast, Rehearsed

# Of fewer whole months nothing is forecast.
LEAST_MONTHS = 3
BOOKS = "books"


@dataclass(frozen=True)
class Forecast:
    """The months ahead of an organization, each currency apart.

    `books_through` is the last day on which anything was booked, and `history_from` to `history_months` the whole
    months that were learnt from. `computed_at` is when these were; what is held and the month that has begun are as
    of now. Without a forecast there is a `reason`.
    """

    as_of: datetime
    computed_at: datetime
    books_through: date | None
    history_from: date | None
    history_months: int
    first_month: date | None
    version: str
    currencies: list[CurrencyForecast]
    reason: str | None


@dataclass(frozen=True)
class _Seen:
    series: Lines
    outlook: Outlook
    computed_at: datetime
    unconverted: list[str]


async def forecast(
    db: Connection,
    organization_id: UUID,
    months: int = 3,
    currency: str | None = None,
    *,
    account_id: UUID | None = None,
    convert_to: str | None = None,
    today: date | None = None,
) -> Forecast:
    """The next months; of one currency or account where it is named, or all of it as it was worth in one currency.

    Raises AccountNotFound, and UnknownCurrency where there is no such currency to convert to.
    """
    if not 1 <= months <= HORIZON:
        raise Invalid(errors=(FieldError("months", f"is 1 to {HORIZON}"),))
    if account_id and convert_to:
        raise Invalid(errors=(FieldError("convert_to", "is for all accounts together"),))
    if account_id:
        await accounts.get(db, organization_id, account_id)
    now = datetime.now(UTC)
    booked, known = await _booked(db, organization_id, today or now.date())
    if known is None or known.whole < LEAST_MONTHS:
        return _nothing(now, booked, known)
    seen = await _outlook(db, organization_id, known, convert_to)
    if seen.unconverted:
        return _nothing(now, booked, known, "; ".join(seen.unconverted))
    # what is held is not converted: that would be by rates that nobody knows yet
    held = [] if convert_to else await dashboard.balances(db, organization_id, currency)
    told = telling.currencies(
        seen.series,
        seen.outlook,
        known,
        months=months,
        currency=currency,
        account_id=account_id,
        balances=held,
        names=await repository.category_names(db, organization_id),
    )
    return Forecast(
        as_of=now,
        computed_at=seen.computed_at,
        books_through=booked[-1].last_on,
        history_from=known.first,
        history_months=known.whole,
        first_month=known.next,
        version=kept.VERSION,
        currencies=told,
        reason=None if told else "nothing moved in what was asked for",
    )


async def rehearse(db: Connection, organization_id: UUID, *, today: date | None = None) -> Rehearsed | None:
    """Work out and keep what a forecast needs, and say how forecasts went; none where there is too little."""
    _, known = await _booked(db, organization_id, today or datetime.now(UTC).date())
    if known is None or known.whole < LEAST_MONTHS:
        return None
    seen = await _outlook(db, organization_id, known)
    return telling.rehearsed(seen.outlook, known)


async def _booked(db: Connection, organization_id: UUID, today: date) -> tuple[list[Booked], Span | None]:
    found = [Booked(**row) for row in await repository.closings(db, organization_id, whole_months(today, 1).end)]
    return found, span(found, today)


async def _outlook(db: Connection, organization_id: UUID, known: Span, into: str | None = None) -> _Seen:
    """What is ahead of every line, by what the candidates said of the past: as it is kept, or else worked out now."""
    scope, until = into or BOOKS, whole_months(known.next, 1).end
    rows, unconverted = await _rows(db, organization_id, known.first, until, known.day, into)
    series = lines(rows, known)
    if not into:
        series = recurring.known(series, await recurring.patterns(db, organization_id, known), known)
    names = [str(line) for line in series.rows]
    digest = kept.digest(series.panel, names)
    row = await repository.rehearsal(db, organization_id, scope)
    if row and row["digest"] == digest:
        said, computed_at = kept.unpack(row["shape"], row["said"]), row["computed_at"]
    else:
        said, computed_at = await asyncio.to_thread(kept.work_out, series.panel), datetime.now(UTC)
        shape, packed = kept.pack(said)
        await repository.keep_rehearsal(db, organization_id, scope, digest=digest, shape=shape, said=packed)
    outlook = await asyncio.to_thread(_looked, series, said)
    return _Seen(series, outlook, computed_at, unconverted)


def _looked(series: Lines, said: Said) -> Outlook:
    rehearsal = said.against(series.panel)
    return of_rehearsal(series.panel, rehearsal, series.panel.months, sums=series.sums, parts=series.parts)


async def _rows(
    db: Connection, organization_id: UUID, since: date, until: date, day: int | None, into: str | None
) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
    """What was booked by month; in one currency if asked, then by each day's rate, and why some of it is missing."""
    if not into:
        return await repository.months(db, organization_id, since, until, day), []
    days = await repository.days(db, organization_id, since, until)
    rates_of = await rates.converter(db, organization_id, into, {(row["currency"], row["booked_on"]) for row in days})
    return converted(days, rates_of, into, day), sorted({each.reason for each in rates_of.values() if each.reason})


def _nothing(now: datetime, booked: Sequence[Booked], known: Span | None, reason: str | None = None) -> Forecast:
    whole = known.whole if known else 0
    return Forecast(
        as_of=now,
        computed_at=now,
        books_through=booked[-1].last_on if booked else None,
        history_from=known.first if known and whole else None,
        history_months=whole,
        first_month=None,
        version=kept.VERSION,
        currencies=[],
        reason=reason or f"a forecast needs {LEAST_MONTHS} whole months; the books have {whole}",
    )
