"""Signing in elsewhere: by an OpenID provider's word, to the account that this very identity is linked to.

An identity is an issuer's subject. An e-mail address links nothing to an account that exists: whoever controls a
mailbox, or a provider, would own it. Who is new comes in by an invitation of the address that the provider has
verified, or by a registration where that is open. A sign-in is finished only by whoever began it, who alone has its
secret; a second factor is asked for as with a password.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from ai2.identity import invitations, second_factors, sessions, users
from ai2.identity import oidc_repository as repository
from ai2.identity.oidc_problems import (
    AccountExists,
    EmailNotVerified,
    IdentityNotFound,
    IdentityTaken,
    IdentityUnknown,
    InvitationForAnother,
    LastWayIn,
    ProviderNotFound,
    SignInNotValid,
)
from ai2.identity.principal import Principal
from ai2.identity.second_factors import NO_CODES, Codes, person
from ai2.identity.sessions import Tokens
from ai2.identity.users import Membership
from ai2.kit.database import Connection, Database
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.ids import new_id
from ai2.kit.security import digest, new_secret, same
from ai2.kit.settings import OidcProvider, settings

if TYPE_CHECKING:
    from ai2.identity.oidc_provider import Provider

LASTS_S = 600
CALLBACK = "/api/core/auth/oidc/{}/callback"


@dataclass(frozen=True)
class Begun:
    """A sign-in under way. The secret stays with whoever began it."""

    authorization_url: str
    state: str
    secret: str
    expires_in_s: int = LASTS_S


@dataclass(frozen=True)
class Returned:
    """What comes back from a provider, and the secret of whoever brings it. No code, where it was exchanged before."""

    state: str
    secret: str
    code: str | None = None
    issuer: str | None = None


@dataclass(frozen=True)
class Identified:
    """Who came back, in a sign-in that is still to be finished; whose account it is to be linked to, if any's."""

    state_digest: bytes
    provider: str
    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool
    name: str | None
    links: UUID | None


@dataclass(frozen=True)
class Wanted:
    """What a sign-in is to lead to: an organization of several; for who is new, an invitation or a registration."""

    organization_id: UUID | None = None
    codes: Codes = NO_CODES
    invitation: str | None = None
    register: Callable[[Connection, UUID], Awaitable[Membership]] | None = None


@dataclass(frozen=True)
class Identity:
    """What somebody signs in with elsewhere. `provider` is none where it is configured no more."""

    identity_id: UUID
    provider: str | None
    issuer: str
    subject: str
    email: str | None
    created_at: datetime
    used_at: datetime


def provider(name: str) -> "Provider":
    """The configured provider of this name."""
    for configured in settings().oidc_providers:
        if configured.name == name:
            return _provider(configured, configured.redirect_uri or settings().public_address + CALLBACK)
    raise ProviderNotFound


async def begin(database: Database, name: str, *, links: UUID | None = None) -> Begun:
    """Where to send somebody, and what they need to come back. No transaction waits for the provider."""
    state, secret = new_secret(), new_secret()
    url = await provider(name).authorization_url(state, secret)
    async with database.transaction() as db:
        await repository.insert_sign_in(
            db,
            state_digest=digest(state),
            secret_digest=digest(secret),
            provider=name,
            user_id=links,
            lasts_s=LASTS_S,
        )
    return Begun(url, state, secret)


async def identify(database: Database, name: str, returned: Returned) -> Identified:
    """Who came back. The code goes to the provider once, whatever comes of it."""
    asked = provider(name)
    async with database.transaction() as db:
        row = await _under_way(db, name, returned)
        if row["subject"] is not None:
            return _identified(asked, row)
        if row["exchanged_at"] is not None:
            raise SignInNotValid
        if returned.code is None:
            raise Invalid(errors=(FieldError("code", "is needed: as the provider gave it"),))
        await repository.mark_exchanged(db, row["state_digest"])
    claims = await asked.exchange(returned.code, returned.secret, returned.issuer)
    async with database.transaction() as db:
        kept = await repository.identify(db, digest(returned.state), **vars(claims))
    if kept is None:
        raise SignInNotValid
    return _identified(asked, kept)


async def finish(db: Connection, found: Identified, wanted: Wanted) -> Tokens:
    """Open a session for who came back; the sign-in is over by that. Nothing is written before the second factor."""
    if await repository.hold_sign_in(db, found.state_digest) is None:
        raise SignInNotValid
    owner = await repository.use_identity(db, found.issuer, found.subject)
    if found.links and owner not in (None, found.links):
        raise IdentityTaken
    user_id = found.links or owner
    if user_id is None:
        tokens = await sessions.open_session(db, await _come_in(db, found, wanted))
    else:
        await second_factors.check(db, user_id, wanted.codes)
        if owner is None:
            await _link(db, found, user_id)
        tokens = await _enter(db, user_id, wanted)
    await repository.delete_sign_in(db, found.state_digest)
    return tokens


async def list_own(db: Connection, who: Principal) -> list[Identity]:
    """What the caller signs in with elsewhere, oldest first. An API key has nothing."""
    if who.user_id is None:
        return []
    names = {each.issuer: each.name for each in reversed(settings().oidc_providers)}
    found = await repository.identities(db, who.user_id)
    return [Identity(**row, provider=names.get(row["issuer"])) for row in found]


async def unlink(db: Connection, who: Principal, identity_id: UUID) -> None:
    """Forget an identity of the caller's; not the last by which they come in."""
    user_id = person(who)
    has_password = await repository.has_password(db, user_id)
    mine = {row["identity_id"] for row in await repository.identities(db, user_id)}
    if identity_id not in mine:
        raise IdentityNotFound
    if not has_password and len(mine) == 1:
        raise LastWayIn
    await repository.delete_identity(db, user_id, identity_id)


async def _under_way(db: Connection, name: str, returned: Returned) -> dict[str, Any]:
    row = await repository.hold_sign_in(db, digest(returned.state))
    if row is None or row["provider"] != name or not same(row["secret_digest"], digest(returned.secret)):
        raise SignInNotValid
    return row


async def _enter(db: Connection, user_id: UUID, wanted: Wanted) -> Tokens:
    """Who is known opens a session, in the organization that invited them where they bring an invitation."""
    if wanted.register:
        raise AccountExists
    if wanted.invitation is None:
        return await sessions.open_for(db, user_id, wanted.organization_id)
    invitation = await invitations.opened_by(db, wanted.invitation)
    if invitation.email != (await users.get(db, user_id)).email:
        raise InvitationForAnother
    return await sessions.open_session(db, await invitations.use(db, invitation, user_id))


async def _come_in(db: Connection, found: Identified, wanted: Wanted) -> Membership:
    """Who is new becomes a user: invited, or as the owner of an organization of their own."""
    email = users.normal_email(found.email) if found.email and found.is_email_verified else None
    if email and await repository.user_by_email(db, email):
        raise AccountExists
    if wanted.invitation is None and wanted.register is None:
        raise IdentityUnknown
    if email is None:
        raise EmailNotVerified
    invitation = await invitations.opened_by(db, wanted.invitation) if wanted.invitation is not None else None
    if invitation and invitation.email != email:
        raise InvitationForAnother
    user = await users.create(db, email=email, name=found.name or email.partition("@")[0], password=None)
    await _link(db, found, user.user_id)
    if invitation:
        return await invitations.use(db, invitation, user.user_id)
    if wanted.register is None:
        raise IdentityUnknown
    return await wanted.register(db, user.user_id)


async def _link(db: Connection, found: Identified, user_id: UUID) -> None:
    try:
        async with db.transaction():
            await repository.insert_identity(
                db,
                identity_id=new_id(),
                user_id=user_id,
                issuer=found.issuer,
                subject=found.subject,
                email=found.email,
            )
    except UniqueViolation:  # at the same moment, elsewhere
        raise IdentityTaken from None


def _identified(asked: "Provider", row: dict[str, Any]) -> Identified:
    return Identified(
        state_digest=row["state_digest"],
        provider=row["provider"],
        issuer=asked.configured.issuer,
        subject=row["subject"],
        email=row["email"],
        is_email_verified=bool(row["is_email_verified"]),
        name=row["name"],
        links=row["user_id"],
    )


@cache
def _provider(configured: OidcProvider, redirect_uri: str) -> "Provider":
    """One for each configuration, because it remembers what the provider said of itself."""
    from ai2.identity.oidc_provider import Provider

    return Provider(configured, redirect_uri.format(configured.name))
