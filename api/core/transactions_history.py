"""Transactions' history: what was known when, and who changed what."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.books.transactions import history
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/transactions", tags=["transactions"], route_class=Unit)


class ChangeOut(Out):
    """A field that a version changed."""

    field: str = Field(description="As it is called in a transaction; deleted_at where it was taken out.")
    before: Any = Field(serialization_alias="from")
    after: Any = Field(serialization_alias="to")


class VersionOut(Out):
    """A version of a transaction."""

    version: int
    known_from: Instant
    known_to: Instant | None = Field(description="null for the present version.")
    changed_by: str | None = Field(
        description="user, api_key or batch, and its id; or system. "
        "null for a first version that no import brought: who wrote it down is not recorded."
    )
    changes: list[ChangeOut] = Field(description="Against the version before; a first one has none.")


class Versions(ListOf):
    """One page, newest first."""

    items: list[VersionOut]


@router.get("/{transaction_id}/history", response_model=Versions)
async def get_transaction_history(
    transaction_id: UUID, db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]
) -> dict[str, Any]:
    """Every version of a transaction, newest first; of a deleted one too."""
    before = read_cursor(wanted.cursor, _version)
    items, last = await history.page(db, who.organization_id, transaction_id, before=before, limit=wanted.limit)
    total = await history.count(db, who.organization_id, transaction_id) if wanted.include else None
    return {"items": items, "next_cursor": write_cursor(last), "total": total}


def _version(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**31:
        raise ValueError
    return number
