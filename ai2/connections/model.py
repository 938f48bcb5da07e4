"""What a connection and a sync are."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

State = Literal["connecting", "connected", "syncing", "needs_consent", "error", "expired", "disconnected"]
Trigger = Literal["schedule", "webhook", "person", "backfill", "connect"]

# From so many days before it ends an owner is told of a consent, once a day.
WARN_DAYS = 14


@dataclass(frozen=True)
class LinkedAccount:
    """A provider's account and ours; none: it is left out."""

    account_key: str
    account_id: UUID | None
    name: str
    currency: str | None
    kind: str
    number: str | None


@dataclass(frozen=True)
class Connection:
    """A connection as anybody of its organization may see it: never its credentials."""

    connection_id: UUID
    provider: str
    kind: str
    name: str
    state: State
    settings: dict[str, Any]
    cursor_at: datetime | None
    consent_expires_at: datetime | None
    next_run_at: datetime | None
    last_success_at: datetime | None
    rows_loaded: int
    error: dict[str, Any] | None
    notices: list[str]
    failures: int
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Sync:
    """One run: what asked for it, what it brought, and how it ended; without an outcome it runs."""

    sync_id: UUID
    connection_id: UUID
    trigger: Trigger
    since: date | None
    until: date | None
    outcome: str | None
    pages: int
    rows_in: int
    rows_loaded: int
    rows_duplicate: int
    rows_quarantined: int
    mails: int
    batches: list[UUID]
    error: dict[str, Any] | None
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Status:
    """Where a connection stands, what its owner has to do, and its last run that ended."""

    connection: Connection
    what_to_do: str
    is_in_step: bool
    last_sync: Sync | None
