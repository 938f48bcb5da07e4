"""Banks: connecting one, by its feed or by files that it puts somewhere."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from ai2.connections import service
from api.connectors import returns
from api.connectors.connections import ConnectionOut
from api.schemas import Body, Code, Name, Out
from api.unit import Caller, Outside, Pool

router = APIRouter(prefix="/api/connectors/bank", tags=["connectors"], route_class=Outside)


class ConnectWanted(Body):
    """Which provider, and what it needs."""

    provider: Code = Field(description="A name from GET /api/connectors/providers.")
    name: Name | None = Field(default=None, description="What you call it; by default as the provider is called.")
    settings: dict[str, Any] = Field(default_factory=dict, description="As the provider's schema has it.")
    credentials: dict[str, Any] = Field(
        default_factory=dict, description="As the provider's schema has it. Kept encrypted, never told again."
    )
    account_id: UUID | None = Field(
        default=None,
        description="Whose statements files are; by default an account of the connection's name is opened.",
    )
    reconnect: UUID | None = Field(
        default=None,
        description="A connection that is to have these credentials, or a new consent: it keeps its place.",
    )


class ConnectOut(Out):
    """The connection; with a link it waits until somebody consents there."""

    connection: ConnectionOut
    link: str | None = Field(description="Where to consent; null: it is connected.")
    link_token: str | None = Field(
        default=None, description="Opens the same in the provider's own widget, where it has one."
    )


@router.post("/connect", status_code=201, response_model=ConnectOut)
async def connect_bank(response: Response, wanted: ConnectWanted, database: Pool, who: Caller) -> ConnectOut:
    """Connect a bank: a link to consent at, or connected. The first sync begins at once."""
    connection, connected = await service.begin(
        database, who.organization_id, provider=wanted.provider, kind="bank", name=wanted.name,
        settings=wanted.settings, secret=wanted.credentials, created_by=who.actor, reconnect=wanted.reconnect,
        account_id=wanted.account_id,
    )  # fmt: skip
    if connected.link:
        returns.remember(response, connected.link)
    shown = ConnectionOut.model_validate(connection)
    return ConnectOut(connection=shown, link=connected.link, link_token=connected.link_token)
