"""Parts: what cells are made of, gathered while a report is made, and kept with it."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from ai2.reports.ledger.facts import NOTHING, Sum
from ai2.reports.model import Part, Told, Where


class Parts:
    """Parts by line and column; by what they were found is written down once."""

    def __init__(self) -> None:
        self._told: dict[Told, int] = {}
        self._parts: dict[tuple[str, str], list[Part]] = {}
        self._sums: dict[tuple[str, str], Sum] = {}

    def add(
        self,
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
        where = (line, column)
        known = self._told.setdefault(told, len(self._told))
        self._parts.setdefault(where, []).append(Part(transaction_id, place, amount, known))
        self._sums[where] = self._sums.get(where, NOTHING) + Sum(amount, 1 if transaction_id else 0, reason)

    def figures(self, where: Where) -> Mapping[str, Sum]:
        """What a line has in each column, by the column's key."""
        return {column: each.times(where.sign) for (line, column), each in self._sums.items() if line == where.item}

    @property
    def lines(self) -> set[str]:
        """The lines that have something."""
        return {line for line, _ in self._parts}

    def kept(self, table: str) -> dict[str, tuple[Part, ...]]:
        """The parts by the cells of a table."""
        return {f"{table}.{line}.{column}": tuple(found) for (line, column), found in self._parts.items()}

    @property
    def told(self) -> tuple[Told, ...]:
        return tuple(self._told)
