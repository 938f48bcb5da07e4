"""Saved layouts: how an account's files are read from now on, learnt from an answer or said by a person."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.ingest import repository
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.words import Role
from ai2.ingest.problems import LayoutDoesNotHold, LayoutNotFound
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError


@dataclass(frozen=True)
class SavedLayout:
    """A layout as it is kept for an account; `decided_by` is `inferred` or `person`."""

    signature: str
    layout: Layout
    decided_by: str
    version: int
    updated_at: datetime


async def of_account(db: Connection, organization_id: UUID, account_id: UUID) -> list[SavedLayout]:
    """How this account's files are read, the last used first."""
    await accounts.get(db, organization_id, account_id)
    found = await repository.layouts(db, organization_id, account_id)
    return [SavedLayout(**{**row, "layout": Layout.model_validate(row["layout"])}) for row in found]


async def delete(db: Connection, organization_id: UUID, account_id: UUID, signature: str) -> None:
    """Forget how files of this signature are read: the next one decides anew, or asks."""
    await accounts.get(db, organization_id, account_id)
    if not await repository.delete_layout(db, organization_id, account_id, signature):
        raise LayoutNotFound


async def put(db: Connection, organization_id: UUID, account_id: UUID, layout: Layout) -> SavedLayout:
    """A person's word on how files of this signature are read from now on."""
    await accounts.get(db, organization_id, account_id)
    if Role.DATE not in layout.columns or not layout.columns.keys() & {Role.AMOUNT, Role.DEBIT, Role.CREDIT}:
        raise LayoutDoesNotHold(errors=(FieldError("columns", "names a date, and an amount or debit and credit"),))
    kept = await repository.put_layout(db, organization_id, account_id, layout.model_dump(mode="json"), "person")
    return SavedLayout(**{**(kept or {}), "layout": layout})
