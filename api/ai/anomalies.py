"""Anomalies: what is unlike the rest of the books, what would have been normal, and what people say to it."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.kit.periods import EXPECTED, read_period
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Amount, Body, Confidence, Currency, Instant, ListOf, OfCurrency, Text
from api.unit import Caller, Db, Unit
from ml.anomalies import service
from ml.anomalies.model import Anomaly, Kind, State
from ml.anomalies.service import Filter

router = APIRouter(prefix="/api/ai/anomalies", tags=["insights"], route_class=Unit)


class AnomalyQuery(PageQuery):
    """Which anomalies."""

    state: State | None = Field(default="open", description="dismissed: by people.")
    kind: Kind | None = None
    currency: Currency | None = None
    period: str | None = Field(default=None, max_length=50, description=f"A period: it {EXPECTED}.")
    min_score: float = Field(default=0, ge=0, le=1)


class Dismissal(Body):
    """Why it is all right, and whether its merchant is to be left alone from now on."""

    note: Text | None = None
    apply_to: Literal["this", "merchant"] = Field(
        default="this", description="merchant: nothing of this kind and merchant is told any more."
    )


class NormalOut(OfCurrency):
    """What would have been normal. Negative is money out; what is not known is null."""

    rows: int = Field(description="How many rows say so.")
    low: Amount | None
    high: Amount | None
    usual: Amount | None = Field(description="The median.")
    sign: Literal["in", "out"] | None = Field(description="Where money usually goes.")
    every_days: int | None = Field(description="So many days lie between two rows, in the median.")
    repeated_share: float | None = Field(description="How often the like comes twice within days.")
    due_date: date | None = Field(validation_alias="due_on", description="Of a payment that is missing.")


class AnomalyOut(OfCurrency):
    """Something unlike the rest of the books."""

    anomaly_id: UUID
    kind: Kind
    state: State
    transaction_id: UUID | None = Field(description="Null of a payment that is missing.")
    pattern_id: UUID | None = Field(description="What is missing recurs: GET /api/ai/recurring/{pattern_id}.")
    date: date
    amount: Amount
    merchant: str
    score: Confidence = Field(description="One half where it is just worth telling.")
    normal: NormalOut
    related_transaction_ids: list[UUID] = Field(description="What it is like, or unlike.")
    reasons: list[str]
    computed_by: str
    as_of: Instant
    dismissed_by: str | None
    dismissed_at: Instant | None
    note: str | None


class DismissedOut(AnomalyOut):
    """What was dismissed."""

    others_dismissed: int = Field(description="How many others of its kind and merchant were dismissed with it.")


class Anomalies(ListOf):
    """One page."""

    items: list[AnomalyOut]


@router.get("", response_model=Anomalies)
async def list_anomalies(db: Db, who: Caller, wanted: Annotated[AnomalyQuery, Query()]) -> dict[str, Any]:
    """What is unlike the rest of the books, the last first."""
    period = read_period(wanted.period, datetime.now(UTC).date()) if wanted.period else None
    which = Filter(wanted.state, wanted.kind, wanted.currency, period, wanted.min_score)
    after = read_cursor(wanted.cursor, _key)
    items, last = await service.page(db, who.organization_id, which, after=after, limit=wanted.limit)
    return {
        "items": [shown(each) for each in items],
        "next_cursor": write_cursor(last and f"{last[0]} {last[1]}"),
        "total": await service.count(db, who.organization_id, which) if wanted.include else None,
    }


@router.get("/{anomaly_id}", response_model=AnomalyOut)
async def get_anomaly(anomaly_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """One of them."""
    return shown(await service.get(db, who.organization_id, anomaly_id))


@router.post("/{anomaly_id}/dismiss", response_model=DismissedOut)
async def dismiss_anomaly(anomaly_id: UUID, db: Db, who: Caller, said: Dismissal | None = None) -> dict[str, Any]:
    """Say that it is all right: it is not told again."""
    said = said or Dismissal()
    found, others = await service.dismiss(
        db, who.organization_id, anomaly_id, by=who.actor, note=said.note, whole_merchant=said.apply_to == "merchant"
    )
    return {**shown(found), "others_dismissed": others}


@router.post("/{anomaly_id}/reopen", response_model=AnomalyOut)
async def reopen_anomaly(anomaly_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """Take a dismissal back; its merchant is told of again, too."""
    return shown(await service.reopen(db, who.organization_id, anomaly_id))


def shown(found: Anomaly) -> dict[str, Any]:
    """An anomaly as it goes over the wire, each amount beside its currency."""
    return {
        **vars(found),
        "date": found.booked_on,
        "normal": {**vars(found.normal), "currency": found.currency},
        "related_transaction_ids": found.related,
        "computed_by": found.version,
        "as_of": found.found_at,
    }


def _key(text: str) -> tuple[date, UUID]:
    day, _, anomaly_id = text.partition(" ")
    return date.fromisoformat(day), UUID(anomaly_id)
