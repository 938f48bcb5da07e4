"""Categories: an organization's own tree, and which of them it means by a predicted one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from psycopg import errors
from psycopg.rows import DictRow

from ai2.books.budgets import repository as budgets_repository
from ai2.books.categories import repository
from ai2.books.categories.default_chart import Kind, default_chart
from ai2.books.transactions import saved_filters_repository, splits_repository
from ai2.kit import events
from ai2.kit.database import Connection, Query, hold
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.stamped import Stamped


class CategoryNotFound(NotFound):
    """There is no such category; GET /api/core/categories lists yours."""


class CategoryNameTaken(Conflict):
    """A category of this name exists already; names differ by more than case."""


class CategoryInUse(Conflict):
    """The category is in use; name another in reassign_to."""


class BudgetsMeet(Conflict):
    """Both categories have a budget for some month; end or delete one of the two first."""


@dataclass(frozen=True)
class Category:
    """One category. `codes` are the predicted categories that stand for it here."""

    category_id: UUID
    parent_id: UUID | None
    name: str
    kind: Kind
    codes: list[str]
    version: int
    created_at: datetime


@dataclass(frozen=True)
class Meaning:
    """Which category each predicted code is here, and what categories are called."""

    by_code: dict[str, UUID]
    names: dict[UUID, str]

    def codes_of(self, category_id: UUID | None) -> list[str]:
        """The predicted codes that mean this category."""
        return self._codes.get(category_id, []) if category_id else []

    @cached_property
    def _codes(self) -> dict[UUID, list[str]]:
        found: dict[UUID, list[str]] = {}
        for code, category_id in self.by_code.items():
            found.setdefault(category_id, []).append(code)
        return found


# Of so many organizations it is remembered what codes mean; a category takes some two hundred bytes.
_remembered: Stamped[Meaning] = Stamped(200)


async def create_defaults(db: Connection, organization_id: UUID) -> None:
    """Give a new organization the categories everyone starts with."""
    ids = {category.code: new_id() for category in default_chart()}
    await repository.insert_many(
        db,
        organization_id,
        [(ids[c.code], ids.get(c.parent_code or ""), c.name, c.kind) for c in default_chart()],
        [(c.code, ids[c.code]) for c in default_chart()],
    )


async def list_all(db: Connection, organization_id: UUID) -> list[Category]:
    """The organization's categories, parents first, by name."""
    return [Category(**row) for row in await repository.list_all(db, organization_id)]


async def get(db: Connection, organization_id: UUID, category_id: UUID) -> Category:
    row = await repository.get(db, organization_id, category_id)
    if row is None:
        raise CategoryNotFound
    return Category(**row)


async def find(db: Connection, organization_id: UUID, name: str) -> Category:
    """The category of this name, case aside, or of this predicted code."""
    found = await find_many(db, organization_id, [name])
    if not found:
        raise CategoryNotFound
    return await get(db, organization_id, found[name])


async def find_many(db: Connection, organization_id: UUID, names: Collection[str]) -> dict[str, UUID]:
    """Which category each of these names or codes is; those that are none are left out."""
    return await repository.find_many(db, organization_id, list(names)) if names else {}


async def by_code(db: Connection, organization_id: UUID) -> dict[str, UUID]:
    """Which category each predicted code (detailed, or primary) stands for in this organization."""
    return await repository.by_code(db, organization_id)


async def names(db: Connection, organization_id: UUID, category_ids: Collection[UUID]) -> dict[UUID, str]:
    """What those of these categories are called that are in use."""
    return await repository.names(db, organization_id, list(category_ids)) if category_ids else {}


async def meant(
    db: Connection, organization_id: UUID, codes: Collection[str], category_ids: Collection[UUID]
) -> Meaning:
    """What these predicted codes mean in this organization, and what these categories of its own are called."""
    return _meaning(
        await repository.meant(db, organization_id, list(codes), list(category_ids)) if codes or category_ids else []
    )


def stamp_query(organization_id: UUID) -> Query:
    """What asks for the stamp of what all codes mean, for who asks for more at once."""
    return repository.stamp_query(organization_id)


async def all_meant_by(db: Connection, organization_id: UUID, found: DictRow) -> Meaning:
    """What all predicted codes mean, by what `stamp_query` found: remembered, or read where it has changed."""
    stamp = found["of_categories"], found["of_codes"]
    known = _remembered.get(organization_id, stamp)
    return known or _remembered.keep(organization_id, stamp, _meaning(await repository.all_meant(db, organization_id)))


def _meaning(found: Sequence[DictRow]) -> Meaning:
    return Meaning(
        by_code={row["code"]: row["category_id"] for row in found if row["code"]},
        names={row["category_id"]: row["name"] for row in found},
    )


async def create(
    db: Connection, organization_id: UUID, *, name: str, kind: Kind | None, parent_id: UUID | None
) -> Category:
    """Make a category. Its kind is its parent's where it has one."""
    parent = await get(db, organization_id, parent_id) if parent_id else None
    if parent and kind not in (None, parent.kind):
        raise Invalid(errors=(FieldError("kind", f"is {parent.kind}, as the parent's"),))
    if parent is None and kind is None:
        raise Invalid(errors=(FieldError("kind", "is needed where there is no parent"),))
    category_id = new_id()
    with_kind = parent.kind if parent else kind
    try:
        async with db.transaction():
            await repository.insert_many(db, organization_id, [(category_id, parent_id, name, with_kind)], [])
    except errors.UniqueViolation:
        raise CategoryNameTaken from None
    await events.emit(db, organization_id, "category.created", {"category_id": category_id})
    return await get(db, organization_id, category_id)


async def update(
    db: Connection,
    organization_id: UUID,
    category_id: UUID,
    *,
    name: str,
    parent_id: UUID | None,
    version: int | None = None,
) -> Category:
    """Rename or move a category; its kind follows its new parent's, which must be the same."""
    await hold(db, "books.categories", organization_id=organization_id, category_id=category_id)
    category = await get(db, organization_id, category_id)
    if version not in (None, category.version):
        raise Stale
    await _check_parent(db, organization_id, category, parent_id)
    try:
        async with db.transaction():
            await repository.update(db, organization_id, category_id, name, parent_id)
    except errors.UniqueViolation:
        raise CategoryNameTaken from None
    await events.emit(db, organization_id, "category.updated", {"category_id": category_id})
    return await get(db, organization_id, category_id)


async def _check_parent(db: Connection, organization_id: UUID, category: Category, parent_id: UUID | None) -> None:
    ancestor_id = parent_id
    while ancestor_id:
        ancestor = await get(db, organization_id, ancestor_id)
        if ancestor.category_id == category.category_id:
            raise Invalid(errors=(FieldError("parent_id", "lies below this category itself"),))
        if ancestor.kind != category.kind:
            raise Invalid(errors=(FieldError("parent_id", "is of another kind"),))
        ancestor_id = ancestor.parent_id


async def delete(
    db: Connection,
    organization_id: UUID,
    category_id: UUID,
    *,
    reassign_to: UUID | None = None,
    version: int | None = None,
) -> None:
    """Delete a category that nothing uses, or hand what uses it to another one."""
    await hold(db, "books.categories", organization_id=organization_id, category_id=category_id)
    category = await get(db, organization_id, category_id)
    if version not in (None, category.version):
        raise Stale
    used: dict[str, Any] = await repository.usage(db, organization_id, category_id)
    if reassign_to:
        await _hand_over(db, organization_id, category, reassign_to, field="reassign_to")
    elif any(used.values()):
        raise CategoryInUse(
            f"{used['transactions']} transactions, {used['children']} categories, {used['rules']} rules and "
            f"{used['budgets']} budgets use it; name another in reassign_to",
            **used,
        )
    await repository.delete(db, organization_id, category_id)
    await events.emit(db, organization_id, "category.deleted", {"category_id": category_id, "into": reassign_to})


async def merge(db: Connection, organization_id: UUID, category_id: UUID, into: UUID) -> Category:
    """Hand all that a category has to another one, which is the answer, and archive it."""
    category = await get(db, organization_id, category_id)
    await _hand_over(db, organization_id, category, into, field="into")
    await repository.delete(db, organization_id, category_id)
    await events.emit(db, organization_id, "category.merged", {"category_id": category_id, "into": into})
    return await get(db, organization_id, into)


async def _hand_over(db: Connection, organization_id: UUID, category: Category, heir_id: UUID, *, field: str) -> None:
    """Hand over all that names it. What lies below would become its own parent."""
    heir = await get(db, organization_id, heir_id)
    if heir.category_id == category.category_id or heir.kind != category.kind:
        raise Invalid(errors=(FieldError(field, "is another category of the same kind"),))
    if await repository.lies_below(db, organization_id, heir.category_id, category.category_id):
        raise Invalid(errors=(FieldError(field, "lies below this category; move it elsewhere first"),))
    await budgets_repository.lock(db, organization_id)
    if await budgets_repository.meet(db, organization_id, category.category_id, heir.category_id):
        raise BudgetsMeet
    for each in (repository, splits_repository, budgets_repository, saved_filters_repository):
        await each.reassign(db, organization_id, category.category_id, heir.category_id)
