"""Effects: what a rule, an undo or a model would change in the reports, before it is done."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from ai2.books.rules.runs import Draft
from ai2.books.rules.runs_repository import Scope
from ai2.identity.principal import Principal
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.money import exact
from ai2.reports.effects import service
from ai2.reports.effects.acts import Act, ApplyRule, Rows, ServeModel, UndoImport
from ai2.reports.effects.compare import CellEffect
from ai2.reports.effects.service import Effect, ReportEffect, RowEffect
from ai2.reports.model import GroupBy, Kind, ReportName
from api import roles
from api.core.rules import DraftBody, Where
from api.core.transactions import SplitOut
from api.pages import read_cursor, write_cursor
from api.schemas import Amount, Body, CalendarDate, Currency, Day, ListOf, Name, Out, Whole
from api.unit import Caller, Db, Unit
from ml.governance import service as governance
from ml.governance import succession

router = APIRouter(prefix="/api/analytics/effects", tags=["reports"], route_class=Unit)


class ModelTried(Body):
    """A version of the model that all organizations share. For admins of operators."""

    name: Name
    version: Name
    rows: Rows = Field(
        default="undecided",
        description="undecided: what it decides once it serves; decided_by_model: what it would have said instead, "
        "which a promotion leaves as it is.",
    )


class EffectWanted(Body):
    """One act (a rule, an undo or a model), and the days of the reports that it is judged by."""

    rule_id: UUID | None = Field(default=None, description="A rule brought to the history, as it is or as `rule` says.")
    rule: DraftBody | None = Field(default=None, description="A rule that is not written down yet.")
    undo_batch_id: UUID | None = Field(default=None, description="An import taken back.")
    model: ModelTried | None = None
    where: Where | None = Field(default=None, description="Of a rule or a model: which transactions; null: all.")
    start_date: Day
    end_date: Day = Field(description="Included.")
    group_by: GroupBy = "none"
    currency: Currency | None = Field(default=None, description="As of a report.")
    account_ids: Annotated[list[UUID], Field(max_length=1000)] = Field(default_factory=list)
    limit: Whole = Field(default=50, ge=1, le=1000)
    cursor: str | None = Field(default=None, max_length=100, description="`next_cursor` of the page before.")


class CellEffectOut(Out):
    """A cell that would change; null where there is no figure, and then `reason` says why."""

    key: str
    currency: str
    line: str
    kind: Kind
    column: str
    before: Amount | None
    after: Amount | None
    difference: Amount | None
    entries_before: int | None
    entries_after: int | None
    reason: str | None


class ReportEffectOut(Out):
    """A report: its digest before and after, and the cells that would change."""

    report: ReportName
    title: str
    digest_before: str
    digest_after: str
    cells: list[CellEffectOut]


class NotShownOut(Out):
    """A report that cannot be made, and why."""

    report: ReportName
    reason: str


class StateOut(Out):
    """What an act may change of a transaction."""

    date: CalendarDate = Field(validation_alias="booked_on")
    amount: Amount
    is_deleted: bool
    category_id: UUID | None
    category: str | None
    decided_by: str | None
    decided_version: str | None
    merchant: str | None
    tags: list[str]
    splits: list[SplitOut]


class RowEffectOut(Out):
    """A transaction that would change."""

    transaction_id: UUID
    account_id: UUID
    currency: str
    description: str
    before: StateOut
    after: StateOut


class EffectOut(ListOf):
    """What would change, in the reports and in which transactions. Nothing was written."""

    act: Literal["rule", "undo", "model"]
    rows_changed: int = Field(description="Transactions that would change, on all days.")
    rows_within: int = Field(description="Those of the reports' days.")
    rows_closed: int | None = Field(description="Of a rule: those that stay, because their period is closed.")
    rows_left_alone: int | None = Field(description="Of an undo: those that people changed since, which stay.")
    rows_looked_at: int | None = Field(description="Of a model: so many were tried, the latest.")
    is_sample: bool = Field(description="Of a model: whether there are more than were tried.")
    reports: list[ReportEffectOut]
    not_shown: list[NotShownOut]
    items: list[RowEffectOut] = Field(description="Transactions that would change, the newest written first.")


@router.post("", response_model=EffectOut)
async def preview_effects(wanted: EffectWanted, db: Db, who: Caller) -> dict[str, Any]:
    """Do it, make the reports, and take it back: what is shown is exactly what doing it gives. Nothing is written."""
    days = {name: getattr(wanted, name) for name in ("start_date", "end_date", "group_by", "currency")}
    if wanted.end_date < wanted.start_date:
        raise Invalid(errors=(FieldError("end_date", "is not before start_date"),))
    found = await service.preview(
        db,
        who.organization_id,
        await _act(wanted, who),
        {**days, "account_ids": tuple(wanted.account_ids)},
        actor=who.actor,
        after=read_cursor(wanted.cursor, UUID),
        limit=wanted.limit,
    )
    return {"act": _named(wanted), **_told(found)}


def _named(wanted: EffectWanted) -> str:
    return "model" if wanted.model else "undo" if wanted.undo_batch_id else "rule"


async def _act(wanted: EffectWanted, who: Principal) -> Act:
    """The one act that is asked about."""
    given = [bool(wanted.rule_id or wanted.rule), bool(wanted.undo_batch_id), bool(wanted.model)]
    if sum(given) != 1:
        told = "or undo_batch_id or model is needed, and only one of them"
        raise Invalid(errors=(FieldError("rule", told),))
    where = wanted.where.read() if wanted.where else Scope()
    if wanted.undo_batch_id:
        return UndoImport(wanted.undo_batch_id)
    if wanted.model:
        return await _model(wanted.model, where, who)
    draft = wanted.rule
    return ApplyRule(
        wanted.rule_id, Draft(draft.conditions.read(), draft.actions.read(), draft.position) if draft else None, where
    )


async def _model(tried: ModelTried, where: Scope, who: Principal) -> ServeModel:
    """What answers for everyone is for admins of operators alone."""
    roles.check(who, "promote_model")
    governance.check_operator(who)
    known = await governance.versions(tried.name)
    version = next((each for each in known if each.about.version == tried.version), None)
    if version is None:
        raise succession.ModelVersionNotFound
    return ServeModel(version.about, tried.rows, where)


def _told(found: Effect) -> dict[str, Any]:
    done = found.done
    return {
        "rows_changed": found.rows_changed,
        "rows_within": found.rows_within,
        "rows_closed": done.closed,
        "rows_left_alone": done.left_alone,
        "rows_looked_at": done.looked_at,
        "is_sample": done.is_sample,
        "reports": [_report(each) for each in found.reports],
        "not_shown": found.not_shown,
        "items": [_row(each) for each in found.rows],
        "next_cursor": write_cursor(found.last),
    }


def _report(effect: ReportEffect) -> dict[str, Any]:
    return {**vars(effect), "cells": [_cell(each) for each in effect.cells]}


def _cell(effect: CellEffect) -> dict[str, Any]:
    amounts = {name: getattr(effect, name) for name in ("before", "after", "difference")}
    return {
        **vars(effect),
        **{name: None if amount is None else exact(amount, effect.currency) for name, amount in amounts.items()},
    }


def _row(effect: RowEffect) -> dict[str, Any]:
    own = ("transaction_id", "account_id", "currency", "description")
    return {**{name: effect.after[name] for name in own}, "before": effect.before, "after": effect.after}
