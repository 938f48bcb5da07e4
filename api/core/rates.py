"""Rates: what one currency was worth in another on a day, and an organization's own."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from ai2.books.rates import service as rates
from ai2.books.rates.service import MAX_AGE_DAYS, Rate, Source
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import AmountIn, Body, CalendarDate, Currency, Day, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/rates", tags=["rates"], route_class=Unit)


def _plain(value: Any) -> Any:
    """Without the exponent that a decimal may have."""
    return f"{value:f}" if hasattr(value, "as_tuple") else value


RateValue = Annotated[
    str, BeforeValidator(_plain), WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?$", "examples": ["1.17"]})
]


class RateQuery(Body):
    """Which rate."""

    base: Currency
    quote: Currency
    date: Day = Field(description="For which day.")


class OwnRateIn(RateQuery):
    """A rate of your own for a day."""

    rate: AmountIn = Field(description="What one unit of `base` is in `quote`.")


class RateOut(Out):
    """What one unit of `base` is in `quote`; null where that is not known, and then the reason says why."""

    base: str
    quote: str
    date: CalendarDate = Field(validation_alias="on")
    rate: RateValue | None = Field(description="To twelve digits; amounts are converted by it as it stands here.")
    rate_date: CalendarDate | None = Field(
        validation_alias="quoted_on", description="The day that it was published for: the last one up to `date`."
    )
    source: Source | None = Field(description="own, ecb (across the euro), or same: it is one currency.")
    max_age_days: int = Field(default=MAX_AGE_DAYS, description="How old a publication may be at most.")
    frozen_at: Instant | None = Field(
        description="When the day's period was closed: the rate is as it was known then. Null: as it is known now."
    )
    reason: str | None


class OwnRateOut(Out):
    """A rate that your organization set."""

    base: str
    quote: str
    date: CalendarDate = Field(validation_alias="quoted_on")
    rate: RateValue
    set_by: str
    known_from: Instant


class OwnRates(ListOf):
    """One page."""

    items: list[OwnRateOut]


@router.get("", response_model=RateOut)
async def get_rate(db: Db, who: Caller, wanted: Annotated[RateQuery, Query()]) -> Rate:
    """The rate between two currencies for a day, with the day and source that it is from."""
    return await rates.rate(db, who.organization_id, wanted.base, wanted.quote, wanted.date)


@router.get("/own", response_model=OwnRates)
async def list_own_rates(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """The rates that your organization set, the last set first."""
    after = read_cursor(wanted.cursor, UUID)
    items, last = await rates.own_rates(db, who.organization_id, after=after, limit=wanted.limit)
    total = await rates.count_own(db, who.organization_id) if wanted.include else None
    return {"items": items, "next_cursor": write_cursor(last), "total": total}


@router.put("", response_model=RateOut)
async def put_rate(new: OwnRateIn, db: Db, who: Caller) -> Rate:
    """Set a rate of your own for a day; it counts before the published one. Days of a closed period are refused."""
    return await rates.set_own(db, who.organization_id, new.base, new.quote, new.date, new.rate, set_by=who.actor)


@router.delete("", status_code=204)
async def delete_rate(db: Db, who: Caller, wanted: Annotated[RateQuery, Query()]) -> Response:
    """Take a rate of your own away."""
    await rates.delete_own(db, who.organization_id, wanted.base, wanted.quote, wanted.date, deleted_by=who.actor)
    return Response(status_code=204)
