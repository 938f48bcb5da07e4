"""Planned rows: the rows of a custom report, by category or by the group above it, beside the budgets.

A budget covers a category and all below it. By group it stands on its group's row; by category on its own row, unless
something lies below: then it is in the total alone. Of a row and of the total what a budget above has counts once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.budgets.service import Budget
from ai2.books.moments import Moment
from ai2.kit.database import Connection
from ai2.reports import repository
from ai2.reports.definitions.given import Category
from ai2.reports.forms import planned
from ai2.reports.forms.planned import Piece, Plan
from ai2.reports.model import Asked, Column, Note, Table

# The budgets that a measure is compared with, each with the sign by which it counts.
KINDS: Mapping[str, Mapping[str, int]] = {
    "income": {"income": 1},
    "expense": {"expense": 1},
    "net": {"income": 1, "expense": -1},
}
DIMENSIONS = (("category",), ("group",))
IN_TOTAL = "its budget covers all below it too, and is in the total"


async def planned_rows(
    db: Connection, organization_id: UUID, asked: Asked, known: Mapping[UUID, Category], moment: Moment
) -> "PlannedRows":
    """What budgets plan for the rows of a report. `known` are all categories, those that are put away too."""
    plan = await planned.plan(db, organization_id, asked, known, moment)
    in_use = await repository.categories_in_use(db, organization_id, moment)
    return PlannedRows(plan, asked, frozenset(in_use))


@dataclass(frozen=True)
class PlannedRows:
    """The budgets of a report, on its rows. Of categories that were put away nothing is left to be spent."""

    plan: Plan
    asked: Asked
    in_use: frozenset[UUID]

    def missing(self, found: Sequence[DictRow], most: int) -> Iterator[DictRow]:
        """Rows of what was budgeted and has no entry; what there is no room for is among the others."""
        for currency in sorted({budget.currency for budget in self._counted}):
            if self.asked.currency not in (None, currency):
                continue
            there = {(row["kind"], row["d1"]) for row in found if row["currency"] == currency}
            shown = {value for kind, value in there if kind == "row"}
            ranked = [each for each in self._by_size(currency) if each not in shown]
            room = most - len(shown)
            for place, value in enumerate(ranked[:room], len(shown) + 1):
                yield _row("row", currency, value, place)
            if ranked[room:] and ("other", None) not in there:
                yield _row("other", currency, None, most + 1)
            if ("total", None) not in there:
                yield _row("total", currency, None, None)

    def find(self, table: Table, column: Column) -> dict[str, list[Piece]]:
        """What is planned for each line in a column."""
        signs, lines = KINDS[str(column.measure)], self._lines(table)
        found: dict[str, list[Piece]] = {"total": [], "other": []}
        for each in self.plan.pieces(table.currency, column):
            sign, row = signs.get(self.plan.categories[each.category_id].kind), self._row_of(each.category_id)
            if sign is None or not self._is_whole(each.category_id):
                continue
            found["total"].append(each.times(sign))
            if row is not None:
                found.setdefault(lines.get(row, "other"), []).append(each.times(sign))
        return {line: self.plan.once(pieces) for line, pieces in found.items() if pieces}

    def silent(self, table: Table) -> dict[str, str]:
        """The lines that have a budget which is not theirs alone."""
        own = {str(budget.category_id) for budget in self._counted if budget.currency == table.currency}
        return {
            line: IN_TOTAL
            for value, line in self._lines(table).items()
            if value in own and self._row_of(UUID(value)) is None
        }

    def notes(self, tables: Sequence[Table]) -> Iterator[Note]:
        """What there is to know of budgets that are on no row, or in no total."""
        currencies = [table.currency for table in tables]
        yield from planned.notes(self.plan, currencies)
        own = [budget for budget in self._of_kinds if budget.currency in currencies]
        for code, text, those in (
            (
                "budget_of_a_group", "In the total and on no row, for they cover all below them",
                [each for each in own if self._is_whole(each.category_id) and self._row_of(each.category_id) is None],
            ),
            ("budget_within_another", "In no total, for a budget above them has them already", self._within(own)),
            (
                "budget_beyond_filter", "Left out, for they cover more than what was chosen",
                [each for each in own if self._is_cut(each.category_id)],
            ),
        ):  # fmt: skip
            if those:
                names = sorted({f"{each.category} ({each.currency})" for each in those}, key=str.casefold)
                yield Note(code=code, text=f"{text}: {', '.join(names)}.")

    @cached_property
    def _of_kinds(self) -> list[Budget]:
        """The budgets that one of the measures is compared with."""
        kinds = {kind for measure in self.asked.measures for kind in KINDS[measure]}
        return [budget for budget, _ in self.plan.known if self.plan.categories[budget.category_id].kind in kinds]

    @cached_property
    def _counted(self) -> list[Budget]:
        """Those of them that are of nothing but what was chosen."""
        return [budget for budget in self._of_kinds if self._is_whole(budget.category_id)]

    @cached_property
    def _below(self) -> Mapping[UUID, set[UUID]]:
        """The categories that a budget of each covers: itself, and what lies below."""
        found = {each: {each} for each in self.plan.categories}
        for each in self.in_use:
            for above in self.plan.above(each):
                found[above].add(each)
        return found

    def _row_of(self, category_id: UUID) -> str | None:
        """The value of the row on which its budget stands; none where it is on no row."""
        is_alone = len(self._below[category_id]) == 1
        if self.asked.dimensions == ("category",):
            return str(category_id) if is_alone else None
        return str(self.plan.categories[category_id].group_id if is_alone else category_id)

    def _is_chosen(self, category_id: UUID) -> bool:
        """Whether its entries are in the report."""
        (dimension,) = self.asked.dimensions
        chosen = dict(self.asked.filters).get(dimension)
        known = self.plan.categories[category_id]
        return chosen is None or str(category_id if dimension == "category" else known.group_id) in chosen

    def _is_whole(self, category_id: UUID) -> bool:
        return all(map(self._is_chosen, self._below[category_id]))

    def _is_cut(self, category_id: UUID) -> bool:
        return not self._is_whole(category_id) and any(map(self._is_chosen, self._below[category_id]))

    def _within(self, own: Sequence[Budget]) -> list[Budget]:
        """Those that lie in another one, in a month that both have."""
        months = {budget.budget_id: {each.month for each in known} for budget, known in self.plan.known}
        whole = [budget for budget in own if self._is_whole(budget.category_id)]
        return [
            budget
            for budget in whole
            for other in whole
            if other.currency == budget.currency and other.category_id in self.plan.above(budget.category_id)
            and months[other.budget_id] & months[budget.budget_id]
        ]  # fmt: skip

    def _by_size(self, currency: str) -> list[str]:
        """The values of rows that have a budget, those first of which most was planned."""
        planned_of: dict[str, Decimal] = {}
        for budget, months in self.plan.known:
            row = self._row_of(budget.category_id)
            if budget in self._counted and budget.currency == currency and row is not None:
                planned_of[row] = planned_of.get(row, Decimal(0)) + sum(each.planned for each in months)
        names = {str(key): each.name.casefold() for key, each in self.plan.categories.items()}
        return sorted(planned_of, key=lambda row: (-planned_of[row], names[row], row))

    def _lines(self, table: Table) -> dict[str, str]:
        """The line of each value that has a row of its own."""
        (dimension,) = self.asked.dimensions
        return {
            str(dict(line.where.dimensions)[dimension]): line.key
            for line in table.lines
            if line.where and line.where.item == "row"
        }


def _row(kind: str, currency: str, value: str | None, rank: int | None) -> dict[str, Any]:
    """A row as the entries' are, of no column."""
    return {"kind": kind, "key": "", "currency": currency, "d1": value, "d2": None, "d3": None, "rank": rank}
