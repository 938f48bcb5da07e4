"""What is matched: receipts with rows of the books, and what is said of a pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

# A row is what a receipt says, with a tip, by a rate of the day, or one of several that add up to it.
Way = Literal["same", "tip", "rate", "stated", "part", "number"]
State = Literal["applied", "proposed"]
# (currency, currency, day): how much of the second one of the first was.
Rates = Mapping[tuple[str, str, date], Decimal]


@dataclass(frozen=True)
class Receipt:
    """What a receipt says. `total` is positive where money was paid, negative where it came back.

    `seen_on` is the day on which it came to us: for what says no day of its own. Of `numbers` (of the order, of the
    invoice) each is without spaces and signs. What is not `may_apply` waits for a person however well it fits.
    """

    document_id: UUID
    total: Decimal
    currency: str | None
    issued_on: date | None
    seen_on: date
    supplier_key: str
    numbers: tuple[str, ...] = ()
    may_apply: bool = True

    @property
    def day(self) -> date:
        return self.issued_on or self.seen_on


@dataclass(frozen=True)
class Row:
    """A transaction. `paid` is positive where money went out; less what a person says that other receipts prove."""

    transaction_id: UUID
    account_id: UUID
    booked_on: date
    paid: Decimal
    currency: str
    merchant_key: str
    text: str
    mcc: str | None = None
    category: str | None = None


@dataclass(frozen=True)
class Known:
    """What people said: names that mean the same, and pairs that are none; and names that keep going together."""

    aliases: frozenset[tuple[str, str]] = frozenset()
    together: frozenset[tuple[str, str]] = frozenset()
    rejected: frozenset[tuple[UUID, UUID]] = frozenset()


@dataclass(frozen=True)
class Pair:
    """A receipt and a row that may belong together: in which way, how much speaks for it, and why."""

    receipt: Receipt
    row: Row
    way: Way
    score: float
    reasons: tuple[str, ...]

    @property
    def ids(self) -> tuple[UUID, UUID]:
        return self.receipt.document_id, self.row.transaction_id


@dataclass(frozen=True)
class Verdict:
    """What is to become of a pair. `confidence` is 0 to 1."""

    document_id: UUID
    transaction_id: UUID
    state: State
    confidence: float
    reasons: tuple[str, ...] = ()
    # of how many that add up to a sum this is one
    parts: int = 1
