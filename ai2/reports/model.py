"""A report: tables of cells, each of which says what it is made of.

A cell of an item is a selection of ledger entries (`Where`) within a column's days. Every other cell is a sum or a
difference of cells (`total_of`, `of`), so that any figure can be followed down to the entries that it is made of.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple
from uuid import UUID

ReportName = Literal[
    "profit_and_loss", "balance_sheet", "cash_flow", "spending", "category_breakdown", "trend",
    "tax_summary", "budget", "vat", "custom",
]  # fmt: skip
GroupBy = Literal["none", "month", "quarter", "year"]
CompareTo = Literal["previous_period", "previous_year", "budget"]
# Sections of the ledger: legs of accounts, and of what gave or took the money. `opening` is what accounts began with.
Section = Literal["account", "income", "expense", "transfer", "opening"]
Kind = Literal["heading", "item", "subtotal", "total"]
# `count` is a number of entries, not an amount.
Role = Literal["period", "balance", "comparison", "change", "change_pct", "count"]
# A share of 100 with this many decimals.
PCT = Decimal("0.1")


@dataclass(frozen=True)
class Column:
    """The days of a figure, both included; of a balance all days up to `end`. `of` are the columns it is made from.

    A change is what the columns of `of` come to, the last taken off. `source` names who answers for its cells, where
    that is not who answers for the line; `measure` what of the entries it tells, where that is not their sum.
    """

    key: str
    label: str
    start: date | None
    end: date
    role: Role = "period"
    of: tuple[str, ...] = ()
    source: str | None = None
    measure: str | None = None

    @property
    def is_derived(self) -> bool:
        """Whether it is worked out from other columns."""
        return self.role in ("change", "change_pct")

    @property
    def is_of_entries(self) -> bool:
        """Whether its cells are of entries: neither worked out from other columns, nor planned."""
        return not self.is_derived and self.source != "kept"


@dataclass(frozen=True, kw_only=True)
class Where:
    """Which entries a line is made of, times `sign`: a debit is positive in the ledger, and income a credit.

    `source` names what answers for it: `ledger`; `selection`, entries by the values of their dimensions; or `kept`,
    the parts that the report itself keeps, where `item` names what the line is of.
    """

    sign: int = 1
    sections: tuple[Section, ...] = ()
    # null is what has no category; without `has_category` the category does not matter
    category_id: UUID | None = None
    has_category: bool = False
    account_id: UUID | None = None
    # money in (1) or out (-1) only, as the account sees it
    direction: int | None = None
    # a balance is converted by the rate of its day, a flow entry by entry by the rates of theirs
    is_balance: bool = False
    # entries that have one of the values named of each of these dimensions; null: none of it (selections)
    dimensions: tuple[tuple[str, str | None], ...] = ()
    source: str = "ledger"
    item: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row. `total_of` are lines with the sign by which they count."""

    key: str
    label: str
    kind: Kind = "item"
    depth: int = 0
    where: Where | None = None
    total_of: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Cell:
    """A figure; null where it cannot be had, and then there is a `reason`. `entries` is how many made it."""

    line: str
    column: str
    amount: Decimal | None
    entries: int | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """Lines by columns, all in one currency."""

    key: str
    title: str
    currency: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    cells: tuple[Cell, ...]

    @cached_property
    def by_place(self) -> dict[tuple[str, str], Cell]:
        """Each cell by its line and column."""
        return {(cell.line, cell.column): cell for cell in self.cells}

    def key_of(self, cell: Cell) -> str:
        """What a cell is called in a report: table, line and column."""
        return f"{self.key}.{cell.line}.{cell.column}"


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a reader has to know to trust a report, or not to. `see` is where to look, as the API has it."""

    code: str
    text: str
    is_warning: bool = False
    account_ids: tuple[UUID, ...] = ()
    see: str | None = None


class Part(NamedTuple):
    """What a cell was made of when its report was made: a transaction or a part of one, or another figure (no id).

    `told` is the place in the report's list of by what such parts were found.
    """

    transaction_id: UUID | None
    place: int | None
    amount: Decimal | None
    told: int


@dataclass(frozen=True, kw_only=True)
class Told:
    """By what a part was found: a rule with its version, law and source, or what it is of; what is still needed."""

    label: str | None = None
    rule_id: str | None = None
    rule_version: str | None = None
    law: str | None = None
    source: str | None = None
    # how sure the rule is: whether its text was read, and where
    status: str | None = None
    grade: str | None = None
    rate: Decimal | None = None
    rate_quoted_on: date | None = None
    evidence_needed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a report was asked to be. Without a currency each currency has tables of its own."""

    report: ReportName
    start_date: date
    end_date: date
    group_by: GroupBy = "none"
    currency: str | None = None
    compare_to: CompareTo | None = None
    account_ids: tuple[UUID, ...] = ()
    jurisdiction: str | None = None
    dimensions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    filters: tuple[tuple[str, tuple[str | None, ...]], ...] = ()
    order_by: str | None = None
    rows: int | None = None
    # as it was known then; null is as it is known now
    as_of: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as it was known at `as_of`."""

    report_id: UUID
    title: str
    organization: str
    asked: Asked
    as_of: datetime
    tables: tuple[Table, ...]
    notes: tuple[Note, ...] = ()
    computed_by: tuple[str, ...] = field(default=())
    # by cell, where no later question to the books would find the same
    parts: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    told: tuple[Told, ...] = ()
    # the month in which the fiscal year began that columns were cut by
    fiscal_year_start: int = 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the figures that a reader sees, ids that we minted left out: the same for the same books.

        Notes are left out: a statement that proves a figure changes what is said of it, and not the figure.
        """
        seen = [
            [
                table.currency,
                table.title,
                [[column.label, str(column.start), str(column.end), column.role] for column in table.columns],
                [
                    [line.label, line.kind, line.depth, [_figure(table, line, column) for column in table.columns]]
                    for line in table.lines
                ],
            ]
            for table in self.tables
        ]
        text = json.dumps([self.asked.report, seen], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _figure(table: Table, line: Line, column: Column) -> str | None:
    cell = table.by_place.get((line.key, column.key))
    return None if cell is None or cell.amount is None else f"{cell.amount.normalize() + 0:f}"
