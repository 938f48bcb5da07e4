"""The forecast: what will come in and go out, and what accounts will hold, with intervals and the back-test beside."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.schemas import Amount, Body, Currency, Instant, OfCurrency, Out
from api.unit import Caller, Db, Unit
from ml.cashflow import service
from ml.cashflow.kept import HORIZON
from ml.cashflow.service import Forecast

router = APIRouter(prefix="/api/ai/forecast", tags=["forecast"], route_class=Unit)


class ForecastQuery(Body):
    """What to forecast."""

    months: int = Field(default=3, ge=1, le=HORIZON, description="How many, the one that has begun among them.")
    currency: Currency | None = Field(default=None, description="Only this one; else every currency apart.")
    account_id: UUID | None = Field(default=None, description="Only this account.")
    convert_to: Currency | None = Field(
        default=None, description="All in this one instead, the past by each day's rate. Not for one account."
    )


class RangeOut(Out):
    """An expected amount, and between what it lies 80 and 95 times of 100; null where too little is known."""

    amount: Amount
    low_80: Amount | None
    high_80: Amount | None
    low_95: Amount | None
    high_95: Amount | None


class MonthOut(Out):
    """A month, named by its first day. Net is income less expense; transfers between own accounts are neither."""

    month: date
    is_begun: bool = Field(description="What was booked of it is in it.")
    income: RangeOut
    expense: RangeOut
    net: RangeOut
    transfers: Amount = Field(description="Between own accounts, in less out.")
    running: RangeOut = Field(description="Net and transfers of all months up to this one.")
    balance: RangeOut | None = Field(description="At the month's end; null where nobody says what was held.")


class BacktestOut(Out):
    """How this was forecast at months of the past, told only what was known then, up to three months ahead."""

    flow: str = Field(description="income, expense, transfers or net.")
    method: str | None = Field(description="The one that missed least; null of net, which is income less expense.")
    origins: int = Field(description="From how many months of the past it was tried.")
    misses: dict[str, float] = Field(
        description="By method, the mean miss in units of the mean change from month to month (MASE)."
    )
    chosen_misses: float | None = Field(description="The same of what was chosen.")
    held_80: float | None = Field(description="The share of 80 % intervals that held what came.")
    held_95: float | None
    intervals: int = Field(description="Of how many intervals.")


class CategoryMonthOut(Out):
    """A month of a category; null where there never was any."""

    month: date
    income: RangeOut | None
    expense: RangeOut | None


class CategoryForecastOut(Out):
    """A category; null is what has no category yet. Categories add up to the whole."""

    category_id: UUID | None
    category: str | None
    months: list[CategoryMonthOut]
    backtest: list[BacktestOut]


class AccountForecastOut(OfCurrency):
    """An account. Income and expense of accounts add up to the whole."""

    account_id: UUID
    name: str
    balance: Amount | None = Field(description="What it holds now.")
    months: list[MonthOut]
    backtest: list[BacktestOut]
    reason: str | None = Field(description="Why there is no balance.")


class CurrencyForecastOut(OfCurrency):
    """What is ahead in one currency."""

    balance: Amount | None = Field(description="What its accounts hold now; null where one does not say.")
    months: list[MonthOut]
    backtest: list[BacktestOut]
    accounts: list[AccountForecastOut]
    categories: list[CategoryForecastOut]
    notes: list[str] = Field(description="What is to be known of these figures.")


class ForecastOut(Out):
    """What is ahead, each currency apart, and from what it was learnt."""

    as_of: Instant
    computed_at: Instant = Field(description="When the whole months were last learnt from.")
    computed_by: str = Field(validation_alias="version")
    books_through: date | None = Field(description="The last day on which anything was booked.")
    history_from: date | None
    history_months: int = Field(description="Whole months that were learnt from.")
    first_month: date | None
    currencies: list[CurrencyForecastOut]
    reason: str | None = Field(description="Why there is no forecast.")


@router.get("", response_model=ForecastOut)
async def get_forecast(db: Db, who: Caller, wanted: Annotated[ForecastQuery, Query()]) -> Forecast:
    """Income, expense, net and balances of the next months, with 80 and 95 % intervals and how that went before."""
    return await service.forecast(
        db,
        who.organization_id,
        wanted.months,
        wanted.currency,
        account_id=wanted.account_id,
        convert_to=wanted.convert_to,
    )
