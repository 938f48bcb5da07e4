"""Signing up, in and out. Access tokens live for minutes; a refresh token works once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from ai2.books.categories import service as categories
from ai2.identity import audit, invitations, organizations, second_factors, sessions, users
from ai2.identity.passwords.changing import CurrentPasswordWrong
from ai2.identity.principal import Principal, Role
from ai2.identity.second_factors import Codes
from ai2.identity.users import Membership
from ai2.kit.database import Connection, Database
from ai2.kit.settings import settings
from api.edge.tries import Tries, pair_of
from api.schemas import Body, Code, Country, Currency, Email, Name, Out
from api.unit import Caller, Db, Unit, address, database_of

router = APIRouter(prefix="/api/core/auth", tags=["auth"], route_class=Unit)

# Failed logins that are not in the audit yet; beyond so many at once the log alone tells of them.
MOST_NOTES = 100
_notes: set[asyncio.Task[None]] = set()


class NewOrganization(Body):
    """A new organization."""

    organization_name: Name
    base_currency: Currency = Field(description="ISO 4217; reports are in it.")
    country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2.")


class Registration(NewOrganization):
    """A new organization and its owner."""

    email: Email
    password: str = Field(description="10 characters or more; not one that is tried first, nor your name or address.")
    name: Name = Field(description="Your name.")


class Login(Body):
    """An e-mail address and its password."""

    email: Email
    password: str
    organization_id: UUID | None = Field(default=None, description="Where you belong to several; else the first.")
    totp: Code | None = Field(default=None, description="What your app shows, where you have a second factor.")
    recovery_code: Code | None = Field(default=None, description="Instead of `totp`; each works once.")


class Refresh(Body):
    """The refresh token you were given last."""

    refresh_token: str


class Acceptance(Body):
    """An invitation's token, and who you are."""

    token: str = Field(description="As whoever invited you passed it on.")
    name: Name | None = Field(default=None, description="Yours, where you have no account yet.")
    password: str | None = Field(
        default=None, description="That of your account; where you have none yet, one of 10 characters or more."
    )
    totp: Code | None = Field(default=None, description="Where your account has a second factor.")
    recovery_code: Code | None = Field(default=None, description="Instead of `totp`; each works once.")


class TokensOut(Out):
    """What to sign requests with, and what to get the next pair with."""

    access_token: str = Field(description="Send as `Authorization: Bearer ...`.")
    refresh_token: str = Field(description="Works once; using it again ends the session.")
    token_type: str = "Bearer"  # noqa: S105 - a kind, not a token
    expires_in: int = Field(validation_alias="expires_in_s", description="Seconds until the access token ends.")
    organization_id: UUID
    user_id: UUID
    role: Role


class UserOut(Out):
    """A person."""

    user_id: UUID
    email: str
    name: str


class OrganizationOut(Out):
    """An organization."""

    organization_id: UUID
    name: str
    base_currency: str
    country: str | None


class Me(Out):
    """Who the credential belongs to. An API key has no user."""

    role: Role
    organization: OrganizationOut
    user: UserOut | None
    api_key_id: UUID | None


WRONG = (sessions.WrongPassword, CurrentPasswordWrong, second_factors.WrongCode, second_factors.NotProved)


@asynccontextmanager
async def tried(request: Request, email: str) -> AsyncIterator[None]:
    """A try at the password or the second factor of this address: each wrong one makes the next from here wait."""
    tries: Tries = request.app.state.limits.tries
    pair = pair_of(email, address(request))
    async with tries.alone(pair):
        await tries.check(pair)
        try:
            yield
        except WRONG as refusal:
            await tries.failed(pair)
            _note(request, getattr(refusal, "user_id", None))
            raise
        await tries.succeeded(pair)


def _note(request: Request, user_id: UUID | None) -> None:
    """Have a failed login told of, where the address is somebody's."""
    if user_id and len(_notes) < MOST_NOTES:
        note = asyncio.create_task(_note_failure(database_of(request), user_id))
        _notes.add(note)
        note.add_done_callback(_notes.discard)


async def _note_failure(database: Database, user_id: UUID) -> None:
    """Tell the audit of every organization that somebody belongs to; after the answer, whose time must not tell
    whether the address is somebody's."""
    async with database.transaction() as db:
        known = await users.memberships(db, user_id)
    for membership in known:
        actor = f"user:{user_id}"
        async with database.transaction(membership.organization_id, actor=actor) as db:
            await audit.record(db, membership.organization_id, actor=actor, operation="login_failed")


def signed_in(request: Request, tokens: sessions.Tokens) -> sessions.Tokens:
    """Let the log and the audit say who came in."""
    request.state.principal = Principal(tokens.organization_id, tokens.role, tokens.user_id, tokens.session_id)
    return tokens


@router.post("/register", status_code=201, response_model=TokensOut)
async def register(new: Registration, request: Request, db: Db) -> sessions.Tokens:
    """Make an organization and its owner, and sign in. Closed once there is one, unless ENABLE_MULTI_TENANT."""
    await users.check_registration_open(db, multi_tenant=settings().enable_multi_tenant)
    user = await users.create(
        db, email=new.email, name=new.name, password=new.password, organization=new.organization_name
    )
    owner = await make_organization(new, db, user.user_id)
    return signed_in(request, await sessions.open_session(db, owner))


async def make_organization(new: NewOrganization, db: Connection, user_id: UUID) -> Membership:
    """The organization, with the categories that everyone starts with, and its owner."""
    made = await organizations.create(
        db, name=new.organization_name, base_currency=new.base_currency, country=new.country
    )
    owner = await users.join(db, made.organization_id, user_id, Role.OWNER)
    await categories.create_defaults(db, made.organization_id)
    return owner


@router.post("/login", response_model=TokensOut)
async def login(wanted: Login, request: Request, db: Db) -> sessions.Tokens:
    """Open a session. Wrong passwords make the next try wait, for this address and this e-mail only.

    Who has a second factor sends it along; without it the answer to a right password is 401 `second_factor_needed`.
    """
    async with tried(request, wanted.email):
        tokens = await sessions.login(
            db,
            email=wanted.email,
            password=wanted.password,
            codes=Codes(wanted.totp, wanted.recovery_code),
            organization_id=wanted.organization_id,
        )
    return signed_in(request, tokens)


@router.post("/accept-invitation", response_model=TokensOut)
async def accept_invitation(given: Acceptance, request: Request, db: Db) -> sessions.Tokens:
    """Become a member of the organization that invited you, and sign in. Who is new makes an account by it."""
    invitation = await invitations.opened_by(db, given.token)
    async with tried(request, invitation.email):
        codes = Codes(given.totp, given.recovery_code)
        membership = await invitations.accept(db, invitation, name=given.name, password=given.password, codes=codes)
    return signed_in(request, await sessions.open_session(db, membership))


@router.post("/refresh", response_model=TokensOut)
async def refresh(given: Refresh, db: Db) -> sessions.Tokens:
    """The next pair of tokens. A refresh token that was used before ends its session."""
    return await sessions.refresh(db, given.refresh_token)


@router.post("/logout", status_code=204)
async def logout(db: Db, who: Caller) -> Response:
    """End the session that the access token belongs to."""
    if who.session_id:
        await sessions.end(db, who.session_id)
    return Response(status_code=204)


@router.get("/me", response_model=Me)
async def me(db: Db, who: Caller) -> dict[str, object]:
    """Who you are here."""
    return {
        "role": who.role,
        "organization": await organizations.get(db, who.organization_id),
        "user": await users.get(db, who.user_id) if who.user_id else None,
        "api_key_id": who.api_key_id,
    }
