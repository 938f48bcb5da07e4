"""Trends: how something went month by month, where it is heading, its seasons, and what is ahead of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.rates import service as rates
from ai2.books.rates.service import rounded
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid, Problem
from ai2.kit.periods import ONE_DAY, Period
from ai2.reports.kpis import repository, series
from ai2.reports.kpis.days import last_months
from ai2.reports.kpis.seasons import Seasons, of_week, of_year, untold
from ai2.reports.kpis.series import Series
from ml.cashflow import service as cashflow
from ml.cashflow.service import Forecast
from ml.cashflow.telling import Backtest, CurrencyForecast, Range
from ml.insights.span import span
from ml.insights.statistics import slope
from ml.insights.trends import LEAST_MONTHS, TRAILING

SHOWN_MONTHS, LOOKED_AT_WEEKS, WEEK = 60, 52, 7
CHANCE = 0.05


@dataclass(frozen=True)
class Direction:
    """By how much a month differs from the one before (Sen's slope), and how often chance alone does as much."""

    per_month: Decimal | None
    p_value: float | None
    is_significant: bool | None
    months: int
    reason: str | None = None


@dataclass(frozen=True)
class Ahead:
    """A month to come, and between what it will lie."""

    month: date
    range: Range


@dataclass(frozen=True)
class Outlook:
    """What is ahead, and how such forecasts went before; or the `reason` why there is none."""

    months: tuple[Ahead, ...]
    backtest: Backtest | None
    version: str | None
    reason: str | None = None


@dataclass(frozen=True)
class Trend:
    """A series and what is to be said of it."""

    series: Series
    direction: Direction
    seasons: Seasons
    weekdays: Seasons
    outlook: Outlook


@dataclass(frozen=True)
class Wanted:
    """Of what, of which days, and how many months ahead; of income, expenses and net where nothing is named."""

    period: Period | None = None
    currency: str | None = None
    category_id: UUID | None = None
    account_id: UUID | None = None
    merchant: str | None = None
    ahead: int = 3


@dataclass(frozen=True)
class Trends:
    """Everything asked for, as the books are now."""

    as_of: datetime
    period: Period
    whole_months: int
    trends: list[Trend]


async def trends(db: Connection, organization_id: UUID, wanted: Wanted, *, today: date | None = None) -> Trends:
    """How it went. Raises CategoryNotFound, AccountNotFound and UnknownCurrency."""
    named = [name for name in ("category_id", "account_id", "merchant") if getattr(wanted, name)]
    if len(named) > 1:
        raise Invalid(errors=(FieldError(named[1], f"is not asked for together with {named[0]}"),))
    now = datetime.now(UTC)
    known = await span(db, organization_id, today or now.date())
    period = wanted.period or last_months(known, SHOWN_MONTHS, today or now.date())
    found = await _series(db, organization_id, wanted, period, known.whole if known else [])
    outlooks = await _outlooks(db, organization_id, wanted, found, today)
    days = await _days(db, organization_id, wanted, known.last_on if known else None, period)
    return Trends(
        as_of=now,
        period=period,
        whole_months=len(known.whole) if known else 0,
        trends=[
            Trend(
                each,
                direction(each),
                of_year([(month, float(amount)) for month, amount in each.whole()]),
                _weekdays(each, days),
                outlook,
            )
            for each, outlook in zip(found, outlooks, strict=True)
        ],
    )


async def _series(
    db: Connection, organization_id: UUID, wanted: Wanted, period: Period, whole: Sequence[date]
) -> list[Series]:
    begun = _begun(period, whole)
    if wanted.category_id:
        return await series.of_category(db, organization_id, wanted.category_id, begun, whole, wanted.currency)
    if wanted.account_id:
        return await series.of_account(db, organization_id, wanted.account_id, begun, whole, wanted.currency)
    if wanted.merchant:
        return await series.of_merchant(db, organization_id, wanted.merchant, begun, whole, wanted.currency)
    return await series.of_books(db, organization_id, begun, whole, wanted.currency)


def _begun(period: Period, whole: Sequence[date]) -> Period:
    """Not from before the books begin: their first month may be cut short, and is the one before the first whole."""
    if not whole:
        return period
    first = (whole[0] - ONE_DAY).replace(day=1)
    return Period(max(period.start, first), period.end) if first <= period.end else period


def direction(of: Series) -> Direction:
    """Over the last twelve whole months, as insights look for categories that rise or fall."""
    values = [float(amount) for _, amount in of.whole()][-TRAILING:]
    if len(values) < LEAST_MONTHS + 1:
        few = f"a direction needs {LEAST_MONTHS + 1} whole months; there are {len(values)}"
        return Direction(None, None, None, len(values), few)
    found = slope(values)
    per_month = rounded(Decimal(repr(found.per_month)), of.currency)
    return Direction(per_month, round(found.p_value, 6), found.p_value < CHANCE, len(values))


async def _days(
    db: Connection, organization_id: UUID, wanted: Wanted, last_on: date | None, period: Period
) -> "_Days | None":
    """The last year of whole weeks, up to what the books know."""
    if last_on is None or wanted.account_id or wanted.merchant:
        return None
    end = min(last_on, period.end)
    end -= timedelta(days=(end.weekday() + 1) % WEEK)
    weeks = Period(max(end - timedelta(days=WEEK * LOOKED_AT_WEEKS - 1), date.min + timedelta(days=400)), end)
    found = await repository.by_day(db, organization_id, weeks, wanted.category_id)
    if wanted.currency is None:
        return _Days(weeks, found, None)
    asked = {(row["currency"], row["booked_on"]) for row in found}
    known = await rates.converter(db, organization_id, wanted.currency, asked)
    silent = next((each.reason for each in known.values() if each.reason), None)
    return _Days(weeks, [] if silent else list(_converted(found, known, wanted.currency)), silent)


@dataclass(frozen=True)
class _Days:
    weeks: Period
    rows: Sequence[Mapping[str, object]]
    reason: str | None


def _converted(
    found: Sequence[DictRow], known: Mapping[tuple[str, date], rates.Rate], into: str
) -> Iterable[dict[str, object]]:
    for row in found:
        rate = known[row["currency"], row["booked_on"]]
        yield {**row, "currency": into, "income": rate.convert(row["income"]), "expense": rate.convert(row["expense"])}


def _weekdays(of: Series, days: _Days | None) -> Seasons:
    if days is None:
        why = (
            "a balance has no day of the week" if of.of == "balance" else "they are told of the books and of categories"
        )
        return untold(0, why)
    if days.reason:
        return untold(0, days.reason)
    start, number = days.weeks.start, ((days.weeks.end - days.weeks.start).days + 1) // WEEK
    weeks = [[0.0] * WEEK for _ in range(number)]
    for row in days.rows:
        if row["currency"] == of.currency:
            at = (row["booked_on"] - start).days  # type: ignore[operator]
            weeks[at // WEEK][at % WEEK] += _flow(of, row)
    while weeks and not any(weeks[0]):  # before anything moved
        weeks.pop(0)
    return of_week(weeks)


def _flow(of: Series, row: Mapping[str, object]) -> float:
    income, expense = float(row["income"]), float(row["expense"])  # type: ignore[arg-type]
    return {"income": income, "expense": expense}.get(of.of, income - expense)


async def _outlooks(
    db: Connection, organization_id: UUID, wanted: Wanted, found: Sequence[Series], today: date | None
) -> list[Outlook]:
    """What the forecast says of each of these: it is the one of the forecasts, and not worked out again."""
    if not found:
        return []
    if wanted.merchant:
        return [_none("forecasts are of the books, of categories and of accounts")] * len(found)
    try:
        told = await forecast(db, organization_id, wanted.ahead, wanted.currency, wanted.account_id, today=today)
    except Problem as problem:
        return [_none(problem.detail)] * len(found)
    by_currency = {each.currency: each for each in told.currencies}
    return [_outlook(each, by_currency.get(each.currency), told) for each in found]


async def forecast(
    db: Connection,
    organization_id: UUID,
    ahead: int,
    currency: str | None,
    account_id: UUID | None = None,
    *,
    today: date | None = None,
) -> Forecast:
    """The forecast; in one currency where that is asked for, and other ones are there to convert."""
    found = await cashflow.forecast(db, organization_id, ahead, account_id=account_id, today=today)
    if currency is None or account_id or {each.currency for each in found.currencies} <= {currency}:
        return found
    return await cashflow.forecast(db, organization_id, ahead, convert_to=currency, today=today)


def _none(reason: str) -> Outlook:
    return Outlook((), None, None, reason)


def _outlook(of: Series, known: CurrencyForecast | None, told: Forecast) -> Outlook:
    if known is None:
        other = "an account is forecast in its own currency" if of.account_id and told.currencies else None
        return _none(told.reason or other or "nothing moved in this currency in the months that were learnt from")
    if of.category_id:
        return _of_category(of, known, told.version)
    if of.of == "balance":
        ahead = [(each.month, each.balance) for each in known.months]
        if any(each is None for _, each in ahead):
            return _none("; ".join(known.notes) or "nobody says what it held at first")
    else:
        ahead = [(each.month, getattr(each, of.of)) for each in known.months]
    return Outlook(_ahead(ahead), _backtest(known.backtest, "net" if of.of == "balance" else of.of), told.version)


def _of_category(of: Series, known: CurrencyForecast, version: str) -> Outlook:
    found = next((each for each in known.categories if each.category_id == of.category_id), None)
    if found is None or of.of not in ("income", "expense"):
        return _none("this category is forecast in the whole alone")
    ahead = [(each.month, getattr(each, of.of)) for each in found.months]
    if any(each is None for _, each in ahead):
        return _none("this category is forecast in the whole alone")
    return Outlook(_ahead(ahead), _backtest(found.backtest, of.of), version)


def _ahead(found: Sequence[tuple[date, Range | None]]) -> tuple[Ahead, ...]:
    return tuple(Ahead(month, each) for month, each in found if each is not None)


def _backtest(found: Sequence[Backtest], flow: str) -> Backtest | None:
    return next((each for each in found if each.flow == flow), None)
