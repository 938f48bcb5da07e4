"""Planned: a statement's columns beside its budget. A budget covers a category and all below it.

A budget of a group stands on the group's subtotal; a total is what was budgeted of it, once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import Budget, Month
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.periods import months
from ai2.reports.columns import MOST, TooManyColumns
from ai2.reports.definitions.given import Category
from ai2.reports.forms.parts import Parts
from ai2.reports.ledger.facts import Facts, Place
from ai2.reports.model import Asked, Cell, Column, Line, Note, Section, Table, Told
from ai2.reports.tables import NO_BASE, share

NO_BUDGET, NOT_WHOLE = "it has no budget", "budgets are of whole months"
MOST_YEARS, LAST_YEAR = 10, 2200
Known = Sequence[tuple[Budget, list[Month]]]


@dataclass(frozen=True)
class Plan:
    """Every budget with its months, and the categories that there are."""

    known: Known
    categories: Mapping[UUID, Category]


def check(asked: Asked) -> None:
    """Budgets are reckoned month by month, not over all time."""
    if asked.end_date.year - asked.start_date.year >= MOST_YEARS or asked.end_date.year > LAST_YEAR:
        raise Invalid(errors=(FieldError("end_date", f"is within {MOST_YEARS} years of start_date, beside a budget"),))


async def plan(db: Connection, organization_id: UUID, asked: Asked, categories: Mapping[UUID, Category]) -> Plan:
    """What was planned in the months of a report."""
    check(asked)
    first, last = asked.start_date.replace(day=1), asked.end_date.replace(day=1)
    return Plan(await budgets.over(db, organization_id, first, last), categories)


def with_lines(facts: Sequence[Facts], plan: Plan, sections: Sequence[Section], into: str | None) -> list[Facts]:
    """The same facts, and a place for each category that has a budget, so that it has a line."""
    by_currency = {each.currency: each for each in facts}
    for budget, _ in plan.known:
        section: Section = "income" if budget.kind == "income" else "expense"
        if section not in sections or into not in (None, budget.currency):
            continue
        own = by_currency.get(budget.currency, Facts(budget.currency, {}))
        place = Place(section, None, budget.category_id, budget.currency)
        by_currency[budget.currency] = replace(own, sums={place: {}, **own.sums})
    return [by_currency[code] for code in sorted(by_currency)]


def beside(table: Table, plan: Plan, parts: Parts) -> Table:
    """The table with, after each column, what was planned, the difference, and that in percent of what was planned."""
    wanted: list[Column] = []
    cells: list[Cell] = []
    for column in table.columns:
        budget = replace(
            column, key=f"{column.key}_budget", label="Budget", role="comparison", of=(column.key,), source="kept"
        )
        of = (column.key, budget.key)
        change = replace(column, key=f"{column.key}_change", label="Change", role="change", of=of)
        percent = replace(column, key=f"{column.key}_change_pct", label="Change %", role="change_pct", of=of)
        wanted += [column, budget, change, percent]
        planned = _planned(table, column, budget.key, plan, parts)
        for line in table.lines:
            if actual := table.by_place.get((line.key, column.key)):
                cells += _cells(actual, planned.get(line.key), (budget, change, percent), _reason(column))
    if len(wanted) > MOST:
        raise TooManyColumns
    order = {(line.key, column.key): place for place, (line, column) in enumerate(
        (line, column) for line in table.lines for column in wanted
    )}  # fmt: skip
    cells.sort(key=lambda cell: order[cell.line, cell.column])
    return replace(table, columns=tuple(wanted), cells=tuple(cells))


def _reason(column: Column) -> str:
    return NO_BUDGET if _is_whole(column) else NOT_WHOLE


def _is_whole(column: Column) -> bool:
    return column.start is not None and column.start.day == 1 and months(column.end, 1).end == column.end


def _cells(actual: Cell, planned: Decimal | None, beside: tuple[Column, Column, Column], reason: str) -> Iterator[Cell]:
    budget, change, percent = beside
    yield actual
    yield Cell(actual.line, budget.key, planned, reason=reason if planned is None else None)
    if planned is None or actual.amount is None:
        for column in (change, percent):
            yield Cell(actual.line, column.key, None, reason=actual.reason or reason)
        return
    difference = actual.amount - planned
    yield Cell(actual.line, change.key, difference)
    if planned:
        yield Cell(actual.line, percent.key, share(difference, abs(planned)))
    else:
        yield Cell(actual.line, percent.key, None, reason=NO_BASE)


def _planned(table: Table, column: Column, key: str, plan: Plan, parts: Parts) -> dict[str, Decimal]:
    """What was planned for each line, and its parts, which are budgets by month."""
    if not _is_whole(column):
        return {}
    by_line = _of_items(table, _by_category(table.currency, column, plan), plan)
    for line in table.lines:
        if line.kind == "subtotal":
            found = [each for _, part in line.total_of for each in by_line.get(part, [])]
            if found:
                by_line.setdefault(line.key, found)
        elif line.kind == "total":
            _total(line, by_line, _groups(table))
    for name, found in by_line.items():
        for told, amount in found:
            parts.add(table.key, name, key, amount, told)
    return {name: sum((amount for _, amount in found), Decimal(0)) for name, found in by_line.items()}


Planned = dict[str, list[tuple[Told, Decimal]]]


def _groups(table: Table) -> dict[str, Line]:
    """The subtotal that each item of a group is in."""
    return {part: line for line in table.lines if line.kind == "subtotal" for _, part in line.total_of}


def _of_items(table: Table, of_category: Mapping[UUID, list[tuple[Told, Decimal]]], plan: Plan) -> Planned:
    """What was planned of a category on its line; of a group's own on the subtotal."""
    found, in_group = Planned(), _groups(table)
    for line in table.lines:
        category_id = line.where.category_id if line.where else None
        if category_id is None or category_id not in of_category:
            continue
        group = in_group.get(line.key)
        is_groups = group is not None and plan.categories[category_id].group_id == category_id
        found[group.key if is_groups and group else line.key] = of_category[category_id]
    return found


def _total(line: Line, by_line: Planned, in_group: Mapping[str, Line]) -> None:
    """What was planned of a total: of each of its groups, and of what stands alone, once."""
    signs = {in_group[part].key if part in in_group else part: sign for sign, part in line.total_of}
    found = [(told, sign * amount) for name, sign in signs.items() for told, amount in by_line.get(name, [])]
    if found:
        by_line[line.key] = found


def _by_category(currency: str, column: Column, plan: Plan) -> dict[UUID, list[tuple[Told, Decimal]]]:
    found: dict[UUID, list[tuple[Told, Decimal]]] = {}
    for budget, own in plan.known:
        if budget.currency != currency:
            continue
        for month in own:
            if column.start and column.start <= month.month <= column.end:
                told = Told(
                    label=f"Planned for {budget.category}, {month.month:%b %Y}",
                    source=f"/api/core/budgets/{budget.budget_id}",
                )
                found.setdefault(budget.category_id, []).append((told, month.planned))
    return found


def notes(plan: Plan, currencies: Sequence[str]) -> Iterator[Note]:
    others = sorted({budget.currency for budget, _ in plan.known} - set(currencies))
    if others:
        text = f"Budgets in {', '.join(others)} are not converted, and are left out."
        yield Note(code="budget_other_currencies", text=text, is_warning=True)
    if not plan.known:
        yield Note(code="no_budget", text="No budget has any of these months; POST /api/core/budgets.")
