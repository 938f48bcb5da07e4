"""Signing in with an OpenID provider, and what of it is linked to one's account."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Cookie, Query, Request, Response
from pydantic import Field

from ai2.identity import audit, oidc, second_factors, users
from ai2.identity.audit import Entity
from ai2.identity.oidc import Begun, Returned, Wanted
from ai2.identity.oidc_problems import ProviderDown, SignInNotValid, SignInRefused
from ai2.identity.second_factors import Codes
from ai2.identity.sessions import Tokens
from ai2.kit.database import Database, act_for
from ai2.kit.settings import settings
from api import returning
from api.core.auth import NewOrganization, TokensOut, make_organization, signed_in, tried
from api.core.second_factor import ProofIn, email
from api.pages import WholeQuery, cut
from api.schemas import Body, Code, Instant, ListOf, Out
from api.unit import Caller, Db, Outside, Pool, Unit, keeping

COOKIE = "ai2_sign_in"
router = APIRouter(prefix="/api/core/auth", tags=["auth"], route_class=Unit)
outside = APIRouter(prefix="/api/core/auth/oidc", tags=["auth"], route_class=Outside)

Secret = Annotated[str | None, Cookie(alias=COOKIE, max_length=200, include_in_schema=False)]
Short = Annotated[str, Field(max_length=4000)]


class ProviderOut(Out):
    """A provider that people may sign in with."""

    name: str = Field(description="As the addresses below spell it.")
    title: str


class Providers(ListOf):
    """The configured providers; none, where people sign in with passwords alone."""

    items: list[ProviderOut]


class BegunOut(Out):
    """A sign-in under way."""

    authorization_url: str = Field(description="Where to send the person's browser.")
    state: str = Field(description="Comes back with the code.")
    secret: str = Field(description="Keep it where you began: only who has it finishes the sign-in. Also a cookie.")
    expires_in: int = Field(validation_alias="expires_in_s", description="Seconds.")


class Return(Body):
    """What came back from the provider, and what the sign-in is to lead to."""

    state: Short
    secret: Short | None = Field(default=None, description="As it was given to you; else the cookie's.")
    code: Short | None = Field(default=None, description="Left out where this repeats a request that sent it.")
    iss: Short | None = Field(default=None, description="As it came back, if it did.")
    organization_id: UUID | None = Field(default=None, description="Where you belong to several; else the first.")
    totp: Code | None = Field(default=None, description="Where your account has a second factor.")
    recovery_code: Code | None = Field(default=None, description="Instead of `totp`; each works once.")
    invitation: Short | None = Field(default=None, description="A token that invites your e-mail address.")
    registration: NewOrganization | None = Field(default=None, description="Where registration is open.")


class IdentityOut(Out):
    """What you sign in with elsewhere."""

    identity_id: UUID
    provider: str | None = Field(description="null where it is configured no more.")
    issuer: str
    subject: str = Field(description="Who you are there.")
    email: str | None = Field(description="As the provider said when it was linked.")
    created_at: Instant
    used_at: Instant


class Identities(ListOf):
    """Your identities elsewhere."""

    items: list[IdentityOut]


@router.get("/oidc", response_model=Providers)
async def list_oidc_providers(wanted: Annotated[WholeQuery, Query()]) -> dict[str, object]:
    """The providers that people may sign in with."""
    found = [{"name": each.name, "title": each.title or each.name} for each in settings().oidc_providers]
    return cut(found, wanted, lambda provider: provider["name"])


@router.get("/identities", response_model=Identities)
async def list_identities(db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, object]:
    """What you sign in with elsewhere, oldest first. An API key has nothing."""
    return cut(await oidc.list_own(db, who), wanted, lambda identity: identity.identity_id)


@router.delete("/identities/{identity_id}", status_code=204)
async def unlink_identity(identity_id: UUID, db: Db, who: Caller) -> Response:
    """Forget an identity of yours: it opens your account no more. The last way in stays."""
    await oidc.unlink(db, who, identity_id)
    return Response(status_code=204)


@outside.get("/{provider}/authorize", response_model=BegunOut)
async def authorize_oidc(provider: str, pool: Pool, response: Response) -> Begun:
    """Begin a sign-in: where to send the person, and what you need to finish it within ten minutes."""
    return _remembered(response, await oidc.begin(pool, provider))


@outside.post("/{provider}/link", response_model=BegunOut)
async def link_oidc(
    provider: str, given: ProofIn, request: Request, pool: Pool, who: Caller, response: Response
) -> Begun:
    """Begin to link an identity to your account; it is linked when the sign-in is finished."""
    oidc.provider(provider)
    async with keeping(pool) as db, tried(request, await email(db, who)):
        await second_factors.prove(db, second_factors.person(who), given.given())
    return _remembered(response, await oidc.begin(pool, provider, links=who.user_id))


@outside.get("/{provider}/callback", response_model=TokensOut)
async def return_from_oidc(
    provider: str,
    request: Request,
    pool: Pool,
    response: Response,
    secret: Secret = None,
    state: Short = "",
    code: Short | None = None,
    iss: Short | None = None,
    error: Short | None = None,
) -> Tokens:
    """Finish a sign-in in the browser that began it: the provider sends it here."""
    oidc.provider(provider)
    if error in {"server_error", "temporarily_unavailable"}:
        raise ProviderDown
    if error is not None:
        raise SignInRefused
    return await _finish(provider, Return(state=state, code=code, iss=iss, secret=secret), request, pool, response)


@outside.post("/{provider}/callback", response_model=TokensOut)
async def finish_oidc(
    provider: str, given: Return, request: Request, pool: Pool, response: Response, secret: Secret = None
) -> Tokens:
    """Finish a sign-in. Where more is needed (a second factor, an invitation) send it again, with that and no code."""
    wanted = given.model_copy(update={"secret": given.secret or secret})
    return await _finish(provider, wanted, request, pool, response)


async def _finish(name: str, given: Return, request: Request, pool: Database, response: Response) -> Tokens:
    if not given.secret:
        oidc.provider(name)
        raise SignInNotValid
    found = await oidc.identify(pool, name, Returned(given.state, given.secret, given.code, given.iss))
    async with keeping(pool) as db:
        if given.registration:
            await users.check_registration_open(db, multi_tenant=settings().enable_multi_tenant)
        wanted = Wanted(
            given.organization_id,
            Codes(given.totp, given.recovery_code),
            given.invitation,
            partial(make_organization, given.registration) if given.registration else None,
        )
        async with tried(request, f"{found.issuer} {found.subject}"):
            tokens = signed_in(request, await oidc.finish(db, found, wanted))
        await act_for(db, tokens.organization_id, actor=f"user:{tokens.user_id}")
        await audit.record(
            db,
            tokens.organization_id,
            actor=f"user:{tokens.user_id}",
            operation="link_oidc" if found.links else "finish_oidc",
            entity=Entity("session", tokens.session_id),
        )
    response.delete_cookie(COOKIE, path=outside.prefix)
    return tokens


def _remembered(response: Response, begun: Begun) -> Begun:
    """For browsers that come back by themselves."""
    returning.remember(response, COOKIE, begun.secret, path=outside.prefix, lasts_s=begun.expires_in_s)
    return begun
