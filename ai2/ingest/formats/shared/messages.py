"""Messages: what the readers of banks' messages (MT940, camt) share: rows and statements gathered in one pass.

Lines go into columns a piece at a time, so that a file of any length needs little more memory than its lines.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache

import pyarrow as pa

from ai2.ingest.formats.shared.choice import plain, same_number
from ai2.ingest.layout.dates import FIRST_YEAR, LAST_YEAR
from ai2.ingest.lines import (
    LINES,
    ORIGINAL_LENGTH,
    Account,
    Reason,
    Rejected,
    StatedBalance,
    Statement,
    columns_of,
)
from ai2.ingest.problems import NoStatement, OtherAccount, OtherCurrency, SeveralAccounts

PIECE_ROWS = 1_000
ZERO = Decimal(0)
# What banks write where there is no reference.
NO_REFERENCE = frozenset({"", "NONREF", "NONE", "NOTPROVIDED", "NOT PROVIDED", "NOTAVAILABLE", "NOTAVAIL", "N/A", "NA"})


@dataclass(frozen=True)
class Balance:
    """A balance as a message states it. `is_final`: of a statement, not of one of its pages."""

    on: date
    amount: Decimal
    currency: str
    is_final: bool = True


@dataclass
class Part:
    """One statement in a file: whose it is, the balances that it states, and what its booked lines come to."""

    number: str = ""
    currency: str = ""
    opening: Balance | None = None
    closing: Balance | None = None
    total: Decimal = ZERO
    rejected: int = 0
    # lines that the bank marks as reversals, by their order in the file, and what they come to
    reversals: list[int] = field(default_factory=list)
    reversed_total: Decimal = ZERO
    # whether numbers or sums that the message states of its entries are other than theirs
    is_contradicted: bool = False

    @property
    def is_unproven(self) -> bool:
        """Whether the lines do not lead from the opening balance to the closing one; without both, nothing is said."""
        if self.is_contradicted:
            return True
        if self.opening is None or self.closing is None or self.opening.currency != self.closing.currency:
            return False
        return self.rejected > 0 or self.opening.amount + self.total != self.closing.amount

    def turn_reversals(self) -> bool:
        """Some banks give a reversal the direction of what it reverses: so it is where only that proves the statement.

        Whether it is so; the total is then turned, and the lines are left to the caller.
        """
        if not self.reversals or not self.is_unproven:
            return False
        self.total -= 2 * self.reversed_total
        if self.is_unproven:
            self.total += 2 * self.reversed_total
            return False
        return True


@dataclass
class Gathering:
    """The rows of one file, and the statements that they stand in."""

    account: Account
    parts: list[Part] = field(default_factory=list)
    rejected: list[tuple[int, int, Reason, str]] = field(default_factory=list)
    _waiting: list[dict[str, object]] = field(default_factory=list)
    _pieces: list[pa.Table] = field(default_factory=list)
    _count: int = 0
    _lines: int = 0
    _last_place: int = 0
    _places_differ: bool = True
    _order: list[int] = field(default_factory=list)
    _belongs: dict[str, bool] = field(default_factory=dict)
    _in_currency: int = 0
    _in_other: int = 0

    def belongs(self, part: Part) -> bool:
        """Whether a statement is the account's: its number is, or one of the two has none."""
        known = self._belongs.get(part.number)
        if known is None:
            own = self.account.number
            known = not plain(own) or not plain(part.number) or same_number(part.number, own)
            self._belongs[part.number] = known
        return known

    def line(self, part: Part, place: int, row: dict[str, object], *, is_reversal: bool = False) -> None:
        """A row that is a line; it is kept, not copied."""
        row["line_number"] = place
        self._waiting.append(row)
        self._order.append(self._counted(place))
        self._in_currency += 1
        if row.get("status") != "pending":
            part.total += row["amount"]  # type: ignore[operator]
            if is_reversal:
                part.reversals.append(self._lines)
                part.reversed_total += row["amount"]  # type: ignore[operator]
        self._lines += 1
        if len(self._waiting) == PIECE_ROWS:
            self._pieces.append(self._piece())

    def reject(self, part: Part, place: int, reason: Reason, original: str) -> None:
        """A row that is none, and why."""
        self.rejected.append((self._counted(place), place, reason, original.strip()[:ORIGINAL_LENGTH]))
        part.rejected += 1
        if reason is Reason.OTHER_CURRENCY:
            self._in_other += 1
        elif reason is not Reason.OTHER_ACCOUNT:
            self._in_currency += 1

    def _piece(self) -> pa.Table:
        """The waiting rows as columns. Every row names its state and attributes."""
        piece = columns_of(self._waiting)
        self._waiting.clear()
        return piece

    def _counted(self, place: int) -> int:
        self._count += 1
        self._places_differ = self._places_differ and place > self._last_place
        self._last_place = place
        return self._count

    def statement(self, file_name: str, name: str, version: str, *, last_line: int, **outside: int) -> Statement:
        """All of it, as one statement. Raises NoStatement, SeveralAccounts, OtherAccount and OtherCurrency."""
        own = self._own_parts()
        table = pa.concat_tables([*self._pieces, self._piece()]) if self._count else LINES.empty_table()
        turned = [line for part in own if part.turn_reversals() for line in part.reversals]
        if turned:
            table = _negated(table, turned)
        rejected = [Rejected(place, reason, original) for _, place, reason, original in self.rejected]
        if not self._places_differ:  # several in one line of the file: they are numbered by themselves
            numbers = pa.array(self._order, pa.int32())
            table = table.set_column(0, LINES.field("line_number"), numbers)
            rejected = [Rejected(order, reason, original) for order, _, reason, original in self.rejected]
        return Statement(
            file_name=file_name,
            format=name,
            parser_version=version,
            lines=table,
            rejected=tuple(rejected),
            account_number=next((part.number for part in own if part.number), None),
            balances=tuple(self._balances(own)),
            last_line=max(last_line, self._count),
            outside={"statements": len(own), "unproven": sum(part.is_unproven for part in own), **outside},
        )

    def _own_parts(self) -> list[Part]:
        if not self.parts:
            raise NoStatement
        own = [part for part in self.parts if self.belongs(part)]
        numbers = {plain(part.number) for part in own} - {""}
        if len(numbers) > 1 or (not own and len({plain(part.number) for part in self.parts}) > 1):
            raise SeveralAccounts
        if not own:
            raise OtherAccount
        currencies = {part.currency for part in own if part.currency}
        is_other = self.account.currency not in currencies if currencies else self._in_other > 0
        if is_other and not self._in_currency:
            raise OtherCurrency
        return own

    def _balances(self, own: list[Part]) -> list[StatedBalance]:
        found = []
        for part in own:
            for balance, kind in ((part.opening, "opening"), (part.closing, "closing")):
                if balance and balance.is_final and balance.currency in ("", self.account.currency):
                    found.append(StatedBalance(balance.on, balance.amount, kind))  # type: ignore[arg-type]
        return found


def _negated(table: pa.Table, lines: list[int]) -> pa.Table:
    """The table with these lines' amounts turned round."""
    place = LINES.get_field_index("amount")
    amounts = table["amount"].to_pylist()
    for line in lines:
        amounts[line] = -amounts[line]
    return table.set_column(place, LINES.field(place), pa.array(amounts, LINES.field(place).type))


@lru_cache(maxsize=4096)
def day(year: int, month: int, of_month: int) -> date | None:
    """The bank's calendar date, if there is such a day."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return date(year, month, of_month)
    except ValueError:
        return None


def reference(*candidates: str | None) -> str | None:
    """The first that says something."""
    for candidate in candidates:
        if candidate and candidate.strip().upper() not in NO_REFERENCE and candidate.strip("0 /-"):
            return candidate.strip()
    return None


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def as_json(values: Mapping[str, str]) -> str:
    """A line's attributes."""
    return _ENCODER.encode(values)
