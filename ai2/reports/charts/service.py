"""Charts: of the reports, the budgets, the forecast and the trends, as the books are now."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

from ai2.kit.database import Connection
from ai2.kit.periods import Period
from ai2.reports import service as reports
from ai2.reports.charts import drawer
from ai2.reports.charts.model import Chart, ChartName
from ai2.reports.charts.page import POLICY, page
from ai2.reports.kpis import budgets, trends
from ai2.reports.kpis.days import last_months
from ai2.reports.kpis.series import Of
from ai2.reports.kpis.trends import Wanted
from ai2.reports.model import Asked, GroupBy, ReportName
from ml.insights.span import span

__all__ = ["POLICY", "ChartAsked", "charts", "page", "picture"]
YEAR, BEFORE_FORECAST = 12, 18


@dataclass(frozen=True, kw_only=True)
class ChartAsked:
    """Which chart. Without days the last twelve months of the books; without a currency each has a chart of its own."""

    name: ChartName
    period: Period | None = None
    group_by: GroupBy = "month"
    currency: str | None = None
    of: Of | None = None
    category_id: UUID | None = None
    account_id: UUID | None = None
    merchant: str | None = None
    months: int = 6


@dataclass(frozen=True)
class _Given:
    db: Connection
    organization_id: UUID
    asked: ChartAsked
    today: date


async def charts(db: Connection, organization_id: UUID, asked: ChartAsked, *, today: date | None = None) -> list[Chart]:
    """The chart of each currency that has something. Raises MartsNotBuilt."""
    # Altair takes seconds to import, in which others are to be served
    await asyncio.to_thread(importlib.import_module, "ai2.reports.charts.of_reports")
    given = _Given(db, organization_id, asked, today or datetime.now(UTC).date())
    async with reports.built():
        return await MAKERS[asked.name](given)


async def picture(title: str, found: Sequence[Chart], kind: Literal["svg", "png"]) -> bytes:
    """All of them in one picture, below each other. Raises DrawingFailed."""
    from ai2.reports.charts.look import empty, together
    from ai2.reports.charts.words import nothing

    spec = together([each.spec for each in found]) if found else empty(title, nothing(title))
    return await drawer.draw(spec, kind)


def _of_report(report: ReportName, draw: str, *, is_grouped: bool) -> Callable[[_Given], Awaitable[list[Chart]]]:
    async def make(given: _Given) -> list[Chart]:
        from ai2.reports.charts import of_reports

        period = await _days(given, YEAR)
        made = await reports.make(
            given.db,
            given.organization_id,
            Asked(
                report=report,
                start_date=period.start,
                end_date=period.end,
                group_by=given.asked.group_by if is_grouped else "none",
                currency=given.asked.currency,
            ),
            with_notes=False,
        )
        return [of_reports.DRAWN[draw](table) for table in made.tables]

    return make


async def _budget(given: _Given) -> list[Chart]:
    """Budgets are of whole months: those that the days touch."""
    from ai2.reports.charts.budget import budget

    period = await _days(given, 1)
    first, last = period.start.replace(day=1), period.end.replace(day=1)
    found = await budgets.budgeted(given.db, given.organization_id, first, last, given.asked.currency)
    days = f"{first:%b %Y}" if first == last else f"{first:%b %Y} to {last:%b %Y}"
    return [
        budget([each for each in found if each.currency == currency], currency, days)
        for currency in sorted({each.currency for each in found})
    ]


async def _forecast(given: _Given) -> list[Chart]:
    from ai2.reports.charts.outlook import forecast
    from ai2.reports.charts.words import Point

    found = await _trends(given, BEFORE_FORECAST)
    return [
        forecast(
            each.series.label,
            [Point(f"{point.month:%b %Y}", point.amount) for point in each.series.points],
            [(ahead.month, ahead.range) for ahead in each.outlook.months],
            each.series.currency,
            each.outlook.reason,
        )
        for each in found
    ]


async def _trend(given: _Given) -> list[Chart]:
    from ai2.reports.charts.trend import trend

    return [trend(each) for each in await _trends(given, trends.SHOWN_MONTHS)]


async def _trends(given: _Given, number: int) -> list[trends.Trend]:
    asked = given.asked
    wanted = Wanted(
        await _days(given, number), asked.currency, asked.category_id, asked.account_id, asked.merchant, asked.months
    )
    found = (await trends.trends(given.db, given.organization_id, wanted, today=given.today)).trends
    named = asked.category_id or asked.account_id or asked.merchant
    of = asked.of or (None if named else "net")
    return [each for each in found if of in (None, each.series.of)]


async def _days(given: _Given, number: int) -> Period:
    """The days that were asked for, or so many months of the books."""
    if given.asked.period:
        return given.asked.period
    return last_months(await span(given.db, given.organization_id, given.today), number, given.today)


MAKERS: Mapping[ChartName, Callable[[_Given], Awaitable[list[Chart]]]] = {
    "income_expenses": _of_report("trend", "income_expenses", is_grouped=True),
    "spending": _of_report("spending", "spending", is_grouped=False),
    "balances": _of_report("balance_sheet", "balances", is_grouped=True),
    "cash_flow": _of_report("cash_flow", "cash_flow", is_grouped=False),
    "budget": _budget,
    "forecast": _forecast,
    "trend": _trend,
}
