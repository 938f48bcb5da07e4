"""Planned: a report's columns beside the budget. A budget covers a category and all below it.

In a statement a budget of a group stands on the group's subtotal. A total is what was budgeted of it, once: in a month
in which a group has a budget, those of its categories are in it already.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import Budget, Month
from ai2.books.moments import Moment
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
class Piece:
    """What a budget plans for a month."""

    category_id: UUID
    month: date
    amount: Decimal
    told: Told

    def times(self, sign: int) -> "Piece":
        """The same with this sign."""
        return replace(self, amount=sign * self.amount)


ByLine = Mapping[str, Sequence[Piece]]
Find = Callable[[Column], ByLine]


@dataclass(frozen=True)
class Plan:
    """Every budget with its months, and the categories that there are."""

    known: Known
    categories: Mapping[UUID, Category]

    def pieces(self, currency: str, column: Column) -> Iterator[Piece]:
        """What is planned in this currency for the months of a column."""
        for budget, own in self.known:
            for month in own if budget.currency == currency else ():
                if column.start and column.start <= month.month <= column.end:
                    told = Told(
                        label=f"Planned for {budget.category}, {month.month:%b %Y}",
                        source=f"/api/core/budgets/{budget.budget_id}",
                    )
                    yield Piece(budget.category_id, month.month, month.planned, told)

    def once(self, pieces: Sequence[Piece]) -> list[Piece]:
        """These, but for what a budget above plans for the month already: it covers all below it."""
        known = {(each.category_id, each.month) for each in pieces}
        return [
            each for each in pieces if not any((above, each.month) in known for above in self.above(each.category_id))
        ]

    def above(self, category_id: UUID) -> Iterator[UUID]:
        """The categories that it lies below."""
        while (known := self.categories.get(category_id)) and known.group_id != category_id:
            category_id = known.group_id
            yield category_id


def check(asked: Asked) -> None:
    """Budgets are reckoned month by month, not over all time."""
    if asked.end_date.year - asked.start_date.year >= MOST_YEARS or asked.end_date.year > LAST_YEAR:
        raise Invalid(errors=(FieldError("end_date", f"is within {MOST_YEARS} years of start_date, beside a budget"),))


async def plan(
    db: Connection, organization_id: UUID, asked: Asked, categories: Mapping[UUID, Category], known_at: Moment
) -> Plan:
    """What was planned in the months of a report, as it was known then."""
    check(asked)
    first, last = asked.start_date.replace(day=1), asked.end_date.replace(day=1)
    return Plan(await budgets.over(db, organization_id, first, last, known_at=known_at), categories)


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


def beside(table: Table, find: Find, parts: Parts, silent: Mapping[str, str] | None = None) -> Table:
    """The table with, after each column, what was planned, the difference, and that in percent of what was planned.

    `find` tells what budgets plan for each line in a column of whole months; `silent` why some line has none.
    """
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
        planned = _kept(table, budget.key, find(column) if _is_whole(column) else {}, parts)
        for line in table.lines:
            if actual := table.by_place.get((line.key, column.key)):
                reason = (silent or {}).get(line.key, NO_BUDGET) if _is_whole(column) else NOT_WHOLE
                cells += _cells(actual, planned.get(line.key), (budget, change, percent), reason)
    if len(wanted) > MOST:
        raise TooManyColumns
    order = {(line.key, column.key): place for place, (line, column) in enumerate(
        (line, column) for line in table.lines for column in wanted
    )}  # fmt: skip
    cells.sort(key=lambda cell: order[cell.line, cell.column])
    return replace(table, columns=tuple(wanted), cells=tuple(cells))


def _kept(table: Table, key: str, found: ByLine, parts: Parts) -> dict[str, Decimal]:
    """What was planned for each line; its parts, which are budgets by month, are kept."""
    for name, pieces in found.items():
        for each in pieces:
            parts.add(table.key, name, key, each.amount, each.told)
    return {name: sum((each.amount for each in pieces), Decimal(0)) for name, pieces in found.items()}


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


def of_statement(table: Table, plan: Plan, column: Column) -> ByLine:
    """What was planned for each line of a statement in a column: of a group on its subtotal, of a total once."""
    found, in_group = _of_items(table, plan, column), _groups(table)
    for line in table.lines:
        if line.kind == "subtotal":
            items = [each for _, own in line.total_of for each in found.get(own, [])]
            found[line.key] = [*found.get(line.key, []), *items]
        elif line.kind == "total":
            # a subtotal has the pieces of its items
            signs = {in_group[own].key if own in in_group else own: sign for sign, own in line.total_of}
            found[line.key] = [each.times(sign) for name, sign in signs.items() for each in found.get(name, [])]
    return {name: plan.once(pieces) for name, pieces in found.items() if pieces}


def _groups(table: Table) -> dict[str, Line]:
    """The subtotal that each item of a group is in."""
    return {part: line for line in table.lines if line.kind == "subtotal" for _, part in line.total_of}


def _of_items(table: Table, plan: Plan, column: Column) -> dict[str, list[Piece]]:
    """What was planned of a category on its line; of a group's own on the subtotal."""
    found, in_group, of_category = dict[str, list[Piece]](), _groups(table), dict[UUID, list[Piece]]()
    for each in plan.pieces(table.currency, column):
        of_category.setdefault(each.category_id, []).append(each)
    for line in table.lines:
        category_id = line.where.category_id if line.where else None
        if category_id is None or category_id not in of_category:
            continue
        group = in_group.get(line.key)
        is_groups = group is not None and plan.categories[category_id].group_id == category_id
        found[group.key if is_groups and group else line.key] = of_category[category_id]
    return found


def notes(plan: Plan, currencies: Sequence[str]) -> Iterator[Note]:
    others = sorted({budget.currency for budget, _ in plan.known} - set(currencies))
    if others:
        text = f"Budgets in {', '.join(others)} are not converted, and are left out."
        yield Note(code="budget_other_currencies", text=text, is_warning=True)
    if not plan.known:
        yield Note(code="no_budget", text="No budget has any of these months; POST /api/core/budgets.")
