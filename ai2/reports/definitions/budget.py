"""Budget: what was planned and carried over, what was spent of it, what is left, and how much of it was used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import Budget, Month
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.periods import months
from ai2.reports.columns import columns
from ai2.reports.definitions.given import heading
from ai2.reports.forms import planned
from ai2.reports.forms.parts import Parts
from ai2.reports.ledger.facts import NOTHING, Sum
from ai2.reports.made import Made
from ai2.reports.model import Asked, Cell, Column, Line, Note, Table, Told, Where
from ai2.reports.moments import Known
from ai2.reports.tables import share

TITLE = "Budget against actual"
# What it is read from.
PRESENT = ("books.budgets", "books.monthly_totals", "intermediate.int_ledger__entries_posted")
AS_OF = ("books.budgets", "books.budget_versions", "published.transactions", "published.transaction_versions")
NOTHING_PLANNED = "nothing was planned"
FLOWS = ("income", "expense")


@dataclass(frozen=True)
class Standing:
    """A budget's line, and the months of it that the report has."""

    line: Line
    budget: Budget
    months: list[Month]
    # within another budget of the report: in no total, for that has it already
    is_within: bool


async def build(db: Connection, organization: Organization, asked: Asked, known: Known) -> Made:
    if asked.start_date.day != 1 or months(asked.end_date, 1).end != asked.end_date:
        raise Invalid(errors=(FieldError("start_date", "and end_date are of whole months: budgets are"),))
    planned.check(asked)
    whose, moment = organization.organization_id, known.moment
    periods = columns(asked, known.fiscal_year_start)
    stood = await budgets.over(db, whose, asked.start_date, asked.end_date.replace(day=1), known_at=moment)
    covered = await budgets.covered(db, whose, [each.budget_id for each, _ in stood], known_at=moment)
    parts, tables, notes = Parts(), list[Table](), list[Note]()
    for currency, found in groupby(sorted(stood, key=_in_order), key=lambda each: each[0].currency):
        own = _standings(list(found), covered)
        tables.append(_table(currency, own, periods, parts))
        notes += _notes(currency, own)
    if not tables:
        notes.append(Note(code="no_budget", text="No budget has any of these months; POST /api/core/budgets."))
    return Made(
        title=TITLE,
        tables=tuple(tables),
        notes=tuple(notes),
        computed_by=PRESENT if moment.is_present else AS_OF,
        parts=parts.kept,
        told=parts.told,
    )


def _in_order(each: tuple[Budget, list[Month]]) -> tuple[str, bool, str, date]:
    budget = each[0]
    return (budget.currency, budget.kind != "income", budget.category.casefold(), budget.first_month)


def _standings(found: list[tuple[Budget, list[Month]]], covered: Mapping[UUID, list[UUID]]) -> list[Standing]:
    names = [budget.category for budget, _ in found]
    within = {each for budget, _ in found for each in covered[budget.budget_id] if each != budget.category_id}
    return [
        Standing(
            _line(budget, own, covered[budget.budget_id], is_one=names.count(budget.category) == 1),
            budget,
            own,
            budget.category_id in within,
        )
        for budget, own in found
    ]


def _line(budget: Budget, own: Sequence[Month], covered: Sequence[UUID], *, is_one: bool) -> Line:
    """What counts is what was spent on its categories, in its months."""
    label = budget.category if is_one else f"{budget.category} from {budget.first_month:%b %Y}"
    dimensions = [("category", str(each)) for each in covered] + [("month", f"{each.month:%Y-%m}") for each in own]
    sign = -1 if budget.kind == "income" else 1
    where = Where(source="selection", sign=sign, sections=FLOWS, dimensions=tuple(dimensions))  # type: ignore[arg-type]
    return Line(key=f"budget-{budget.budget_id}", label=label, depth=1, where=where)


def _table(currency: str, own: Sequence[Standing], periods: Sequence[Column], parts: Parts) -> Table:
    lines: list[Line] = []
    rows: dict[str, dict[str, Sum]] = {}
    for kind, title in (("income", "Income"), ("expense", "Expenses")):
        of_kind = [each for each in own if (each.budget.kind == "income") == (kind == "income")]
        if not of_kind:
            continue
        for each in of_kind:
            rows[each.line.key] = _sums(each, periods, parts)
        counted = [each.line for each in of_kind if not each.is_within]
        total = Line(
            key=f"total-{kind}", label=f"Total {title.lower()}", kind="total",
            total_of=tuple((1, line.key) for line in counted),
        )  # fmt: skip
        rows[total.key] = _added([rows[line.key] for line in counted])
        lines += [heading(f"{kind}-heading", title), *(each.line for each in of_kind), total]
    wanted = [column for period in periods for column in _columns(period)]
    cells = [cell for line in lines if line.key in rows for cell in _cells(line, wanted, rows[line.key])]
    return Table(
        key=currency, title=TITLE, currency=currency, columns=tuple(wanted), lines=tuple(lines), cells=tuple(cells)
    )


def _columns(period: Column) -> Iterator[Column]:
    plan, carried = f"{period.key}_planned", f"{period.key}_carried"
    beside = replace(period, role="comparison", source="kept", of=(period.key,))
    yield replace(beside, key=plan, label=f"Planned, {period.label}")
    yield replace(beside, key=carried, label=f"Carried over, {period.label}")
    yield replace(period, label=f"Actual, {period.label}")
    of = (plan, carried, period.key)
    yield replace(period, key=f"{period.key}_left", label=f"Left, {period.label}", role="change", of=of)
    yield replace(period, key=f"{period.key}_used_pct", label=f"Used %, {period.label}", role="change_pct", of=of)


def _sums(each: Standing, periods: Sequence[Column], parts: Parts) -> dict[str, Sum]:
    """What was planned, carried over and spent in each period; the parts of the first two are kept."""
    found: dict[str, Sum] = {}
    for period in periods:
        own = [month for month in each.months if period.start and period.start <= month.month <= period.end]
        for month in own:
            parts.add(
                each.budget.currency,
                each.line.key,
                f"{period.key}_planned",
                month.planned,
                _planned(each.budget, month.month),
            )
        carried = own[0].carried if own else Decimal(0)
        if carried:
            parts.add(
                each.budget.currency,
                each.line.key,
                f"{period.key}_carried",
                carried,
                _carried(each.budget, own[0].month),
            )
        found[f"{period.key}_planned"] = Sum(sum((month.planned for month in own), Decimal(0)), 0)
        found[f"{period.key}_carried"] = Sum(carried, 0)
        found[period.key] = Sum(sum((month.spent for month in own), Decimal(0)), 0)
    return found


def _planned(budget: Budget, month: date) -> Told:
    own = ", an amount of this month's own" if month in budget.overrides else ""
    return Told(label=f"Planned for {budget.category}, {month:%b %Y}{own}", source=_source(budget))


def _carried(budget: Budget, month: date) -> Told:
    since = f"{budget.first_month:%b %Y}"
    return Told(
        label=f"Left of {budget.category} from {since} until {month:%b %Y}",
        source=_source(budget),
        reasons=("what was planned in these months, less what was spent",),
    )


def _source(budget: Budget) -> str:
    return f"/api/core/budgets/{budget.budget_id}"


def _added(rows: Sequence[Mapping[str, Sum]]) -> dict[str, Sum]:
    total: dict[str, Sum] = {}
    for row in rows:
        for key, each in row.items():
            total[key] = total.get(key, NOTHING) + each
    return total


def _cells(line: Line, wanted: Sequence[Column], row: Mapping[str, Sum]) -> Iterator[Cell]:
    for column in wanted:
        if not column.is_derived:
            yield Cell(line.key, column.key, row[column.key].amount)
            continue
        plan, carried, actual = (row[key].amount or Decimal(0) for key in column.of)
        if column.role == "change":
            yield Cell(line.key, column.key, plan + carried - actual)
        elif plan + carried > 0:
            yield Cell(line.key, column.key, share(actual, plan + carried))
        else:
            yield Cell(line.key, column.key, None, reason=NOTHING_PLANNED)


def _notes(currency: str, own: Sequence[Standing]) -> Iterator[Note]:
    over = [
        f"{each.line.label} in {month.month:%b %Y} by {-month.left:f}"
        for each in own
        for month in each.months
        if month.left < 0 and each.budget.kind != "income"
    ]
    if over:
        yield Note(code="over_budget", text=f"Over budget, in {currency}: {'; '.join(over)}.", is_warning=True)
    if within := [each.line.label for each in own if each.is_within]:
        text = f"In no total, for a budget above them has them already: {', '.join(within)} ({currency})."
        yield Note(code="budget_within_another", text=text)
    foreign = {code for each in own for month in each.months for code in month.other_currencies}
    if foreign:
        text = f"What was spent in {', '.join(sorted(foreign))} counts against no budget in {currency}."
        yield Note(code="budget_other_currencies", text=text, is_warning=True)
