"""The two sides of a movement, the own accounts, and what a text says of them. Each text is read once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from ai2.books.transfers import words

GENERIC = frozenset({"account", "konto", "compte", "cuenta", "conto", "conta", "rekening", "business", "personal"})
MASKED = r"(?:[x*•.#]+|ending(?: in)?|endung|acct|account|a/c|konto|nr\.?) ?{}\b"


@dataclass(frozen=True)
class Own:
    """An account of the organization."""

    account_id: UUID
    name: str
    kind: str
    number: str | None

    @cached_property
    def compact(self) -> str:
        """The number's letters and digits alone."""
        return _compact(self.number)

    @cached_property
    def plain_name(self) -> str:
        return _plain(self.name)

    @cached_property
    def telling_words(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w{5,}", self.plain_name)) - GENERIC

    @cached_property
    def _name_as_words(self) -> re.Pattern[str]:
        return re.compile(rf"(?<!\w){re.escape(self.plain_name)}(?!\w)")

    @cached_property
    def _end_behind_mask(self) -> re.Pattern[str]:
        return re.compile(MASKED.format(self.compact[-4:].lower()))

    def is_named_in(self, text: str) -> bool:
        """Whether its name stands in the text, as words."""
        name = self.plain_name
        return len(name) >= 4 and name in text and self._name_as_words.search(text) is not None

    def is_number_of(self, side: "Side") -> bool:
        """Whether the bank names it, or its number is in the text: whole, or its end behind a mask."""
        number, known = self.compact, side.compact_counterparty
        if len(number) < 4:
            return False
        if len(known) >= 6 and (known.endswith(number) or number.endswith(known)):
            return True
        if len(number) >= 6 and number.lower() in side.run_together:
            return True
        return number[-4:].lower() in side.text and self._end_behind_mask.search(side.text) is not None


@dataclass(frozen=True)
class Side:
    """One transaction. `put_elsewhere`: a person gave it a category that is no transfer's.

    `ruled_account_id`: a rule of theirs said that it is a transfer to or from this account.
    """

    transaction_id: UUID
    account_id: UUID
    booked_on: date
    amount: Decimal
    currency: str
    description: str
    merchant: str | None = None
    reference: str | None = None
    counterparty: str | None = None
    mcc: str | None = None
    is_posted: bool = True
    put_elsewhere: bool = False
    is_split: bool = False
    ruled_account_id: UUID | None = None

    @cached_property
    def text(self) -> str:
        return _plain(f"{self.description} {self.merchant or ''}")

    @cached_property
    def is_plain(self) -> bool:
        """Whether it speaks of a transfer between own accounts."""
        return words.TRANSFER.search(self.text) is not None

    @cached_property
    def is_sent(self) -> bool:
        """Whether it speaks of money that is sent to anybody."""
        return words.SENT.search(self.text) is not None

    @cached_property
    def is_cash(self) -> bool:
        return words.CASH.search(self.text) is not None

    @cached_property
    def is_salary(self) -> bool:
        return words.SALARY.search(self.text) is not None

    @cached_property
    def is_else(self) -> bool:
        """Whether it speaks of interest, a refund or a purchase."""
        return words.NO_TRANSFER.search(self.text) is not None

    @cached_property
    def compact_counterparty(self) -> str:
        return _compact(self.counterparty)

    @cached_property
    def run_together(self) -> str:
        """The text without what numbers are grouped by."""
        return re.sub(r"[\s.-]", "", self.text)

    @cached_property
    def tokens(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", self.text))

    @cached_property
    def long_numbers(self) -> frozenset[str]:
        """Words of five digits or more that are no date."""
        return frozenset(re.findall(r"\b(?=\w*\d{5})[\w/-]{6,}\b", self.text))


class Named(NamedTuple):
    """The own accounts that one side names."""

    by_number: frozenset[UUID]
    by_name: frozenset[UUID]


class Accounts:
    """The organization's accounts, and which of them a side names: looked up once, in however many pairs it may be."""

    def __init__(self, accounts: Iterable[Own]) -> None:
        self._accounts = {own.account_id: own for own in accounts}
        self._named: dict[UUID, Named] = {}

    def __getitem__(self, account_id: UUID) -> Own:
        return self._accounts[account_id]

    def says_number(self, side: Side, own: Own) -> bool:
        """Whether this side says the number of that account."""
        return own.account_id in self.named(side).by_number

    def says_name(self, side: Side, own: Own) -> bool:
        """Whether this side says the name of that account."""
        return own.account_id in self.named(side).by_name

    def named(self, side: Side) -> Named:
        """The accounts whose number or name this side says."""
        known = self._named.get(side.transaction_id)
        if known is None:
            known = self._named[side.transaction_id] = Named(
                frozenset(own.account_id for own in self._accounts.values() if own.is_number_of(side)),
                frozenset(own.account_id for own in self._accounts.values() if own.is_named_in(side.text)),
            )
        return known


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _compact(number: str | None) -> str:
    return re.sub(r"[^0-9A-Z]", "", (number or "").upper())
