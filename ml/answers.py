"""Answers: what is asked of the deciders and what they say, the same for one transaction and for a million."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

from ai2.kit.merchants import merchant_key

if TYPE_CHECKING:
    from ml.recurring.service import RecurringMatch
    from ml.tax.answers import TaxAnswer

Decision = Literal["apply", "review", "abstain"]
Decider = Literal["user", "rule", "recurring", "merchant", "import", "model", "llm"]


@dataclass(frozen=True)
class Descriptor:
    """What is known of a movement of money without knowing whose it is: its sign, no amount, no date, no account.

    `money_in` is none where a file does not tell the direction. `key` is what the books keep as its merchant key.
    """

    description: str
    money_in: bool | None
    merchant: str | None = None
    mcc: str | None = None
    # it follows from the others
    key: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Item:
    """A movement of money to analyse, stored or not. `id` is the caller's own.

    `attributes` are the file's columns that mean nothing to us, such as a cost centre. `merchant_key` is what the
    books keep of a stored one.
    """

    description: str
    amount: Decimal
    currency: str | None = None
    date: datetime.date | None = None
    merchant: str | None = None
    mcc: str | None = None
    account_id: UUID | None = None
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    transaction_id: UUID | None = None
    id: str | None = None
    merchant_key: str | None = None

    @cached_property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.description, self.amount > 0, self.merchant, self.mcc, self.merchant_key)

    @cached_property
    def key(self) -> tuple[str, bool]:
        """What people teach by: the merchant, and which way the money goes."""
        known = self.merchant_key
        return merchant_key(self.description, self.merchant) if known is None else known, self.amount > 0


@dataclass(frozen=True)
class Alternative:
    """Another category that it might be: a detailed one, or one that only this organization has."""

    detailed: str | None
    confidence: float
    category_id: UUID | None = None


@dataclass(frozen=True)
class KnownMerchant:
    """Who it is, as far as that is public knowledge. `kind` is what it sells, in a word or two."""

    name: str
    kind: str | None = None
    website: str | None = None


@dataclass(frozen=True)
class Verdict:
    """A category, how sure (0 to 1, calibrated), what to do with it, who says so and why.

    The category is a detailed one for anyone, or by `category_id` one of the organization's own. Where nothing can
    be said there is neither, and the decision is to abstain.
    """

    detailed: str | None
    confidence: float
    decision: Decision
    decided_by: Decider
    version: str
    reasons: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()
    merchant: KnownMerchant | None = None
    category_id: UUID | None = None
    # what it continues, whoever decided
    recurring: "RecurringMatch | None" = None


class Categoriser(Protocol):
    """Decides by public knowledge and by the model, for anyone."""

    @property
    def version(self) -> str: ...

    def decide(self, descriptors: Sequence[Descriptor]) -> list[Verdict]:
        """A verdict for each, in their order."""
        ...


@dataclass(frozen=True)
class Category:
    """A category twice: as predicted for anyone, and as the organization's own (none: it has none for it)."""

    primary: str | None
    detailed: str | None
    category_id: str | None
    name: str | None


@dataclass(frozen=True)
class OtherCategory(Category):
    """Another category that it might be, and how likely."""

    confidence: float = 0.0


@dataclass(frozen=True)
class Analysis:
    """The answer of analyze-transaction. `id` is the caller's own, where many are asked at once."""

    category: Category
    confidence: float
    decision: Decision
    alternatives: tuple[OtherCategory, ...]
    merchant: KnownMerchant | None
    decided_by: Decider
    version: str
    reasons: tuple[str, ...] = field(default_factory=tuple)
    id: str | None = None
    recurring: "RecurringMatch | None" = None
    tax: "TaxAnswer | None" = None
