"""Application: a sheet read by a layout gives statement lines, and for every other row the reason.

Five kinds of rows are no rows of their own, and are counted: blank ones; a footer, that is the last rows as far as
they have neither a date nor an amount; continuations, which have text in description columns only and belong to the
row above them; the header again; and the name of a section. Everything else that cannot be read is rejected.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ai2.books.categories.stated import ATTRIBUTE as CATEGORY
from ai2.ingest.layout import amounts, casting, sections, signs, states, texts
from ai2.ingest.layout.heading import Section
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.roles import IBAN
from ai2.ingest.layout.sheet import Column, Sheet
from ai2.ingest.layout.states import Mask, mask, spread
from ai2.ingest.layout.words import SUMMARIES, Role
from ai2.ingest.lines import LINES, Account, Reason
from ai2.kit.money import exponent

MONEY = (Role.AMOUNT, Role.DEBIT, Role.CREDIT)
# These have a place of their own in a line; every other column is an attribute.
PLACED = (
    *MONEY,
    Role.DATE,
    Role.FLAG,
    Role.CURRENCY,
    Role.DESCRIPTION,
    Role.MERCHANT,
    Role.REFERENCE,
    Role.MCC,
)


@dataclass(frozen=True)
class Reading:
    """Lines, and beside them the rejected rows: their first and last line, and why.

    `section` is what the sheet's last row stands in, and the next piece of the same file begins with. `unproven` are
    the first lines where the stated balance does not follow from the amounts.
    """

    lines: pa.Table
    rejected: list[tuple[int, int, Reason]]
    outside: dict[str, int]
    section: Section = "booked"
    unproven: tuple[int, ...] = ()


def apply(
    sheet: Sheet,
    layout: Layout,
    account: Account,
    *,
    ends_whole: bool,
    may_be_damaged: bool = True,
    is_last: bool = True,
    section: Section = "booked",
) -> Reading:
    """Read every row of the sheet.

    `ends_whole` is false where the file's last line has no end, `may_be_damaged` where not all its bytes were text,
    `is_last` where more rows of the same file follow: only the last have a footer. `section` is what the heading, or
    the piece before, says of the first rows.
    """
    reader = _Reader(sheet, layout, account, section)
    continued = reader.continuations()
    found = reader.sections
    blank = ~reader.filled()
    aside = continued | found.headers | found.names | blank
    footer = reader.footer(aside, ends_whole=ends_whole) & ~aside if is_last else np.zeros(len(sheet), bool)
    rows = ~aside & ~footer
    reasons = reader.reasons(ends_whole=ends_whole, may_be_damaged=may_be_damaged)
    return Reading(
        reader.lines(continued).filter(pa.array(rows & (reasons == 0))),
        reader.rejected(reasons, rows & (reasons != 0)),
        {
            "blank": int(blank.sum()),
            "footer": int(footer.sum()),
            "continuation": int(continued.sum()),
            "header": int((found.headers | found.names).sum()),
        },
        found.last,
        reader.unproven(rows & (reasons == 0)),
    )


class _Reader:
    """The columns of one sheet by their roles, dates and amounts cast."""

    def __init__(self, sheet: Sheet, layout: Layout, account: Account, section: Section) -> None:
        self.sheet, self.layout, self.account = sheet, layout, account
        self.date = self._all(Role.DATE)[0]
        self.days = casting.read_dates(self.date, layout.date_order or "dmy")
        self.amounts, self.unread, self.both, self.has_amount = self._amounts()
        if layout.fees_are == "apart":
            self._pay_fees()
        self.sections = sections.find(sheet, self._bare(), section)
        self.pending, self.booked_on = self._pending()

    def continuations(self) -> Mask:
        """Rows with text in description columns and nothing else, below another row."""
        placed = set(self.layout.columns.get(Role.DESCRIPTION, ()))
        found = self._filled(column for column in self.sheet.columns if column.position in placed)
        found &= ~self._filled(column for column in self.sheet.columns if column.position not in placed)
        found &= ~self.sections.names & ~self.sections.headers
        found[:1] = False
        return found

    def filled(self) -> Mask:
        """Rows with text in any cell, or beyond the last column."""
        return self._filled(self.sheet.columns) | self.sheet.overfull

    def footer(self, aside: Mask, *, ends_whole: bool) -> Mask:
        """The last rows without date and amount; a row that the file's end cut, or with another day, is no footer."""
        bare = (self._bare() & ~self._has_other_day()) | aside
        if not ends_whole:
            bare[-1:] = False
        kept = np.flatnonzero(~bare)
        return np.arange(len(bare)) > (kept[-1] if len(kept) else len(bare))

    def reasons(self, *, ends_whole: bool, may_be_damaged: bool) -> NDArray[np.int16]:
        """For each row the first reason that speaks against it, by its place in Reason from 1; 0 for none."""
        found = np.zeros(len(self.sheet), np.int16)
        has_day = mask(pc.is_valid(self.booked_on))
        against = {
            Reason.OPEN_QUOTE: self.sheet.damaged,
            Reason.EXTRA_CELLS: self.sheet.overfull,
            Reason.OTHER_TABLE: self.sections.other,
            Reason.NOT_BOOKED: states.not_booked(self._all(Role.STATUS), len(self.sheet)),
            Reason.SUMMARY: self._any_says(Role.DESCRIPTION, SUMMARIES),
            Reason.PENDING: self.pending & ~(has_day & self.has_amount),
            Reason.CUT_OFF: self._cut_off(ends_whole=ends_whole),
            Reason.BAD_DATE: mask(self.days.unread) & ~has_day,
            Reason.NO_DATE: ~has_day,
            Reason.BAD_AMOUNT: self.unread,
            Reason.TWO_AMOUNTS: self.both,
            Reason.NO_AMOUNT: ~self.has_amount,
            Reason.NO_FLAG: mask(pc.is_null(self.amounts)),
            Reason.TOO_PRECISE: self._too_precise(),
            Reason.OTHER_CURRENCY: self._other_currency(),
            Reason.OTHER_ACCOUNT: self._other_account(),
            Reason.WRONG_ENCODING: self._damaged() if may_be_damaged else self._nowhere(),
        }
        for reason, rows in against.items():
            found[(found == 0) & rows] = list(Reason).index(reason) + 1
        return found

    def unproven(self, rows: Mask) -> tuple[int, ...]:
        """The first lines whose balance does not follow; none where the file states no balance, or that of a debt."""
        if Role.BALANCE not in self.layout.columns or self.account.kind in signs.OWED:
            return ()
        counted = pa.array(rows & ~self.pending)
        days = pc.filter(self.booked_on, counted).drop_null()
        falls = len(days) > 1 and days[0].as_py() > days[-1].as_py()
        values = pc.if_else(counted, self.amounts, None)
        found = signs.balances(values, self._balances(), self.sheet.first_line)
        return (found.up if falls else found.along(signs.BOTH_WAYS)).broken_in

    def lines(self, continued: Mask) -> pa.Table:
        """All rows, rejected ones too, so that masks fit."""
        merchant, mcc = self._text(Role.MERCHANT), self._text(Role.MCC)
        others = [merchant, *(column.text for column in self._all(Role.TYPE))]
        placed = {position for role in PLACED for position in self.layout.columns.get(role, ())}
        columns = {
            "line_number": pa.array(self.sheet.first_line, pa.int32()),
            "booked_on": self.booked_on,
            "amount": self.amounts,
            "currency": pa.array([self.account.currency]).take(pa.array(np.zeros(len(self.sheet), np.int8))),
            "description": texts.description(self._all(Role.DESCRIPTION), others, continued),
            "merchant": merchant,
            "reference": self._text(Role.REFERENCE),
            "mcc": pc.if_else(pc.match_substring_regex(mcc, r"^[0-9]{4}$"), mcc, None),
            "provider_id": self._text(Role.PROVIDER_ID),
            "pending_id": self._text(Role.PENDING_ID),
            "status": pa.array(["posted", "pending"]).take(pa.array(self.pending.astype(np.int8))),
            "value_on": self._value_dates(),
            "counterparty": self._counterparty(),
            "balance": self._balances(),
            "attributes": texts.attributes(self._attributes(placed), len(self.sheet)),
        }
        return pa.table([columns[name] for name in LINES.names], names=LINES.names)

    def _attributes(self, placed: set[int]) -> list[Column]:
        """The columns without a place of their own; the category's has its name in every file, and has it alone."""
        category = self.layout.position(Role.CATEGORY)
        others = [column for column in self.sheet.columns if column.position not in placed | {category}]
        if category is None:
            return others
        others = [replace(other, name=f"{CATEGORY} 2") if other.name == CATEGORY else other for other in others]
        return [*others, replace(self.sheet.column(category), name=CATEGORY)]

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
        found = self._nowhere()
        for column in columns:
            found |= mask(column.filled)
        return found

    def _amounts(self) -> tuple[pa.Array, Mask, Mask, Mask]:
        """Money out below zero; where a cell is no amount; where both debit and credit are filled; where any is."""
        mark = self.layout.decimal_mark or "."
        amount = self._all(Role.AMOUNT)
        if amount:
            read = casting.read_amounts(amount[0], mark)
            flag = self._all(Role.FLAG)
            flags = signs.flags_of(flag[0], self.layout.flag_words) if flag else None
            if flags is None and read.marks.any():
                flags = read.marks
            values = signs.signed(
                read,
                flags,
                self.layout.positive_is,
                self.layout.unflagged_is,
                reversed_flags=self.layout.sides_are_reversed,
            )
            return values, mask(read.unread), self._nowhere(), mask(read.filled)
        debit, credit = ([casting.read_amounts(column, mark) for column in self._all(role)] for role in MONEY[1:])
        values, unread, both = casting.from_sides(
            debit, credit, self.layout.debits_are, len(self.sheet), credits_are=self.layout.credits_are
        )
        filled = self._nowhere()
        for side in (*debit, *credit):
            filled |= mask(side.filled)
        return pc.negate(values) if self.layout.sides_are_reversed else values, unread, both, filled

    def _pay_fees(self) -> None:
        """Take the fees from the amounts."""
        for column in self._all(Role.FEE)[:1]:
            fees = casting.read_amounts(column, self.layout.decimal_mark or ".")
            self.amounts = casting.less_fees(self.amounts, fees.values)
            self.unread |= mask(fees.unread)
            self.has_amount |= casting.direction(fees.values) != 0

    def _has_other_day(self) -> Mask:
        """Rows with the day of the transaction, which the bank may not have booked yet."""
        found = self._nowhere()
        for column in self._all(Role.TRANSACTION_DATE):
            found |= mask(pc.is_valid(casting.read_dates(column, self.layout.date_order or "dmy").values))
        return found

    def _bare(self) -> Mask:
        """Rows with neither a date nor an amount."""
        has_day = mask(pc.is_valid(self.days.values)) | self._says_pending
        return ~has_day & ~mask(pc.is_valid(self.amounts))

    @cached_property
    def _says_pending(self) -> Mask:
        return states.pending([self.date, *self._all(Role.STATUS)], self.layout.pending_words, len(self.sheet))

    def _pending(self) -> tuple[Mask, pa.Array]:
        """Rows that are not booked yet; and the day of each row, of those another one that the file gives."""
        pending = self._says_pending | self.sections.pending
        days = self.days.values
        for column in (column for role in (Role.TRANSACTION_DATE, Role.VALUE_DATE) for column in self._all(role)):
            if (pending & mask(pc.is_null(days))).any():
                others = casting.read_dates(column, self.layout.date_order or "dmy").values
                days = pc.if_else(pa.array(pending), pc.coalesce(days, others), days)
        return pending, days

    def _counterparty(self) -> pa.Array:
        """The other side's account; spaces inside it are for the eye."""
        column = next(iter(self._all(Role.COUNTERPARTY)), None)
        if column is None:
            return pa.nulls(len(self.sheet), pa.string())
        numbers = pc.replace_substring(column.distinct, " ", "")
        return column.take(pc.if_else(pc.match_substring_regex(numbers, "[0-9]"), numbers, None))

    def _too_precise(self) -> Mask:
        rounded = pc.round(self.amounts, ndigits=exponent(self.account.currency))
        return mask(pc.not_equal(rounded, self.amounts))

    def _cut_off(self, *, ends_whole: bool) -> Mask:
        """The last row, where the file ends before the last column that the rows above fill."""
        found = self._nowhere()
        if not ends_whole and len(found) > 2:
            filled = [mask(column.filled) for column in self.sheet.columns]
            usual = max((place for place, rows in enumerate(filled) if rows[:-1].all()), default=0)
            found[-1] = not any(rows[-1] for rows in filled[usual:])
        return found

    def _any_says(self, role: Role, known: frozenset[str]) -> Mask:
        found = self._nowhere()
        for column in self._all(role):
            found |= states.says(column, known)
        return found

    def _other_currency(self) -> Mask:
        """Where another currency stands than the account's."""
        found, own = self._nowhere(), self.account.currency
        for column in self._all(Role.CURRENCY):
            found |= spread(column, [not amounts.means(cell, own) for cell in column.distinct.to_pylist()])
        return found

    def _other_account(self) -> Mask:
        """Where another IBAN stands than the account's."""
        found, own = self._nowhere(), (self.account.number or "").replace(" ", "")
        if IBAN.fullmatch(own):
            for column in self._all(Role.ACCOUNT):
                found |= spread(column, [cell.replace(" ", "") != own for cell in column.distinct.to_pylist()])
        return found

    def _damaged(self) -> Mask:
        """Where a byte was no text and U+FFFD stands for it."""
        found = self._nowhere()
        for column in self.sheet.columns:
            found |= spread(column, pc.match_substring(column.distinct, "\ufffd").to_pylist())
        return found

    def _text(self, role: Role) -> pa.Array:
        columns = self._all(role)
        return columns[0].text if columns else pa.nulls(len(self.sheet), pa.string())
