"""Signs: what is money in and what is money out, by proof and never by taste.

In this order:
1. A person's `positive_is`, or the account's saved layout.
2. Debit and credit columns, a column of flags, or CR and DR beside amounts. Where only one of the two is ever
   marked, what is unmarked is the other.
3. A running balance: the sign by which most amounts lead from one balance to the next. Card and loan accounts
   may state what is owed, so there it proves nothing.
4. An amount column in which at least as many amounts are below zero as above: the convention of bank accounts,
   which pay more often than they are paid. Of a card it takes three times as many, and three of them.
Everything else is asked: a column without a minus, and one with a few (cards and expense tools export spending
as positive and refunds as negative; 2.3 % are in the real file of such a tool that we know).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.casting import Amounts, direction, from_sides, read_amounts, scaled
from ai2.ingest.layout.model import Direction
from ai2.ingest.layout.sheet import Column, flag
from ai2.ingest.layout.words import plain

Flags = NDArray[np.int8]
PROOF_SHARE = 0.9
# Lines that a question names.
SHOWN = 5
BOTH_WAYS = (True, False)
OWED = frozenset({"card", "loan"})
# What is owed is often written as positive, and few rows may all be refunds or payments.
TELLING_OWED, TELLING_SHARE = 3, 3


@dataclass(frozen=True)
class Held:
    """How many steps from one stated balance to the next are the amounts between, by what an amount above zero is.

    `broken_in` and `broken_out` are the first lines where they are not.
    """

    steps: int = 0
    as_in: int = 0
    as_out: int = 0
    broken_in: tuple[int, ...] = ()
    broken_out: tuple[int, ...] = ()

    def __add__(self, other: "Held") -> "Held":
        return Held(
            self.steps + other.steps,
            self.as_in + other.as_in,
            self.as_out + other.as_out,
            (self.broken_in + other.broken_in)[:SHOWN],
            (self.broken_out + other.broken_out)[:SHOWN],
        )

    @property
    def is_whole(self) -> bool:
        """Whether every step holds in one direction, and not in the other."""
        return self.steps >= 2 and self.steps == max(self.as_in, self.as_out) > min(self.as_in, self.as_out)


@dataclass(frozen=True)
class Balances:
    """What the stated balances say, read downwards and upwards."""

    down: Held = field(default_factory=Held)
    up: Held = field(default_factory=Held)

    def __add__(self, other: "Balances") -> "Balances":
        return Balances(self.down + other.down, self.up + other.up)

    def along(self, ways: tuple[bool, ...]) -> Held:
        """The way in which most holds; `ways` are those that the dates leave, True for downwards."""
        return max((self.down if way else self.up for way in ways), key=lambda held: max(held.as_in, held.as_out))

    def direction(self, ways: tuple[bool, ...]) -> Direction | None:
        """What an amount above zero is by the balances; none where they prove nothing, or each way something else."""
        found = [self.down if way else self.up for way in ways]
        as_in, as_out = max(held.as_in for held in found), max(held.as_out for held in found)
        if as_in == as_out or max(as_in, as_out) < PROOF_SHARE * max(held.steps for held in found):
            return None
        return "in" if as_in > as_out else "out"


def flags_of(column: Column, own: Mapping[str, Direction] | None = None) -> Flags:
    """+1, -1 or 0 a row; `own` are the words that only this account's bank uses."""
    ways = {plain(word): 1 if way == "in" else -1 for word, way in (own or {}).items()}
    found = [ways.get(plain(cell), 0) or flag(cell) for cell in column.distinct.to_pylist()]
    return np.asarray(pc.fill_null(column.take(pa.array(found, pa.int8())), 0))


def unflagged(kinds: frozenset[int], kept: Direction | None) -> Direction | None:
    """What rows without a flag are: where only one of the two is ever used, the other. `kept` is what was known."""
    if len(kinds) == 1:
        return "out" if kinds == {1} else "in"
    return None if kinds else kept


def by_convention(below: int, above: int, kind: str) -> Direction | None:
    """Money in is positive where at least as many amounts are below zero as above; of cards it takes more."""
    if kind in OWED:
        return "in" if below >= TELLING_OWED and below >= TELLING_SHARE * above else None
    return "in" if below and below >= above else None


def balances(values: pa.Array, stated: pa.Array, lines: NDArray[np.int32]) -> Balances:
    """What the running balance says of these amounts, in both ways."""
    known = np.flatnonzero(np.asarray(pc.is_valid(stated)))
    if len(known) < 2:
        return Balances()
    amount, balance = scaled(values), scaled(stated)
    return Balances(
        _held(amount, balance, known, lines, downwards=True), _held(amount, balance, known, lines, downwards=False)
    )


def _held(
    amount: NDArray[np.int64],
    balance: NDArray[np.int64],
    known: NDArray[np.intp],
    lines: NDArray[np.int32],
    *,
    downwards: bool,
) -> Held:
    moved, changed = _steps(amount, balance, known, downwards=downwards)
    telling = moved != 0
    places = lines[known[1:] if downwards else known[:-1]]
    as_in, as_out = (moved == changed) & telling, (moved == -changed) & telling
    broken_in, broken_out = (tuple(places[telling & ~held][:SHOWN].tolist()) for held in (as_in, as_out))
    return Held(int(telling.sum()), int(as_in.sum()), int(as_out.sum()), broken_in, broken_out)


def is_running_sum(amount: Column, balance: Column) -> bool:
    """Whether one column is another's running sum, in either notation, for the files that do not say so."""
    marks: tuple[DecimalMark, ...] = (".", ",")
    lines = np.zeros(len(amount.encoded), np.int32)
    return any(
        balances(read_amounts(amount, mark).values, read_amounts(balance, mark).values, lines).direction(BOTH_WAYS)
        is not None
        for mark in marks
    )


def steps_held(amount: Column, balance: Column) -> int:
    """How many steps from one balance to the next are the amounts between, in the notation in which most are."""
    marks: tuple[DecimalMark, ...] = (".", ",")
    lines = np.zeros(len(amount.encoded), np.int32)
    found = [
        balances(read_amounts(amount, mark).values, read_amounts(balance, mark).values, lines).along(BOTH_WAYS)
        for mark in marks
    ]
    return max(max(held.as_in, held.as_out) for held in found)


def is_running_difference(debit: Column, credit: Column, balance: Column) -> bool:
    """Whether every balance follows from two columns, the one money out and the other money in."""
    lines = np.zeros(len(debit.encoded), np.int32)
    marks: tuple[DecimalMark, ...] = (".", ",")
    for mark in marks:
        out, into, stated = (read_amounts(column, mark) for column in (debit, credit, balance))
        values = from_sides([out], [into], "positive", len(debit.encoded))[0]
        found = balances(values, stated.values, lines).along(BOTH_WAYS)
        if found.is_whole and found.as_in > found.as_out and pc.any(out.filled).as_py() and pc.any(into.filled).as_py():
            return True
    return False


def signed(
    read: Amounts,
    flags: Flags | None,
    positive_is: Direction | None,
    unflagged_is: Direction | None,
    *,
    reversed_flags: bool = False,
) -> pa.Array:
    """Amounts with money out below zero; null where a flag was needed and is missing."""
    if flags is None:
        return pc.negate(read.values) if positive_is == "out" else read.values
    if ((direction(read.values) < 0) & (flags != 0)).any() and positive_is is not None:
        return pc.negate(read.values) if positive_is == "out" else read.values
    other = {"in": 1, "out": -1, None: 0}[unflagged_is]
    way = np.where(flags == 0, other, -flags if reversed_flags else flags)
    size = pc.abs(read.values)
    return pc.if_else(pa.array(way < 0), pc.negate(size), pc.if_else(pa.array(way > 0), size, None))


def _steps(
    amount: NDArray[np.int64],
    balance: NDArray[np.int64],
    known: NDArray[np.intp],
    *,
    downwards: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What moved between two stated balances, and how the balance changed; some banks state one a day."""
    total = np.concatenate([[0], np.cumsum(amount)])
    changed = np.diff(balance[known])
    if downwards:
        return np.diff(total[known + 1]), changed
    return np.diff(total[known]), -changed
