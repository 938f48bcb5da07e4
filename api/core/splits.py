"""Splits: one transaction in several categories."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from ai2.books.transactions import splits
from ai2.books.transactions.service import Transaction
from ai2.books.transactions.splits import MOST, Part
from api.core.transactions import Tags, TransactionOut
from api.etags import IfMatch, mark
from api.schemas import AmountIn, Body, Name, Text
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/transactions", tags=["transactions"], route_class=Unit)


class SplitNew(Body):
    """A part."""

    amount: AmountIn = Field(description="Signed as the transaction's; a refund within it has the other sign.")
    category_id: UUID | None = None
    category: Name | None = Field(default=None, description="Its name, instead of its id.")
    notes: Text | None = None
    tags: Tags = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_category(self) -> "SplitNew":
        if (self.category_id is None) == (self.category is None):
            raise ValueError("names either category_id or category")
        return self

    def read(self) -> Part:
        """The same for the books."""
        return Part(**{**dict(self), "tags": tuple(dict.fromkeys(self.tags))})


class SplitsNew(Body):
    """All parts, in the order in which they are shown; none makes the transaction whole."""

    splits: Annotated[list[SplitNew], Field(max_length=MOST)]


@router.put("/{transaction_id}/splits", response_model=TransactionOut)
async def put_splits(
    transaction_id: UUID, wanted: SplitsNew, db: Db, who: Caller, response: Response, version: IfMatch
) -> Transaction:
    """Split a transaction into 2 to 100 parts that sum to its amount; or with none, make it whole and undecided."""
    parts = [part.read() for part in wanted.splits]
    made = await splits.put(db, who.organization_id, transaction_id, parts, version=version)
    mark(response, made.version)
    return made
