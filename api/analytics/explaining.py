"""Explanations: what a cell of a report is made of, down to its transactions."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field

from ai2.reports import explain
from ai2.reports.explain import Explanation
from ai2.reports.ledger.entries_repository import After
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Amount, CalendarDate, Confidence, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/analytics/reports", tags=["reports"], route_class=Unit)
CellKey = Annotated[str, Path(max_length=500, description="As the report names it.")]


class ExplainQuery(PageQuery):
    """Which page of the entries."""

    include: None = Field(default=None, description="The cell says how many there are.")


class CellPartOut(Out):
    """A cell that this one is worked out from."""

    key: str
    label: str
    sign: int = Field(description="1: it is added; -1: it is taken off.")
    amount: Amount | None


class RateOut(Out):
    """A rate that was used: one `base` was worth so much."""

    base: str
    quote: str
    on: date
    rate: Amount | None
    quoted_on: date | None
    source: str | None
    frozen_at: Instant | None
    reason: str | None


class ToldOut(Out):
    """By what else than the ledger a part was found: a tax rule, a budget."""

    label: str | None
    rule_id: str | None
    rule_version: str | None
    law: str | None
    source: str | None
    status: str | None = Field(description="Whether the rule's own text was read.")
    grade: str | None
    rate: Amount | None = Field(description="By which it was converted.")
    rate_quoted_on: date | None
    evidence_needed: list[str]
    reasons: list[str]


class EntryOut(Out):
    """A transaction, a part of a split one, or what an account began with."""

    line: str
    transaction_id: UUID | None = Field(description="null: what an account began with.")
    place: int | None = Field(description="Which part of a split one; 0: the whole, as its account has it.")
    date: CalendarDate | None = Field(validation_alias="booked_on")
    description: str | None
    amount: Amount | None = Field(
        description="What it adds to the cell; null where no rate is known, or where a balance is converted whole."
    )
    original_amount: Amount | None
    currency: str
    rate: RateOut | None
    account_id: UUID | None = Field(description="null: it is no transaction, or one that is not there any more.")
    category_id: UUID | None
    decided_by: str | None
    decided_version: str | None = Field(description="The rule or the model that decided.")
    confidence: Confidence | None
    batch_id: UUID | None
    file_name: str | None
    line_number: int | None
    dbt_model: str | None
    told: ToldOut | None


class BalancePartOut(Out):
    """What an account holds in another currency, converted whole."""

    line: str
    account_id: UUID
    original_amount: Amount
    currency: str
    amount: Amount | None
    rate: RateOut


class ExplanationOut(ListOf):
    """A cell and what adds up to it: cells, or balances and entries, a page of these at a time."""

    key: str
    label: str
    column: str
    currency: str
    amount: Amount | None
    reason: str | None
    cells: list[CellPartOut]
    balances: list[BalancePartOut] = Field(description="On the first page.")
    items: list[EntryOut]


@router.get("/{report_id}/cells/{key}/explain", response_model=ExplanationOut)
async def explain_cell(
    report_id: UUID, key: CellKey, db: Db, who: Caller, wanted: Annotated[ExplainQuery, Query()]
) -> dict[str, Any]:
    """What a cell is made of."""
    after = read_cursor(wanted.cursor, _after)
    found: Explanation = await explain.explain(db, who.organization_id, report_id, key, after=after, limit=wanted.limit)
    last = found.last and f"{found.last.booked_on} {found.last.transaction_id} {found.last.place} {found.last.leaf}"
    return {**vars(found), "items": found.entries, "next_cursor": write_cursor(last)}


def _after(text: str) -> After:
    day, transaction_id, place, leaf = text.split(" ")
    return After(date.fromisoformat(day), UUID(transaction_id), int(place), int(leaf))
