"""Charts: a specification for a page, a picture, or a page of its own; always with its data and in words."""

from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from ai2.kit.money import exact
from ai2.reports.charts import service
from ai2.reports.charts.model import Chart, ChartName
from ai2.reports.charts.service import ChartAsked
from ai2.reports.kpis import days
from ai2.reports.kpis.series import Of
from ai2.reports.model import GroupBy
from api.edge.deadline import in_time
from api.schemas import Body, Currency, Day, Name, Out
from api.unit import Caller, Outside, Pool
from ml.cashflow.kept import HORIZON

# No transaction waits while a picture is drawn.
router = APIRouter(prefix="/api/analytics/charts", tags=["charts"], route_class=Outside)
Format = Literal["vega-lite", "svg", "png", "html"]
TITLES: dict[ChartName, str] = {
    "income_expenses": "Income and expenses", "spending": "Spending by category", "balances": "Balances over time",
    "cash_flow": "Cash flow", "budget": "Budget against actual", "forecast": "Forecast", "trend": "Trend",
}  # fmt: skip
# A picture is shown where it is put; opened by itself it may do nothing.
PICTURE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


class ChartQuery(Body):
    """What to draw."""

    format: Format = "vega-lite"
    start_date: Day | None = Field(default=None, description="Without days: the last twelve months of the books.")
    end_date: Day | None = Field(default=None, description="Included.")
    currency: Currency | None = Field(default=None, description="All in this one; else each currency has its chart.")
    group_by: GroupBy = Field(default="month", description="Of income_expenses and balances.")
    of: Of | None = Field(default=None, description="Of forecast and trend; without it net.")
    category_id: UUID | None = Field(default=None, description="Of forecast and trend: this category.")
    account_id: UUID | None = Field(default=None, description="Of forecast and trend: the balance of this account.")
    merchant: Name | None = Field(default=None, description="Of trend: this merchant.")
    months: int = Field(default=6, ge=1, le=HORIZON, description="Of forecast: how many are ahead.")


class TableOfChart(Out):
    """The chart's data exactly: texts, amounts as decimals in its currency, null where a figure cannot be had."""

    columns: list[str]
    rows: list[list[str | None]]


class ChartOut(Out):
    """A chart in one currency."""

    title: str
    currency: str
    spec: dict[str, Any] = Field(description="Vega-Lite; its numbers are for drawing, the table's are exact.")
    table: TableOfChart
    summary: str = Field(description="What it shows, in words.")


class ChartsOut(Out):
    """A chart for each currency that has something."""

    name: ChartName
    title: str
    charts: list[ChartOut]


@router.get(
    "/{name}",
    response_model=ChartsOut,
    responses={
        200: {
            "content": {
                "image/svg+xml": {"schema": {"type": "string"}},
                "image/png": {"schema": {"type": "string", "format": "binary"}},
                "text/html": {"schema": {"type": "string"}},
            }
        }
    },
)
async def get_chart(name: ChartName, pool: Pool, who: Caller, wanted: Annotated[ChartQuery, Query()]) -> Response:
    """A chart of the books as they are now: for a page that draws it, or drawn."""
    given = wanted.model_dump(exclude={"format", "start_date", "end_date"})
    period = days.asked(wanted.start_date, wanted.end_date)
    asked = ChartAsked(name=name, period=period, **given)
    async with in_time("get_chart"):
        async with pool.transaction(who.organization_id, actor=who.actor) as db:
            found = await service.charts(db, who.organization_id, asked)
        return await _answer(name, found, wanted.format)


async def _answer(name: ChartName, found: list[Chart], wanted: Format) -> Response:
    match wanted:
        case "vega-lite":
            return JSONResponse(_shown(name, found))
        case "html":
            page = await service.page(TITLES[name], found)
            return Response(page, media_type="text/html", headers={"Content-Security-Policy": service.POLICY})
        case _:
            picture = await service.picture(TITLES[name], found, wanted)
            return Response(picture, media_type=MEDIA_TYPES[wanted], headers=PICTURE)


MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


def _shown(name: ChartName, charts: list[Chart]) -> dict[str, Any]:
    told = ChartsOut(name=name, title=TITLES[name], charts=[_chart(each) for each in charts])
    return told.model_dump(mode="json")


def _chart(chart: Chart) -> ChartOut:
    rows = [[_value(each, chart.currency) for each in row] for row in chart.rows]
    return ChartOut(
        title=chart.title,
        currency=chart.currency,
        spec=chart.spec,
        table=TableOfChart(columns=list(chart.columns), rows=rows),
        summary=chart.summary,
    )


def _value(value: str | Decimal | None, currency: str) -> str | None:
    return f"{exact(value, currency):f}" if isinstance(value, Decimal) else value
