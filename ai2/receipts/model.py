"""Receipts and their matches, as the books keep them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

# waiting: no transaction yet; unread: what it cost could not be read; copy: another one says the same.
State = Literal["waiting", "needs_review", "matched", "copy", "unread"]
MatchState = Literal["proposed", "applied", "accepted", "rejected"]


@dataclass(frozen=True)
class Document:
    """A receipt or an invoice, and what was read of it; `readings` says of each field how sure, and where it stood."""

    document_id: UUID
    mail_id: UUID | None
    digest: bytes
    size_bytes: int
    file_name: str
    media_type: str
    form: str | None
    supplier: str | None
    supplier_key: str
    issued_on: date | None
    total: Decimal | None
    tax: Decimal | None
    currency: str | None
    number: str | None
    order_number: str | None
    state: State
    same_as: UUID | None
    is_trusted: bool
    added_by: str
    created_at: datetime
    readings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    """A receipt and a transaction: what they are to each other, how sure, why, and who said so."""

    document_id: UUID
    transaction_id: UUID
    state: MatchState
    confidence: Decimal
    reasons: list[str]
    parts: int
    decided_by: str
    decided_at: datetime
    attachments: list[UUID]
    is_attached: bool
