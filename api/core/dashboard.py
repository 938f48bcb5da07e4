"""The dashboard: the books at a glance, the last write included."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.books import dashboard
from ai2.books.accounts import OpeningIs
from ai2.kit.periods import EXPECTED, read_period
from api.core.transactions import TransactionOut
from api.schemas import Amount, Body, Currency, Instant, OfCurrency, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/dashboard", tags=["dashboard"], route_class=Unit)


class DashboardQuery(Body):
    """What to show."""

    period: str = Field(default="last_12_months", max_length=50, description=f"A period: it {EXPECTED}.")
    currency: Currency | None = Field(default=None, description="Only this one; else every currency apart.")


class PeriodOut(Out):
    """From start to end, both included."""

    start: date
    end: date


class BalanceOut(OfCurrency):
    """What an account holds now."""

    account_id: UUID
    name: str
    balance: Amount
    opening_is: OpeningIs = Field(
        description="Who says what it held at first. Unknown: the balance is what moved, not what it holds."
    )
    last_date: date | None = Field(validation_alias="last_booked_on")


class FlowOut(OfCurrency):
    """Income, expense and net of one currency; transfers between own accounts are neither."""

    income: Amount
    expense: Amount
    net: Amount
    transactions: int


class MonthOut(FlowOut):
    """The flow of a month, named by its first day."""

    month: date


class CategoryFlowOut(FlowOut):
    """The flow of a category; null stands for what has none yet."""

    category_id: UUID | None
    category: str | None
    kind: str | None


class MerchantOut(OfCurrency):
    """What went to a merchant."""

    merchant: str
    expense: Amount
    transactions: int


class DashboardOut(Out):
    """The books at a glance, each currency apart."""

    period: PeriodOut
    as_of: Instant
    computed_by: str = "books.totals"
    balances: list[BalanceOut]
    totals: list[FlowOut]
    by_month: list[MonthOut]
    by_category: list[CategoryFlowOut]
    top_merchants: list[MerchantOut]
    uncategorized: int
    suggestions_to_review: int
    recent: list[TransactionOut]


@router.get("", response_model=DashboardOut)
async def get_dashboard(db: Db, who: Caller, wanted: Annotated[DashboardQuery, Query()]) -> dict[str, Any]:
    """Balances, income and expense of a period, and what waits for you. A transaction posted a moment ago is in it."""
    now = datetime.now(UTC)
    period = read_period(wanted.period, now.date())
    found = await dashboard.dashboard(db, who.organization_id, period, wanted.currency)
    return {**vars(found), "as_of": now}
