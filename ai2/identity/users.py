"""Users: people, known by their e-mail address; what they may do is said by their memberships."""

from dataclasses import dataclass
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from psycopg import errors

from ai2.identity import repository, sessions_repository
from ai2.identity.passwords import rules
from ai2.identity.principal import Role
from ai2.kit import events
from ai2.kit.database import Connection, act_for
from ai2.kit.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from ai2.kit.ids import new_id
from ai2.kit.security import hash_password


class EmailTaken(Conflict):
    """A user with this e-mail address exists already; sign in instead."""


class RegistrationClosed(Forbidden):
    """Registration is closed: this installation serves one organization; ask its owner to add you."""


class UserNotFound(NotFound):
    """There is no user with this e-mail address or id."""


@dataclass(frozen=True)
class User:
    """A person who can sign in."""

    user_id: UUID
    email: str
    name: str


@dataclass(frozen=True)
class Membership:
    """What a user is in an organization."""

    organization_id: UUID
    user_id: UUID
    role: Role


async def create(
    db: Connection, *, email: str, name: str, password: str | None, organization: str | None = None
) -> User:
    """Make a user who belongs to no organization yet; the one they come for is named, and is no password.

    Who signs in elsewhere needs no password.
    """
    if password is not None:
        await rules.check(password, about=(email, name, organization))
    user = User(new_id(), normal_email(email), name)
    password_hash = None if password is None else await hash_password(password)
    try:
        async with db.transaction():
            await repository.insert_user(db, user, password_hash)
    except errors.UniqueViolation:
        raise EmailTaken from None
    return user


async def get(db: Connection, user_id: UUID) -> User:
    row = await repository.user(db, user_id)
    if row is None:
        raise UserNotFound
    return User(**row)


async def find(db: Connection, email: str) -> User:
    """The user with this e-mail address."""
    row = await repository.user_with_password(db, normal_email(email))
    if row is None:
        raise UserNotFound
    return User(row["user_id"], row["email"], row["name"])


async def set_password(db: Connection, user_id: UUID, password: str) -> None:
    """Give the user another password; their sessions end."""
    user = await get(db, user_id)
    await rules.check(password, about=(user.email, user.name))
    await repository.set_password(db, user_id, await hash_password(password))
    await sessions_repository.end_others(db, user_id)


async def join(db: Connection, organization_id: UUID, user_id: UUID, role: Role) -> Membership:
    """Make the user a member in this role; the rest of the transaction acts for the organization."""
    await act_for(db, organization_id, actor=f"user:{user_id}")
    await repository.upsert_membership(db, organization_id, user_id, role)
    await events.emit(db, organization_id, "member.joined", {"user_id": user_id, "role": role})
    return Membership(organization_id, user_id, role)


async def memberships(db: Connection, user_id: UUID) -> list[Membership]:
    """The organizations the user belongs to, oldest membership first."""
    await repository.see_own_memberships(db, user_id)
    return [
        Membership(row["organization_id"], row["user_id"], Role(row["role"]))
        for row in await repository.memberships(db, user_id)
    ]


async def check_registration_open(db: Connection, *, multi_tenant: bool) -> None:
    """Refuse where this installation serves one organization and has it. Two at once: one waits for the other."""
    await repository.lock_registration(db)
    if not multi_tenant and await repository.any_user(db):
        raise RegistrationClosed


def normal_email(email: str) -> str:
    """The address in the one form in which it is stored."""
    try:
        return validate_email(email, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        raise Invalid(errors=(FieldError("email", "is an e-mail address"),)) from None
