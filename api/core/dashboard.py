"""The dashboard: the books at a glance, the last write included."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.books.accounts.service import OpeningIs
from ai2.books.dashboard import service as dashboard
from ai2.books.rates import converted
from ai2.books.rates.converted import Converted
from ai2.books.rates.service import Source
from ai2.kit.database import Connection
from ai2.kit.periods import EXPECTED, read_period
from ai2.kit.settings import settings
from api.core.rates import RateOut, RateValue
from api.core.transactions import TransactionOut
from api.schemas import Amount, Body, CalendarDate, Confidence, Currency, Instant, OfCurrency, Out
from api.unit import Caller, Db, Unit

AHEAD, MOST_AHEAD = timedelta(days=30), 20

router = APIRouter(prefix="/api/core/dashboard", tags=["dashboard"], route_class=Unit)


class DashboardQuery(Body):
    """What to show."""

    period: str = Field(default="last_12_months", max_length=50, description=f"A period: it {EXPECTED}.")
    currency: Currency | None = Field(default=None, description="Only this one; else every currency apart.")
    convert_to: Currency | None = Field(default=None, description="All in this one as well, by each day's rate.")


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


class ConvertedFlowOut(OfCurrency):
    """Income, expense and net in one currency; null where a day has no rate."""

    income: Amount | None
    expense: Amount | None
    net: Amount | None


class ConvertedMonthOut(ConvertedFlowOut):
    """The same of a month, named by its first day."""

    month: date


class RateUsedOut(Out):
    """By which rates one currency was converted; GET /api/core/rates tells each day's."""

    base: str
    days: int
    first_rate_date: date = Field(validation_alias="first_rate_on")
    last_rate_date: date = Field(validation_alias="last_rate_on")
    lowest: RateValue
    highest: RateValue
    sources: list[Source]


class UnconvertedOut(OfCurrency):
    """Money that could not be converted, and why."""

    first_date: date = Field(validation_alias="first_on")
    last_date: date = Field(validation_alias="last_on")
    income: Amount
    expense: Amount
    reason: str


class ConvertedOut(OfCurrency):
    """The books in one currency, each day's money by that day's rate. None of it is stored."""

    computed_by: str = "books.converted"
    balance: Amount | None = Field(description="All accounts together; null where one has no rate.")
    balance_date: date = Field(validation_alias="balance_on", description="By the rates for this day.")
    balance_rates: list[RateOut]
    totals: ConvertedFlowOut
    by_month: list[ConvertedMonthOut]
    rates: list[RateUsedOut]
    unconverted: list[UnconvertedOut]


class UpcomingOut(OfCurrency):
    """A recurring payment that is to come, or may still come."""

    pattern_id: UUID
    merchant: str
    account_id: UUID
    date: CalendarDate = Field(validation_alias="due_on")
    earliest_date: CalendarDate = Field(validation_alias="earliest_on")
    latest_date: CalendarDate = Field(validation_alias="latest_on")
    amount: Amount = Field(description="What it is expected to be. Negative is money out.")
    low: Amount
    high: Amount
    cadence: str
    confidence: Confidence
    is_confirmed: bool


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
    upcoming_recurring: list[UpcomingOut] | None = Field(
        description=f"What is due in the next {AHEAD.days} days, of the books as they are known; see /api/ai/recurring."
    )
    upcoming_recurring_reason: str | None = Field(description="Why there is no such list.")
    recent: list[TransactionOut]
    converted: ConvertedOut | None = Field(
        default=None, exclude_if=lambda converted: converted is None, description="With convert_to."
    )


@router.get("", response_model=DashboardOut)
async def get_dashboard(db: Db, who: Caller, wanted: Annotated[DashboardQuery, Query()]) -> dict[str, Any]:
    """Balances, income and expense of a period, and what waits for you. A transaction posted a moment ago is in it."""
    now = datetime.now(UTC)
    period = read_period(wanted.period, now.date())
    found = await dashboard.dashboard(db, who.organization_id, period, wanted.currency)
    shown: dict[str, Any] = {
        **vars(found),
        "as_of": now,
        **await _upcoming(db, who.organization_id, now.date(), wanted.currency),
    }
    if wanted.convert_to:
        shown["converted"] = _shown(
            await converted.convert(
                db,
                who.organization_id,
                wanted.convert_to,
                period=period,
                only=wanted.currency,
                balances=found.balances,
                today=now.date(),
            )
        )
    return shown


async def _upcoming(db: Connection, organization_id: UUID, today: date, currency: str | None) -> dict[str, Any]:
    """What recurs and is due soon; without AI nobody looks for it, and the core profile does not load what would."""
    if not settings().enable_ai:
        return {"upcoming_recurring": None, "upcoming_recurring_reason": "AI is switched off: ENABLE_AI is false"}
    from ml.recurring import service as recurring

    found = await recurring.upcoming(
        db, organization_id, today + AHEAD, since=today, currency=currency, most=10 * MOST_AHEAD
    )
    return {"upcoming_recurring": found[:MOST_AHEAD], "upcoming_recurring_reason": None}


def _shown(found: Converted) -> dict[str, Any]:
    """Each amount beside its currency."""
    return {
        **vars(found),
        "totals": {**vars(found.totals), "currency": found.currency},
        "by_month": [{**vars(month), "currency": found.currency} for month in found.by_month],
        "unconverted": [{**vars(each), "currency": each.base} for each in found.unconverted],
    }
