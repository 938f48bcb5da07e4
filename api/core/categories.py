"""Categories: the organization's own tree."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2 import flows
from ai2.books.categories import service as categories
from ai2.books.categories.default_chart import Kind
from ai2.books.categories.service import Category
from api.etags import IfMatch, mark
from api.pages import WholeQuery, cut
from api.schemas import Body, Change, Instant, ListOf, Name, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/categories", tags=["categories"], route_class=Unit)


class CategoryNew(Body):
    """A category to make."""

    name: Name = Field(description="Unique here, without regard to case.")
    kind: Kind | None = Field(default=None, description="The parent's, where it has one.")
    parent_id: UUID | None = None


class CategoryChange(Change):
    """What to change; what is not named stays. The kind stays in any case."""

    name: Name = Field(default="")
    parent_id: UUID | None = Field(default=None, description="null moves it to the top.")


class CategoryOut(Out):
    """A category. `codes` are the predicted categories that stand for it here."""

    category_id: UUID
    parent_id: UUID | None
    name: str
    kind: Kind
    codes: list[str]
    version: int
    created_at: Instant


class Categories(ListOf):
    """All categories, parents before their children."""

    items: list[CategoryOut]


class Heir(Body):
    """What becomes of what uses a category that goes."""

    reassign_to: UUID | None = Field(default=None, description="A category of the same kind that takes it all over.")


class Merge(Body):
    """Where a category goes."""

    into: UUID = Field(description="Another category of the same kind, which does not lie below it.")


@router.get("", response_model=Categories)
async def list_categories(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, Any]:
    """The tree: each names its parent, and parents come before their children."""
    found = await categories.list_all(db, who.organization_id)
    return cut(found, wanted, lambda category: category.category_id)


@router.post("", status_code=201, response_model=CategoryOut)
async def create_category(new: CategoryNew, db: Db, who: Caller, response: Response) -> Category:
    """Make a category."""
    category = await categories.create(db, who.organization_id, **dict(new))
    mark(response, category.version)
    return category


@router.patch("/{category_id}", response_model=CategoryOut)
async def update_category(
    category_id: UUID, change: CategoryChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Category:
    """Rename or move a category."""
    present = await categories.get(db, who.organization_id, category_id)
    named = change.model_fields_set
    category = await categories.update(
        db,
        who.organization_id,
        category_id,
        name=change.name if "name" in named else present.name,
        parent_id=change.parent_id if "parent_id" in named else present.parent_id,
        version=version,
    )
    mark(response, category.version)
    return category


@router.delete("/{category_id}", status_code=204)
async def delete_category(
    category_id: UUID, db: Db, who: Caller, heir: Annotated[Heir, Query()], version: IfMatch
) -> Response:
    """Delete a category that nothing uses, or hand what uses it to another."""
    await flows.delete_category(db, who.organization_id, category_id, reassign_to=heir.reassign_to, version=version)
    return Response(status_code=204)


@router.post("/{category_id}/merge", response_model=CategoryOut)
async def merge_category(category_id: UUID, merge: Merge, db: Db, who: Caller, response: Response) -> Category:
    """Hand a category's transactions, children and codes to another and archive it; the answer is the other."""
    category = await flows.merge_category(db, who.organization_id, category_id, merge.into)
    mark(response, category.version)
    return category
