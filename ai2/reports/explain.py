"""Explain: what a cell is made of, down to transactions, where they came from, who decided and by which rate.

The parts of a cell add up to it. An item is made of entries, a total of items, and a change of two cells. What an
account holds in another currency is converted whole: there its entries add up to the balance before, and the balances
after to the cell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.books.rates import service as rates
from ai2.books.rates.service import Rate
from ai2.identity import organizations
from ai2.kit.database import Connection
from ai2.kit.errors import NotFound
from ai2.reports import moments, service
from ai2.reports.custom import repository as custom_repository
from ai2.reports.forms import repository as forms_repository
from ai2.reports.ledger import entries_repository, repository
from ai2.reports.ledger.entries_repository import After, Leaf
from ai2.reports.ledger.facts import Place, matches
from ai2.reports.ledger.repository import By
from ai2.reports.model import Cell, Column, Line, Part, Report, Table, Told

ENTRIES_MODEL, OPENINGS_MODEL = "int_ledger__entries_posted", "int_ledger__openings"


class CellNotFound(NotFound):
    """The report has no such cell; a cell's key is <table>.<line>.<column>, as the report names them."""


@dataclass(frozen=True)
class CellPart:
    """A cell that another is worked out from, and the sign by which it counts."""

    key: str
    label: str
    sign: int
    amount: Decimal | None


@dataclass(frozen=True)
class EntryPart:
    """A transaction, a part of a split one, or what an account began with (no transaction) behind a cell.

    `amount` is what it adds to the cell: null where there is no rate, or where the balance is converted whole. `told`
    is by what else than the ledger it was found, such as a tax rule or a budget.
    """

    line: str
    original_amount: Decimal | None
    currency: str
    amount: Decimal | None
    rate: Rate | None
    account_id: UUID | None
    dbt_model: str | None
    transaction_id: UUID | None = None
    place: int | None = None
    booked_on: date | None = None
    description: str | None = None
    category_id: UUID | None = None
    decided_by: str | None = None
    decided_version: str | None = None
    confidence: float | None = None
    batch_id: UUID | None = None
    file_name: str | None = None
    line_number: int | None = None
    told: Told | None = None


@dataclass(frozen=True)
class BalancePart:
    """What an account holds in another currency, and what that is in the cell's."""

    line: str
    account_id: UUID
    original_amount: Decimal
    currency: str
    amount: Decimal | None
    rate: Rate


@dataclass(frozen=True)
class Explanation:
    """A cell, and a page of what it is made of. `last` is where the next begins; null at the end."""

    key: str
    label: str
    column: str
    currency: str
    amount: Decimal | None
    reason: str | None
    cells: tuple[CellPart, ...]
    balances: tuple[BalancePart, ...]
    entries: tuple[EntryPart, ...]
    last: After | None


@dataclass(frozen=True)
class _Place:
    """A cell with what is around it."""

    report: Report
    table: Table
    line: Line
    column: Column
    cell: Cell
    # when the report was made: its parts are those of then
    as_of: Moment | None

    @property
    def currency(self) -> str | None:
        """The only currency whose entries count; none where all are converted."""
        return None if self.report.asked.currency else self.table.currency

    @property
    def leaves(self) -> list[Leaf]:
        """The items that it is made of; one that is added as often as it is taken off is none of them."""
        if self.column.is_derived:
            return []
        signs: dict[str, Leaf] = {}
        for line, sign in _leaves(self.table, self.line):
            signs[line.key] = Leaf(line, sign + (signs[line.key].sign if line.key in signs else 0))
        return [leaf for leaf in signs.values() if leaf.sign]

    @property
    def source(self) -> str:
        """Who answers for it: its column, or its items."""
        sources = {line.where.source for line, _ in self.leaves if line.where}
        return self.column.source or next(iter(sources), "ledger")

    @cached_property
    def kept(self) -> list[tuple[str, int, Part]]:
        """The parts that the report keeps of it, or of its items, each with its line and sign."""
        parts = self.report.parts
        own = parts.get(self.table.key_of(self.cell))
        if own is not None:
            return [(self.line.key, 1, part) for part in own]
        return [
            (line.key, sign, part)
            for line, sign in self.leaves
            for part in parts.get(f"{self.table.key}.{line.key}.{self.column.key}", ())
        ]


async def explain(
    db: Connection, organization_id: UUID, report_id: UUID, key: str, *, after: After | None, limit: int
) -> Explanation:
    """What a cell is made of. Raises ReportNotFound and CellNotFound."""
    report = await service.get(db, organization_id, report_id)
    was_asked_for = report.asked.as_of is not None
    as_of = await moments.of_report(db, organization_id, report.as_of, was_asked_for=was_asked_for)
    place = _find(report, key, as_of)
    async with service.built():
        entries, last = await _entries(db, organization_id, place, after=after, limit=limit)
        is_first = after is None and place.column.start is None
        opened = await _opened(db, organization_id, place) if is_first else []
        balances = await _balances(db, organization_id, place, opened) if is_first else []
    return Explanation(
        key=key,
        label=place.line.label,
        column=place.column.label,
        currency=place.table.currency,
        amount=place.cell.amount,
        reason=place.cell.reason,
        # what a budget of a group plans is not the sum of what its categories' plan
        cells=() if key in place.report.parts else tuple(_cells(place.table, place.line, place.column)),
        balances=tuple(balances),
        entries=(*opened, *entries),
        last=last,
    )


def _find(report: Report, key: str, as_of: Moment | None) -> _Place:
    for table in report.tables:
        for cell in table.cells:
            if table.key_of(cell) == key:
                line = next(line for line in table.lines if line.key == cell.line)
                column = next(column for column in table.columns if column.key == cell.column)
                return _Place(report, table, line, column, cell, as_of)
    raise CellNotFound


def _cells(table: Table, line: Line, column: Column) -> Iterator[CellPart]:
    """The cells that this one is worked out from."""
    if column.is_derived:
        labels = {each.key: each.label for each in table.columns}
        for name in column.of:
            sign = -1 if name == column.of[-1] else 1
            cell = table.by_place[line.key, name]
            yield CellPart(table.key_of(cell), labels[name], sign, cell.amount)
        return
    labels = {each.key: each.label for each in table.lines}
    for sign, part in line.total_of:
        cell = table.by_place[part, column.key]
        yield CellPart(table.key_of(cell), labels[part], sign, cell.amount)


def _leaves(table: Table, line: Line, sign: int = 1) -> Iterator[Leaf]:
    if line.where:
        yield Leaf(line, sign)
    by_key = {each.key: each for each in table.lines}
    for part_sign, part in line.total_of:
        yield from _leaves(table, by_key[part], sign * part_sign)


async def _entries(
    db: Connection, organization_id: UUID, place: _Place, *, after: After | None, limit: int
) -> tuple[list[EntryPart], After | None]:
    """A page of the entries behind a cell, by day, and where the next begins."""
    if place.source == "kept":
        return await _kept(db, organization_id, place, after=after, limit=limit)
    if place.source == "selection":
        rows = await _selected(db, organization_id, place, after=after, limit=limit + 1)
    else:
        rows = await entries_repository.entries(
            db, organization_id, place.leaves, place.column, place.currency,
            accounts=place.report.asked.account_ids, after=after, limit=limit + 1, as_of=place.as_of,
        )  # fmt: skip
    parts = await _converted(db, organization_id, place, rows[:limit])
    if place.column.measure == "count":
        parts = [replace(part, amount=Decimal(1)) for part in parts]
    if len(rows) <= limit:
        return parts, None
    end = rows[limit - 1]
    return parts, After(end["booked_on"], end["transaction_id"], end["place"], end["leaf"])


async def _selected(
    db: Connection, organization_id: UUID, place: _Place, *, after: After | None, limit: int
) -> list[DictRow]:
    """Entries of values of dimensions; those of `other` are what no row of the table has."""
    asked, fiscal = place.report.asked, place.report.fiscal_year_start
    if place.as_of is None:  # it is older than what reports say of their fiscal year
        fiscal = (await organizations.get(db, organization_id)).fiscal_year_start
    shown = [
        {name: value for name, value in line.where.dimensions if name in asked.dimensions}
        for line in place.table.lines
        if line.where and line.where.item == "row"
    ]
    return await custom_repository.entries(
        db, organization_id, place.leaves, place.column, place.currency, fiscal=fiscal - 1, excluded=shown,
        accounts=asked.account_ids, after=after, limit=limit, as_of=place.as_of,
    )  # fmt: skip


async def _kept(
    db: Connection, organization_id: UUID, place: _Place, *, after: After | None, limit: int
) -> tuple[list[EntryPart], After | None]:
    """The parts that the report itself keeps, and each transaction as it was known when it was made."""
    first = after.leaf if after else 0
    page = place.kept[first : first + limit]
    ids = {part.transaction_id for _, _, part in page if part.transaction_id}
    known = await forms_repository.transactions(db, organization_id, ids, place.as_of) if ids else {}
    parts = [_of_part(place, line, sign, part, known.get(part.transaction_id)) for line, sign, part in page]  # type: ignore[arg-type]
    is_last = first + limit >= len(place.kept)
    return parts, None if is_last else After(place.column.end, UUID(int=0), 0, first + limit)


def _of_part(place: _Place, line: str, sign: int, part: Part, row: DictRow | None) -> EntryPart:
    amount = None if part.amount is None else sign * part.amount + 0
    told = place.report.told[part.told]
    if row is None:
        return EntryPart(
            line=line, original_amount=amount, currency=place.table.currency, amount=amount, rate=None, account_id=None,
            dbt_model=None, transaction_id=part.transaction_id, place=part.place, description=told.label, told=told,
        )  # fmt: skip
    splits = row["splits"] or ()
    own = splits[part.place - 1] if part.place and part.place <= len(splits) else row
    as_is = {name: value for name, value in row.items() if name not in ("splits", "amount", "category_id")}
    return EntryPart(
        **as_is, line=line, place=part.place, amount=amount, original_amount=Decimal(own["amount"]),
        category_id=own["category_id"] and UUID(str(own["category_id"])), rate=None, dbt_model=None, told=told,
    )  # fmt: skip


async def _opened(db: Connection, organization_id: UUID, place: _Place) -> list[EntryPart]:
    rows = await entries_repository.openings(
        db, organization_id, place.leaves, place.currency, accounts=place.report.asked.account_ids, as_of=place.as_of
    )
    return await _converted(db, organization_id, place, rows)


async def _converted(db: Connection, organization_id: UUID, place: _Place, rows: Sequence[DictRow]) -> list[EntryPart]:
    """Entries in the cell's currency: flows by the rate of their day; balances are converted whole."""
    wanted = {(row["currency"], row.get("booked_on") or place.column.end) for row in rows}
    known = await rates.converter(db, organization_id, place.table.currency, wanted, known_at=place.as_of)
    return [_part(row, known[row["currency"], row.get("booked_on") or place.column.end]) for row in rows]


def _part(row: DictRow, rate: Rate) -> EntryPart:
    original = row["sign"] * row["amount"] + 0
    is_same = rate.source == "same"
    told = ("transaction_id", "place", "description", "category_id", "decided_by", "decided_version", "confidence",
            "batch_id", "file_name", "line_number")  # fmt: skip
    return EntryPart(
        line=row["line"],
        original_amount=original,
        currency=row["currency"],
        amount=None if row["is_balance"] and not is_same else rate.convert(original),
        rate=None if is_same or row["is_balance"] else rate,
        account_id=row["account_id"],
        dbt_model=ENTRIES_MODEL if "transaction_id" in row else OPENINGS_MODEL,
        booked_on=row.get("booked_on"),
        **{name: row.get(name) for name in told},
    )


async def _balances(
    db: Connection, organization_id: UUID, place: _Place, opened: Sequence[EntryPart]
) -> list[BalancePart]:
    """What is held in other currencies behind a cell, each account's converted whole."""
    if place.currency or not any(line.where and line.where.is_balance for line, _ in place.leaves):
        return []
    until = place.column.end
    rows = await repository.sums(
        db, organization_id, [place.column], currency=None, accounts=place.report.asked.account_ids,
        by=By(category=False), as_of=place.as_of,
    )  # fmt: skip
    held = [
        (line.key, row["account_id"], row["currency"], sign * line.where.sign * row["amount"])
        for line, sign in place.leaves
        if line.where and line.where.is_balance
        for row in rows
        if matches(line.where, Place(row["section"], row["account_id"], None, row["currency"]))
    ]
    held += [(each.line, each.account_id, each.currency, each.original_amount) for each in opened]
    foreign = sorted((each for each in held if each[2] != place.table.currency), key=lambda each: each[:3])
    wanted = {(each[2], until) for each in foreign}
    known = await rates.converter(db, organization_id, place.table.currency, wanted, known_at=place.as_of)
    return [
        _balance(line, account_id, sum((each[3] for each in own), Decimal(0)), known[currency, until])
        for (line, account_id, currency), own in groupby(foreign, key=lambda each: each[:3])
    ]


def _balance(line: str, account_id: UUID, amount: Decimal, rate: Rate) -> BalancePart:
    return BalancePart(line, account_id, amount, rate.base, rate.convert(amount), rate)
