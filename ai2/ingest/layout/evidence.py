"""Evidence: what the columns of a sheet say of how they are to be read; that of a file's pieces can be joined.

Nothing is decided here, and only what does not grow with the rows is kept, so that a file of any size is judged by
all of its values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai2.ingest.layout import amounts, casting, dates, signs, states
from ai2.ingest.layout.amounts import DecimalMark, Marks
from ai2.ingest.layout.dates import DateOrder, Written
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.roles import MONEY_ROLES
from ai2.ingest.layout.sheet import Column, Sheet
from ai2.ingest.layout.signs import Balances
from ai2.ingest.layout.words import Role

BOTH_MARKS: tuple[DecimalMark, ...] = (".", ",")
Columns = dict[Role, tuple[int, ...]]
# Of more numbers than these a column holds no accounts, or currencies.
MOST_NAMED = 1000


@dataclass(frozen=True)
class Days:
    """How the dates of a column follow each other, read in one order."""

    first: date | None = None
    last: date | None = None
    rises: bool = True
    falls: bool = True
    different: int = 0

    @classmethod
    def of(cls, values: pa.Array) -> "Days":
        known = values.drop_null()
        if not len(known):
            return cls()
        steps = np.diff(known.cast(pa.int32()).to_numpy())
        different = int((steps != 0).sum()) + 1
        return cls(known[0].as_py(), known[-1].as_py(), bool((steps >= 0).all()), bool((steps <= 0).all()), different)

    def __add__(self, other: "Days") -> "Days":
        if self.last is None or other.first is None:
            return other if self.last is None else self
        return Days(
            self.first,
            other.last,
            self.rises and other.rises and self.last <= other.first,
            self.falls and other.falls and self.last >= other.first,
            self.different + other.different - (self.last == other.first),
        )

    @property
    def ways(self) -> tuple[bool, ...]:
        """Downwards (True) where dates grow, upwards where they fall, both where they do not tell."""
        if self.first is None or self.last is None or self.first == self.last:
            return signs.BOTH_WAYS
        return (self.first < self.last,)


@dataclass(frozen=True)
class Money:
    """What the money columns say, read with one decimal mark.

    `plain` are the balances' steps over the amounts as they stand, `directed` over those that a flag or a column of
    their own gives a direction, `with_fees` over amounts whose fees are paid besides,
    `mirrored` where a credit column writes money in as negative. A bare fee stands beside no amount.
    """

    below: int = 0
    above: int = 0
    debit_below: bool = False
    debit_above: bool = False
    has_flags: bool = False
    kinds: frozenset[int] = frozenset()
    has_minus: bool = False
    agrees: bool = False
    opposes: bool = False
    plain: Balances = field(default_factory=Balances)
    directed: Balances = field(default_factory=Balances)
    with_fees: Balances = field(default_factory=Balances)
    mirrored: Balances = field(default_factory=Balances)
    credit_below: bool = False
    credit_above: bool = False
    has_fees: bool = False
    has_bare_fees: bool = False
    symbols: frozenset[str] = frozenset()

    def __add__(self, other: "Money") -> "Money":
        return Money(
            self.below + other.below,
            self.above + other.above,
            self.debit_below or other.debit_below,
            self.debit_above or other.debit_above,
            self.has_flags or other.has_flags,
            self.kinds | other.kinds,
            self.has_minus or other.has_minus,
            self.agrees or other.agrees,
            self.opposes or other.opposes,
            self.plain + other.plain,
            self.directed + other.directed,
            self.with_fees + other.with_fees,
            self.mirrored + other.mirrored,
            self.credit_below or other.credit_below,
            self.credit_above or other.credit_above,
            self.has_fees or other.has_fees,
            self.has_bare_fees or other.has_bare_fees,
            self.symbols | other.symbols,
        )

    @property
    def flags_hold(self) -> bool:
        """Whether flags and signs can both be true: no minus at all, or the flag always with or always against it."""
        return self.has_flags and (not self.has_minus or self.agrees != self.opposes)


@dataclass(frozen=True)
class Evidence:
    """All that is needed to decide; `marks` and `dates` say what is open, the others what follows from each answer."""

    marks: Marks = field(default_factory=Marks)
    dates: frozenset[Written] = frozenset()
    other_dates: frozenset[Written] = frozenset()
    days: dict[DateOrder, Days] = field(default_factory=dict)
    money: dict[DecimalMark, Money] = field(default_factory=dict)
    numbers: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            self.marks | other.marks,
            self.dates | other.dates,
            self.other_dates | other.other_dates,
            {order: self.days[order] + other.days[order] for order in self.days.keys() & other.days.keys()},
            # No mark in common: a contradiction that is asked about, with what each piece says.
            {mark: self.money[mark] + other.money[mark] for mark in self.money.keys() & other.money.keys()}
            or {**self.money, **other.money},
            self.numbers | other.numbers,
            self.currencies | other.currencies,
        )


def gather(
    sheet: Sheet,
    columns: Columns,
    exponent: int,
    former: Layout | None,
    *,
    mark: DecimalMark | None = None,
    order: DateOrder | None = None,
) -> Evidence:
    """The evidence in one sheet; `mark` and `order` are a person's answers, and then no other is looked at."""
    return _Gathering(sheet, columns, former).evidence(exponent, mark, order)


class _Gathering:
    def __init__(self, sheet: Sheet, columns: Columns, former: Layout | None) -> None:
        self.sheet, self.former = sheet, former
        self.roles = {
            role: [sheet.column(position) for position in positions if position <= len(sheet.columns)]
            for role, positions in columns.items()
        }

    def evidence(self, exponent: int, mark: DecimalMark | None, order: DateOrder | None) -> Evidence:
        money = [column for role in MONEY_ROLES for column in self.roles.get(role, [])]
        marks = amounts.marks_in(cell for column in money for cell in _telling(column))
        day = self._one(Role.DATE)
        open_ones = dates.open_ones(day.distinct.to_pylist()) if day else frozenset()
        return Evidence(
            marks,
            open_ones,
            self._other_dates(day, open_ones),
            self._days(day, open_ones, order),
            self._money(marks, exponent, mark),
            self._named(Role.ACCOUNT),
            self._named(Role.CURRENCY),
        )

    def _one(self, role: Role) -> Column | None:
        return next(iter(self.roles.get(role, [])), None)

    def _named(self, role: Role) -> frozenset[str]:
        column = self._one(role)
        return frozenset(column.distinct.slice(0, MOST_NAMED).to_pylist()) if column else frozenset()

    def _other_dates(self, day: Column | None, open_ones: frozenset[Written]) -> frozenset[Written]:
        """Other dates of the file are written the same way: asked where those of the date column are not enough."""
        if day is None or dates.judged(open_ones).decided or not open_ones:
            return frozenset()
        others = [column for column in self.sheet.of_kind("date") if column is not day]
        return frozenset().union(*(dates.open_ones(column.distinct.to_pylist()) for column in others))

    def _days(
        self, day: Column | None, open_ones: frozenset[Written], order: DateOrder | None
    ) -> dict[DateOrder, Days]:
        if day is None:
            return {}
        decided = order or dates.judged(open_ones).decided
        if not open_ones and not order:
            same = Days.of(casting.read_dates(day, "dmy").values)
            return dict.fromkeys(dates.ORDERS, same)
        orders = (decided,) if decided else dates.ORDERS
        return {one: Days.of(casting.read_dates(day, one).values) for one in orders}

    def _money(self, marks: Marks, exponent: int, mark: DecimalMark | None) -> dict[DecimalMark, Money]:
        decided = mark or marks.judged(exponent).decided
        if decided:
            return {decided: self._with_mark(decided)}
        if not marks.proven and not marks.unclear:  # whole numbers are the same in both
            return dict.fromkeys(BOTH_MARKS, self._with_mark("."))
        return {one: self._with_mark(one) for one in BOTH_MARKS}

    def _with_mark(self, mark: DecimalMark) -> Money:
        if Role.DEBIT in self.roles or Role.CREDIT in self.roles:
            return self._sides(mark)
        column = self._one(Role.AMOUNT)
        if column is None:
            return Money()
        read = casting.read_amounts(column, mark)
        way = casting.direction(read.values)
        flags = self._flags(read)
        facts = Money(
            below=int((way < 0).sum()),
            above=int((way > 0).sum()),
            plain=self._balances(read.values, mark),
            **self._fees(read.values, mark),
            symbols=read.symbols,
        )
        if flags is None:
            return facts
        both = (way != 0) & (flags != 0)
        kinds = frozenset(np.unique(flags).tolist()) - {0}
        kept = self.former.unflagged_is if self.former else None
        values = signs.signed(read, flags, None, signs.unflagged(kinds, kept))
        return Money(
            below=facts.below,
            above=facts.above,
            has_flags=True,
            kinds=kinds,
            has_minus=bool((way[both] < 0).any()),
            agrees=bool(((way * flags)[both] > 0).any()),
            opposes=bool(((way * flags)[both] < 0).any()),
            plain=facts.plain,
            directed=self._balances(values, mark),
            **self._fees(values, mark),
            symbols=read.symbols,
        )

    def _sides(self, mark: DecimalMark) -> Money:
        debit, credit = (
            [casting.read_amounts(column, mark) for column in self.roles.get(role, [])[:1]]
            for role in (Role.DEBIT, Role.CREDIT)
        )
        way = casting.direction(debit[0].values) if debit else np.zeros(0, np.int8)
        debits_are = "negative" if (way < 0).any() and not (way > 0).any() else "positive"
        rows = len(self.sheet)
        values = casting.from_sides(debit, credit, debits_are, rows)[0]
        back = casting.direction(credit[0].values) if credit else np.zeros(0, np.int8)
        directed = self._balances(values, mark)
        mirrored = directed
        if (back < 0).any():
            others = casting.from_sides(debit, credit, debits_are, rows, credits_are="negative")[0]
            mirrored = self._balances(others, mark)
        return Money(
            debit_below=bool((way < 0).any()),
            debit_above=bool((way > 0).any()),
            directed=directed,
            **self._fees(values, mark),
            mirrored=mirrored,
            credit_below=bool((back < 0).any()),
            credit_above=bool((back > 0).any()),
            symbols=frozenset().union(*(side.symbols for side in (*debit, *credit))),
        )

    def _flags(self, read: casting.Amounts) -> signs.Flags | None:
        column = self._one(Role.FLAG)
        if column is not None:
            return signs.flags_of(column, self.former.flag_words if self.former else None)
        return read.marks if read.marks.any() else None

    def _fees(self, values: pa.Array, mark: DecimalMark) -> dict[str, Any]:
        """What the fee column says: the balances with the fees, and whether there are any, beside amounts and alone."""
        column = self._one(Role.FEE)
        if column is None:
            return {}
        fees = casting.read_amounts(column, mark).values
        charged = casting.direction(fees) != 0
        return {
            "with_fees": self._balances(casting.less_fees(values, fees), mark),
            "has_fees": bool(charged.any()),
            "has_bare_fees": bool((charged & (casting.direction(values) == 0)).any()),
        }

    def _balances(self, values: pa.Array, mark: DecimalMark) -> Balances:
        """Without the rows that are not booked: no balance follows from those."""
        column = self._one(Role.BALANCE)
        if column is None:
            return Balances()
        columns = [*self.roles.get(Role.STATUS, []), *self.roles.get(Role.DATE, [])]
        own: Sequence[str] = self.former.pending_words if self.former else ()
        aside = states.pending(columns, own, len(self.sheet)) | states.not_booked(columns, len(self.sheet))
        booked = pc.if_else(pa.array(aside), None, values) if aside.any() else values
        return signs.balances(booked, casting.read_amounts(column, mark).values, self.sheet.first_line)


def _telling(column: Column) -> list[str]:
    """The cells that may say something of the decimal mark: one of each plain kind, and all the odd ones."""
    cells = column.distinct
    kinds = [
        pc.match_substring_regex(cells, pattern) for pattern in (r"^-?\d+\.\d{1,2}$", r"^-?\d+,\d{1,2}$", r"^-?\d+$")
    ]
    odd = pc.invert(pc.or_(pc.or_(kinds[0], kinds[1]), kinds[2]))
    plain = pa.concat_arrays([cells.filter(kind).slice(0, 1) for kind in kinds])
    return [*plain.to_pylist(), *cells.filter(odd).to_pylist()]
