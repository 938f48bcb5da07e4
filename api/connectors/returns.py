"""Returns: where a provider sends people back to, and where an app brings their return."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from ai2.connections import returns
from ai2.connections.model import Connection
from api import returning
from api.connectors.connections import ConnectionOut
from api.schemas import Body
from api.unit import Caller, Outside, Pool

PREFIX = "/api/connectors/callback"
LASTS_S = 24 * 3600
router = APIRouter(prefix=PREFIX, tags=["connectors"], route_class=Outside)

Reference = Annotated[str, Field(min_length=1, max_length=256)]
Said = Annotated[str | None, Field(max_length=200)]
Provider = Annotated[str, Path(max_length=40)]


class Returned(Body):
    """What came back from the provider."""

    ref: Reference = Field(description="As the address had it that the person was sent back to.")
    error: Said = Field(default=None, description="As the address had it, if it did.")
    details: Annotated[str | None, Field(max_length=2000)] = Field(default=None, description="Not used.")


@router.get("/{provider}", response_model=ConnectionOut)
async def return_from_bank(
    provider: Provider,
    request: Request,
    database: Pool,
    ref: Reference,
    error: Said = None,
    details: Annotated[str | None, Field(max_length=2000)] = None,
) -> Connection:
    """Finish a consent in the browser that was given the link: the provider sends it here."""
    return await returns.came_back(database, provider, ref, _answer(error), request.cookies)


@router.post("/{provider}", response_model=ConnectionOut)
async def finish_bank(provider: Provider, given: Returned, database: Pool, who: Caller) -> Connection:
    """Finish a consent that your organization began, where the person came back to another browser than began it."""
    return await returns.brought_back(
        database, who.organization_id, provider, given.ref, _answer(given.error), actor=who.actor
    )


def remember(response: Response, link: str) -> None:
    """For browsers that come back by themselves."""
    name, value = returns.cookie_of(link)
    returning.remember(response, name, value, path=PREFIX, lasts_s=LASTS_S)


def _answer(error: str | None) -> dict[str, Any]:
    return {"error": error} if error else {}
