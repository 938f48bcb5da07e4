"""Following: what transactions put on the cells of a budget or of a tax report, then and now.

A budget's actual figures are of the entries of the categories and months that it has now, or had where it is gone. The
cells of taxes are what the report keeps of each transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import UUID

from ai2.books.moments import Moment
from ai2.kit.database import Connection
from ai2.kit.periods import months
from ai2.reports import changes_repository as repository
from ai2.reports import moving
from ai2.reports.forms import moving_parts
from ai2.reports.forms.moving_parts import Moved
from ai2.reports.ledger import facts as ledger
from ai2.reports.ledger.facts import Place
from ai2.reports.model import Column, Line, Report
from ai2.reports.moving import ZERO, Sheet

FLOWS = ("income", "expense")


@dataclass(frozen=True)
class FollowedParts:
    """A report that keeps what its cells are made of, and what it is now."""

    then: Report
    now: Report
    at_then: Moment

    async def everything(self, at: Moment, _: object) -> Moved:
        """What each cell came to at one of the two moments."""
        total: dict[str, Decimal | None] = {}
        for own in self._of(at).values():
            _add(total, own)
        return total

    async def of_transactions(self, at: Moment, _: object, these: Sequence[UUID]) -> Mapping[str, Moved]:
        """What each of these transactions put on each cell, by its id."""
        known = self._of(at)
        return {str(each): known[each] for each in these if each in known}

    async def of_days(self, *_: object) -> Mapping[str, Moved]:
        """Rates move answers, and are told of with what else does."""
        return {}

    def _of(self, at: Moment) -> Mapping[UUID | None, Moved]:
        return self._before if at == self.at_then else self._after

    @cached_property
    def _before(self) -> Mapping[UUID | None, Moved]:
        return moving_parts.of(self.then)

    @cached_property
    def _after(self) -> Mapping[UUID | None, Moved]:
        return moving_parts.of(self.now)


@dataclass(frozen=True)
class FollowedBudget:
    """Budgets beside what was spent, and the tables that the report has and had."""

    db: Connection
    organization_id: UUID
    sheets: Sequence[Sheet]
    kinds: Mapping[UUID, str]

    async def everything(self, at: Moment, _: object) -> Moved:
        """What each cell of actual figures came to at a moment."""
        by_month = [Column(f"{day:%Y-%m}", "", day, months(day, 1).end) for day in self._months]
        found = await ledger.facts(self.db, self.organization_id, by_month, currency=None, as_of=at)
        total: dict[str, Decimal | None] = {}
        for facts in found:
            for place, sums in facts.sums.items():
                for month, each in sums.items():
                    if each.amount is not None:
                        _add(total, dict(self._cells(place, month, each.amount)))
        return total

    async def of_transactions(self, at: Moment, _: object, these: Sequence[UUID]) -> Mapping[str, Moved]:
        """What each of these transactions put on each cell, by its id."""
        told: dict[str, Moved] = {}
        for whose, row in (await repository.as_they_were(self.db, self.organization_id, at, these)).items():
            own: dict[str, Decimal | None] = {}
            for leg in moving.legs(row, self.kinds):
                _add(own, dict(self._cells(leg.place, f"{row['booked_on']:%Y-%m}", leg.amount)))
            told[str(whose)] = own
        return told

    async def of_days(self, *_: object) -> Mapping[str, Moved]:
        """Nothing is converted."""
        return {}

    def _cells(self, place: Place, month: str, amount: Decimal) -> Iterator[tuple[str, Decimal | None]]:
        """The cells that entries of a place and month are in, with what they add to each."""
        for sheet in self.sheets if place.section in FLOWS else ():
            if sheet.currency != place.currency:
                continue
            for line in sheet.lines:
                sign = sum(own for item, own in _items(sheet, line) if _has(item, place.category_id, month))
                for column in sheet.columns if sign else ():
                    if column.role == "period" and column.start and f"{column.start:%Y-%m}" <= month <= _last(column):
                        yield sheet.key_of(line, column), sign * amount

    @property
    def _months(self) -> list[date]:
        """Every month that a line has."""
        named = {
            value
            for sheet in self.sheets
            for line in sheet.lines
            if line.where
            for name, value in line.where.dimensions
            if name == "month"
        }
        return [date.fromisoformat(f"{each}-01") for each in sorted(filter(None, named))]


def _last(column: Column) -> str:
    return f"{column.end:%Y-%m}"


def _items(sheet: Sheet, line: Line) -> Iterator[tuple[Line, int]]:
    """The budgets that a line is made of, each with its sign."""
    by_key = {each.key: each for each in sheet.lines}
    if line.where:
        yield line, line.where.sign
    for sign, part in line.total_of:
        for item, own in _items(sheet, by_key[part]):
            yield item, sign * own


def _has(line: Line, category_id: UUID | None, month: str) -> bool:
    known: set[tuple[str, Any]] = set(line.where.dimensions) if line.where else set()
    return ("category", str(category_id)) in known and ("month", month) in known


def _add(total: dict[str, Decimal | None], more: Moved) -> None:
    for key, amount in more.items():
        known = total.get(key, ZERO)
        total[key] = None if known is None or amount is None else known + amount
