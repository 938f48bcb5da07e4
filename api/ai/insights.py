"""Insights: trends, anomalies, the forecast and the runway, each with the rows behind it."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.kit.periods import EXPECTED, read_period
from api.ai.anomalies import AnomalyOut, shown
from api.schemas import Amount, Body, Currency, Instant, OfCurrency, Out
from api.unit import Caller, Db, Unit
from ml.insights import service
from ml.insights.model import VERSION, Told

router = APIRouter(prefix="/api/ai/insights", tags=["insights"], route_class=Unit)


class InsightsQuery(Body):
    """What to look at."""

    period: str | None = Field(
        default=None,
        max_length=50,
        description=f"Whose anomalies are told; else of 12 months. It {EXPECTED}.",
    )
    currency: Currency | None = Field(default=None, description="Only this one; else every currency apart.")


class RowsOut(Out):
    """The rows behind something: some by id, and where all of them are."""

    transaction_ids: list[UUID]
    link: str | None


class TrendOut(OfCurrency):
    """A category whose last whole month is unlike those before, or that rises or falls. Spending is above zero."""

    type: Literal["month", "direction"]
    category_id: UUID | None = Field(description="Null is what has no category yet.")
    category: str | None
    kind: str | None
    month: date = Field(description="The last whole month, by its first day.")
    amount: Amount = Field(description="In that month.")
    usual: Amount = Field(description="The median of the months it is held against.")
    change: Amount = Field(description="From the usual; of a direction, over all its months.")
    change_share: float | None = Field(description="The same as a part of the usual; null where that is nothing.")
    last_year: Amount | None = Field(description="The same month a year before; null where the books do not reach.")
    method: Literal["robust_z", "mann_kendall"]
    statistic: float = Field(description="Robust standard deviations from the median; or Sen's slope, a month.")
    p_value: float | None = Field(description="How often chance alone does as much.")
    months: int = Field(description="From how many months.")
    rows: RowsOut


class InsightRangeOut(Out):
    """An expected amount, and between what it lies 80 and 95 times of 100; null where too little is known."""

    amount: Amount
    low_80: Amount | None
    high_80: Amount | None
    low_95: Amount | None
    high_95: Amount | None


class InsightMonthOut(Out):
    """A month to come. Net is income less expense; transfers between own accounts are neither."""

    month: date
    income: InsightRangeOut
    expense: InsightRangeOut
    net: InsightRangeOut
    balance: InsightRangeOut | None = Field(description="At its end; null where nobody says what was held.")


class InsightBacktestOut(Out):
    """How forecasts of this went at months of the past, told only what was known then."""

    flow: str
    method: str | None
    origins: int
    misses: dict[str, float] = Field(description="By method, in units of the mean change from month to month (MASE).")
    chosen_misses: float | None
    held_80: float | None = Field(description="The share of 80 % intervals that held what came.")
    held_95: float | None
    intervals: int


class InsightCurrencyOut(OfCurrency):
    """The months ahead of one currency."""

    months: list[InsightMonthOut]
    backtest: list[InsightBacktestOut]
    notes: list[str]


class InsightForecastOut(Out):
    """The months ahead, and how such forecasts went before. GET /api/ai/forecast tells more."""

    as_of: Instant
    computed_by: str = Field(validation_alias="version")
    history_months: int
    currencies: list[InsightCurrencyOut]


class RunwayOut(OfCurrency):
    """For how many months what is held lasts, if more goes out than comes in as it did. What is unknown is null."""

    balance: Amount | None
    monthly_burn: Amount | None = Field(description="The mean; below zero more comes in than goes out.")
    low_burn: Amount | None = Field(description="Its 80 % interval, by Student's t over whole months.")
    high_burn: Amount | None
    runway_months: float | None
    low_months: float | None
    high_months: float | None = Field(description="Null beside a known low end: it may never run out.")
    months: int = Field(description="From how many whole months.")
    first_month: date | None
    last_month: date | None
    reason: str | None = Field(description="Why it cannot be known.")
    computed_by: str = VERSION


class AnomaliesOut(Out):
    """What is unlike the rest of the books, the surest first. GET /api/ai/anomalies lists all of them."""

    items: list[AnomalyOut] = Field(max_length=service.TOLD_ANOMALIES)
    as_of: Instant | None = Field(description="When the books were looked through last.")
    is_behind: bool | None = Field(description="Whether rows came or changed since.")
    reason: str | None = Field(description="Why there can be none.")


class InsightsOut(Out):
    """What is worth knowing. Currencies are never added up; what cannot be said is null or empty, with a reason."""

    as_of: Instant
    computed_by: str = VERSION
    books_through: date | None = Field(description="The last day on which anything was booked.")
    whole_months: int
    trends: list[TrendOut]
    trends_reason: str | None
    anomalies: AnomaliesOut
    forecast: InsightForecastOut | None
    forecast_reason: str | None
    runway: list[RunwayOut]


@router.get("", response_model=InsightsOut)
async def get_insights(db: Db, who: Caller, wanted: Annotated[InsightsQuery, Query()]) -> dict[str, Any]:
    """What the books say that is worth knowing. Trends and runways include the last write."""
    period = read_period(wanted.period, datetime.now(UTC).date()) if wanted.period else None
    found = await service.insights(db, who.organization_id, period=period, currency=wanted.currency)
    run = found.anomalies_run
    return {
        **vars(found),
        "trends": [_told(each) for each in found.trends],
        "anomalies": {
            "items": [shown(each) for each in found.anomalies],
            "as_of": run and run.judged_at,
            "is_behind": run and run.is_behind,
            "reason": found.anomalies_reason,
        },
        "runway": found.runways,
    }


def _told(told: Told) -> dict[str, Any]:
    return {**vars(told.trend), "rows": told.rows}
