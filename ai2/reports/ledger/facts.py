"""Facts: what the ledger's entries sum to in each column, to be put on lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.books.rates import service as rates
from ai2.books.rates.service import Rate
from ai2.kit.database import Connection
from ai2.reports.ledger import repository
from ai2.reports.ledger.repository import ALL, By, days_between
from ai2.reports.model import Column, Section, Where


class Place(NamedTuple):
    """What entries have in common that are one fact in a column."""

    section: Section
    account_id: UUID | None
    category_id: UUID | None
    currency: str


@dataclass(frozen=True)
class Sum:
    """Entries together: in the report's currency, null where one of them has no rate."""

    amount: Decimal | None
    entries: int
    reason: str | None = None

    def __add__(self, other: "Sum") -> "Sum":
        known = self.amount is not None and other.amount is not None
        amount = self.amount + other.amount if known else None  # type: ignore[operator]
        return Sum(amount, self.entries + other.entries, self.reason or other.reason)

    def times(self, sign: int) -> "Sum":
        """The same with this sign."""
        if sign == 1 or self.amount is None:
            return self
        return Sum(sign * self.amount + 0, self.entries, self.reason)


LEGS: tuple[tuple[Section, int], ...] = (("account", 1), ("opening", -1))
NOTHING, ANY = Sum(Decimal(0), 0), object()


@dataclass(frozen=True)
class Facts:
    """Sums by place and column, all in one currency."""

    currency: str
    sums: dict[Place, dict[str, Sum]]

    def on(self, where: Where) -> dict[str, Sum]:
        """What a line has in each column, by the column's key; nothing where nothing is."""
        found: dict[str, Sum] = {}
        for section in where.sections:
            for place in self._places.get((section, where.category_id if where.has_category else ANY), ()):
                if matches(where, place):
                    for key, each in self.sums[place].items():
                        found[key] = found[key] + each if key in found else each
        return {key: each.times(where.sign) for key, each in found.items()}

    @cached_property
    def _places(self) -> dict[tuple[Section, object], list[Place]]:
        """Where to look for a line: places by section, with their category and with any."""
        found: dict[tuple[Section, object], list[Place]] = {}
        for place in self.sums:
            found.setdefault((place.section, place.category_id), []).append(place)
            found.setdefault((place.section, ANY), []).append(place)
        return found


def matches(where: Where, place: Place) -> bool:
    """Whether entries of this place are on the line."""
    return (
        place.section in where.sections
        and (not where.has_category or place.category_id == where.category_id)
        and where.account_id in (None, place.account_id)
    )


async def facts(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    *,
    currency: str | None,
    account_ids: Sequence[UUID] = (),
    by: By = ALL,
    as_of: Moment | None = None,
) -> list[Facts]:
    """The facts in one currency, everything converted; or of each currency those in it, by its code.

    As they are, or as they were known at a moment.
    """
    given = [column for column in columns if not column.is_derived]
    found = await repository.sums(db, organization_id, given, currency=None, accounts=account_ids, by=by, as_of=as_of)
    opened = await _openings(db, organization_id, given, account_ids, as_of)
    everything = [*(_fact(row) for row in found), *opened]
    if currency is None:
        codes = sorted({place.currency for _, place, _ in everything})
        return [Facts(code, _sums(each for each in everything if each[1].currency == code)) for code in codes]
    own = [each for each in everything if each[1].currency == currency]
    others = [each for each in everything if each[1].currency != currency]
    wanted = _days_of(found, given, currency)
    flows = await _flows(db, organization_id, given, currency, account_ids, wanted, by, as_of)
    held = await _held(db, organization_id, given, currency, others, as_of)
    return [Facts(currency, _sums([*own, *flows, *held]))]


Fact = tuple[str, Place, Sum]


def _fact(row: DictRow) -> Fact:
    place = Place(row["section"], row["account_id"], row["category_id"], row["currency"])
    return row["key"], place, Sum(row["amount"], row["entries"])


def _sums(found: Iterable[Fact]) -> dict[Place, dict[str, Sum]]:
    sums: dict[Place, dict[str, Sum]] = {}
    for key, place, each in found:
        by_column = sums.setdefault(place, {})
        by_column[key] = by_column[key] + each if key in by_column else each
    return sums


async def _openings(
    db: Connection, organization_id: UUID, columns: Sequence[Column], accounts: Sequence[UUID], as_of: Moment | None
) -> list[Fact]:
    """What accounts began with is in every balance: a debit of the account, and a credit of `opening`."""
    balances = [column for column in columns if column.start is None]
    if not balances:
        return []
    opened = await repository.openings(db, organization_id, accounts, as_of=as_of)
    return [
        (column.key, Place(section, row["account_id"], None, row["currency"]), Sum(sign * row["amount"], 0))
        for row in opened
        if row["amount"]
        for column in balances
        for section, sign in LEGS
    ]


def _days_of(found: Iterable[DictRow], columns: Sequence[Column], into: str) -> list[tuple[str, date]]:
    """The currencies and days of which rates may be needed to convert the flows among these sums.

    To ask for a rate more costs less than to look for the days on which something was.
    """
    since: dict[str, date] = {}
    for row in found:
        if row["currency"] != into and row["section"] != "account":
            since[row["currency"]] = min(row["since"], since.get(row["currency"], date.max))
    first = min(column.start or date.min for column in columns)
    last = max(column.end for column in columns)
    return [(code, day) for code, begin in since.items() for day in days_between(max(first, begin), last)]


async def _flows(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    into: str,
    accounts: Sequence[UUID],
    wanted: Sequence[tuple[str, date]],
    by: By,
    as_of: Moment | None,
) -> list[Fact]:
    """Income, expense and transfers in other currencies, converted entry by entry."""
    if not wanted:
        return []
    foreign = await repository.foreign_accounts(db, organization_id, into=into, accounts=accounts)
    known = await rates.converter(db, organization_id, into, wanted, known_at=as_of)
    found = await repository.converted_sums(
        db, organization_id, columns, into=into, accounts=foreign, rates=known, by=by, as_of=as_of
    )
    return [_converted(row, known) for row in found]


def _converted(row: DictRow, known: dict[tuple[str, date], Rate]) -> Fact:
    key, place, each = _fact(row)
    if not row["silent_on"]:
        return key, place, each
    return key, place, Sum(None, each.entries, known[place.currency, row["silent_on"]].reason)


async def _held(
    db: Connection,
    organization_id: UUID,
    columns: Sequence[Column],
    into: str,
    others: Sequence[Fact],
    as_of: Moment | None,
) -> list[Fact]:
    """Balances in other currencies: what an account holds, and what it began with, by the rate of the column's day."""
    ends = {column.key: column.end for column in columns if column.start is None}
    together = _sums(each for each in others if each[1].section in ("account", "opening") and each[0] in ends)
    wanted = {(place.currency, ends[key]) for place, by_column in together.items() for key in by_column}
    known = await rates.converter(db, organization_id, into, wanted, known_at=as_of)
    return [
        (key, place, _at(each, known[place.currency, ends[key]]))
        for place, by_column in together.items()
        for key, each in by_column.items()
    ]


def _at(each: Sum, rate: Rate) -> Sum:
    """Nothing is nothing in every currency, whether there is a rate or not."""
    if not each.amount:
        return each
    return Sum(rate.convert(each.amount) if each.amount is not None else None, each.entries, rate.reason)
