"""Parts: what cells are made of, gathered while a report is made, and kept with it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from uuid import UUID

from ai2.reports.ledger.facts import NOTHING, Sum
from ai2.reports.model import Part, Told, Where


class Parts:
    """Parts by table, line and column; by what they were found is written down once."""

    def __init__(self) -> None:
        self._told: dict[Told, int] = {}
        self._parts: dict[tuple[str, str, str], list[Part]] = {}
        self._sums: dict[tuple[str, str, str], Sum] = {}

    def add(
        self,
        table: str,
        line: str,
        column: str,
        amount: Decimal | None,
        told: Told,
        *,
        transaction_id: UUID | None = None,
        place: int | None = None,
        reason: str | None = None,
    ) -> None:
        """One more. Of an amount that nobody knows there is a reason."""
        where = (table, line, column)
        known = self._told.setdefault(told, len(self._told))
        self._parts.setdefault(where, []).append(Part(transaction_id, place, amount, known))
        self._sums[where] = self._sums.get(where, NOTHING) + Sum(amount, 1 if transaction_id else 0, reason)

    def figures(self, table: str) -> Callable[[Where], Mapping[str, Sum]]:
        """What each line of a table has in each column, by the column's key."""
        by_line: dict[str, dict[str, Sum]] = {}
        for (of, line, column), each in self._sums.items():
            if of == table:
                by_line.setdefault(line, {})[column] = each
        return lambda where: by_line.get(str(where.item), {})

    @property
    def kept(self) -> dict[str, tuple[Part, ...]]:
        """The parts by the keys of their cells."""
        return {".".join(where): tuple(found) for where, found in self._parts.items()}

    @property
    def told(self) -> tuple[Told, ...]:
        """By what they were found, in the order to which parts point."""
        return tuple(self._told)
