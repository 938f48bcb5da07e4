"""Recommendations: what could be done about what the books say, each with its reason, its rows and its amount."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from api.ai.insights import RowsOut
from api.schemas import Amount, Body, Currency, Instant, OfCurrency, Out
from api.unit import Caller, Db, Unit
from ml.insights import recommendations
from ml.insights.model import Recommendations, Type

router = APIRouter(prefix="/api/ai/recommendations", tags=["insights"], route_class=Unit)


class RecommendationsQuery(Body):
    """Which of them."""

    currency: Currency | None = Field(default=None, description="Only of this one.")


class RecommendationOut(OfCurrency):
    """Something that could be done."""

    type: Type
    reason: str
    amount: Amount = Field(description="What could be had, saved or put right.")
    per: Literal["year", "month"] | None = Field(description="Over which time, where it is one.")
    since: date | None
    rows: RowsOut
    computed_by: str


class SilentOut(Out):
    """Of what nothing can be said, and why."""

    type: str
    reason: str


class RecommendationsOut(Out):
    """What could be done, the largest amount first by today's rates into your own currency; none is added up."""

    as_of: Instant
    items: list[RecommendationOut]
    unavailable: list[SilentOut]


@router.get("", response_model=RecommendationsOut)
async def get_recommendations(db: Db, who: Caller, wanted: Annotated[RecommendationsQuery, Query()]) -> Recommendations:
    """What could be done. Each is gone as soon as the books say that it was."""
    return await recommendations.recommendations(db, who.organization_id, currency=wanted.currency)
