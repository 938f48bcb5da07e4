"""Application: a sheet read by a layout gives statement lines, and for every other row the reason.

Three kinds of rows are no rows of their own, and are counted: blank ones; a footer, that is the last rows as far
as they have neither a date nor an amount; and continuations, which have text in description columns only and
belong to the row above them. Everything else that cannot be read is rejected.
"""

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout import casting, signs
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.roles import IBAN
from ai2.ingest.layout.sheet import Column, Sheet
from ai2.ingest.layout.words import NOT_BOOKED, PENDING, SUMMARIES, Role, plain
from ai2.ingest.lines import LINES, Account, Reason
from ai2.kit.money import exponent

Mask = NDArray[np.bool_]
SMALL = 1000
# These have a place of their own in a line; every other column is an attribute.
PLACED = (Role.DATE, Role.AMOUNT, Role.DEBIT, Role.CREDIT, Role.FLAG, Role.CURRENCY, Role.DESCRIPTION, Role.MERCHANT,
          Role.REFERENCE, Role.MCC)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """Lines, and beside them the rejected rows: which line, how many lines long, why."""

    lines: pa.Table
    rejected: list[tuple[int, int, Reason]]
    outside: dict[str, int]


def apply(sheet: Sheet, layout: Layout, account: Account, *, ends_whole: bool) -> Reading:
    """Read every row of the sheet. `ends_whole` is false where the file's last line has no end."""
    outside: dict[str, int] = {}
    sheet, outside["footer"] = _without_footer(sheet, layout, ends_whole=ends_whole)
    continued = _continuations(sheet, layout)
    outside["continuation"] = int(continued.sum())
    reader = _Reader(sheet, layout, account)
    reader.find_reasons(ends_whole=ends_whole, continued=continued)
    good = ~continued & (reader.reasons == 0)
    lines = reader.lines(continued).filter(pa.array(good))
    return Reading(lines, reader.rejected(~continued & (reader.reasons != 0)), outside)


class _Reader:
    """The columns of one sheet, cast; and for each row the first reason that speaks against it."""

    def __init__(self, sheet: Sheet, layout: Layout, account: Account) -> None:
        self.sheet, self.layout, self.account = sheet, layout, account
        self.reasons = np.zeros(len(sheet), np.int16)
        self.days = casting.read_dates(self._one(Role.DATE), layout.date_order or "dmy")
        self.amounts, self.unread, self.both = self._amounts()

    def find_reasons(self, *, ends_whole: bool, continued: Mask) -> None:
        sheet, date = self.sheet, self._one(Role.DATE)
        self._reject(Reason.OPEN_QUOTE, sheet.damaged)
        self._reject(Reason.EXTRA_CELLS, sheet.overfull)
        self._reject(Reason.PENDING, _says(date, PENDING) | self._status(PENDING))
        self._reject(Reason.NOT_BOOKED, self._status(NOT_BOOKED))
        for column in self._all(Role.DESCRIPTION):
            self._reject(Reason.SUMMARY, _says(column, SUMMARIES))
        if not ends_whole and len(sheet):
            self._reject(Reason.CUT_OFF, self._cut_off())
        self._reject(Reason.BAD_DATE, _mask(self.days.unread))
        self._reject(Reason.NO_DATE, ~_mask(date.filled))
        self._reject(Reason.BAD_AMOUNT, self.unread)
        self._reject(Reason.TWO_AMOUNTS, self.both)
        self._reject(Reason.NO_AMOUNT, ~self._has_amount())
        self._reject(Reason.NO_FLAG, _mask(pc.is_null(self.amounts)))
        self._reject(Reason.TOO_PRECISE, self._too_precise())
        self._reject(Reason.OTHER_CURRENCY, self._other(Role.CURRENCY, self.account.currency))
        self._reject(Reason.OTHER_ACCOUNT, self._other(Role.ACCOUNT, self.account.number))
        for column in sheet.columns:
            self._reject(Reason.WRONG_ENCODING, _damaged(column))

    def lines(self, continued: Mask) -> pa.Table:
        """All rows, rejected ones too, so that masks fit."""
        empty = pa.nulls(len(self.sheet), pa.string())
        currency = pa.array([self.account.currency]).take(pa.array(np.zeros(len(self.sheet), np.int8)))
        merchant = self._text(Role.MERCHANT, empty)
        columns = {
            "line_number": pa.array(self.sheet.first_line, pa.int32()),
            "booked_on": self.days.values,
            "amount": self.amounts,
            "currency": currency,
            "description": self._description(merchant, continued),
            "merchant": merchant,
            "reference": self._text(Role.REFERENCE, empty),
            "mcc": self._text(Role.MCC, empty),
            "provider_id": self._text(Role.PROVIDER_ID, empty),
            "attributes": self._attributes(),
        }
        return pa.table([columns[name] for name in LINES.names], names=LINES.names)

    def rejected(self, mask: Mask) -> list[tuple[int, int, Reason]]:
        reasons = list(Reason)
        return [
            (int(self.sheet.first_line[place]), int(self.sheet.last_line[place]), reasons[self.reasons[place] - 1])
            for place in np.flatnonzero(mask)
        ]

    def _reject(self, reason: Reason, mask: Mask) -> None:
        self.reasons[(self.reasons == 0) & mask] = list(Reason).index(reason) + 1

    def _one(self, role: Role) -> Column:
        return self._all(role)[0]

    def _all(self, role: Role) -> list[Column]:
        return [self.sheet.column(position) for position in self.layout.columns.get(role, ())]

    def _amounts(self) -> tuple[pa.Array, Mask, Mask]:
        mark = self.layout.decimal_mark or "."
        if Role.AMOUNT in self.layout.columns:
            read = casting.read_amounts(self._one(Role.AMOUNT), mark)
            flagged = self._all(Role.FLAG)
            flags = signs.flags_of(flagged[0]) if flagged else read.marks if read.marks.any() else None
            values = signs.signed(read, flags, self.layout.positive_is, self.layout.unflagged_is)
            return values, _mask(read.unread), np.zeros(len(self.sheet), bool)
        sides = [casting.read_amounts(column, mark) for role in (Role.DEBIT, Role.CREDIT) for column in self._all(role)]
        return self._from_sides(sides)

    def _from_sides(self, sides: list[casting.Amounts]) -> tuple[pa.Array, Mask, Mask]:
        """Debit and credit: one of them is filled, or the other is zero."""
        nothing = pa.nulls(len(self.sheet), casting.MONEY)
        read = iter(sides)
        debit = next(read).values if Role.DEBIT in self.layout.columns else nothing
        credit = next(read).values if Role.CREDIT in self.layout.columns else nothing
        if self.layout.debits_are != "negative":
            debit = pc.negate(debit)
        in_debit, in_credit = casting.scaled(debit) != 0, casting.scaled(credit) != 0
        values = pc.if_else(pa.array(in_debit), debit, pc.coalesce(credit, debit))
        unread = np.zeros(len(self.sheet), bool)
        for side in sides:
            unread |= _mask(side.unread)
        return values, unread, in_debit & in_credit

    def _has_amount(self) -> Mask:
        filled = np.zeros(len(self.sheet), bool)
        for role in (Role.AMOUNT, Role.DEBIT, Role.CREDIT):
            for column in self._all(role):
                filled |= _mask(column.filled)
        return filled

    def _too_precise(self) -> Mask:
        rounded = pc.round(self.amounts, ndigits=exponent(self.account.currency))
        return _mask(pc.not_equal(rounded, self.amounts))

    def _cut_off(self) -> Mask:
        """The last row, where cells are missing that the row before it has."""
        mask = np.zeros(len(self.sheet), bool)
        filled = [index for index, column in enumerate(self.sheet.columns) if len(column.encoded)]
        last = max((index for index in filled if self.sheet.columns[index].filled[-1].as_py()), default=-1)
        usual = max((index for index in filled if self._mostly_filled(self.sheet.columns[index])), default=-1)
        mask[-1] = last < usual
        return mask

    def _mostly_filled(self, column: Column) -> bool:
        return column.encoded.null_count <= 1 and len(column.encoded) > 2

    def _status(self, known: frozenset[str]) -> Mask:
        mask = np.zeros(len(self.sheet), bool)
        for column in self._all(Role.STATUS):
            mask |= _says(column, known)
        return mask

    def _other(self, role: Role, own: str | None) -> Mask:
        mask = np.zeros(len(self.sheet), bool)
        if own is None or (role is Role.ACCOUNT and not IBAN.fullmatch(own.replace(" ", ""))):
            return mask
        wanted = own.replace(" ", "")
        for column in self._all(role):
            mask |= _spread(column, [cell.replace(" ", "") != wanted for cell in column.distinct.to_pylist()])
        return mask

    def _text(self, role: Role, empty: pa.Array) -> pa.Array:
        columns = self._all(role)
        return columns[0].encoded.cast(pa.string()) if columns else empty

    def _description(self, merchant: pa.Array, continued: Mask) -> pa.Array:
        """The description columns in their order; where they say nothing, who was paid, or the kind of payment."""
        parts = [column.encoded.cast(pa.string()) for column in self._all(Role.DESCRIPTION)]
        text = pa.nulls(len(self.sheet), pa.string())
        if parts:
            text = _joined(parts, " ")
        if continued.any():
            text = _with_continuations(text, continued)
        kinds = [column.encoded.cast(pa.string()) for column in self._all(Role.TYPE)]
        return pc.replace_substring_regex(pc.coalesce(text, merchant, *kinds, pa.scalar("")), r"[\r\n]+", " ")

    def _attributes(self) -> pa.Array:
        """A JSON object a row, put together from one piece for each different cell."""
        placed = {position for role in PLACED for position in self.layout.columns.get(role, ())}
        pieces = [_pieces(column) for column in self.sheet.columns if column.position not in placed]
        if not pieces:
            return pa.array(["{}"] * len(self.sheet), pa.string())
        return pc.binary_join_element_wise("{", pc.fill_null(_joined(pieces, ", "), ""), "}", "")


def _pieces(column: Column) -> pa.Array:
    name = json.dumps(column.name, ensure_ascii=False)
    cells = [f"{name}: {json.dumps(cell, ensure_ascii=False)}" for cell in column.distinct.to_pylist()]
    return column.take(pa.array(cells, pa.string()))


def _joined(parts: list[pa.Array], separator: str) -> pa.Array:
    """The parts that there are, in order; null where there are none (Arrow's own `skip` loses such rows)."""
    first, *rest = parts
    for part in rest:
        both = pc.binary_join_element_wise(first, part, separator)
        first = pc.coalesce(both, first, part)
    return first


def _with_continuations(text: pa.Array, continued: Mask) -> pa.Array:
    found = text.to_pylist()
    head = 0
    for place, follows in enumerate(continued):
        if not follows:
            head = place
        elif found[place]:
            found[head] = f"{found[head]}  {found[place]}" if found[head] else found[place]
    return pa.array(found, pa.string())


def _without_footer(sheet: Sheet, layout: Layout, *, ends_whole: bool) -> tuple[Sheet, int]:
    """Without the last rows that have neither date nor amount; a row that the file's end cut is no footer."""
    date = sheet.column(layout.columns[Role.DATE][0])
    bare = _mask(pc.is_null(casting.read_dates(date, layout.date_order or "dmy").values))
    for role in (Role.AMOUNT, Role.DEBIT, Role.CREDIT):
        for position in layout.columns.get(role, ()):
            bare &= _mask(pc.is_null(casting.read_amounts(sheet.column(position), layout.decimal_mark or ".").values))
    bare &= ~_says(date, PENDING)
    if not ends_whole and len(bare):
        bare[-1] = False
    kept = np.flatnonzero(~bare)
    end = int(kept[-1]) + 1 if len(kept) else 0
    if not end or end == len(sheet):
        return sheet, 0
    tail = np.arange(len(sheet)) < end
    # Text that belongs to the last row is no footer.
    tail |= _continuations(sheet, layout)
    return sheet.keep(tail), int((~tail).sum())


def _continuations(sheet: Sheet, layout: Layout) -> Mask:
    texts = set(layout.columns.get(Role.DESCRIPTION, ()))
    mask = np.zeros(len(sheet), bool)
    for column in sheet.columns:
        if column.position in texts:
            mask |= _mask(column.filled)
    for column in sheet.columns:
        if column.position not in texts:
            mask &= ~_mask(column.filled)
    if len(mask):
        mask[0] = False
    return mask


def _says(column: Column, known: frozenset[str]) -> Mask:
    """Where a cell is one of the known phrases. Many different cells are looked at by Arrow, accents and all."""
    if len(column.distinct) <= SMALL:
        return _spread(column, [plain(cell) in known for cell in column.distinct.to_pylist()])
    words = pc.replace_substring_regex(pc.utf8_lower(column.distinct), r"[^a-z0-9]+", " ")
    found = pc.is_in(pc.utf8_trim_whitespace(words), value_set=pa.array(known))
    return _spread(column, found.to_pylist())


def _damaged(column: Column) -> Mask:
    found = pc.match_substring(column.distinct, "\ufffd")
    return _spread(column, found.to_pylist()) if pc.any(found).as_py() else np.zeros(len(column.encoded), bool)


def _spread(column: Column, found: list[bool]) -> Mask:
    if not any(found):
        return np.zeros(len(column.encoded), bool)
    return _mask(column.take(pa.array(found, pa.bool_())))


def _mask(values: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(values, False), dtype=bool)
