"""Consenting at a provider: sending somebody there, and taking what they come back with."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Cookie, Request, Response
from pydantic import Field

from ai2.connections import oauth
from ai2.connections.model import Connection
from ai2.connections.oauth import Begun, ConsentNotValid, Returned
from api import returning
from api.connectors.connections import ConnectionOut
from api.schemas import Body, Out
from api.unit import Caller, Outside, Pool

COOKIE = "ai2_consent"
router = APIRouter(prefix="/api/connectors/oauth", tags=["connectors"], route_class=Outside)

Secret = Annotated[str | None, Cookie(alias=COOKIE, max_length=200, include_in_schema=False)]
Short = Annotated[str, Field(max_length=4000)]


class ConsentOut(Out):
    """A consent under way."""

    authorization_url: str = Field(description="Where to send the person's browser.")
    state: str = Field(description="Comes back with the code.")
    secret: str = Field(description="Keep it where you began: only who has it finishes the consent. Also a cookie.")
    expires_in: int = Field(validation_alias="expires_in_s", description="Seconds.")


class ConsentReturn(Body):
    """What came back from the provider."""

    state: Short
    secret: Short | None = Field(default=None, description="As it was given to you; else the cookie's.")
    code: Short | None = None
    error: Short | None = Field(default=None, description="As it came back, if it did.")


@router.get("/authorize", response_model=ConsentOut)
async def authorize_connection(connection_id: UUID, pool: Pool, who: Caller, response: Response) -> Begun:
    """Begin to consent, or to consent again: where to send the person, and what finishes it within ten minutes."""
    begun = await oauth.begin(pool, who.organization_id, connection_id, begun_by=who.actor)
    return remembered(response, begun)


@router.get("/callback", response_model=ConnectionOut)
async def return_from_consent(
    pool: Pool,
    response: Response,
    secret: Secret = None,
    state: Short = "",
    code: Short | None = None,
    error: Short | None = None,
) -> Connection:
    """Finish a consent in the browser that began it: the provider sends it here."""
    if not secret:
        raise ConsentNotValid
    found = await oauth.finish(pool, Returned(state, secret, code, error))
    response.delete_cookie(COOKIE, path=router.prefix)
    return found


@router.post("/callback", response_model=ConnectionOut)
async def finish_consent(
    given: ConsentReturn, pool: Pool, who: Caller, request: Request, response: Response, secret: Secret = None
) -> Connection:
    """Finish a consent that you began in your own app, and no other's."""
    if not (secret := given.secret or secret):
        raise ConsentNotValid
    found = await oauth.finish(pool, Returned(given.state, secret, given.code, given.error), who)
    response.delete_cookie(COOKIE, path=router.prefix)
    return found


def remembered(response: Response, begun: Begun) -> Begun:
    """For browsers that come back by themselves."""
    returning.remember(response, COOKIE, begun.secret, path=router.prefix, lasts_s=begun.expires_in_s)
    return begun
