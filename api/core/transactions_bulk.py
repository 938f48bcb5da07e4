"""Transactions in bulk: up to a thousand written down or changed as one act, all of them or none."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, model_validator

from ai2.books.transactions import bulk
from ai2.books.transactions.bulk import Wanted
from ai2.books.transactions.service import NewTransaction
from api.core.transactions import TransactionChange, TransactionNew, TransactionOut
from api.schemas import Body, Out, Whole, changes
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/transactions", tags=["transactions"], route_class=Unit)

MOST = 1000


class BulkNew(Body):
    """Transactions to write down."""

    items: Annotated[list[TransactionNew], Field(min_length=1, max_length=MOST)]


class ToChange(Body):
    """A transaction to change."""

    transaction_id: UUID
    version: Whole | None = Field(
        default=None, ge=1, le=2**31 - 1, description="The version you read; 412 if it changed since."
    )


class BulkChange(Body):
    """Which transactions to change, and what of each; what is not named stays."""

    transaction_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST)] | None = None
    items: Annotated[list[ToChange], Field(min_length=1, max_length=MOST)] | None = Field(
        default=None, description="Instead of transaction_ids, where versions are to be guarded."
    )
    change: TransactionChange

    @model_validator(mode="after")
    def _either(self) -> "BulkChange":
        if (self.transaction_ids is None) == (self.items is None):
            raise ValueError("names either transaction_ids or items")
        return self

    def wanted(self) -> list[Wanted]:
        if self.items is None:
            return [Wanted(each, f"transaction_ids.{i}") for i, each in enumerate(self.transaction_ids or [])]
        return [Wanted(each.transaction_id, f"items.{i}", each.version) for i, each in enumerate(self.items)]


class BulkOut(Out):
    """The transactions as they are now, in the order of the request."""

    items: list[TransactionOut]


@router.post("/bulk", status_code=201, response_model=BulkOut)
async def create_transactions(new: BulkNew, db: Db, who: Caller) -> dict[str, Any]:
    """Write up to 1,000 transactions down, all or none; what does not hold is named as items.3.amount."""
    wanted = [NewTransaction(**each.as_new()) for each in new.items]
    return {"items": await bulk.create(db, who.organization_id, wanted)}


@router.post("/bulk-update", response_model=BulkOut)
async def update_transactions(change: BulkChange, db: Db, who: Caller) -> dict[str, Any]:
    """Change the same of up to 1,000 transactions, all or none. A category named here is your decision and stays."""
    wanted = changes(change.change)
    if "date" in wanted:
        wanted["booked_on"] = wanted.pop("date")
    return {"items": await bulk.update(db, who.organization_id, change.wanted(), wanted)}
