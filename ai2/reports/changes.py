"""Changes: what moved in a report since it was given out, cell by cell, and why.

A cell's difference is what its causes add up to: the transactions that were written since (a page of them at a time,
newest first) and what moves many cells at once: rates, what accounts began with, and where accounts and categories
stand. Of a balance that is converted whole a transaction's part is not rounded, so that the parts add up.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.books.rates import service as rates
from ai2.books.rates.service import Rate
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict
from ai2.reports import changes_repository as repository
from ai2.reports import moments, moving, service
from ai2.reports import repository as names
from ai2.reports.changes_repository import Before
from ai2.reports.ledger import facts as ledger
from ai2.reports.ledger import repository as sums
from ai2.reports.ledger.facts import Facts, Place
from ai2.reports.model import Column, Line, Report
from ai2.reports.moments import Known
from ai2.reports.moving import ZERO, Leg, Sheet
from ai2.reports.names import LEDGER

Reason = Literal[
    "new", "deleted", "undone", "restored", "status", "amount", "date", "account", "category", "split", "rate"
]
CauseKind = Literal["rate", "balance_rate", "opening", "moved", "renamed"]
Key = tuple[str, date]
# So many rows are looked at together: those that move nothing here are passed over.
PIECE = 500


class NotFollowed(Conflict):
    """What moves in this report is not followed: budgets and tax rules have no history. Make it again to compare."""


class NoMomentKept(Conflict):
    """This report was made before moments were kept: nobody knows what was known then. Make it again."""


@dataclass(frozen=True)
class Effect:
    """By how much a cell moves; null where a rate is missing."""

    key: str
    difference: Decimal | None


@dataclass(frozen=True)
class CellChange:
    """A cell that is another now; null amounts are figures that cannot be had."""

    key: str
    label: str
    column: str
    currency: str
    amount_then: Decimal | None
    amount_now: Decimal | None
    difference: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What moves many cells at once, or is only called otherwise."""

    kind: CauseKind
    currency: str | None = None
    on: date | None = None
    account_id: UUID | None = None
    rate_then: Decimal | None = None
    rate_now: Decimal | None = None
    line: str | None = None
    label_then: str | None = None
    label_now: str | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class RowChange:
    """A transaction that was written since; what it was is null where it was not there."""

    transaction_id: UUID
    changed_at: datetime
    changed_by: str | None
    reasons: tuple[Reason, ...]
    before: dict[str, Any] | None
    after: dict[str, Any]
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Changes:
    """What moved. Cells and causes come with the first page of the rows; `last` is where the next one begins."""

    report_id: UUID
    as_of: datetime
    now: datetime
    is_changed: bool
    cells: tuple[CellChange, ...]
    causes: tuple[Cause, ...]
    rows: tuple[RowChange, ...]
    last: Before | None


@dataclass
class _Between:
    """Two moments of a report, and what there is to compare them by."""

    db: Connection
    organization_id: UUID
    then: Report
    now: Report
    at_then: Moment
    at_now: Moment
    sheets: list[Sheet]
    kinds: Mapping[UUID, str]
    known_rates: dict[tuple[bool, str, Key], Rate] = field(default_factory=dict)

    @property
    def columns(self) -> list[Column]:
        """The columns that are no comparison of others."""
        every = {column.key: column for sheet in self.sheets for column in sheet.columns if not column.is_derived}
        return list(every.values())

    @property
    def into(self) -> str | None:
        """The currency into which everything is converted."""
        return self.then.asked.currency

    async def learn(self, wanted: Iterable[Key]) -> None:
        """Look these rates up, as they were and as they are."""
        if self.into is None:
            return
        for is_now, moment in ((False, self.at_then), (True, self.at_now)):
            missing = {each for each in wanted if (is_now, self.into, each) not in self.known_rates}
            found = await rates.converter(self.db, self.organization_id, self.into, missing, known_at=moment)
            self.known_rates.update({(is_now, self.into, key): rate for key, rate in found.items()})

    def rate(self, currency: str, on: date, *, is_now: bool) -> Rate:
        return self.known_rates[is_now, self.into or currency, (currency, on)]


async def changes(
    db: Connection, organization_id: UUID, report_id: UUID, *, before: Before | None, limit: int
) -> Changes:
    """What moved in a report since. Raises ReportNotFound, NotFollowed and NoMomentKept."""
    report = await service.get(db, organization_id, report_id)
    if report.asked.report not in LEDGER or report.asked.compare_to == "budget":
        raise NotFollowed
    at_then = await moments.of_report(db, organization_id, report.as_of)
    if at_then is None:
        raise NoMomentKept
    async with service.built():
        between = await _between(db, organization_id, report, replace(at_then, is_present=False))
        rows, last = await _rows(between, before=before, limit=limit)
        cells, causes = ([], []) if before else await _first_page(between)
    return Changes(
        report_id=report_id,
        as_of=report.as_of,
        now=between.at_now.at,
        is_changed=between.now.digest != report.digest,
        cells=tuple(cells),
        causes=tuple(causes),
        rows=tuple(rows),
        last=last,
    )


async def _between(db: Connection, organization_id: UUID, report: Report, at_then: Moment) -> _Between:
    at_now = (await moments.present(db, organization_id)).moment
    asked = replace(report.asked, as_of=None)
    now = await service.make_at(db, organization_id, asked, Known(at_now, report.fiscal_year_start))
    categories = await names.categories(db, organization_id, at_now)
    return _Between(
        db=db,
        organization_id=organization_id,
        then=report,
        now=now,
        at_then=at_then,
        at_now=replace(at_now, is_present=False),
        sheets=moving.sheets(report, now),
        kinds={row["category_id"]: row["kind"] for row in categories},
    )


async def _rows(between: _Between, *, before: Before | None, limit: int) -> tuple[list[RowChange], Before | None]:
    """Transactions that move something, newest first, and where the next page begins."""
    found: list[RowChange] = []
    while True:
        piece = await repository.changed(
            between.db, between.organization_id, between.at_then, before=before, limit=PIECE
        )
        for each in await _moved(between, piece):
            if len(found) == limit:
                return found, Before(found[-1].changed_at, found[-1].transaction_id)
            found.append(each)
        if len(piece) < PIECE:
            return found, None
        before = Before(piece[-1]["changed_at"], piece[-1]["transaction_id"])


async def _moved(between: _Between, piece: Sequence[DictRow]) -> list[RowChange]:
    ids = [row["transaction_id"] for row in piece]
    were, are = [
        await repository.as_they_were(between.db, between.organization_id, at, ids)
        for at in (between.at_then, between.at_now)
    ]
    both = [*were.values(), *are.values()]
    ends = [column.end for column in between.columns if column.start is None]
    await between.learn({(row["currency"], on) for row in both for on in (row["booked_on"], *ends)})
    told = []
    for row in piece:
        was, current = were.get(row["transaction_id"]), are.get(row["transaction_id"])
        effects = _effects(between, was, current)
        if current and effects:
            told.append(_row(row, was, current, effects))
    return told


def _row(row: DictRow, was: DictRow | None, current: DictRow, effects: tuple[Effect, ...]) -> RowChange:
    changed_by = row["changed_by"] or (row["batch_id"] and f"batch:{row['batch_id']}")
    reasons = tuple(_reasons(was, current, is_undone=bool(row["is_undone"])))
    return RowChange(
        row["transaction_id"], row["changed_at"], changed_by, reasons, was and dict(was), dict(current), effects
    )


def _reasons(was: DictRow | None, current: DictRow, *, is_undone: bool) -> list[Reason]:
    if was is None:
        return ["new"]
    if (was["deleted_at"] is None) != (current["deleted_at"] is None):
        return ["restored"] if current["deleted_at"] is None else ["undone" if is_undone else "deleted"]
    compared: tuple[tuple[str, Reason], ...] = (
        ("status", "status"), ("amount", "amount"), ("booked_on", "date"), ("account_id", "account"),
        ("splits", "split"), ("category_id", "category"),
    )  # fmt: skip
    found = [reason for name, reason in compared if was[name] != current[name]]
    return found or ["rate"]


def _effects(between: _Between, was: DictRow | None, current: DictRow | None) -> tuple[Effect, ...]:
    """By how much each cell moves because a transaction is another, or is converted by another rate."""
    moved: dict[str, Decimal | None] = defaultdict(lambda: ZERO)
    for row, is_now in ((was, False), (current, True)):
        for leg in moving.legs(row, between.kinds):
            assert row is not None  # noqa: S101 - it has legs
            for key, amount in _on_cells(between, leg, row["booked_on"], is_now=is_now):
                moved[key] = _plus(moved[key], amount, 1 if is_now else -1)
    return _told(moved)


def _on_cells(between: _Between, leg: Leg, on: date, *, is_now: bool) -> Iterable[tuple[str, Decimal | None]]:
    """The cells that a leg is in, with what it adds to each."""
    accounts = between.then.asked.account_ids
    if accounts and leg.place.account_id not in accounts:
        return
    for sheet in between.sheets:
        if between.into is None and sheet.currency != leg.place.currency:
            continue
        lines = list(moving.on_cells(sheet, leg.place))
        for column in sheet.columns if lines else ():
            if column.is_derived or not (column.start or date.min) <= on <= column.end:
                continue
            amount = _amount(between, leg, on, column, is_now=is_now)
            for line, sign in lines:
                yield sheet.key_of(line, column), amount if amount is None else sign * amount


def _amount(between: _Between, leg: Leg, on: date, column: Column, *, is_now: bool) -> Decimal | None:
    """A leg in the report's currency. One of a balance counts by the balance's rate of now, before and after alike."""
    if between.into in (None, leg.place.currency):
        return leg.amount
    if leg.place.section in ("account", "opening"):
        rate = between.rate(leg.place.currency, column.end, is_now=True).rate
        return None if rate is None else leg.amount * rate
    return between.rate(leg.place.currency, on, is_now=is_now).convert(leg.amount)


async def _first_page(between: _Between) -> tuple[list[CellChange], list[Cause]]:
    """The cells that are others now, and what moves many of them at once."""
    then, now = await _facts(between, between.at_then), await _facts(between, between.at_now)
    cells, moved = [], dict[str, Decimal | None]()
    for sheet in between.sheets:
        for line in sheet.lines:
            for column in sheet.columns:
                cell = _cell(sheet, line, column, then.get(sheet.currency), now.get(sheet.currency))
                if cell.amount_then != cell.amount_now:
                    cells.append(cell)
                if not column.is_derived:
                    moved[cell.key] = _stands_elsewhere(sheet, line, column, cell, then, now)
    causes = [*await _rates(between), *await _openings(between), *await _balance_rates(between)]
    if elsewhere := _told(moved):
        causes.append(Cause(kind="moved", effects=elsewhere))
    return cells, [each for each in causes if each.effects] + list(_renamed(between))


async def _facts(between: _Between, at: Moment) -> dict[str, Facts]:
    found = await ledger.facts(
        between.db, between.organization_id, between.columns, currency=between.into,
        account_ids=between.then.asked.account_ids, as_of=at,
    )  # fmt: skip
    return {each.currency: each for each in found}


def _cell(sheet: Sheet, line: Line, column: Column, then: Facts | None, now: Facts | None) -> CellChange:
    """What a cell was and is; where a report has no such line, what the line would have had."""
    amounts = []
    for table, facts in ((sheet.then, then), (sheet.now, now)):
        cell = table.by_place.get((line.key, column.key)) if table else None
        own = None if column.is_derived else moving.by_the_facts(sheet, line, column, facts)
        amounts.append(cell.amount if cell else own)
    before, after = amounts
    difference = None if before is None or after is None else after - before
    key = sheet.key_of(line, column)
    return CellChange(key, line.label, column.label, sheet.currency, before, after, difference)


def _stands_elsewhere(
    sheet: Sheet, line: Line, column: Column, cell: CellChange, then: Mapping[str, Facts], now: Mapping[str, Facts]
) -> Decimal | None:
    """What moved a cell without an entry: an account became a card, a category has another group."""
    before, after = (moving.by_the_facts(sheet, line, column, facts.get(sheet.currency)) for facts in (then, now))
    if before is None or after is None or cell.difference is None:
        return ZERO
    return cell.difference - (after - before)


async def _rates(between: _Between) -> list[Cause]:
    """Rates by which flows were converted that nobody has touched."""
    if between.into is None:
        return []
    days = await sums.foreign_days(
        between.db, between.organization_id, between.columns, into=between.into,
        accounts=between.then.asked.account_ids, as_of=between.at_then,
    )  # fmt: skip
    await between.learn(days)
    moved = [
        day for day in sorted(days) if between.rate(*day, is_now=False).rate != between.rate(*day, is_now=True).rate
    ]
    if not moved:
        return []
    rows = await repository.unchanged_on(
        between.db, between.organization_id, between.at_then, moved, between.then.asked.account_ids
    )
    effects: dict[Key, dict[str, Decimal | None]] = {day: defaultdict(lambda: ZERO) for day in moved}
    for row in rows:
        place = Place(row["section"], row["account_id"], row["category_id"], row["currency"])
        own = effects[row["currency"], row["booked_on"]]
        for is_now in (False, True):
            for key, amount in _on_cells(between, Leg(place, row["amount"]), row["booked_on"], is_now=is_now):
                own[key] = _plus(own[key], amount, row["entries"] if is_now else -row["entries"])
    return [_rate_cause(between, "rate", day, own) for day, own in effects.items()]


async def _openings(between: _Between) -> list[Cause]:
    """What accounts began with: said by somebody, or what follows from what their bank stated first."""
    balances = [column for column in between.columns if column.start is None]
    if not balances:
        return []
    held: dict[tuple[UUID, str], Decimal] = defaultdict(lambda: ZERO)
    for at, sign in ((between.at_then, -1), (between.at_now, 1)):
        for row in await sums.openings(between.db, between.organization_id, between.then.asked.account_ids, as_of=at):
            held[row["account_id"], row["currency"]] += sign * (row["amount"] or 0)
    await between.learn({(currency, column.end) for _, currency in held for column in balances})
    found = []
    for (account_id, currency), difference in held.items():
        if not difference:
            continue
        moved: dict[str, Decimal | None] = defaultdict(lambda: ZERO)
        for section, sign in (("account", 1), ("opening", -1)):
            leg = Leg(Place(section, account_id, None, currency), sign * difference)  # type: ignore[arg-type]
            for key, amount in _on_cells(between, leg, date.min, is_now=True):
                moved[key] = _plus(moved[key], amount, 1)
        found.append(Cause(kind="opening", account_id=account_id, currency=currency, effects=_told(moved)))
    return found


async def _balance_rates(between: _Between) -> list[Cause]:
    """What another rate of a balance's day made of what was held then; cents of rounding too."""
    if between.into is None or not any(column.start is None for column in between.columns):
        return []
    then, now = await _held(between, between.at_then), await _held(between, between.at_now)
    await between.learn({(place.currency, column.end) for column, place in {*then, *now}})
    found: dict[tuple[Key, UUID], dict[str, Decimal | None]] = {}
    for column, place in sorted({*then, *now}, key=str):
        before, after = then.get((column, place), ZERO), now.get((column, place), ZERO)
        was, current = (between.rate(place.currency, column.end, is_now=is_now) for is_now in (False, True))
        if place.account_id is None or was.rate == current.rate is None:
            continue
        rest: Decimal | None = None
        if was.rate is not None and current.rate is not None:
            rest = (current.convert(after) or ZERO) - (was.convert(before) or ZERO) - (after - before) * current.rate
        own = found.setdefault(((place.currency, column.end), place.account_id), defaultdict(lambda: ZERO))
        for sheet in between.sheets:
            for line, sign in moving.on_cells(sheet, place):
                key = sheet.key_of(line, column)
                own[key] = _plus(own[key], rest, sign)
    return [_rate_cause(between, "balance_rate", day, own, account_id) for (day, account_id), own in found.items()]


async def _held(between: _Between, at: Moment) -> dict[tuple[Column, Place], Decimal]:
    """What accounts hold in other currencies at the end of each column, and what they began with."""
    columns = [column for column in between.columns if column.start is None]
    by_key = {column.key: column for column in columns}
    accounts = between.then.asked.account_ids
    held: dict[tuple[Column, Place], Decimal] = defaultdict(lambda: ZERO)
    for row in await sums.sums(
        between.db, between.organization_id, columns, currency=None, accounts=accounts, as_of=at
    ):
        if row["section"] == "account" and row["currency"] != between.into:
            place = Place("account", row["account_id"], None, row["currency"])
            held[by_key[row["key"]], place] += row["amount"]
    for row in await sums.openings(between.db, between.organization_id, accounts, as_of=at):
        if row["amount"] and row["currency"] != between.into:
            for column in columns:
                held[column, Place("account", row["account_id"], None, row["currency"])] += row["amount"]
                held[column, Place("opening", row["account_id"], None, row["currency"])] -= row["amount"]
    return held


def _rate_cause(
    between: _Between,
    kind: CauseKind,
    day: Key,
    moved: Mapping[str, Decimal | None],
    account_id: UUID | None = None,
) -> Cause:
    then, now = (between.rate(*day, is_now=is_now).rate for is_now in (False, True))
    return Cause(
        kind=kind, currency=day[0], on=day[1], account_id=account_id, rate_then=then, rate_now=now,
        effects=_told(moved),
    )  # fmt: skip


def _renamed(between: _Between) -> Iterable[Cause]:
    """Lines that are called otherwise now."""
    for sheet in between.sheets:
        if sheet.then and sheet.now:
            labels = {line.key: line.label for line in sheet.then.lines}
            for line in sheet.now.lines:
                if labels.get(line.key, line.label) != line.label:
                    yield Cause(kind="renamed", line=line.key, label_then=labels[line.key], label_now=line.label)


def _plus(amount: Decimal | None, other: Decimal | None, times: int) -> Decimal | None:
    return None if amount is None or other is None else amount + times * other


def _told(moved: Mapping[str, Decimal | None]) -> tuple[Effect, ...]:
    """Cells that move; those of which a part has no rate are null."""
    return tuple(Effect(key, amount) for key, amount in sorted(moved.items()) if amount is None or amount)
