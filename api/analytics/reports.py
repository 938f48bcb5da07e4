"""Reports: made, kept, listed and shown again as they were given out."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.kit.money import exact
from ai2.reports import service
from ai2.reports.model import Asked, Cell, CompareTo, GroupBy, Kind, Report, ReportName, Role, Table
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Amount, Body, Currency, Day, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/analytics/reports", tags=["reports"], route_class=Unit)
making = APIRouter(prefix="/api/analytics", tags=["reports"], route_class=Unit)
Format = Literal["json", "csv", "xlsx", "pdf", "html"]


class ReportAsked(Body):
    """Which report, of which days."""

    report: ReportName
    start_date: Day = Field(description="Of a balance sheet: from where its columns are cut.")
    end_date: Day = Field(description="Included.")
    group_by: GroupBy = Field(default="none", description="Columns; quarters and years are those of the fiscal year.")
    currency: Currency | None = Field(
        default=None, description="All in this one, each entry by its day's rate; null: every currency apart."
    )
    compare_to: CompareTo | None = Field(
        default=None, description="Adds to each column what was before, the change and its percentage."
    )
    account_ids: list[UUID] = Field(default_factory=list, max_length=1000, description="Only these accounts.")
    format: Format = Field(default="json", description="As which file `download_url` gives it; the answer is JSON.")


class ColumnOut(Out):
    """The days that figures are of, both included; of a balance every day up to `end`."""

    key: str
    label: str
    start: date | None
    end: date
    role: Role


class CellOut(Out):
    """A figure; null where it cannot be had, and then `reason` says why."""

    key: str = Field(description="GET /api/analytics/reports/{report_id}/cells/{key}/explain")
    column: str
    amount: Amount | None = Field(description="In the table's currency; of a change_pct column a percentage.")
    entries: int | None = Field(description="How many entries of the ledger are behind it.")
    reason: str | None


class LineOut(Out):
    """A row; a heading has no cells."""

    key: str
    label: str
    kind: Kind
    depth: int
    cells: list[CellOut]


class TableOut(Out):
    """Lines by columns, all in one currency."""

    key: str
    title: str
    currency: str
    columns: list[ColumnOut]
    lines: list[LineOut]


class NoteOut(Out):
    """What to know before the figures are relied on."""

    code: str
    text: str
    is_warning: bool
    account_ids: list[UUID]
    see: str | None = Field(description="Where to look.")


class ReportHeadOut(Out):
    """A report that was given out. `digest` is over what a reader sees, ids left out."""

    report_id: UUID
    report: ReportName
    title: str
    start_date: date
    end_date: date
    group_by: GroupBy
    currency: str | None
    compare_to: CompareTo | None
    account_ids: list[UUID]
    as_of: Instant
    digest: str


class ReportOut(ReportHeadOut):
    """A report with its tables."""

    organization: str
    tables: list[TableOut]
    notes: list[NoteOut]
    computed_by: list[str] = Field(description="The dbt models that it is read from.")
    download_url: str = Field(description="The report as a file; `format` names another one.")


class Reports(ListOf):
    """One page, newest first."""

    items: list[ReportHeadOut]


@making.post("/generate-report", response_model=ReportOut, status_code=201)
async def generate_report(asked: ReportAsked, db: Db, who: Caller) -> dict[str, Any]:
    """Make a report of the books as they are now, what was just written included, and keep it."""
    wanted = Asked(**{**asked.model_dump(exclude={"format"}), "account_ids": tuple(asked.account_ids)})
    return shown(await service.generate(db, who.organization_id, wanted, created_by=who.actor), asked.format)


@router.get("", response_model=Reports)
async def list_reports(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """Reports that were given out."""
    before = read_cursor(wanted.cursor, UUID)
    found = await service.page(db, who.organization_id, before=before, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    return {
        "items": [{**vars(each.asked), **vars(each)} for each in items],
        "next_cursor": write_cursor(items[-1].report_id if len(found) > wanted.limit else None),
        "total": await service.count(db, who.organization_id) if wanted.include else None,
    }


@router.get("/{report_id}", response_model=ReportOut)
async def get_report(report_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """A report as it was given out."""
    return shown(await service.get(db, who.organization_id, report_id))


def shown(report: Report, format: Format = "json") -> dict[str, Any]:
    """A report as it goes over the wire."""
    return {
        **vars(report.asked),
        **vars(report),
        "digest": report.digest,
        "tables": [*map(_table, report.tables)],
        "download_url": f"{router.prefix}/{report.report_id}/download?format={format}",
    }


def _table(table: Table) -> dict[str, Any]:
    by_line: dict[str, list[dict[str, Any]]] = {}
    for cell in table.cells:
        by_line.setdefault(cell.line, []).append(_cell(table, cell))
    return {
        **vars(table),
        "columns": table.columns,
        "lines": [{**vars(line), "cells": by_line.get(line.key, [])} for line in table.lines],
    }


def _cell(table: Table, cell: Cell) -> dict[str, Any]:
    role = next(column.role for column in table.columns if column.key == cell.column)
    return {**vars(cell), "key": table.key_of(cell), "amount": _exact(cell.amount, table.currency, role)}


def _exact(amount: Decimal | None, currency: str, role: Role) -> Decimal | None:
    return amount if amount is None or role == "change_pct" else exact(amount, currency)
