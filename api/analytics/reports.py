"""Reports: made, kept, listed and shown again as they were given out."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from ai2.kit.money import exact
from ai2.reports import service
from ai2.reports.custom.selection import Dimension, Measure
from ai2.reports.model import Asked, Cell, Column, CompareTo, GroupBy, Kind, Report, ReportName, Role, Table
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Amount, AmountIn, Body, Currency, Day, Instant, InstantIn, ListOf, Out, Text, Whole
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/analytics/reports", tags=["reports"], route_class=Unit)
making = APIRouter(prefix="/api/analytics", tags=["reports"], route_class=Unit)
Format = Literal["json", "csv", "xlsx", "pdf", "html"]


Names = Annotated[list[Annotated[Text, Field(min_length=1)] | None], Field(min_length=1, max_length=100)]
Ids = Annotated[list[UUID | None], Field(min_length=1, max_length=100)]
Months = Annotated[list[Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]], Field(min_length=1, max_length=100)]


class FiltersAsked(Body):
    """Which entries count in a custom report: those that have one of the values of each; null: those that have none."""

    category: Ids | None = None
    group: Ids | None = Field(default=None, description="Categories that have no other above them.")
    account: Annotated[list[UUID], Field(min_length=1, max_length=100)] | None = None
    merchant: Names | None = Field(default=None, description="As transactions have it in merchant_key.")
    tag: Names | None = None
    month: Months | None = None
    quarter: Months | None = Field(default=None, description="The months in which quarters of the fiscal year begin.")
    year: Months | None = Field(default=None, description="The months in which fiscal years begin.")
    currency: Annotated[list[Currency], Field(min_length=1, max_length=100)] | None = None
    section: Annotated[list[Literal["income", "expense", "transfer"]], Field(min_length=1)] | None = None
    decided_by: Names | None = None
    amount_from: AmountIn | None = Field(default=None, description="Money out is below zero.")
    amount_to: AmountIn | None = None
    description: Annotated[list[Annotated[Text, Field(min_length=1)]], Field(min_length=1, max_length=20)] | None = (
        Field(default=None, description="Words, each of which it has.")
    )

    def named(self) -> tuple[tuple[str, tuple[str | None, ...]], ...]:
        """The filters that were named, by their names, as texts."""
        given = {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
        return tuple((name, _texts(value)) for name, value in given.items())


def _texts(value: Any) -> tuple[str | None, ...]:
    many = value if isinstance(value, list) else [f"{value:f}"]
    return tuple(None if each is None else str(each) for each in many)


class ReportWanted(Body):
    """Which report, whatever its days."""

    report: ReportName
    group_by: GroupBy = Field(default="none", description="Columns; quarters and years are those of the fiscal year.")
    currency: Currency | None = Field(
        default=None, description="All in this one, each entry by its day's rate; null: every currency apart."
    )
    compare_to: CompareTo | None = Field(
        default=None, description="Adds to each column what was before, or planned, the change and its percentage."
    )
    account_ids: list[UUID] = Field(default_factory=list, max_length=1000, description="Only these accounts.")
    jurisdiction: Annotated[str, Field(min_length=2, max_length=20)] | None = Field(
        default=None, description="Of tax_summary and vat; null: where the tax profile says."
    )
    dimensions: list[Dimension] = Field(
        default_factory=list, max_length=3, description="Of custom: what its rows are of, at least one."
    )
    measures: list[Measure] = Field(
        default_factory=list, max_length=8, description="Of custom; without any the amount. Rows rank by the first."
    )
    filters: FiltersAsked = Field(default_factory=FiltersAsked, description="Of custom.")
    order_by: Literal["size", "name", "time"] | None = Field(
        default=None, description="Of custom; null: by time where rows have one, else the largest first."
    )
    rows: Annotated[Whole, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Of custom: how many of the largest have a row of their own; null: 100."
    )

    def of_days(self, start: date, end: date) -> Asked:
        """What is asked for, of these days."""
        given = {name: getattr(self, name) for name in ReportWanted.model_fields}
        many = {name: tuple(given[name]) for name in ("account_ids", "dimensions", "measures")}
        return Asked(**{**given, **many, "filters": self.filters.named()}, start_date=start, end_date=end)


class ReportAsked(ReportWanted):
    """Which report, of which days."""

    start_date: Day = Field(description="Of a balance sheet: from where its columns are cut.")
    end_date: Day = Field(description="Included.")
    format: Format = Field(default="json", description="As which file `download_url` gives it; the answer is JSON.")
    as_of: InstantIn | None = Field(
        default=None, description="As it was known then, not in the future: the same for ever; null: as it is now."
    )


class ColumnOut(Out):
    """The days that figures are of, both included; of a balance every day up to `end`."""

    key: str
    label: str
    start: date | None
    end: date
    role: Role
    measure: str | None = Field(description="Of a custom report: what is told of the entries.")


class CellOut(Out):
    """A figure; null where it cannot be had, and then `reason` says why."""

    key: str = Field(description="GET /api/analytics/reports/{report_id}/cells/{key}/explain")
    column: str
    amount: Amount | None = Field(
        description="In the table's currency; of a change_pct column a percentage, of a count a number of entries."
    )
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
    jurisdiction: str | None
    dimensions: list[str]
    measures: list[str]
    filters: Annotated[dict[str, list[str | None]], BeforeValidator(dict)]
    order_by: str | None
    rows: int | None
    as_of: Instant
    digest: str


class ReportOut(ReportHeadOut):
    """A report with its tables."""

    organization: str
    tables: list[TableOut]
    notes: list[NoteOut]
    computed_by: list[str] = Field(description="The dbt models, or the history, that it is read from.")
    fiscal_year_start: int = Field(description="The month in which the fiscal year began by which columns were cut.")
    download_url: str = Field(description="The report as a file; `format` names another one.")


class Reports(ListOf):
    """One page, newest first."""

    items: list[ReportHeadOut]


@making.post("/generate-report", response_model=ReportOut, status_code=201)
async def generate_report(asked: ReportAsked, db: Db, who: Caller) -> dict[str, Any]:
    """Make a report of the books as they are now, or as they were known at `as_of`, and keep it."""
    wanted = replace(asked.of_days(asked.start_date, asked.end_date), as_of=asked.as_of)
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
    column = next(column for column in table.columns if column.key == cell.column)
    return {**vars(cell), "key": table.key_of(cell), "amount": _exact(cell.amount, table.currency, column)}


def _exact(amount: Decimal | None, currency: str, column: Column) -> Decimal | None:
    """Percentages and numbers of entries are no amounts."""
    is_amount = column.role != "change_pct" and column.measure != "count"
    return amount if amount is None or not is_amount else exact(amount, currency)
