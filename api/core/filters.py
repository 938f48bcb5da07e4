"""Saved filters: written down, shared, changed, deleted. `GET /api/core/transactions?filter_id=` applies one."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.books.transactions import saved_filters
from ai2.books.transactions.saved_filters import SavedFilter
from api.core.transactions import TransactionFilter, check_theirs
from api.etags import IfMatch, mark
from api.pages import WholeQuery, cut
from api.schemas import Body, Change, Instant, ListOf, Name, Out, changes
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/filters", tags=["filters"], route_class=Unit)


class FilterNew(Body):
    """A filter to keep."""

    name: Name = Field(description="Unique among yours, without regard to case.")
    filter: TransactionFilter
    is_shared: bool = Field(default=False, description="With everybody in the organization; else it is yours alone.")


class FilterChange(Change):
    """What to change; what is not named stays. A filter is replaced as a whole."""

    name: Name = Field(default="")
    filter: TransactionFilter = Field(default_factory=TransactionFilter)
    is_shared: bool = Field(default=False)


class FilterOut(Out):
    """A saved filter."""

    filter_id: UUID
    owner: str = Field(description="Who keeps it: user:<id> or api_key:<id>.")
    name: str
    filter: dict[str, Any] = Field(description="What was given, in the words of the list's query.")
    is_shared: bool
    version: int
    created_at: Instant
    updated_at: Instant


class Filters(ListOf):
    """Yours and those that are shared, by name."""

    items: list[FilterOut]


@router.get("", response_model=Filters)
async def list_filters(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, Any]:
    """Your filters and those that others share, by name."""
    return cut(await saved_filters.list_all(db, who), wanted, lambda kept: kept.filter_id)


@router.post("", status_code=201, response_model=FilterOut)
async def create_filter(new: FilterNew, db: Db, who: Caller, response: Response) -> SavedFilter:
    """Keep a filter under a name. Sharing it needs the role accountant."""
    await check_theirs(db, who.organization_id, new.filter)
    made = await saved_filters.create(db, who, name=new.name, wanted=_kept(new.filter), is_shared=new.is_shared)
    mark(response, made.version)
    return made


@router.get("/{filter_id}", response_model=FilterOut)
async def get_filter(filter_id: UUID, db: Db, who: Caller, response: Response) -> SavedFilter:
    """One filter, yours or shared."""
    found = await saved_filters.get(db, who, filter_id)
    mark(response, found.version)
    return found


@router.patch("/{filter_id}", response_model=FilterOut)
async def update_filter(
    filter_id: UUID, change: FilterChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> SavedFilter:
    """Change a filter of yours, or as an admin one that is shared."""
    wanted = changes(change)
    if "filter" in wanted:
        await check_theirs(db, who.organization_id, change.filter)
        wanted["filter"] = _kept(change.filter)
    changed = await saved_filters.update(db, who, filter_id, wanted, version=version)
    mark(response, changed.version)
    return changed


@router.delete("/{filter_id}", status_code=204)
async def delete_filter(filter_id: UUID, db: Db, who: Caller, version: IfMatch) -> Response:
    """Delete a filter of yours, or as an admin one that is shared."""
    await saved_filters.delete(db, who, filter_id, version=version)
    return Response(status_code=204)


def _kept(wanted: TransactionFilter) -> dict[str, Any]:
    return wanted.model_dump(mode="json", exclude_unset=True, exclude_none=True)
