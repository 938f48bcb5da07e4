"""Recurring: what comes again and again, when it is due next, what became dearer, and what people say to it."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.pages import PageQuery, cut
from api.schemas import Amount, Body, Confidence, Instant, ListOf, OfCurrency, Out
from api.unit import Caller, Db, Unit
from ml.recurring import service, telling
from ml.recurring.schedules import Cadence
from ml.recurring.service import Pattern, Shown

router = APIRouter(prefix="/api/ai/recurring", tags=["recurring"], route_class=Unit)

State = Literal["active", "missed", "ended", "rejected", "dismissed"]


class RecurringQuery(PageQuery):
    """Which patterns."""

    state: Shown | None = Field(
        default=None, description="rejected: looked at, and none. Dismissed and confirmed are people's words."
    )


class Confirmation(Body):
    """That it recurs, and how often, where another cadence was found or none."""

    cadence: Cadence | None = None


class PriceChangeOut(Out):
    """What a price was, what it became, and since when. Negative is money out."""

    before: Amount = Field(serialization_alias="from")
    after: Amount = Field(serialization_alias="to")
    since: date
    is_rise: bool = Field(description="Whether more money moves than before.")


class PatternOut(OfCurrency):
    """What recurs, or was looked at and does not."""

    pattern_id: UUID
    account_id: UUID
    merchant: str
    type: Literal["income", "expense", "transfer"]
    state: State = Field(description="missed: its last due date passed without it. ended: several did.")
    is_confirmed: bool = Field(description="By a person.")
    confidence: Confidence = Field(description="How sure it is that it recurs.")
    reasons: list[str]
    reason_code: str | None = Field(description="Why it is none, of what is rejected.")
    cadence: Cadence | None
    schedule: str | None = Field(description="Its cadence in words: monthly on the 5th.")
    amount: Amount = Field(description="What the next is expected to be. Negative is money out.")
    amount_low: Amount = Field(description="The lesser number of those between which the next is expected.")
    amount_high: Amount
    amount_kind: Literal["fixed", "stepped", "variable"] = Field(description="stepped: the same until it changed.")
    price_changes: list[PriceChangeOut]
    next_date: date | None = Field(validation_alias="next_due_on", description="On which the next is due.")
    next_earliest_date: date | None = Field(validation_alias="next_earliest_on")
    next_latest_date: date | None = Field(validation_alias="next_latest_on")
    missed_dates: list[date] = Field(validation_alias="missed", description="Due since the last payment, and passed.")
    skipped_dates: list[date] = Field(validation_alias="skipped", description="Due between payments, without one.")
    payments: int
    first_date: date = Field(validation_alias="first_on")
    last_date: date = Field(validation_alias="last_on")
    category_id: UUID | None = Field(description="What most of its transactions have; what people chose goes first.")
    category: str | None
    decided_by: str | None = Field(description="Who confirmed or dismissed it.")
    decided_at: Instant | None
    computed_by: str = Field(validation_alias="version")
    as_of: date = Field(validation_alias="known_through", description="The last day that its account is known of.")


class PaymentOut(OfCurrency):
    """A transaction of a pattern."""

    transaction_id: UUID
    date: date
    amount: Amount


class PatternWithPayments(PatternOut):
    """The same, with its transactions, newest first."""

    transactions: list[PaymentOut]


class Patterns(ListOf):
    """One page."""

    items: list[PatternOut]


@router.get("", response_model=Patterns)
async def list_recurring(db: Db, who: Caller, wanted: Annotated[RecurringQuery, Query()]) -> dict[str, Any]:
    """Bills, subscriptions and wages, what is due first; then what ended, and what was looked at and is none."""
    found = await service.list_all(db, who.organization_id, wanted.state)
    return cut(found, wanted, lambda pattern: pattern.pattern_id)


@router.get("/{pattern_id}", response_model=PatternWithPayments)
async def get_recurring(pattern_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """A pattern with its transactions."""
    pattern = await service.get(db, who.organization_id, pattern_id)
    paid = await service.payments(db, who.organization_id, pattern_id)
    transactions = [{**vars(payment), "date": payment.booked_on} for payment in paid]
    return {**vars(pattern), "transactions": transactions}


@router.post("/{pattern_id}/confirm", response_model=PatternOut)
async def confirm_recurring(pattern_id: UUID, db: Db, who: Caller, said: Confirmation | None = None) -> Pattern:
    """Say that it recurs: it stays, whatever is found later, and also what was rejected."""
    cadence = said.cadence if said else None
    return await telling.confirm(db, who.organization_id, pattern_id, cadence=cadence, actor=who.actor)


@router.post("/{pattern_id}/dismiss", response_model=PatternOut)
async def dismiss_recurring(pattern_id: UUID, db: Db, who: Caller) -> Pattern:
    """Say that it is none, or of no interest: it stays so, whatever is found later."""
    return await service.dismiss(db, who.organization_id, pattern_id, actor=who.actor)
