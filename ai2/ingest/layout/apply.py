"""Application: a sheet read by a layout gives statement lines, and for every other row the reason.

Three kinds of rows are no rows of their own, and are counted: blank ones; a footer, that is the last rows as far
as they have neither a date nor an amount; and continuations, which have text in description columns only and
belong to the row above them. Everything else that cannot be read is rejected.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.ingest.layout import casting, signs, texts
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.roles import IBAN
from ai2.ingest.layout.sheet import Column, Sheet
from ai2.ingest.layout.words import NOT_BOOKED, PENDING, SUMMARIES, Role, plain
from ai2.ingest.lines import LINES, Account, Reason
from ai2.kit.money import exponent

Mask = NDArray[np.bool_]
# Up to so many different cells are looked at one by one, accents and all.
FEW = 1000
MONEY = (Role.AMOUNT, Role.DEBIT, Role.CREDIT)
# These have a place of their own in a line; every other column is an attribute.
PLACED = (*MONEY, Role.DATE, Role.FLAG, Role.CURRENCY, Role.DESCRIPTION, Role.MERCHANT, Role.REFERENCE, Role.MCC)


@dataclass(frozen=True)
class Reading:
    """Lines, and beside them the rejected rows: their first and last line, and why."""

    lines: pa.Table
    rejected: list[tuple[int, int, Reason]]
    outside: dict[str, int]


def apply(sheet: Sheet, layout: Layout, account: Account, *, ends_whole: bool, may_be_damaged: bool = True) -> Reading:
    """Read every row of the sheet.

    `ends_whole` is false where the file's last line has no end, `may_be_damaged` where all its bytes were text.
    """
    reader = _Reader(sheet, layout, account)
    continued = reader.continuations()
    footer = reader.footer(ends_whole=ends_whole) & ~continued
    rows = ~continued & ~footer
    reasons = reader.reasons(ends_whole=ends_whole, may_be_damaged=may_be_damaged)
    return Reading(
        reader.lines(continued).filter(pa.array(rows & (reasons == 0))),
        reader.rejected(reasons, rows & (reasons != 0)),
        {"footer": int(footer.sum()), "continuation": int(continued.sum())},
    )


class _Reader:
    """The columns of one sheet by their roles, dates and amounts cast."""

    def __init__(self, sheet: Sheet, layout: Layout, account: Account) -> None:
        self.sheet, self.layout, self.account = sheet, layout, account
        self.date = self._all(Role.DATE)[0]
        self.days = casting.read_dates(self.date, layout.date_order or "dmy")
        self.amounts, self.unread, self.both = self._amounts()

    def continuations(self) -> Mask:
        """Rows with text in description columns and nothing else, below another row."""
        placed = set(self.layout.columns.get(Role.DESCRIPTION, ()))
        mask = self._filled(column for column in self.sheet.columns if column.position in placed)
        mask &= ~self._filled(column for column in self.sheet.columns if column.position not in placed)
        mask[:1] = False
        return mask

    def footer(self, *, ends_whole: bool) -> Mask:
        """The last rows without date and amount; a row that the file's end cut is no footer."""
        bare = ~_mask(pc.is_valid(self.days.values)) & ~_says(self.date, PENDING)
        bare &= ~_mask(pc.is_valid(self.amounts))
        if not ends_whole:
            bare[-1:] = False
        kept = np.flatnonzero(~bare)
        return np.arange(len(bare)) > (kept[-1] if len(kept) else len(bare))

    def reasons(self, *, ends_whole: bool, may_be_damaged: bool) -> NDArray[np.int16]:
        """For each row the first reason that speaks against it, by its place in Reason from 1; 0 for none."""
        found = np.zeros(len(self.sheet), np.int16)
        against = {
            Reason.OPEN_QUOTE: self.sheet.damaged,
            Reason.EXTRA_CELLS: self.sheet.overfull,
            Reason.PENDING: _says(self.date, PENDING) | self._any_says(Role.STATUS, PENDING),
            Reason.NOT_BOOKED: self._any_says(Role.STATUS, NOT_BOOKED),
            Reason.SUMMARY: self._any_says(Role.DESCRIPTION, SUMMARIES),
            Reason.CUT_OFF: self._cut_off(ends_whole=ends_whole),
            Reason.BAD_DATE: _mask(self.days.unread),
            Reason.NO_DATE: ~_mask(self.date.filled),
            Reason.BAD_AMOUNT: self.unread,
            Reason.TWO_AMOUNTS: self.both,
            Reason.NO_AMOUNT: ~self._filled(column for role in MONEY for column in self._all(role)),
            Reason.NO_FLAG: _mask(pc.is_null(self.amounts)),
            Reason.TOO_PRECISE: self._too_precise(),
            Reason.OTHER_CURRENCY: self._other(Role.CURRENCY, self.account.currency),
            Reason.OTHER_ACCOUNT: self._other(Role.ACCOUNT, self.account.number),
            Reason.WRONG_ENCODING: self._damaged() if may_be_damaged else self._nowhere(),
        }
        for reason, mask in against.items():
            found[(found == 0) & mask] = list(Reason).index(reason) + 1
        return found

    def lines(self, continued: Mask) -> pa.Table:
        """All rows, rejected ones too, so that masks fit."""
        merchant, mcc = self._text(Role.MERCHANT), self._text(Role.MCC)
        others = [merchant, *(column.text for column in self._all(Role.TYPE))]
        placed = {position for role in PLACED for position in self.layout.columns.get(role, ())}
        columns = {
            "line_number": pa.array(self.sheet.first_line, pa.int32()),
            "booked_on": self.days.values,
            "amount": self.amounts,
            "currency": pa.array([self.account.currency]).take(pa.array(np.zeros(len(self.sheet), np.int8))),
            "description": texts.description(self._all(Role.DESCRIPTION), others, continued),
            "merchant": merchant,
            "reference": self._text(Role.REFERENCE),
            "mcc": pc.if_else(pc.match_substring_regex(mcc, r"^[0-9]{4}$"), mcc, None),
            "provider_id": self._text(Role.PROVIDER_ID),
            "pending_id": pa.nulls(len(self.sheet), pa.string()),
            "status": pa.array(["posted"]).take(pa.array(np.zeros(len(self.sheet), np.int8))),
            "value_on": self._value_dates(),
            "counterparty": pa.nulls(len(self.sheet), pa.string()),
            "balance": self._balances(),
            "attributes": texts.attributes(
                [column for column in self.sheet.columns if column.position not in placed], len(self.sheet)
            ),
        }
        return pa.table([columns[name] for name in LINES.names], names=LINES.names)

    def _value_dates(self) -> pa.Array:
        column = next(iter(self._all(Role.VALUE_DATE)), None)
        if column is None:
            return pa.nulls(len(self.sheet), pa.date32())
        return casting.read_dates(column, self.layout.date_order or "dmy").values

    def _balances(self) -> pa.Array:
        column = next(iter(self._all(Role.BALANCE)), None)
        if column is None:
            return pa.nulls(len(self.sheet), casting.MONEY)
        return casting.read_amounts(column, self.layout.decimal_mark or ".").values

    def rejected(self, reasons: NDArray[np.int16], rows: Mask) -> list[tuple[int, int, Reason]]:
        known = list(Reason)
        first, last = self.sheet.first_line, self.sheet.last_line
        return [(int(first[row]), int(last[row]), known[reasons[row] - 1]) for row in np.flatnonzero(rows)]

    def _all(self, role: Role) -> list[Column]:
        return [self.sheet.column(position) for position in self.layout.columns.get(role, ())]

    def _nowhere(self) -> Mask:
        return np.zeros(len(self.sheet), bool)

    def _filled(self, columns: Iterable[Column]) -> Mask:
        mask = self._nowhere()
        for column in columns:
            mask |= _mask(column.filled)
        return mask

    def _amounts(self) -> tuple[pa.Array, Mask, Mask]:
        """Money out below zero; where a cell is no amount; where both debit and credit are filled."""
        mark = self.layout.decimal_mark or "."
        amount = self._all(Role.AMOUNT)
        if amount:
            read = casting.read_amounts(amount[0], mark)
            flag = self._all(Role.FLAG)
            flags = signs.flags_of(flag[0]) if flag else read.marks if read.marks.any() else None
            values = signs.signed(read, flags, self.layout.positive_is, self.layout.unflagged_is)
            return values, _mask(read.unread), self._nowhere()
        debit, credit = ([casting.read_amounts(column, mark) for column in self._all(role)] for role in MONEY[1:])
        return self._from_sides(debit, credit)

    def _from_sides(self, debit: list[casting.Amounts], credit: list[casting.Amounts]) -> tuple[pa.Array, Mask, Mask]:
        """One of the two is filled, or the other is zero."""
        nothing = pa.nulls(len(self.sheet), casting.MONEY)
        out = debit[0].values if debit else nothing
        into = credit[0].values if credit else nothing
        if self.layout.debits_are != "negative":
            out = pc.negate(out)
        went_out, came_in = casting.direction(out) != 0, casting.direction(into) != 0
        unread = self._nowhere()
        for side in (*debit, *credit):
            unread |= _mask(side.unread)
        return pc.if_else(pa.array(went_out), out, pc.coalesce(into, out)), unread, went_out & came_in

    def _too_precise(self) -> Mask:
        rounded = pc.round(self.amounts, ndigits=exponent(self.account.currency))
        return _mask(pc.not_equal(rounded, self.amounts))

    def _cut_off(self, *, ends_whole: bool) -> Mask:
        """The last row, where the file ends before the last column that the rows above fill."""
        mask = self._nowhere()
        if not ends_whole and len(mask) > 2:
            filled = [_mask(column.filled) for column in self.sheet.columns]
            usual = max((place for place, rows in enumerate(filled) if rows[:-1].all()), default=0)
            mask[-1] = not any(rows[-1] for rows in filled[usual:])
        return mask

    def _any_says(self, role: Role, known: frozenset[str]) -> Mask:
        mask = self._nowhere()
        for column in self._all(role):
            mask |= _says(column, known)
        return mask

    def _other(self, role: Role, own: str | None) -> Mask:
        """Where another currency or another IBAN stands than the account's."""
        mask, wanted = self._nowhere(), (own or "").replace(" ", "")
        if role is Role.ACCOUNT and not IBAN.fullmatch(wanted):
            return mask
        for column in self._all(role):
            mask |= _spread(column, [cell.replace(" ", "") != wanted for cell in column.distinct.to_pylist()])
        return mask

    def _damaged(self) -> Mask:
        """Where a byte was no text and U+FFFD stands for it."""
        mask = self._nowhere()
        for column in self.sheet.columns:
            mask |= _spread(column, pc.match_substring(column.distinct, "\ufffd").to_pylist())
        return mask

    def _text(self, role: Role) -> pa.Array:
        columns = self._all(role)
        return columns[0].text if columns else pa.nulls(len(self.sheet), pa.string())


def _says(column: Column, known: frozenset[str]) -> Mask:
    """Where a cell is one of the known phrases."""
    if len(column.distinct) <= FEW:
        return _spread(column, [plain(cell) in known for cell in column.distinct.to_pylist()])
    words = pc.replace_substring_regex(pc.utf8_lower(column.distinct), r"[^a-z0-9]+", " ")
    return _spread(column, pc.is_in(pc.utf8_trim_whitespace(words), value_set=pa.array(known)).to_pylist())


def _spread(column: Column, found: list[bool]) -> Mask:
    if not any(found):
        return np.zeros(len(column.encoded), bool)
    return _mask(column.take(pa.array(found, pa.bool_())))


def _mask(values: pa.Array) -> Mask:
    return np.array(pc.fill_null(values, False), dtype=bool)
