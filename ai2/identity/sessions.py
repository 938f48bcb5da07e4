"""Sessions: signed in with a password, kept alive by a refresh token that works once.

Each refresh hands out the next token. Seeing an earlier one again means that somebody copied it, so the session
ends, for the thief and for its owner.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ai2.identity import audit, repository, second_factors, sessions_repository, users
from ai2.identity.audit import Entity
from ai2.identity.principal import Principal, Role
from ai2.identity.second_factors import NO_CODES, Codes
from ai2.identity.users import Membership
from ai2.kit.database import Connection, act_for
from ai2.kit.errors import Invalid, NotFound, Unauthorized
from ai2.kit.ids import new_id
from ai2.kit.security import (
    AccessToken,
    BadCredential,
    digest,
    is_password,
    new_secret,
    same,
    sign_access_token,
)
from ai2.kit.settings import settings


class WrongPassword(Unauthorized):
    """The e-mail address or the password is wrong."""

    # whose it was, where the address is somebody's: for the audit, never for the answer
    user_id: UUID | None = None

    @classmethod
    def of(cls, user_id: UUID | None) -> "WrongPassword":
        refusal = cls()
        refusal.user_id = user_id
        return refusal


class NotAMember(Unauthorized):
    """This user belongs to no organization, or not to this one."""


class SessionEnded(Unauthorized):
    """The session has ended; sign in again."""


class RefreshTokenReused(SessionEnded):
    """This refresh token was used before, so the session has been ended; sign in again."""

    keeps_changes = True


class SessionNotFound(NotFound):
    """There is no such session; GET /api/core/sessions lists yours."""


@dataclass(frozen=True)
class Session:
    """A session that has not ended; `is_current` where it is the one that asks."""

    session_id: UUID
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    is_current: bool


@dataclass(frozen=True)
class Tokens:
    """What a session hands out: a short-lived access token and the next refresh token."""

    access_token: str
    refresh_token: str
    expires_in_s: int
    session_id: UUID
    organization_id: UUID
    user_id: UUID
    role: Role


async def login(
    db: Connection, *, email: str, password: str, codes: Codes = NO_CODES, organization_id: UUID | None = None
) -> Tokens:
    """Open a session for who has the password, and the second factor where they have one."""
    user_id = await _check_password(db, email, password)
    await second_factors.check(db, user_id, codes)
    return await open_for(db, user_id, organization_id)


async def open_for(db: Connection, user_id: UUID, organization_id: UUID | None = None) -> Tokens:
    """A session in the named organization, or in the one the user joined first."""
    known = await users.memberships(db, user_id)
    fitting = [m for m in known if organization_id in (None, m.organization_id)]
    if not fitting:
        raise NotAMember
    return await open_session(db, fitting[0])


async def open_session(db: Connection, membership: Membership) -> Tokens:
    """A session for a member who has shown who they are."""
    session_id, secret = new_id(), new_secret()
    expires_at = datetime.now(UTC) + timedelta(days=settings().session_days)
    await sessions_repository.insert(
        db,
        session_id=session_id,
        user_id=membership.user_id,
        organization_id=membership.organization_id,
        refresh_digest=digest(secret),
        expires_at=expires_at,
    )
    return _tokens(session_id, secret, membership)


async def refresh(db: Connection, refresh_token: str) -> Tokens:
    """The next pair of tokens, for a refresh token that was not used before."""
    session_id, secret = _read_refresh_token(refresh_token)
    session = await sessions_repository.live(db, session_id, lock=True)
    if session is None:
        raise SessionEnded
    given = digest(secret)
    if given in session["spent_digests"]:
        await sessions_repository.end(db, session_id)
        actor = f"user:{session['user_id']}"
        await act_for(db, session["organization_id"], actor=actor)
        what = Entity("session", session_id)
        await audit.record(db, session["organization_id"], actor=actor, operation="refresh_token_reused", entity=what)
        raise RefreshTokenReused
    if not same(given, session["refresh_digest"]):
        raise BadCredential
    role = await _role(db, session["organization_id"], session["user_id"])
    following = new_secret()
    expires_at = datetime.now(UTC) + timedelta(days=settings().session_days)
    await sessions_repository.rotate(db, session_id, digest(following), expires_at)
    membership = Membership(session["organization_id"], session["user_id"], role)
    return _tokens(session_id, following, membership)


async def authenticate(db: Connection, token: AccessToken) -> Principal:
    """Who holds this access token, already read; the rest of the transaction acts for them."""
    await act_for(db, token.organization_id, actor=f"user:{token.user_id}")
    row = await sessions_repository.role(db, token)
    if row is None:
        raise SessionEnded
    return Principal(
        token.organization_id,
        Role(row["role"]),
        token.user_id,
        token.session_id,
        lacks_second_factor=row["lacks_second_factor"],
    )


async def end(db: Connection, session_id: UUID) -> None:
    """End a session; its access token is refused from now on."""
    await sessions_repository.end(db, session_id)


async def list_own(db: Connection, who: Principal) -> list[Session]:
    """The caller's sessions in this organization, oldest first. An API key has none."""
    if who.user_id is None:
        return []
    found = await sessions_repository.list_live(db, who.organization_id, who.user_id)
    return [Session(**row, is_current=row["session_id"] == who.session_id) for row in found]


async def end_own(db: Connection, who: Principal, session_id: UUID) -> None:
    """End one of the caller's sessions in this organization."""
    if not await sessions_repository.end_of_user(db, who.organization_id, who.user_id, session_id):
        raise SessionNotFound


async def _check_password(db: Connection, email: str, password: str) -> UUID:
    try:
        known = await repository.user_with_password(db, users.normal_email(email))
    except Invalid:
        known = None
    matches = await is_password(password, known["password_hash"] if known else None)
    if known is None or not matches:
        raise WrongPassword.of(known["user_id"] if known else None)
    user_id: UUID = known["user_id"]
    return user_id


async def _role(db: Connection, organization_id: UUID, user_id: UUID) -> Role:
    await act_for(db, organization_id, actor=f"user:{user_id}")
    found = [m for m in await repository.memberships(db, user_id) if m["organization_id"] == organization_id]
    if not found:
        raise NotAMember
    return Role(found[0]["role"])


def _tokens(session_id: UUID, secret: str, membership: Membership) -> Tokens:
    claims = AccessToken(membership.user_id, session_id, membership.organization_id)
    return Tokens(
        access_token=sign_access_token(claims),
        refresh_token=f"{base64.urlsafe_b64encode(session_id.bytes).decode().rstrip('=')}.{secret}",
        expires_in_s=settings().access_token_minutes * 60,
        session_id=session_id,
        organization_id=membership.organization_id,
        user_id=membership.user_id,
        role=membership.role,
    )


def _read_refresh_token(text: str) -> tuple[UUID, str]:
    """The token says which session it belongs to, so that finding it costs one look at a key."""
    name, _, secret = text.partition(".")
    try:
        return UUID(bytes=base64.urlsafe_b64decode(name + "==")), secret
    except (binascii.Error, ValueError):
        raise BadCredential from None
