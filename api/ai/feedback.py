"""Feedback: a person's word on a transaction. It holds from the next request on, in their organization alone."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.core.transactions import TransactionOut
from api.schemas import Body, Name, Out
from api.unit import Caller, Db, Unit
from ml import learning
from ml.learning import Learned

router = APIRouter(prefix="/api/ai", tags=["feedback"], route_class=Unit)


class Feedback(Body):
    """What is so, and for which transactions."""

    transaction_id: UUID
    field: Literal["category", "merchant", "recurring", "tax", "business_use"]
    value: Name = Field(
        description="The category by id, name or predicted code; the merchant's name; of recurring: yes, no, or a "
        "cadence such as monthly; for tax yes, no, or what kind of expense it was, such as subsistence; for "
        "business_use how much of it is for business, in percent."
    )
    apply_to: Literal["this", "similar", "always"] = Field(
        default="this",
        description="Only this one, or also the merchant's others that no person decided. Of recurring, `this` with no"
        " takes this one out of its pattern; the others dismiss the pattern.",
    )


class FeedbackOut(Out):
    """What changed."""

    transaction: TransactionOut = Field(description="The transaction as it is now.")
    others_changed: int = Field(description="How many other transactions follow it.")
    others_closed: int = Field(description="How many stay as they are, because their period is closed.")
    holds_for: str = Field(description="What is answered by it from now on.")


@router.post("/feedback", response_model=FeedbackOut)
async def give_feedback(said: Feedback, db: Db, who: Caller) -> Learned:
    """Correct a category or a merchant, say what recurs or what an expense is to the taxman, and let it be learnt."""
    return await learning.learn(db, who.organization_id, **dict(said), given_by=who.actor)
