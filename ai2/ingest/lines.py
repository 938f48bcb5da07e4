"""Statement lines: what every format's reader gives, as columns, and the rows it could not read, with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import pyarrow as pa

from ai2.ingest.layout.casting import FINEST, MONEY
from ai2.ingest.layout.model import Layout

# One row a line of the statement.
LINES = pa.schema(
    [
        pa.field("line_number", pa.int32(), nullable=False),
        pa.field("booked_on", pa.date32(), nullable=False),
        pa.field("amount", MONEY, nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("description", pa.string(), nullable=False),
        ("merchant", pa.string()),
        ("reference", pa.string()),
        ("mcc", pa.string()),
        # the id that the provider gave the line, and that of the pending line which this one completes
        ("provider_id", pa.string()),
        ("pending_id", pa.string()),
        # `posted` or `pending`
        pa.field("status", pa.string(), nullable=False),
        ("value_on", pa.date32()),
        # the other side's account: IBAN without spaces, or number
        ("counterparty", pa.string()),
        # what the account held after this line, where the file says so
        ("balance", MONEY),
        # a JSON object of the columns that have no place of their own
        pa.field("attributes", pa.string(), nullable=False),
    ]
)
# What stands where a reader gives no column of that name; any other column is null then.
DEFAULTS = {"status": "posted", "attributes": "{}"}


def lines_of(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Lines from rows that name what they have."""
    return columns_of([{**DEFAULTS, **row} for row in rows])


def columns_of(rows: list[dict[str, object]]) -> pa.Table:
    """Lines from rows that name their state and attributes; their amounts fit their currency."""
    try:
        return pa.Table.from_pylist(rows, schema=LINES)
    except pa.ArrowInvalid:
        # of more than thirty zeros behind the point Arrow says that they would be lost
        return pa.Table.from_pylist([{**row, **_shortened(row)} for row in rows], schema=LINES)


def _shortened(row: Mapping[str, object]) -> dict[str, object]:
    amounts = {name: row.get(name) for name in ("amount", "balance")}
    return {name: value.quantize(FINEST) for name, value in amounts.items() if isinstance(value, Decimal)}


ORIGINAL_LENGTH = 4000


class Reason(StrEnum):
    """Why a row is quarantined. The value is what a person reads."""

    text: str

    def __new__(cls, code: str, text: str) -> "Reason":
        reason = str.__new__(cls, code)
        reason._value_ = code
        reason.text = text
        return reason

    OPEN_QUOTE = "open_quote", "a quotation mark in this row is never closed"
    EXTRA_CELLS = "extra_cells", "the row has more cells than there are columns"
    OTHER_TABLE = "other_table", "the row stands below another header than the file's first; send that table by itself"
    CUT_OFF = "cut_off", "the file ends inside this row"
    WRONG_ENCODING = "wrong_encoding", "the row holds bytes that are not text in the file's encoding"
    PENDING = "pending", "the bank has not booked this yet; it will come again when booked"
    NOT_BOOKED = "not_booked", "the bank says that this payment did not take place"
    CORRECTION = "correction", "the bank takes back or replaces an entry of an earlier file; change that one by hand"
    SUMMARY = "summary", "a balance or total, not a transaction"
    NO_DATE = "no_date", "the row has no date"
    BAD_DATE = "bad_date", "there is no such day between 1970 and 2100"
    NO_AMOUNT = "no_amount", "the row has no amount"
    BAD_AMOUNT = "bad_amount", "the amount is not a number in the file's notation"
    TWO_AMOUNTS = "two_amounts", "the row has both a debit and a credit"
    NO_FLAG = "no_flag", "the row does not say whether money came in or went out"
    TOO_PRECISE = "too_precise", "the amount has more decimals than its currency"
    TOO_LARGE = "too_large", "the amount is larger than any bank's"
    OTHER_CURRENCY = "other_currency", "the row is in another currency than the account"
    OTHER_ACCOUNT = "other_account", "the row belongs to another account"
    BROKEN = "broken", "the row cannot be taken apart: something in it is missing or there twice"
    PERIOD_CLOSED = "period_closed", "the books are closed for its date; reopen the period and send the row again"
    SPLITS = "splits", "the parts of this transaction do not add up to its amount"
    UNKNOWN_ID = "unknown_id", "the bank takes back a transaction that never came; there is nothing to take out"
    EDITED = "edited", "the bank takes back a transaction that people edited; delete it by hand where it is to go"


@dataclass(frozen=True)
class Rejected:
    """A row that became no line: where it stands, why, and its text as it came."""

    line_number: int
    reason: Reason
    original: str


@dataclass(frozen=True)
class Named:
    """A row that says nothing but the id of a transaction: that it is `removed`, or `repeated`, as a later row says."""

    line_number: int
    provider_id: str
    says: Literal["removed", "repeated"]
    original: str


@dataclass(frozen=True)
class StatedBalance:
    """What the bank says the account held: `opening` before the day's first line, `closing` after its last."""

    balance_on: date
    amount: Decimal
    kind: Literal["opening", "closing"]


@dataclass(frozen=True)
class Statement:
    """What one file held. `outside` counts what is no row at all: preamble, blank lines, footer.

    `account_number` and `balances` are as the file states them. `ids_are_stable` says that a provider's id is one
    transaction's for ever, whatever becomes of its date and amount; else it counts only together with them; lines
    whose ids are not in spite of that are `unstable`. `shows` says what else of the account is where: `changes` are of
    single transactions and say nothing of others, a `window` shows all that is pending.
    """

    file_name: str
    format: str
    parser_version: str
    lines: pa.Table
    rejected: tuple[Rejected, ...] = ()
    named: tuple[Named, ...] = ()
    layout: Layout | None = None
    layout_is_new: bool = False
    account_number: str | None = None
    balances: tuple[StatedBalance, ...] = ()
    ids_are_stable: bool = False
    unstable: frozenset[int] = frozenset()
    shows: Literal["rows", "changes", "window"] = "rows"
    last_line: int = 0
    outside: dict[str, int] = field(default_factory=dict)

    @property
    def rows_in(self) -> int:
        """Every row is a line, names one, or is rejected; nothing else can happen to it."""
        return len(self.lines) + len(self.named) + len(self.rejected)


@dataclass(frozen=True)
class Account:
    """What a reader has to know of the account that it reads for."""

    currency: str
    kind: str = "bank"
    number: str | None = None
