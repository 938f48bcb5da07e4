"""Trends: how something went month by month, where it is heading, its seasons, and what is ahead of it."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.books.rates.service import rounded
from ai2.reports import service as reports
from ai2.reports.kpis import days, trends
from ai2.reports.kpis.seasons import Season, Seasons
from ai2.reports.kpis.series import Of
from ai2.reports.kpis.trends import Trend, Wanted
from api.analytics.insights import DaysOut
from api.schemas import Amount, Body, Currency, Day, Instant, Name, OfCurrency, Out
from api.unit import Caller, Db, Unit
from ml.cashflow.kept import HORIZON

router = APIRouter(prefix="/api/analytics/trends", tags=["trends"], route_class=Unit)


class TrendsQuery(Body):
    """Of what: a category, a merchant, an account's balance; or income, expenses and net."""

    start_date: Day | None = Field(default=None, description="Without days: the last sixty months of the books.")
    end_date: Day | None = Field(default=None, description="Included.")
    currency: Currency | None = Field(default=None, description="All in this one; else every currency apart.")
    category_id: UUID | None = Field(default=None, description="This category's own rows, those below it aside.")
    merchant: Name | None = Field(default=None, description="By its name in the books.")
    account_id: UUID | None = Field(default=None, description="What it held at each month's end.")
    months: int = Field(default=3, ge=1, le=HORIZON, description="How many months ahead.")


class PointOut(OfCurrency):
    """A month; null where it cannot be had, and then `reason` says why."""

    month: date
    amount: Amount | None
    is_whole: bool = Field(description="Whether the month is over and all of it is in the days asked for.")
    reason: str | None


class DirectionOut(OfCurrency):
    """Sen's slope over the last twelve whole months, by Mann and Kendall's test."""

    per_month: Amount | None
    p_value: float | None = Field(description="How often chance alone makes as much of a direction.")
    is_significant: bool | None = Field(description="Whether that is less than 5 times of 100.")
    months: int
    reason: str | None


class SeasonOut(OfCurrency):
    """What a month of the year, or a day of the week, usually is more or less than its trend."""

    season: int = Field(description="1 is January, or Monday.")
    effect: Amount
    index: float | None = Field(description="As a share of the usual; null where a series is not above zero.")
    values: int


class SeasonsOut(Out):
    """What seasons do to a series; or the reason why that cannot be told."""

    seasons: list[SeasonOut]
    strength: float | None = Field(description="How much of its movement they explain, 0 to 1.")
    p_value: float | None = Field(description="By Kruskal and Wallis's test.")
    is_significant: bool | None
    values: int
    reason: str | None


class AheadOut(OfCurrency):
    """A month to come, and between what it lies 80 and 95 times of 100; null where too little is known."""

    month: date
    amount: Amount
    low_80: Amount | None
    high_80: Amount | None
    low_95: Amount | None
    high_95: Amount | None


class TrendBacktestOut(Out):
    """How forecasts of this went at months of the past, told only what was known then."""

    flow: str
    method: str | None
    origins: int
    misses: dict[str, float] = Field(description="By method, in units of the mean change from month to month (MASE).")
    chosen_misses: float | None
    held_80: float | None = Field(description="The share of 80 % intervals that held what came.")
    held_95: float | None
    intervals: int


class OutlookOut(Out):
    """What is ahead: the forecast of GET /api/ai/forecast, and its back-test; or the reason why there is none."""

    months: list[AheadOut]
    backtest: TrendBacktestOut | None
    computed_by: str | None
    reason: str | None


class SeriesOut(Out):
    """A series in one currency. Spending is above zero; a net of less than nothing is below."""

    of: Of
    label: str
    currency: str
    category_id: UUID | None
    account_id: UUID | None
    merchant: str | None
    computed_by: str
    points: list[PointOut]
    direction: DirectionOut
    months_of_year: SeasonsOut
    days_of_week: SeasonsOut
    forecast: OutlookOut


class TrendsOut(Out):
    """Everything asked for, the last write included. Without a currency none are added up."""

    as_of: Instant
    period: DaysOut
    whole_months: int = Field(description="How many whole months the books have.")
    series: list[SeriesOut]


@router.get("", response_model=TrendsOut)
async def get_trends(db: Db, who: Caller, wanted: Annotated[TrendsQuery, Query()]) -> dict[str, Any]:
    """How it went, where it is heading, and what is ahead."""
    asked = Wanted(
        period=days.asked(wanted.start_date, wanted.end_date),
        currency=wanted.currency,
        category_id=wanted.category_id,
        account_id=wanted.account_id,
        merchant=wanted.merchant,
        ahead=wanted.months,
    )
    async with reports.built():
        found = await trends.trends(db, who.organization_id, asked)
    return {**vars(found), "series": [_series(each) for each in found.trends]}


def _series(trend: Trend) -> dict[str, Any]:
    series, outlook, of = trend.series, trend.outlook, {"currency": trend.series.currency}
    return {
        **vars(series),
        "points": [{**vars(each), **of} for each in series.points],
        "direction": {**vars(trend.direction), **of},
        "months_of_year": _seasons(trend.seasons, series.currency),
        "days_of_week": _seasons(trend.weekdays, series.currency),
        "forecast": {
            "months": [{**of, "month": each.month, **vars(each.range)} for each in outlook.months],
            "backtest": outlook.backtest,
            "computed_by": outlook.version,
            "reason": outlook.reason,
        },
    }


def _seasons(found: Seasons, currency: str) -> dict[str, Any]:
    return {**vars(found), "seasons": [_season(each, currency) for each in found.seasons]}


def _season(season: Season, currency: str) -> dict[str, Any]:
    return {**vars(season), "currency": currency, "effect": rounded(Decimal(repr(season.effect)), currency)}
