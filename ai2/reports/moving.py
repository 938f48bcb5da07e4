"""Moving: which cells a difference in the ledger moves, and by how much; what lines say of themselves is not enough.

A line is looked at as it is now, or as it was where it is gone. What a line was before counts too: an account that has
become a card's moved from the assets to what is owed without an entry.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.reports.ledger.facts import Facts, Place, matches
from ai2.reports.model import Column, Line, Report, Table

ZERO = Decimal(0)


@dataclass(frozen=True)
class Leg:
    """What a transaction puts on a place of the ledger, on a day."""

    place: Place
    amount: Decimal


@dataclass(frozen=True)
class Sheet:
    """A table as it was and as it is; either may not be there."""

    key: str
    currency: str
    columns: tuple[Column, ...]
    then: Table | None
    now: Table | None

    @property
    def lines(self) -> list[Line]:
        """Every line of either, as it is now, or was."""
        known = {line.key: line for table in (self.then, self.now) if table for line in table.lines}
        return [line for line in known.values() if line.kind != "heading"]

    def leaves(self, line: Line) -> Iterator[tuple[Line, int]]:
        """The ledger's items that a line is made of, each with its sign."""
        by_key = {each.key: each for each in self.lines}
        if line.where and line.where.source == "ledger":
            yield line, line.where.sign
        for sign, part in line.total_of:
            for leaf, own in self.leaves(by_key[part]):
                yield leaf, sign * own

    def key_of(self, line: Line, column: Column) -> str:
        return f"{self.key}.{line.key}.{column.key}"


def sheets(then: Report, now: Report) -> list[Sheet]:
    """Each table with what has become of it."""
    before, after = ({table.key: table for table in report.tables} for report in (then, now))
    return [
        Sheet(key, known.currency, known.columns, before.get(key), after.get(key))
        for key, known in sorted({**before, **after}.items())
    ]


def on_cells(sheet: Sheet, place: Place) -> Iterator[tuple[Line, int]]:
    """The lines that this place is on, and by which sign."""
    for line in sheet.lines:
        sign = sum(sign for leaf, sign in sheet.leaves(line) if leaf.where and matches(leaf.where, place))
        if sign:
            yield line, sign


def by_the_facts(sheet: Sheet, line: Line, column: Column, facts: Facts | None) -> Decimal | None:
    """What a line comes to in a column, as it is now, by these facts; null where something has no rate."""
    amount = ZERO
    for leaf, sign in sheet.leaves(line):
        assert leaf.where is not None  # noqa: S101 - a leaf is an item
        found = facts.on(leaf.where).get(column.key) if facts else None
        if found and found.amount is None:
            return None
        if found and found.amount is not None:
            amount += found.amount * leaf.where.sign * sign
    return amount


def legs(row: DictRow | None, kinds: Mapping[UUID, str]) -> list[Leg]:
    """What a transaction puts into the ledger; nothing where it does not count."""
    if row is None or row["status"] != "posted" or row["deleted_at"] is not None:
        return []
    parts: Sequence[tuple[UUID | None, Decimal]] = [(row["category_id"], row["amount"])]
    if row["splits"] is not None:
        parts = [
            (UUID(each["category_id"]) if each["category_id"] else None, Decimal(str(each["amount"])))
            for each in row["splits"]
        ]
    own = Leg(Place("account", row["account_id"], None, row["currency"]), row["amount"])
    return [own, *(_part(row, category_id, amount, kinds) for category_id, amount in parts)]


def _part(row: DictRow, category_id: UUID | None, amount: Decimal, kinds: Mapping[UUID, str]) -> Leg:
    by_sign = "income" if amount > 0 else "expense"
    section = kinds.get(category_id, by_sign) if category_id else by_sign
    return Leg(Place(section, row["account_id"], category_id, row["currency"]), -amount)  # type: ignore[arg-type]
