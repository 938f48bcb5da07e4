"""Members: who belongs to an organization, and in which role. Nobody reaches above themselves; one owner stays."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ai2.identity import api_keys, invitations_repository, repository, sessions_repository
from ai2.identity import members_repository as members
from ai2.identity.principal import Principal, Role, RoleTooHigh
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, Forbidden, NotFound, Stale


class MemberNotFound(NotFound):
    """There is no such member; GET /api/core/members lists them."""


class MemberAboveYou(Forbidden):
    """This member's role is above yours; ask an owner to change it."""


class RoleChanged(Conflict):
    """Your own role changed while you asked for this; ask again."""


class LastOwner(Conflict):
    """An organization keeps an owner; make another member one first."""


@dataclass(frozen=True)
class Member:
    """A person in an organization, since `created_at`."""

    user_id: UUID
    email: str
    name: str
    role: Role
    version: int
    created_at: datetime


async def list_all(db: Connection, organization_id: UUID) -> list[Member]:
    """The organization's members, longest there first."""
    return [_member(row) for row in await members.list_all(db, organization_id)]


async def get(db: Connection, organization_id: UUID, user_id: UUID) -> Member:
    row = await members.get(db, organization_id, user_id)
    if row is None:
        raise MemberNotFound
    return _member(row)


async def change_role(
    db: Connection, who: Principal, user_id: UUID, role: Role, *, version: int | None = None
) -> Member:
    """Give a member another role, from their next request on. What they may not give any more they have not given."""
    member = await _to_change(db, who, user_id)
    if version not in (None, member.version):
        raise Stale
    if not who.role.covers(role):
        raise RoleTooHigh
    if role is not Role.OWNER:
        await _check_other_owner(db, who.organization_id, member)
    await members.set_role(db, who.organization_id, user_id, role)
    await events.emit(db, who.organization_id, "member.changed", {"user_id": user_id, "role": role})
    above = [each for each in Role if not role.covers(each)]
    await invitations_repository.withdraw(db, who.organization_id, user_id, above)
    return await get(db, who.organization_id, user_id)


async def remove(db: Connection, who: Principal, user_id: UUID, *, version: int | None = None) -> None:
    """Remove a member: their sessions here end, and so do their API keys and the invitations that they gave."""
    member = await _to_change(db, who, user_id)
    if version not in (None, member.version):
        raise Stale
    await _check_other_owner(db, who.organization_id, member)
    await members.delete(db, who.organization_id, user_id)
    await sessions_repository.end_of_user(db, who.organization_id, user_id)
    await api_keys.revoke_of_user(db, who.organization_id, user_id)
    await invitations_repository.withdraw(db, who.organization_id, user_id, list(Role))
    await events.emit(db, who.organization_id, "member.removed", {"user_id": user_id})


async def hold(db: Connection, who: Principal) -> None:
    """Let nobody else change who belongs here until the transaction ends, and see that the caller still does.

    Of two who lower or remove each other at once, the second has lost the right while it waited.
    """
    await repository.lock_organization(db, who.organization_id)
    person = who.user_id or who.stands_for
    if person:
        row = await members.get(db, who.organization_id, person)
        if row is None or not Role(row["role"]).covers(who.role):
            raise RoleChanged


async def _to_change(db: Connection, who: Principal, user_id: UUID) -> Member:
    await hold(db, who)
    member = await get(db, who.organization_id, user_id)
    if not who.role.covers(member.role):
        raise MemberAboveYou
    return member


async def _check_other_owner(db: Connection, organization_id: UUID, member: Member) -> None:
    if member.role is Role.OWNER and await members.count(db, organization_id, Role.OWNER) == 1:
        raise LastOwner


def _member(row: dict[str, object]) -> Member:
    return Member(**{**row, "role": Role(str(row["role"]))})  # type: ignore[arg-type]
