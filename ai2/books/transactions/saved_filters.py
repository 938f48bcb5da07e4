"""Saved filters: what somebody asks the list for again and again; their own, or shared with the organization."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ai2.books.transactions import saved_filters_repository as repository
from ai2.identity.principal import Principal, Role
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Forbidden, NotFound, Stale
from ai2.kit.ids import new_id

MOST_FILTERS = 200


class FilterNotFound(NotFound):
    """There is no such filter; GET /api/core/filters lists yours and those shared with you."""


class FilterNameTaken(Conflict):
    """You have a filter of this name; choose another, or change that one."""


class TooManyFilters(Conflict):
    """You have as many filters as there may be; delete one."""


class NotYourFilter(Forbidden):
    """This filter is shared by somebody else; ask them or an admin, or save one of your own."""


class SharingNotAllowed(Forbidden):
    """Your role does not share filters; keep it for yourself, or ask an accountant."""


@dataclass(frozen=True)
class SavedFilter:
    """A filter under a name; `filter` is in the words of the list's query."""

    filter_id: UUID
    owner: str
    name: str
    filter: dict[str, Any]
    is_shared: bool
    version: int
    created_at: datetime
    updated_at: datetime


async def list_all(db: Connection, who: Principal) -> list[SavedFilter]:
    """One's own and those that are shared, by name."""
    return [SavedFilter(**row) for row in await repository.list_all(db, who.organization_id, who.actor)]


async def get(db: Connection, who: Principal, filter_id: UUID) -> SavedFilter:
    """One's own, or one that is shared; what others keep for themselves is not there."""
    row = await repository.get(db, who.organization_id, filter_id, who.actor)
    if row is None:
        raise FilterNotFound
    return SavedFilter(**row)


async def create(db: Connection, who: Principal, *, name: str, wanted: dict[str, Any], is_shared: bool) -> SavedFilter:
    _check_sharing(who, is_shared)
    await repository.lock(db, who.organization_id, who.actor)
    mine = [known for known in await list_all(db, who) if known.owner == who.actor]
    if len(mine) >= MOST_FILTERS:
        raise TooManyFilters
    filter_id = new_id()
    values = {"filter_id": filter_id, "owner": who.actor, "name": name, "filter": wanted, "is_shared": is_shared}
    if not await repository.insert(db, who.organization_id, **values):
        raise FilterNameTaken(errors=(FieldError("name", "is unique among your filters, case aside"),))
    return await get(db, who, filter_id)


async def update(
    db: Connection, who: Principal, filter_id: UUID, changes: dict[str, Any], *, version: int | None = None
) -> SavedFilter:
    """Change what is named: one's own, and as an admin what others share."""
    present = await _theirs_to_change(db, who, filter_id, version)
    changed = {**vars(present), **changes}
    if changed["is_shared"] and not present.is_shared:
        _check_sharing(who, True)
    if await repository.is_taken(db, who.organization_id, present.owner, changed["name"], but=filter_id):
        raise FilterNameTaken(errors=(FieldError("name", "is unique among its owner's filters, case aside"),))
    await repository.update(db, who.organization_id, filter_id, changed)
    if present.owner != who.actor and not changed["is_shared"]:
        # it is its owner's alone now
        return SavedFilter(**{**changed, "version": present.version + 1})
    return await get(db, who, filter_id)


async def delete(db: Connection, who: Principal, filter_id: UUID, *, version: int | None = None) -> None:
    await _theirs_to_change(db, who, filter_id, version)
    await repository.delete(db, who.organization_id, filter_id)


async def forget_own(db: Connection, organization_id: UUID, owner: str) -> None:
    """Take away what somebody kept for themselves; what they shared is everybody's and stays."""
    await repository.delete_own(db, organization_id, owner)


async def _theirs_to_change(db: Connection, who: Principal, filter_id: UUID, version: int | None) -> SavedFilter:
    await repository.lock(db, who.organization_id, (await get(db, who, filter_id)).owner)
    present = await get(db, who, filter_id)  # as it is now that nobody else changes it
    if present.owner != who.actor and not who.role.covers(Role.ADMIN):
        raise NotYourFilter
    if version not in (None, present.version):
        raise Stale
    return present


def _check_sharing(who: Principal, is_shared: bool) -> None:
    if is_shared and not who.role.covers(Role.ACCOUNTANT):
        raise SharingNotAllowed
