"""Key figures: what a period came to, held against the one before, the year before and the budget."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.kit.money import exact
from ai2.reports import service as reports
from ai2.reports.kpis import days, service
from ai2.reports.kpis.model import Figure, FigureName, Held, KeyFigures, Unit
from api.schemas import Amount, Body, Currency, Day, Instant, OfCurrency, Out
from api.unit import Caller, Db
from api.unit import Unit as OneTransaction

router = APIRouter(prefix="/api/analytics/insights", tags=["insights"], route_class=OneTransaction)


class KeyFiguresQuery(Body):
    """Which days, and in which currency."""

    start_date: Day | None = Field(default=None, description="Without days: the last month of the books that is over.")
    end_date: Day | None = Field(default=None, description="Included.")
    currency: Currency | None = Field(default=None, description="All in this one; else every currency apart.")


class DaysOut(Out):
    """Days, both included."""

    start: date
    end: date


class HeldOut(Out):
    """What a figure is held against. Null where it cannot be had, and then `reason` says why."""

    value: Amount | None
    change: Amount | None = Field(description="The figure less this; of percentages in points.")
    change_pct: Amount | None = Field(description="Of amounts: the change in percent of what it is held against.")
    reason: str | None


class BudgetHeldOut(HeldOut):
    """What was planned. The change is from it to `covered`."""

    covered: Amount | None = Field(description="What came of the categories that have a budget.")


class SourceOut(Out):
    """What a figure is made of."""

    cells: list[str] = Field(description="Of the report that is made of `report`: explain them to see every row.")
    links: list[str] = Field(description="Lists that show the rows.")


class FigureOut(Out):
    """A key figure. Null where it cannot be had, and then `reason` says why."""

    name: FigureName
    unit: Unit
    value: Amount | None
    reason: str | None
    note: str | None = Field(description="Who or what it is about, where it is about one.")
    previous_period: HeldOut
    previous_year: HeldOut
    budget: BudgetHeldOut
    computed_by: str
    source: SourceOut


class MoverOut(OfCurrency):
    """A category or a merchant that came to more or less than in the period before; spending is above zero."""

    kind: Literal["category", "merchant"]
    of: Literal["income", "expense"]
    name: str
    category_id: UUID | None
    amount: Amount
    previous: Amount
    change: Amount
    change_pct: float | None = Field(description="Null where there was nothing before.")
    link: str


class OverdueOut(OfCurrency):
    """Income that recurs and did not come by the day it was due."""

    merchant: str
    amount: Amount = Field(description="Of all payments that are late.")
    payments: int
    due_on: date
    known_through: date
    link: str


class CurrencyFiguresOut(Out):
    """The figures of one currency."""

    currency: str
    figures: list[FigureOut]
    movers: list[MoverOut] = Field(description="At most five up and five down, of each kind.")
    overdue: list[OverdueOut]


class KeyFiguresOut(Out):
    """Key figures of a period, the last write included. Without a currency none are added up."""

    as_of: Instant
    period: DaysOut
    previous_period: DaysOut
    previous_year: DaysOut
    report: dict[str, str] = Field(description="Send it to POST /api/analytics/generate-report for the cells named.")
    currencies: list[CurrencyFiguresOut]


@router.get("", response_model=KeyFiguresOut)
async def get_key_figures(db: Db, who: Caller, wanted: Annotated[KeyFiguresQuery, Query()]) -> dict[str, Any]:
    """What a period came to, and how it compares."""
    period = days.asked(wanted.start_date, wanted.end_date)
    async with reports.built():
        found = await service.insights(db, who.organization_id, period=period, currency=wanted.currency)
    return {**vars(found), "currencies": [_currency(each) for each in found.currencies]}


def _currency(found: KeyFigures) -> dict[str, Any]:
    of = {"currency": found.currency}
    return {
        **of,
        "figures": [_figure(each, found.currency) for each in found.figures],
        "movers": [{**vars(each), **of} for each in found.movers],
        "overdue": [{**vars(each), **of} for each in found.overdue],
    }


def _figure(figure: Figure, currency: str) -> dict[str, Any]:
    given = (figure.unit, currency)
    held = {name: _held(getattr(figure, name), *given) for name in ("previous_period", "previous_year", "budget")}
    return {**vars(figure), "value": _exact(figure.value, *given), **held}


def _held(held: Held, unit: Unit, currency: str) -> dict[str, Any]:
    amounts = {name: _exact(getattr(held, name), unit, currency) for name in ("value", "change", "covered")}
    return {**vars(held), **amounts}


def _exact(value: Decimal | None, unit: Unit, currency: str) -> Decimal | None:
    return exact(value, currency) if value is not None and unit == "amount" else value
