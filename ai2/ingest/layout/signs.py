"""Signs: what is money in and what is money out, by proof and never by taste.

In this order:
1. A person's `positive_is`, or the account's saved layout.
2. Debit and credit columns, a column of flags, or CR and DR beside amounts. Where only one of the two is ever
   marked, what is unmarked is the other.
3. A running balance: the sign by which most amounts lead from one balance to the next. Card and loan accounts
   may state what is owed, so there it proves nothing.
4. An amount column in which at least as many amounts are below zero as above: the convention of bank accounts,
   which pay more often than they are paid.
Everything else is asked: a column without a minus, and one with a few (cards and expense tools export spending
as positive and refunds as negative; 2.3 % are in the real file of such a tool that we know).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.casting import Amounts, direction, read_amounts, scaled
from ai2.ingest.layout.model import Direction
from ai2.ingest.layout.sheet import Column, flag

Flags = NDArray[np.int8]
PROOF_SHARE = 0.9
OWED = frozenset({"card", "loan"})


@dataclass(frozen=True)
class Proof:
    """Which way the balance proves: `direction` is what a positive amount is, none where it proves nothing."""

    direction: Direction | None
    steps: int


def flags_of(column: Column) -> Flags:
    """+1, -1 or 0 a row."""
    values = pa.array([flag(cell) for cell in column.distinct.to_pylist()], pa.int8())
    return np.asarray(pc.fill_null(column.take(values), 0))


def unflagged(flags: Flags, kept: Direction | None) -> Direction | None:
    """What rows without a flag are: where only one of the two is ever used, the other. `kept` is what was known."""
    kinds = set(np.unique(flags).tolist()) - {0}
    if len(kinds) == 1:
        return "out" if kinds == {1} else "in"
    return None if kinds else kept


def flags_agree(values: pa.Array, flags: Flags) -> bool:
    """Whether flags and signs can both be true: no minus at all, or the flag always with or always against it."""
    signs = direction(values)
    both = (signs != 0) & (flags != 0)
    product = (signs * flags)[both]
    return not (signs[both] < 0).any() or (product > 0).all() or (product < 0).all()


def by_convention(values: pa.Array) -> Direction | None:
    """Money in is positive where at least as many amounts are below zero as above."""
    signs = direction(values)
    below, above = int((signs < 0).sum()), int((signs > 0).sum())
    return "in" if below and below >= above else None


def proof(values: pa.Array, balances: pa.Array, days: pa.Array) -> Proof:
    """What the running balance says, read downwards or upwards as the dates go."""
    amount, balance = scaled(values), scaled(balances)
    known = np.flatnonzero(np.asarray(pc.is_valid(balances)))
    if len(known) < 2:
        return Proof(None, 0)
    held: dict[Direction, int] = {"in": 0, "out": 0}
    steps = 0
    for downwards in _ways(days):
        moved, changed = _steps(amount, balance, known, downwards=downwards)
        telling = moved != 0
        steps = max(steps, int(telling.sum()))
        held["in"] = max(held["in"], int((moved == changed)[telling].sum()))
        held["out"] = max(held["out"], int((moved == -changed)[telling].sum()))
    best: Direction = "in" if held["in"] >= held["out"] else "out"
    if held["in"] == held["out"] or held[best] < PROOF_SHARE * steps:
        return Proof(None, steps)
    return Proof(best, steps)


def is_running_sum(amount: Column, balance: Column) -> bool:
    """Whether one column is another's running sum, in either notation, for the files that do not say so."""
    marks: tuple[DecimalMark, ...] = (".", ",")
    no_days = pa.nulls(len(amount.encoded), pa.date32())
    return any(
        proof(read_amounts(amount, mark).values, read_amounts(balance, mark).values, no_days).direction is not None
        for mark in marks
    )


def signed(
    read: Amounts,
    flags: Flags | None,
    positive_is: Direction | None,
    unflagged_is: Direction | None,
) -> pa.Array:
    """Amounts with money out below zero; null where a flag was needed and is missing."""
    if flags is None:
        return pc.negate(read.values) if positive_is == "out" else read.values
    if ((direction(read.values) < 0) & (flags != 0)).any() and positive_is is not None:
        return pc.negate(read.values) if positive_is == "out" else read.values
    other = {"in": 1, "out": -1, None: 0}[unflagged_is]
    way = np.where(flags == 0, other, flags)
    size = pc.abs(read.values)
    return pc.if_else(pa.array(way < 0), pc.negate(size), pc.if_else(pa.array(way > 0), size, None))


def _ways(days: pa.Array) -> tuple[bool, ...]:
    """Downwards where dates grow, upwards where they fall, both where they do not tell."""
    known = days.drop_null()
    if len(known) < 2 or known[0] == known[-1]:
        return (True, False)
    return (known[0].as_py() < known[-1].as_py(),)


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
