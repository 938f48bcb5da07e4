"""Changes of a report: what moved since it was given out, cell by cell, and why."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.reports import changes
from ai2.reports.changes_model import CauseKind, Reason
from ai2.reports.changes_repository import Before
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Amount, CalendarDate, Confidence, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/analytics/reports", tags=["reports"], route_class=Unit)


class ChangesQuery(PageQuery):
    """Which page of the transactions."""

    include: None = Field(default=None, description="They are counted by nobody: read them to their end.")


class EffectOut(Out):
    """By how much a cell moves."""

    key: str
    difference: Amount | None = Field(description="null where a rate is missing.")


class CellChangeOut(Out):
    """A cell that is another now; null is a figure that cannot be had."""

    key: str
    label: str
    column: str
    currency: str
    amount_then: Amount | None
    amount_now: Amount | None
    difference: Amount | None


class CauseOut(Out):
    """What moves many cells at once."""

    kind: CauseKind = Field(
        description="rate: of a day's flows that nobody touched; balance_rate: of what is held, cents of rounding too; "
        "opening: what an account began with; moved: an account or a category stands elsewhere; renamed: a label; "
        "budget: planned otherwise; carried: left of months before. Of taxes, where nobody wrote the transaction: "
        "confirmation: what people said; receipt: added or taken away; category: it means something else; profile: how "
        "you are taxed; rules: others were loaded; together: several of these."
    )
    currency: str | None
    on: date | None
    account_id: UUID | None
    rate_then: Amount | None
    rate_now: Amount | None
    line: str | None
    label_then: str | None
    label_now: str | None
    transactions: int | None = Field(description="Of taxes: how many it moves.")
    effects: list[EffectOut]


class StateOut(Out):
    """A transaction as it was known at a moment."""

    date: CalendarDate = Field(validation_alias="booked_on")
    amount: Amount
    currency: str
    account_id: UUID
    description: str
    merchant_key: str
    tags: list[str]
    attributes: dict[str, Any]
    status: str
    deleted_at: Instant | None
    category_id: UUID | None
    splits: list[dict[str, Any]] | None
    decided_by: str | None
    decided_version: str | None = Field(description="The rule or the model that decided.")
    confidence: Confidence | None
    batch_id: UUID | None
    line_number: int | None
    version: int


class RowChangeOut(Out):
    """A transaction that was written since, and what that moves."""

    transaction_id: UUID
    changed_at: Instant
    changed_by: str | None = Field(description="Who wrote it last: user:<id>, batch:<id>, rules.")
    reasons: list[Reason]
    before: StateOut | None = Field(description="null: it was not there.")
    after: StateOut
    effects: list[EffectOut]


class ChangesOut(ListOf):
    """What moved; effects of all causes and of all pages' items add up to the cells' differences."""

    report_id: UUID
    as_of: Instant
    now: Instant
    is_changed: bool = Field(description="Whether a reader would see another report now.")
    cells: list[CellChangeOut] = Field(description="On the first page.")
    causes: list[CauseOut] = Field(description="On the first page.")
    items: list[RowChangeOut]


@router.get("/{report_id}/changes", response_model=ChangesOut)
async def report_changes(
    report_id: UUID, db: Db, who: Caller, wanted: Annotated[ChangesQuery, Query()]
) -> dict[str, Any]:
    """What moved in a report since it was given out, and why: newest first."""
    before = read_cursor(wanted.cursor, _before)
    found = await changes.changes(db, who.organization_id, report_id, before=before, limit=wanted.limit)
    last = found.last and f"{found.last.changed_at.isoformat()} {found.last.transaction_id}"
    return {**vars(found), "items": found.rows, "next_cursor": write_cursor(last)}


def _before(text: str) -> Before:
    at, transaction_id = text.split(" ")
    return Before(datetime.fromisoformat(at), UUID(transaction_id))
