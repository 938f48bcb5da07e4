"""Totals: what the rows that were written come to, counted as they go by."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ai2.reports.exports.tables import Table


class Totals:
    """Rows and sums for each value of the columns that a table is counted by."""

    def __init__(self, table: Table) -> None:
        names = [column.name for column in table.columns]
        self._table = table
        self._by = [names.index(name) for name in table.totals_by]
        self._sums = [names.index(name) for name in table.sums]
        self._found: dict[tuple[Any, ...], list[Any]] = {}
        self.rows = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        self.rows += len(rows)
        if not self._sums:
            return
        found, nothing = self._found, [Decimal(0)] * len(self._sums)
        for row in rows:
            key = tuple([row[place] for place in self._by])
            total = found.get(key)
            if total is None:
                total = found[key] = [0, *nothing]
            total[0] += 1
            for place, column in enumerate(self._sums, 1):
                total[place] += row[column] or 0

    def told(self) -> list[dict[str, Any]]:
        """As the manifest has them."""
        return [
            {
                **dict(zip(self._table.totals_by, key, strict=True)),
                "rows": total[0],
                **{name: f"{total[place]:f}" for place, name in enumerate(self._table.sums, 1)},
            }
            for key, total in sorted(self._found.items(), key=lambda each: str(each[0]))
        ]

    def against(self, books: Mapping[str, Decimal]) -> dict[str, Any] | None:
        """The same beside what the books' own totals say, where they say the same of these rows."""
        wanted = self._table.in_books
        if wanted is None:
            return None
        here: dict[str, Decimal] = {}
        place = self._table.sums.index("amount") + 1
        for key, total in self._found.items():
            named = dict(zip(self._table.totals_by, key, strict=True))
            if wanted.items() <= named.items():
                here[named["currency"]] = here.get(named["currency"], Decimal(0)) + total[place]
        currencies = sorted({*here, *books})
        sums = [
            {"currency": each, "here": f"{here.get(each, Decimal(0)):f}", "books": f"{books.get(each, Decimal(0)):f}"}
            for each in currencies
        ]
        agrees = all(here.get(each, 0) == books.get(each, 0) for each in currencies)
        return {"of": "books.daily_totals", "rows_with": dict(wanted), "sums": sums, "agrees": agrees}
