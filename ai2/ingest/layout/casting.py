"""Casting: columns of text to exact amounts and dates, at the speed of their different values."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout import amounts, dates
from ai2.ingest.layout.amounts import DecimalMark
from ai2.ingest.layout.dates import DateOrder
from ai2.ingest.layout.sheet import Column

# Sixteen digits before the point (ai2.kit.money.LIMIT) and the four that the finest currency has.
MONEY = pa.decimal128(20, 4)
BOTH_MARKS: tuple[DecimalMark, ...] = (".", ",")
FINEST = Decimal("0.0001")
_LIMIT = Decimal(10) ** 16
_SIMPLE: dict[DecimalMark, str] = {".": r"^[+-]?[0-9]{1,16}(\.[0-9]{0,4})?$", ",": r"^[+-]?[0-9]{1,16}(,[0-9]{0,4})?$"}
# The same with thousands in groups of three, and no more digits.
_GROUPED: dict[DecimalMark, str] = {
    ".": r"^[+-]?([1-9][0-9]{0,2}(,[0-9]{3}){1,4}|[1-9](,[0-9]{3}){5})(\.[0-9]{0,4})?$",
    ",": r"^[+-]?([1-9][0-9]{0,2}(\.[0-9]{3}){1,4}|[1-9](\.[0-9]{3}){5})(,[0-9]{0,4})?$",
}


@dataclass(frozen=True)
class Amounts:
    """A column of amounts: signed as it stands, null where blank or `unread`; `marks` are +1 for CR, -1 for DR.

    `filled` leaves out the cells that say that there is no amount, such as a dash.
    """

    values: pa.Array
    filled: pa.BooleanArray
    unread: pa.BooleanArray
    marks: NDArray[np.int8]
    symbols: frozenset[str]


@dataclass(frozen=True)
class Dates:
    """A column of dates: null where blank or `unread`."""

    values: pa.Array
    unread: pa.BooleanArray


def read_amounts(column: Column, mark: DecimalMark) -> Amounts:
    """Simple numbers are cast by Arrow at once, all other notations one by one, each different value once."""
    known = column.known.get(f"amounts {mark}")
    if not isinstance(known, Amounts):
        known = column.known[f"amounts {mark}"] = _read_amounts(column, mark)
    return known


def read_dates(column: Column, order: DateOrder) -> Dates:
    """Each different value is read once."""
    known = column.known.get(f"dates {order}")
    if not isinstance(known, Dates):
        days = [_day(cell, order) for cell in column.distinct.to_pylist()]
        values = column.take(pa.array(days, pa.date32()))
        known = column.known[f"dates {order}"] = Dates(values, pc.and_(column.filled, pc.is_null(values)))
    return known


def from_sides(
    debit: list[Amounts], credit: list[Amounts], debits_are: str | None, rows: int, *, credits_are: str | None = None
) -> tuple[pa.Array, NDArray[np.bool_], NDArray[np.bool_]]:
    """Amounts of two columns, money out below zero; where a cell is no amount; and where both columns are filled.

    One of the two is filled, or the other is zero.
    """
    nothing = pa.nulls(rows, MONEY)
    out = debit[0].values if debit else nothing
    into = credit[0].values if credit else nothing
    if debits_are != "negative":
        out = pc.negate(out)
    if credits_are == "negative":
        into = pc.negate(into)
    went_out, came_in = direction(out) != 0, direction(into) != 0
    unread = np.zeros(rows, bool)
    for side in (*debit, *credit):
        unread |= np.asarray(side.unread)
    return pc.if_else(pa.array(went_out), out, pc.coalesce(into, out)), unread, went_out & came_in


def is_net(gross: Column, fee: Column, net: Column) -> bool:
    """Whether one column is another with a fee added or taken away, in every row, and some fee is not zero."""
    return any(_is_net(*(read_amounts(column, mark).values for column in (gross, fee, net))) for mark in BOTH_MARKS)


def _is_net(gross: pa.Array, fee: pa.Array, net: pa.Array) -> bool:
    charged = pc.fill_null(fee, 0)
    if pc.sum(pc.not_equal(charged, 0)).as_py() in (None, 0) or net.null_count or gross.null_count:
        return False
    forms = (pc.subtract(gross, charged), pc.add(gross, charged))
    return any(bool(pc.all(pc.equal(form, net)).as_py()) for form in forms)


def is_less(one: Column, other: Column) -> bool:
    """Whether a column sums up to less than another, in the first notation in which both can be read."""
    for mark in BOTH_MARKS:
        read = [read_amounts(column, mark).values for column in (one, other)]
        if not any(values.null_count for values in read):
            return bool(pc.less(pc.sum(read[0]), pc.sum(read[1])).as_py())
    return False


def less_fees(values: pa.Array, fees: pa.Array) -> pa.Array:
    """Amounts, money out below zero, when their fees are paid besides; a fee alone is an amount too."""
    charged = pc.abs(fees)
    both = pc.subtract(pc.fill_null(values, 0), pc.fill_null(charged, 0)).cast(MONEY)
    return pc.if_else(pc.or_(pc.is_valid(values), pc.greater(pc.fill_null(charged, 0), 0)), both, values)


def direction(values: pa.Array) -> NDArray[np.int8]:
    """+1 above zero, -1 below, 0 at zero and where nothing is."""
    above, below = (np.asarray(pc.fill_null(compare(values, 0), False)) for compare in (pc.greater, pc.less))
    return above.astype(np.int8) - below.astype(np.int8)


def _read_amounts(column: Column, mark: DecimalMark) -> Amounts:
    distinct = column.distinct
    grouped = pc.match_substring_regex(distinct, _GROUPED[mark])
    simple = pc.or_(pc.match_substring_regex(distinct, _SIMPLE[mark]), grouped)
    plain = pc.replace_substring(distinct, "," if mark == "." else ".", "") if pc.any(grouped).as_py() else distinct
    plain = plain if mark == "." else pc.replace_substring(plain, ",", ".")
    values = pc.cast(pc.if_else(simple, plain, None), MONEY)
    odd = np.flatnonzero(~np.asarray(simple))
    read = [amounts.read(cell, mark) for cell in distinct.take(pa.array(odd)).to_pylist()]
    found, marks, symbols = _placed(len(distinct), odd, read)
    values = pc.coalesce(values, found) if len(odd) else values
    blank = pa.array(np.zeros(len(distinct), bool))
    if len(odd):
        blank = pc.is_in(
            distinct, value_set=pa.array(filter(amounts.is_blank, distinct.take(odd).to_pylist()), pa.string())
        )
    spread = column.take(values)
    filled = pc.and_(column.filled, pc.fill_null(pc.invert(column.take(blank)), False))
    return Amounts(spread, filled, pc.and_(filled, pc.is_null(spread)), _spread_marks(column, marks), symbols)


def scaled(values: pa.Array) -> NDArray[np.int64]:
    """Amounts in ten-thousandths, as integers; null and whatever is too large for 64 bits is 0."""
    bounded = pc.if_else(pc.less(pc.abs(values), Decimal(10) ** 14), values, None)
    whole = pc.multiply(bounded, pa.scalar(Decimal(10_000), pa.decimal128(5, 0)))
    integers = pc.cast(pc.cast(whole, pa.decimal128(38, 0)), pa.int64())
    return np.asarray(pc.fill_null(integers, 0))


def _placed(
    length: int, places: NDArray[np.intp], read: list[amounts.Amount | None]
) -> tuple[pa.Array, NDArray[np.int8], frozenset[str]]:
    found: list[Decimal | None] = [None] * length
    marks = np.zeros(length, np.int8)
    for place, amount in zip(places.tolist(), read, strict=True):
        if amount is not None and _fits(amount.value):
            # Arrow takes no zeros beyond its own, however many are written
            found[place], marks[place] = amount.value.quantize(FINEST), amount.mark
    symbols = frozenset(amount.symbol for amount in read if amount and amount.symbol)
    return pa.array(found, MONEY), marks, symbols


def _fits(value: Decimal) -> bool:
    return abs(value) < _LIMIT and value == value.quantize(FINEST)


def _spread_marks(column: Column, marks: NDArray[np.int8]) -> NDArray[np.int8]:
    if not marks.any():
        return np.zeros(len(column.encoded), np.int8)
    return np.asarray(pc.fill_null(column.take(pa.array(marks)), 0))


def _day(cell: str, order: DateOrder) -> date | None:
    found = dates.written_below_header(cell)
    day = found.read(order) if found else None
    return day if day and dates.in_range(day) else None
