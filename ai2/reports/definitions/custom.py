"""Custom: measures of the entries by up to three dimensions, filtered, compared, the largest rows first."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.accounts.service import AccountNotFound
from ai2.books.categories.service import CategoryNotFound
from ai2.books.moments import Moment
from ai2.books.rates import service as rates
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.periods import months
from ai2.reports import repository as names_repository
from ai2.reports.columns import MOST, TooManyColumns, columns
from ai2.reports.custom import repository
from ai2.reports.custom.repository import Cube
from ai2.reports.custom.selection import NONE, TIMES, Values
from ai2.reports.definitions.given import UNCATEGORISED, Category
from ai2.reports.forms import planned
from ai2.reports.forms.parts import Parts
from ai2.reports.forms.planned_rows import PlannedRows, planned_rows
from ai2.reports.ledger import repository as ledger
from ai2.reports.ledger.facts import Facts, Sum
from ai2.reports.made import Made
from ai2.reports.model import Asked, Column, Line, Note, Section, Table, Where
from ai2.reports.moments import Known
from ai2.reports.tables import tabulate

TITLE = "Custom report"
ROWS, MOST_ROWS = 100, 1000
ADDITIVE = frozenset({"amount", "income", "expense", "net", "count"})
SECTIONS: tuple[Section, ...] = ("income", "expense", "transfer")
LABELS = {
    "amount": "Amount", "income": "Income", "expense": "Expenses", "net": "Net", "count": "Entries",
    "average": "Average", "smallest": "Smallest", "largest": "Largest",
}  # fmt: skip
NOBODY = {
    "category": UNCATEGORISED, "group": UNCATEGORISED, "merchant": "No merchant", "tag": "No tag",
    "decided_by": "Nobody decided",
}  # fmt: skip
FLOWS = {"income": "Income", "expense": "Expenses", "transfer": "Transfers"}
NO_ENTRY = "there is no entry"
PRESENT = ("marts.live_ledger_months", "intermediate.int_ledger__entries_posted", "published.transactions")
AS_OF = ("published.transactions", "published.transaction_versions")


@dataclass(frozen=True)
class Names:
    """What values are called, by dimension, and every category with the one above it."""

    categories: Mapping[UUID, Category]
    of: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Row:
    """A line, its place by size, and what it has by column."""

    line: Line
    rank: int
    values: tuple[str, ...]
    sums: dict[str, Sum]


async def build(db: Connection, organization: Organization, asked: Asked, at: Known) -> Made:
    asked = with_measures(asked)
    organization_id, then = organization.organization_id, None if at.moment.is_present else at.moment
    present = await _names(db, organization_id)
    names = await _names(db, organization_id, then) if then else present
    _check(asked, dict(asked.filters), present, names)
    periods = columns(asked, at.fiscal_year_start)
    given = [column for column in periods if not column.is_derived]
    wanted = tuple(column for period in periods for column in _measured(period, asked.measures, periods))
    if len(wanted) > MOST:
        raise TooManyColumns(errors=(FieldError("measures", "and group_by give more than 400 columns"),))
    known = await _rates(db, organization_id, given, asked, at.moment)
    cube = cube_of(asked, given, at.fiscal_year_start)
    found = await repository.cube(db, organization_id, given, cube, known, then)
    reason = next((rate.reason for _, rate in sorted(known.items()) if rate.rate is None), None)
    plan = None
    if asked.compare_to == "budget":
        plan = await planned_rows(db, organization_id, asked, names.categories, at.moment)
        found = [*found, *plan.missing(found, cube.rows)]
    tables = [
        _table(asked, code, [row for row in found if row["currency"] == code], wanted, names, reason)
        for code in sorted({row["currency"] for row in found})
    ]
    made = Made(title=TITLE, tables=tuple(tables), notes=tuple(_notes(asked)), computed_by=AS_OF if then else PRESENT)
    return made if plan is None else _beside(made, plan)


def with_measures(asked: Asked) -> Asked:
    """Who names no measure asks for the amount."""
    return replace(asked, measures=asked.measures or ("amount",))


def cube_of(asked: Asked, given: Sequence[Column], fiscal_year_start: int) -> Cube:
    """What is asked of the entries."""
    return Cube(
        dimensions=asked.dimensions, measures=asked.measures, filters=dict(asked.filters), rows=asked.rows or ROWS,
        own=[column.key for column in given if column.role == "period"][-1:], fiscal=fiscal_year_start - 1,
        into=asked.currency, accounts=asked.account_ids,
    )  # fmt: skip


def _beside(made: Made, plan: PlannedRows) -> Made:
    """The same beside what was planned."""
    parts = Parts()
    tables = [planned.beside(table, partial(plan.find, table), parts, plan.silent(table)) for table in made.tables]
    return replace(
        made, tables=tuple(tables), notes=(*made.notes, *plan.notes(tables)), parts=parts.kept, told=parts.told,
        computed_by=(*made.computed_by, "books.budgets"),
    )  # fmt: skip


async def check(db: Connection, organization_id: UUID, asked: Asked) -> None:
    """Refuse what is not there, now or whenever it is to be asked for."""
    _check(asked, dict(asked.filters), await _names(db, organization_id))


def _check(asked: Asked, filters: Mapping[str, Values], *known: Names) -> None:
    """Ids have to be the organization's own, and what is compared has to have rows in both periods.

    What is known now, or was then, is enough: a group may have become a category of another one.
    """
    for dimension in ("category", "group", "account"):
        own = {value for names in known for value in names.of[dimension]}
        if {value for value in filters.get(dimension, ()) if value is not None} - own:
            raise AccountNotFound if dimension == "account" else CategoryNotFound
    if asked.compare_to and set(asked.dimensions) & set(TIMES):
        expected = "is left out where rows are months, quarters or years: those of another period are other rows"
        raise Invalid(errors=(FieldError("compare_to", expected),))


async def _names(db: Connection, organization_id: UUID, then: Moment | None = None) -> Names:
    rows = await names_repository.categories(db, organization_id, then)
    categories = {row["category_id"]: Category(**row) for row in rows}
    accounts = await names_repository.accounts(db, organization_id, then)
    return Names(
        categories,
        {
            "category": {str(key): each.name for key, each in categories.items()},
            "group": {str(each.group_id): each.group for each in categories.values()},
            "account": {str(row["account_id"]): row["name"] for row in accounts},
        },
    )


async def _rates(
    db: Connection, organization_id: UUID, given: Sequence[Column], asked: Asked, moment: Moment
) -> dict[tuple[str, date], Any]:
    if asked.currency is None:
        return {}
    wanted = await ledger.foreign_days(
        db, organization_id, given, into=asked.currency, accounts=asked.account_ids, as_of=moment
    )
    return await rates.converter(db, organization_id, asked.currency, wanted, known_at=moment)


def _measured(period: Column, measures: Sequence[str], periods: Sequence[Column]) -> Iterator[Column]:
    """A column for each measure. Of what does not add up the whole is told apart from its pieces."""
    for measure in measures:
        is_count = measure == "count" and not period.is_derived
        label = LABELS[measure] if len(periods) == 1 else f"{LABELS[measure]}, {period.label}"
        yield replace(
            period,
            key=f"{period.key}_{measure}",
            label=label if len(measures) > 1 or len(periods) == 1 else period.label,
            role="count" if is_count and period.role == "period" else period.role,
            of=tuple(f"{key}_{measure}" for key in period.of),
            measure=measure,
        )


def _table(
    asked: Asked, currency: str, found: Sequence[DictRow], wanted: Sequence[Column], names: Names, reason: str | None
) -> Table:
    rows: dict[tuple[str, ...], Row] = {}
    for row in found:
        values = (row["kind"], *(row[name] for name in repository.DIMENSIONS[: len(asked.dimensions)]))
        line = _line(asked, values, row, names)
        known = rows.setdefault(values, Row(line, row["rank"] or 0, values[1:], {}))
        for column in wanted:
            if column.key == f"{row['key']}_{column.measure}":
                known.sums[column.key] = _sum(row, str(column.measure), currency, reason)
    ordered = [each.line for each in sorted(rows.values(), key=lambda each: _order(asked, each))]
    sums = {each.line.where: _filled(each.sums, wanted) for each in rows.values()}
    title = f"{', '.join(LABELS[each] for each in asked.measures)} by {', '.join(asked.dimensions)}".replace("_", " ")
    return tabulate(currency, title, Facts(currency, {}), wanted, ordered, lambda where: sums[where])


def _line(asked: Asked, values: Sequence[str], row: DictRow, names: Names) -> Line:
    """What a row is of. Whatever is not shown in a row of its own is together in `other`."""
    kind, own = values[0], values[1:]
    filters = [(name, value) for name, known in asked.filters for value in known]
    if kind == "row":
        of_row = dict(zip(asked.dimensions, own, strict=True))
        filters = [("with_tag" if name == "tag" else name, value) for name, value in filters]
        dimensions = [each for each in filters if each[0] not in of_row]
        dimensions += [(name, None if value == NONE else value) for name, value in of_row.items()]
        label = " · ".join(_label(name, value, names) for name, value in of_row.items())
    else:
        dimensions, label = filters, "Total" if kind == "total" else "Other"
    where = Where(source="selection", item=kind, sign=-1, sections=SECTIONS, dimensions=tuple(dimensions))
    # a row is the same one in every report, wherever it stands
    key = f"row-{hashlib.sha256(repository.SEPARATOR.join(own).encode()).hexdigest()[:12]}" if kind == "row" else kind
    return Line(key=key, label=label, kind="total" if kind == "total" else "item", where=where)


def _label(name: str, value: str, names: Names) -> str:
    if value == NONE:
        return NOBODY.get(name, "None")
    match name:
        case "month":
            return f"{_day(value):%b %Y}"
        case "quarter" | "year":
            last = months(_day(value), 3 if name == "quarter" else 12).end
            return value[:4] if name == "year" and last.month == 12 else f"{_day(value):%b %Y} to {last:%b %Y}"
        case "section":
            return FLOWS.get(value, value)
        case _:
            return names.of.get(name, {}).get(value, value)


def _day(value: str) -> date:
    return date.fromisoformat(f"{value}-01")


def _sum(row: DictRow, measure: str, currency: str, reason: str | None) -> Sum:
    entries = int(row["count"])
    if measure == "count":
        return Sum(Decimal(entries), entries)
    if row["unconverted"]:
        return Sum(None, entries, reason)
    if measure == "average":
        return Sum(rates.rounded(row["amount"] / entries, currency), entries)
    return Sum(row[measure] + 0, entries)


def _filled(sums: Mapping[str, Sum], wanted: Sequence[Column]) -> dict[str, Sum]:
    """Where there is no entry sums are nothing, and an average is none."""
    empty = {
        column.key: Sum(None, 0, NO_ENTRY)
        for column in wanted
        if not column.is_derived and column.measure not in ADDITIVE
    }
    return {**empty, **sums}


def _order(asked: Asked, row: Row) -> tuple[Any, ...]:
    """Rows by size, or in the order of time, or by name; then the others, and the total."""
    last = {"row": 0, "other": 1, "total": 2}[str(row.line.where.item if row.line.where else "")]
    by = asked.order_by or ("time" if set(asked.dimensions) & set(TIMES) else "size")
    if by == "name":
        return (last, row.line.label.casefold(), row.rank)
    if by == "time":
        times = tuple(
            value for name, value in zip(asked.dimensions, row.values, strict=False) if name in TIMES and value
        )
        return (last, times, row.rank)
    return (last, row.rank)


def _notes(asked: Asked) -> Iterator[Note]:
    if "tag" in asked.dimensions:
        text = "An entry of several tags is in the row of each; in the total it counts once."
        yield Note(code="tags_overlap", text=text)
    if "transfer" in dict(asked.filters).get("section", ("transfer",)) and "amount" in asked.measures:
        text = "Amount has transfers between own accounts too; net is income less expenses."
        yield Note(code="transfers_counted", text=text)
