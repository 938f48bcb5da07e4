"""Invitations: how people come into an organization. A token is shown once, and works once within seven days."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ai2.identity import (
    invitations_repository,
    members,
    members_repository,
    organizations,
    repository,
    second_factors,
    users,
)
from ai2.identity.principal import Principal, Role, RoleTooHigh
from ai2.identity.second_factors import NO_CODES, Codes
from ai2.identity.sessions import WrongPassword
from ai2.identity.users import Membership
from ai2.kit import events, security
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Unauthorized
from ai2.kit.ids import new_id

LASTS = timedelta(days=7)


class InvitationNotFound(NotFound):
    """There is no such invitation; GET /api/core/members/invitations lists those that are open."""


class InvitationNotValid(Unauthorized):
    """This invitation is not valid, or not any more; ask whoever invited you for another."""


class AlreadyMember(Conflict):
    """Somebody with this e-mail address is a member already; change their role instead."""


@dataclass(frozen=True)
class Invitation:
    """An open invitation without its token."""

    organization_id: UUID
    invitation_id: UUID
    email: str
    role: Role
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class NewInvitation:
    """An invitation just made, and its token, which is never seen again."""

    invitation: Invitation
    token: str


async def create(db: Connection, who: Principal, *, email: str, role: Role) -> NewInvitation:
    """Invite somebody. Their earlier invitation here ends: there is one for each address."""
    if not who.role.covers(role):
        raise RoleTooHigh
    address = users.normal_email(email)
    await members.hold(db, who)
    if await members_repository.by_email(db, who.organization_id, address):
        raise AlreadyMember
    await invitations_repository.make_room(db, who.organization_id, address)
    token = security.new_secret()
    row = await invitations_repository.insert(
        db,
        organization_id=who.organization_id,
        invitation_id=new_id(),
        email=address,
        role=role,
        invited_by=who.user_id or who.stands_for,
        expires_at=datetime.now(UTC) + LASTS,
        digest=security.digest(token),
    )
    told = {"invitation_id": row["invitation_id"], "role": role}
    await events.emit(db, who.organization_id, "invitation.created", told)
    return NewInvitation(_invitation(row), token)


async def list_open(db: Connection, organization_id: UUID) -> list[Invitation]:
    """The organization's open invitations, oldest first."""
    return [_invitation(row) for row in await invitations_repository.list_open(db, organization_id)]


async def revoke(db: Connection, organization_id: UUID, invitation_id: UUID) -> None:
    """From now on the invitation's token opens nothing."""
    if not await invitations_repository.delete(db, organization_id, invitation_id):
        raise InvitationNotFound
    await events.emit(db, organization_id, "invitation.revoked", {"invitation_id": invitation_id})


async def opened_by(db: Connection, token: str) -> Invitation:
    """The invitation that this token opens; the rest of the transaction acts for its organization."""
    row = await invitations_repository.enter(db, security.digest(token))
    if row is None:
        # As long as looking at a password takes: the clock tells no more than the answer does.
        await security.is_password("", None)
        raise InvitationNotValid
    return _invitation(row)


async def accept(
    db: Connection, invitation: Invitation, *, name: str | None, password: str | None, codes: Codes = NO_CODES
) -> Membership:
    """Make a member of whoever holds the invitation. It is used up; who was a member before stays what they are."""
    return await use(db, invitation, await _person(db, invitation, name, password, codes))


async def use(db: Connection, invitation: Invitation, user_id: UUID) -> Membership:
    """Let this user in by the invitation."""
    await invitations_repository.delete(db, invitation.organization_id, invitation.invitation_id)
    known = await members_repository.get(db, invitation.organization_id, user_id)
    if known:
        return Membership(invitation.organization_id, user_id, Role(known["role"]))
    return await users.join(db, invitation.organization_id, user_id, invitation.role)


async def _person(db: Connection, invitation: Invitation, name: str | None, password: str | None, codes: Codes) -> UUID:
    """Who is invited: a user who shows it by their password, or somebody new."""
    known = await repository.user_with_password(db, invitation.email)
    if known is None:
        if name is None or password is None:
            raise Invalid(errors=_needed(name=name, password=password))
        here = (await organizations.get(db, invitation.organization_id)).name
        made = await users.create(db, email=invitation.email, name=name, password=password, organization=here)
        return made.user_id
    if password is None:
        raise Invalid(errors=(FieldError("password", "is needed: that of your account"),))
    if not await security.is_password(password, known["password_hash"]):
        raise WrongPassword.of(known["user_id"])
    user_id: UUID = known["user_id"]
    await second_factors.check(db, user_id, codes)
    return user_id


def _needed(**values: str | None) -> tuple[FieldError, ...]:
    return tuple(FieldError(name, "is needed: you are new here") for name, value in values.items() if value is None)


def _invitation(row: dict[str, object]) -> Invitation:
    return Invitation(**{**row, "role": Role(str(row["role"]))})  # type: ignore[arg-type]
