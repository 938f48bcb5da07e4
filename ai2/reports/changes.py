"""Changes: what moved in a report since it was given out, cell by cell, and why.

A cell's difference is what its causes add up to: the transactions that were written since (a page of them at a time,
newest first) and what moves many cells at once: rates, what accounts began with, and where accounts and categories
stand. Of a balance that is converted whole a transaction's part is not rounded, so that the parts add up.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Protocol
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.books.rates import service as rates
from ai2.books.rates.service import Rate
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict
from ai2.reports import asking, moments, moving, service
from ai2.reports import changes_repository as repository
from ai2.reports import repository as names
from ai2.reports.changes_model import (
    OF_ANSWER,
    OF_PLACE,
    OF_SELECTION,
    Cause,
    CauseKind,
    CellChange,
    Changes,
    Effect,
    Reason,
    RowChange,
    effects_of,
)
from ai2.reports.changes_repository import Before
from ai2.reports.custom.following import Followed
from ai2.reports.forms import reasons
from ai2.reports.forms.following import FollowedBudget, FollowedParts
from ai2.reports.ledger import facts as ledger
from ai2.reports.ledger import repository as sums
from ai2.reports.ledger.facts import Facts, Place
from ai2.reports.model import Column, Line, Report
from ai2.reports.moments import Known
from ai2.reports.moving import ZERO, Leg, Sheet

Key = tuple[str, date]
Moved = Mapping[str, Decimal | None]
# What a cell was and is worked out from, where a report has no such line, or for what moved it without an entry.
Figures = Callable[[Sheet, Line, Column], Decimal | None]
# So many rows are looked at together: those that move nothing here are passed over.
PIECE = 500
# What tells something of entries that is no sum: it is told what it was and is, and no entry has a part in it.
NO_SUMS = ("average", "smallest", "largest")


class NoMomentKept(Conflict):
    """This report was made before moments were kept: nobody knows what was known then. Make it again."""


class _Follower(Protocol):
    """What tells what entries put on the cells of a report whose lines are no places of the ledger."""

    async def everything(self, at: Moment, rates: Mapping[Key, Rate]) -> Moved: ...
    async def of_transactions(
        self, at: Moment, rates: Mapping[Key, Rate], these: Sequence[UUID]
    ) -> Mapping[str, Moved]: ...
    async def of_days(self, at: Moment, rates: Mapping[Key, Rate], days: Sequence[Key]) -> Mapping[str, Moved]: ...


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
        """The columns that are of entries."""
        every = {column.key: column for sheet in self.sheets for column in sheet.columns if column.is_of_entries}
        return list(every.values())

    @cached_property
    def followed(self) -> _Follower | None:
        """What answers where lines are no places of the ledger."""
        if self.is_taxed:
            return FollowedParts(self.then, self.now, self.at_then)
        if self.then.asked.report == "budget":
            return FollowedBudget(self.db, self.organization_id, self.sheets, self.kinds)
        if self.then.asked.report == "custom":
            return Followed(self.db, self.organization_id, self.then, self.sheets)
        return None

    @property
    def is_taxed(self) -> bool:
        """Whether the tax rules answer what is in it."""
        return self.then.asked.report in asking.TAX

    @property
    def compared(self) -> Mapping[str, Reason]:
        """What of a transaction is looked at to say how it is another."""
        if self.is_taxed:
            return OF_ANSWER
        return OF_SELECTION if self.then.asked.report == "custom" else OF_PLACE

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

    def rates(self, wanted: Iterable[Key], *, is_now: bool) -> dict[Key, Rate]:
        """These rates, where everything is converted."""
        return {each: self.rate(*each, is_now=is_now) for each in wanted} if self.into else {}

    def rate(self, currency: str, on: date, *, is_now: bool) -> Rate:
        return self.known_rates[is_now, self.into or currency, (currency, on)]


async def changes(
    db: Connection, organization_id: UUID, report_id: UUID, *, before: Before | None, limit: int
) -> Changes:
    """What moved in a report since. Raises ReportNotFound and NoMomentKept."""
    report = await service.get(db, organization_id, report_id)
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
    asked = replace(report.asked, as_of=None)
    at_now = (await service.present(db, organization_id, asked)).moment
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
    selected = await _selected(between, ids, {(row["currency"], row["booked_on"]) for row in both})
    told = []
    for row in piece:
        was, current = were.get(row["transaction_id"]), are.get(row["transaction_id"])
        effects = _effects(between, was, current) if selected is None else selected.get(str(row["transaction_id"]), ())
        if current and effects:
            told.append(_row(between, row, was, current, effects))
    return told


async def _selected(
    between: _Between, these: Sequence[UUID], days: Iterable[Key]
) -> dict[str, tuple[Effect, ...]] | None:
    """By how much each cell moves because of each of these transactions; none where the ledger tells it."""
    if between.followed is None:
        return None
    moved: dict[str, dict[str, Decimal | None]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    wanted = set(days)
    for at, is_now in ((between.at_then, False), (between.at_now, True)):
        known = between.rates(wanted, is_now=is_now)
        for subject, own in (await between.followed.of_transactions(at, known, these)).items():
            for key, amount in own.items():
                moved[subject][key] = _plus(moved[subject][key], amount, 1 if is_now else -1)
    return {subject: effects_of(own) for subject, own in moved.items()}


def _row(
    between: _Between, row: DictRow, was: DictRow | None, current: DictRow, effects: tuple[Effect, ...]
) -> RowChange:
    changed_by = row["changed_by"] or (row["batch_id"] and f"batch:{row['batch_id']}")
    why = tuple(_reasons(between, was, current, is_undone=bool(row["is_undone"])))
    return RowChange(
        row["transaction_id"], row["changed_at"], changed_by, why, was and dict(was), dict(current), effects
    )


def _reasons(between: _Between, was: DictRow | None, current: DictRow, *, is_undone: bool) -> list[Reason]:
    if was is None:
        return ["new"]
    if (was["deleted_at"] is None) != (current["deleted_at"] is None):
        return ["restored"] if current["deleted_at"] is None else ["undone" if is_undone else "deleted"]
    found = [reason for name, reason in between.compared.items() if was[name] != current[name]]
    return found or ["assessed" if between.is_taxed else "rate"]


def _effects(between: _Between, was: DictRow | None, current: DictRow | None) -> tuple[Effect, ...]:
    """By how much each cell moves because a transaction is another, or is converted by another rate."""
    moved: dict[str, Decimal | None] = defaultdict(lambda: ZERO)
    for row, is_now in ((was, False), (current, True)):
        for leg in moving.legs(row, between.kinds):
            assert row is not None  # noqa: S101 - it has legs
            for key, amount in _on_cells(between, leg, row["booked_on"], is_now=is_now):
                moved[key] = _plus(moved[key], amount, 1 if is_now else -1)
    return effects_of(moved)


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
            if not column.is_of_entries or not (column.start or date.min) <= on <= column.end:
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
    flows = await _foreign(between)
    then, now = await _figures(between, flows, is_now=False), await _figures(between, flows, is_now=True)
    cells, moved = [], dict[str, Decimal | None]()
    for sheet in between.sheets:
        for line in sheet.lines:
            for column in sheet.columns:
                cell = _cell(sheet, line, column, then, now)
                if cell.amount_then != cell.amount_now:
                    cells.append(cell)
                if column.is_of_entries and column.measure not in NO_SUMS:
                    moved[cell.key] = _stands_elsewhere(sheet, line, column, cell, then, now)
    causes = [*await _rates(between, flows), *await _openings(between), *await _balance_rates(between)]
    causes += reasons.planned(between.then, between.now)
    if between.is_taxed:
        at = (between.at_then, between.at_now)
        causes += await reasons.answered(between.db, between.organization_id, between.then, between.now, at)
    if elsewhere := effects_of(moved):
        causes.append(Cause(kind="moved", effects=elsewhere))
    return cells, [each for each in causes if each.effects] + list(_renamed(between))


async def _foreign(between: _Between) -> list[Key]:
    """The currencies and days of which flows may be converted."""
    if between.into is None or not between.sheets:
        return []
    days = {
        day
        for at in ((between.at_then, between.at_now) if between.followed else (between.at_then,))
        for day in await sums.foreign_days(
            between.db, between.organization_id, between.columns, into=between.into,
            accounts=between.then.asked.account_ids, as_of=at,
        )
    }  # fmt: skip
    await between.learn(days)
    return sorted(days)


async def _figures(between: _Between, flows: Sequence[Key], *, is_now: bool) -> Figures:
    """What lines come to by the books of a moment, as lines are now or were where they are gone."""
    at = between.at_now if is_now else between.at_then
    if between.followed:
        amounts = await between.followed.everything(at, between.rates(flows, is_now=is_now))
        return lambda sheet, line, column: amounts.get(sheet.key_of(line, column), ZERO)
    found = await ledger.facts(
        between.db, between.organization_id, between.columns, currency=between.into,
        account_ids=between.then.asked.account_ids, as_of=at,
    )  # fmt: skip
    facts: Mapping[str, Facts] = {each.currency: each for each in found}
    return lambda sheet, line, column: moving.by_the_facts(sheet, line, column, facts.get(sheet.currency))


def _cell(sheet: Sheet, line: Line, column: Column, then: Figures, now: Figures) -> CellChange:
    """What a cell was and is; where a report has no such line, what the line would have had."""
    amounts = []
    for table, figures in ((sheet.then, then), (sheet.now, now)):
        cell = table.by_place.get((line.key, column.key)) if table else None
        if column.source == "kept":
            amounts.append(cell.amount if cell else ZERO)
            continue
        is_sum = not column.is_derived and column.measure not in NO_SUMS
        amounts.append(cell.amount if cell else figures(sheet, line, column) if is_sum else None)
    before, after = amounts
    difference = None if before is None or after is None else after - before
    key = sheet.key_of(line, column)
    return CellChange(key, line.label, column.label, sheet.currency, before, after, difference)


def _stands_elsewhere(
    sheet: Sheet, line: Line, column: Column, cell: CellChange, then: Figures, now: Figures
) -> Decimal | None:
    """What moved a cell without an entry: an account became a card, a category has another group."""
    before, after = (figures(sheet, line, column) for figures in (then, now))
    if before is None or after is None or cell.difference is None:
        return ZERO
    return cell.difference - (after - before)


async def _rates(between: _Between, flows: Sequence[Key]) -> list[Cause]:
    """Rates by which flows were converted that nobody has touched."""
    moved = [day for day in flows if between.rate(*day, is_now=False).rate != between.rate(*day, is_now=True).rate]
    if not moved:
        return []
    effects = await (_rates_selected(between, moved) if between.followed else _rates_of_places(between, moved))
    return [_rate_cause(between, "rate", day, own) for day, own in effects.items()]


async def _rates_selected(between: _Between, moved: Sequence[Key]) -> dict[Key, dict[str, Decimal | None]]:
    assert between.followed is not None  # noqa: S101 - it is asked of no other report
    effects: dict[Key, dict[str, Decimal | None]] = {day: defaultdict(lambda: ZERO) for day in moved}
    by_name = {f"{currency} {on}": own for (currency, on), own in effects.items()}
    for is_now in (False, True):
        known = between.rates(moved, is_now=is_now)
        for name, amounts in (await between.followed.of_days(between.at_then, known, moved)).items():
            for key, amount in amounts.items():
                by_name[name][key] = _plus(by_name[name][key], amount, 1 if is_now else -1)
    return effects


async def _rates_of_places(between: _Between, moved: Sequence[Key]) -> dict[Key, dict[str, Decimal | None]]:
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
    return effects


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
        found.append(Cause(kind="opening", account_id=account_id, currency=currency, effects=effects_of(moved)))
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
        effects=effects_of(moved),
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
