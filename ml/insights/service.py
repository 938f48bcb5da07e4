"""Insights: trends, anomalies, the forecast and the runway. All but anomalies are read from totals when asked for."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from ai2.books.dashboard import service as dashboard
from ai2.kit.database import Connection
from ai2.kit.errors import Problem
from ai2.kit.periods import Period, months
from ml.anomalies import service as anomalies
from ml.anomalies.model import Anomaly
from ml.anomalies.service import Filter
from ml.cashflow import service as cashflow
from ml.insights import repository
from ml.insights.model import Insights, Rows, Told
from ml.insights.runway import runways
from ml.insights.span import Span, span
from ml.insights.trends import Trend, trends

SHOWN, SHOWN_ROWS, TOLD_ANOMALIES = 20, 10, 50
FORECAST_MONTHS = 3


async def insights(
    db: Connection,
    organization_id: UUID,
    *,
    period: Period | None = None,
    currency: str | None = None,
    today: date | None = None,
) -> Insights:
    """What is worth knowing now. `period` is of which anomalies are told: without it the last 12 months' open ones."""
    now = datetime.now(UTC)
    today = today or now.date()
    known = await span(db, organization_id, today)
    told, reason = await _trends(db, organization_id, known, currency)
    run = await anomalies.last_run(db, organization_id)
    forecast, no_forecast = await _forecast(db, organization_id, currency)
    return Insights(
        as_of=now,
        books_through=known.last_on if known else None,
        whole_months=len(known.whole) if known else 0,
        trends=told,
        trends_reason=reason,
        anomalies=await _anomalies(db, organization_id, period or _year(known, today), currency),
        anomalies_run=run,
        anomalies_reason=None if run else "nobody looked yet; it is done soon after the first import",
        forecast=forecast,
        forecast_reason=no_forecast,
        runways=await _runways(db, organization_id, known, currency),
    )


def _year(known: Span | None, today: date) -> Period | None:
    return Period(known.year_back, today) if known else None


async def _anomalies(
    db: Connection, organization_id: UUID, period: Period | None, currency: str | None
) -> list[Anomaly]:
    wanted = Filter(period=period, currency=currency)
    return await anomalies.surest(db, organization_id, wanted, limit=TOLD_ANOMALIES) if period else []


async def _trends(
    db: Connection, organization_id: UUID, known: Span | None, currency: str | None
) -> tuple[list[Told], str | None]:
    if known is None or known.period is None:
        return [], "the books have no whole month yet"
    rows = await repository.by_category(db, organization_id, known.period, currency)
    found, reason = trends(rows, known.whole)
    return await _with_rows(db, organization_id, found[:SHOWN]), reason


async def _with_rows(db: Connection, organization_id: UUID, found: Sequence[Trend]) -> list[Told]:
    """The last rows of the month that each is about, and where all of them are."""
    if not found:
        return []
    month = months(found[0].month, 1)
    ids = sorted({each.category_id for each in found if each.category_id})
    rows = await repository.of_category(db, organization_id, ids, month, SHOWN_ROWS)
    return [
        Told(each, Rows([row["transaction_id"] for row in rows if row["category_id"] == each.category_id], _link(each)))
        for each in found
    ]


def _link(trend: Trend) -> str:
    """All rows that the statistic is of."""
    end = months(trend.month, 1).end
    start = (trend.month - timedelta(days=31 * (trend.months - 1))).replace(day=1)
    of = f"category_id={trend.category_id}" if trend.category_id else "uncategorized=true"
    return f"/api/core/transactions?{of}&start_date={start}&end_date={end}&currency={trend.currency}"


async def _runways(db: Connection, organization_id: UUID, known: Span | None, currency: str | None) -> list[Any]:
    held = await dashboard.balances(db, organization_id, currency)
    if known is None or known.period is None:
        return runways(held, [], [])
    flows = await repository.net_by_month(db, organization_id, known.period, currency)
    return runways(held, flows, known.whole)


async def _forecast(db: Connection, organization_id: UUID, currency: str | None) -> tuple[Any, str | None]:
    try:
        found = await cashflow.forecast(db, organization_id, FORECAST_MONTHS, currency)
    except Problem as problem:
        return None, problem.detail
    return (None, found.reason) if found.reason else (found, None)
