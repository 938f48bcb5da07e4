"""Following: what entries put on the cells of a custom report, on its rows as they are now, or were where one is gone.

What is in no row of the present report is in `other`. An average, a smallest and a largest are no sums, and have no
parts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.books.rates.service import Rate
from ai2.kit.database import Connection
from ai2.reports.columns import columns
from ai2.reports.custom import following_repository as repository
from ai2.reports.custom.following_repository import Key
from ai2.reports.custom.repository import DIMENSIONS, SEPARATOR, Cube
from ai2.reports.definitions.custom import ADDITIVE, cube_of, with_measures
from ai2.reports.model import Column, Line, Report, Table
from ai2.reports.moving import ZERO, Sheet

Moved = dict[str, Decimal | None]


@dataclass(frozen=True)
class Followed:
    """A custom report whose cells are followed, and the tables that it has and had."""

    db: Connection
    organization_id: UUID
    report: Report
    sheets: Sequence[Sheet]

    async def everything(self, at: Moment, rates: Mapping[Key, Rate]) -> Moved:
        """What each cell came to at a moment."""
        found = await repository.everything(*self._question(at, rates))
        return self._by_subject(found).get("", {})

    async def of_transactions(
        self, at: Moment, rates: Mapping[Key, Rate], these: Sequence[UUID]
    ) -> Mapping[str, Moved]:
        """What each of these transactions put on each cell, by its id."""
        return self._by_subject(await repository.of_transactions(*self._question(at, rates), these))

    async def of_days(self, at: Moment, rates: Mapping[Key, Rate], days: Sequence[Key]) -> Mapping[str, Moved]:
        """What each of these currencies and days put on each cell, but for what was written since."""
        return self._by_subject(await repository.of_days(*self._question(at, rates), days))

    def _question(
        self, at: Moment, rates: Mapping[Key, Rate]
    ) -> tuple[Connection, UUID, Sequence[Column], Cube, Mapping[Key, Rate], Moment, Sequence[str]]:
        rows = sorted({values for sheet in self.sheets for values in self._lines[sheet.key]})
        return self.db, self.organization_id, self._periods, self._cube, rates, at, rows

    @cached_property
    def _periods(self) -> list[Column]:
        wanted = columns(self.report.asked, self.report.fiscal_year_start)
        return [column for column in wanted if not column.is_derived]

    @cached_property
    def _cube(self) -> Cube:
        return cube_of(with_measures(self.report.asked), self._periods, self.report.fiscal_year_start)

    @cached_property
    def _lines(self) -> Mapping[str, Mapping[str, list[str]]]:
        """The lines of each table by the values of their row."""
        return {sheet.key: self._by_values(sheet.lines) for sheet in self.sheets}

    @cached_property
    def _shown(self) -> Mapping[str, Mapping[str, list[str]]]:
        """Those of them that are there now; where a table is gone, those that were."""
        return {sheet.key: self._by_values(_present(sheet).lines) for sheet in self.sheets}

    @cached_property
    def _there(self) -> Mapping[str, set[str]]:
        return {sheet.key: {line.key for line in sheet.lines} for sheet in self.sheets}

    def _by_values(self, lines: Iterable[Line]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in lines:
            if line.where and line.where.item == "row":
                own = dict(line.where.dimensions)
                values = [own[name] or "" for name in self.report.asked.dimensions]
                values += [""] * (len(DIMENSIONS) - len(values))
                found.setdefault(SEPARATOR.join(values), []).append(line.key)
        return found

    def _by_subject(self, found: Sequence[DictRow]) -> dict[str, Moved]:
        sheets = {sheet.currency: sheet for sheet in self.sheets}
        told: dict[str, Moved] = {}
        for row in found:
            sheet = sheets.get(row["currency"])
            for line in self._lines_of(sheet, row) if sheet else ():
                for measure in self._cube.measures:
                    if measure in ADDITIVE:
                        own, key = told.setdefault(row["subject"], {}), f"{sheet.key}.{line}.{row['key']}_{measure}"  # type: ignore[union-attr]
                        own[key] = _plus(own.get(key, ZERO), row, measure)
        return told

    def _lines_of(self, sheet: Sheet, row: DictRow) -> Iterator[str]:
        """The lines that a row's values, or all, are on."""
        if row["kind"] == "row":
            yield from self._lines[sheet.key].get(row["of_row"], ())
        if row["kind"] == "total" or row["of_row"] not in self._shown[sheet.key]:
            yield from {"total" if row["kind"] == "total" else "other"} & self._there[sheet.key]


def _present(sheet: Sheet) -> Table:
    table = sheet.now or sheet.then
    assert table is not None  # noqa: S101 - it is a sheet of one of them
    return table


def _plus(amount: Decimal | None, row: DictRow, measure: str) -> Decimal | None:
    more: Decimal | None = row[measure] if measure == "count" or not row["unconverted"] else None
    return None if amount is None or more is None else amount + more
