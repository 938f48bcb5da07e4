"""E-mail: connecting a mailbox, or an address that mail is forwarded to."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from ai2.connections import forwarding, oauth, service
from ai2.ingest.sources import names
from api.connectors.connections import ConnectionOut
from api.connectors.oauth import ConsentOut, remembered
from api.schemas import Body, Code, Name, Out
from api.unit import Caller, Outside, Pool

router = APIRouter(prefix="/api/connectors/email", tags=["connectors"], route_class=Outside)


class EmailWanted(Body):
    """Which provider, and what it needs."""

    provider: Code = Field(description="imap, gmail, outlook or forwarding; GET /api/connectors/providers says more.")
    name: Name | None = Field(default=None, description="What you call it; by default as the provider is called.")
    settings: dict[str, Any] = Field(default_factory=dict, description="As the provider's schema has it.")
    credentials: dict[str, Any] = Field(
        default_factory=dict, description="As the provider's schema has it. Kept encrypted, never told again."
    )
    account_id: UUID | None = Field(
        default=None, description="Whose the statements are that are attached to mails; by default none are imported."
    )
    reconnect: UUID | None = Field(
        default=None, description="A connection that is to have these settings and credentials: it keeps its place."
    )


class EmailOut(Out):
    """The connection. With a link it waits until its owner consents there."""

    connection: ConnectionOut
    link: str | None = Field(description="Where to consent; null: it is connected.")
    consent: ConsentOut | None = Field(description="What finishes the consent; null: none is needed.")
    forwarding_address: str | None = Field(description="Where to forward mail to, where the operator set a domain up.")
    webhook_url: str | None = Field(description="For a SendGrid account of your own. Told once; it is a secret.")


@router.post("/connect", status_code=201, response_model=EmailOut)
async def connect_email(wanted: EmailWanted, database: Pool, who: Caller, response: Response) -> EmailOut:
    """Connect a mailbox: a link to consent at, or connected; or an address to forward mail to."""
    connection, link = await service.connect(
        database, who.organization_id, provider=wanted.provider, kind="email", name=wanted.name,
        settings=wanted.settings, secret=wanted.credentials, created_by=who.actor, reconnect=wanted.reconnect,
        account_id=wanted.account_id,
    )  # fmt: skip
    known = (database, who.organization_id, connection.connection_id)
    consent = None
    if link is not None and names.source(wanted.provider).oauth:
        begun = await oauth.begin(*known, begun_by=who.actor)
        consent = ConsentOut.model_validate(remembered(response, begun))
        link = begun.authorization_url
    url = await forwarding.register(*known) if wanted.provider == forwarding.PROVIDER else None
    return EmailOut(
        connection=ConnectionOut.model_validate(connection), link=link, consent=consent,
        forwarding_address=connection.settings.get("address"), webhook_url=url,
    )  # fmt: skip
