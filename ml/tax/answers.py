"""Answers: what is asked of the tax rules and what they say, for each movement of money or part of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as Day  # noqa: N812 - a field is called date
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from ml.tax.consumption import ConsumptionTax
from ml.tax.figures import NOTE, Treatment
from ml.tax.heads import Nature
from ml.tax.rows import Grade, Status

Deductible = Literal["yes", "no", "partly", "needs_evidence"]
Evidence = Literal[
    "receipt", "tax_invoice", "business_purpose", "private_use_share", "mileage_log", "attendees", "recipient",
    "date_first_used", "travel_dates", "date", "currency", "category",
]  # fmt: skip


class Movement(Protocol):
    """A movement of money to assess, stored or not; negative is money out."""

    @property
    def description(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def date(self) -> Day | None: ...
    @property
    def merchant(self) -> str | None: ...
    @property
    def mcc(self) -> str | None: ...
    @property
    def transaction_id(self) -> UUID | None: ...
    @property
    def id(self) -> str | None: ...


@dataclass(frozen=True)
class TaxItem:
    """A movement that need not be stored. `codes` are its predicted categories, where the caller knows them."""

    description: str
    amount: Decimal
    currency: str | None = None
    date: Day | None = None
    merchant: str | None = None
    mcc: str | None = None
    transaction_id: UUID | None = None
    id: str | None = None
    codes: tuple[str, ...] = ()
    head: str | None = None
    business_pct: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One movement, or one part of a split one, with all that is known of it."""

    description: str
    amount: Decimal
    currency: str | None
    date: Day | None
    merchant_key: str
    mcc: str | None
    codes: tuple[str, ...] = ()
    category: str | None = None
    # whether a person or their rule chose the category
    is_decided: bool = False
    is_transfer: bool = False
    is_posted: bool = True
    has_receipt: bool = False
    transaction_id: UUID | None = None
    part: int | None = None
    id: str | None = None
    head: str | None = None
    business_pct: Decimal | None = None


@dataclass(frozen=True)
class Confirmed:
    """What a person said: that it is deductible or not, as what, and how much of it is for business, in percent."""

    is_deductible: bool | None = None
    head: str | None = None
    business_pct: Decimal | None = None
    said_by: str | None = None


@dataclass(frozen=True)
class Conversion:
    """By which rate a foreign amount was told in the jurisdiction's currency; or why it was not."""

    base: str
    quote: str
    rate: Decimal | None
    quoted_on: Day | None
    source: str | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class TaxAnswer:
    """How much of a movement is deductible, by which rule, and what is still needed.

    `amount` is what counts if it counts, in `currency`; of a refund it is negative. It is none where nobody can say.
    Of it `confirmed` is what a person stands behind, `possible` the rest. `percentage` is of what was paid, without
    the consumption tax that is recovered.
    """

    deductible: Deductible
    percentage: Decimal | None
    amount: Decimal | None
    currency: str
    confirmed: Decimal = Decimal(0)
    possible: Decimal = Decimal(0)
    disallowed: Decimal | None = None
    head: str | None = None
    nature: Nature | None = None
    treatment: Treatment | None = None
    rule_id: str | None = None
    rule_version: str | None = None
    law: str | None = None
    source: str | None = None
    rule_status: Status | None = None
    rule_grade: Grade | None = None
    evidence_needed: tuple[Evidence, ...] = ()
    consumption_tax: ConsumptionTax | None = None
    form: str | None = None
    lines: Mapping[str, Decimal] = field(default_factory=dict)
    converted: Conversion | None = None
    jurisdiction: str
    tax_year: str | None = None
    confirmed_by: str | None = None
    reasons: tuple[str, ...] = ()
    transaction_id: UUID | None = None
    part: int | None = None
    id: str | None = None
    note: str = NOTE
