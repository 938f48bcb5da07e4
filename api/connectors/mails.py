"""Mails: what came, what is known of who sent it, and what became of it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from ai2.connections import mailing
from ai2.connections import service as connections
from ai2.receipts.mails import service
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Body, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/connectors/mails", tags=["connectors"], route_class=Unit)


class AuthenticationOut(Out):
    """What the server that is believed found of the sender; null: nobody who is believed said."""

    by: str | None
    spf: str | None
    dkim: str | None
    dmarc: str | None
    domain: str | None = Field(description="Which the sender says to be of.")


class HeldOut(Out):
    """A statement that waits for a person, and why."""

    name: str
    reason: Literal["no_account", "sender_not_named", "sender_not_verified", "refused"]
    code: str | None = None


class MailOut(Out):
    """A mail. Its message is kept as it came, encrypted."""

    mail_id: UUID
    connection_id: UUID
    message_id: str | None
    folder: str
    sender: str | None = Field(description="As the mail says; believe it where is_sender_verified.")
    sender_name: str | None
    subject: str | None
    sent_at: Instant | None
    size_bytes: int
    authentication: AuthenticationOut
    is_sender_verified: bool
    state: Literal["kept", "read", "failed", "too_large", "too_complex"] = Field(
        description="kept: it is about to be read. too_large and too_complex are kept or told, and not read."
    )
    error: dict[str, Any] | None = Field(
        description="Why it was not read; of one that was, nothing_read: it has no statement attached and no receipt."
    )
    batches: list[UUID] = Field(description="The imports of statements that were attached to it.")
    held: list[HeldOut] = Field(description="Statements that wait for a person: POST .../statements imports them.")
    received_at: Instant
    read_at: Instant | None


class Mails(ListOf):
    """One page."""

    items: list[MailOut]


class MailQuery(PageQuery):
    """Which mails."""

    connection_id: UUID | None = Field(default=None, description="Only those that this connection brought.")


class StatementsWanted(Body):
    """Whose the statements are that wait."""

    account_id: UUID


class StatementsOut(Out):
    """The imports, which are under way."""

    batches: list[UUID]


@router.get("", response_model=Mails)
async def list_mails(db: Db, who: Caller, wanted: Annotated[MailQuery, Query()]) -> dict[str, Any]:
    """Your mails, those that came last first."""
    before = read_cursor(wanted.cursor, UUID)
    of = wanted.connection_id
    if of is not None:
        await connections.get(db, who.organization_id, of)
    found = await service.page(db, who.organization_id, before=before, limit=wanted.limit + 1, connection_id=of)
    items = found[: wanted.limit]
    return {
        "items": items,
        "next_cursor": write_cursor(items[-1].mail_id if len(found) > wanted.limit else None),
        "total": await service.count(db, who.organization_id, of) if wanted.include else None,
    }


@router.get("/{mail_id}", response_model=MailOut)
async def get_mail(mail_id: UUID, db: Db, who: Caller) -> service.Mail:
    """A mail and what became of it."""
    return await service.get(db, who.organization_id, mail_id)


@router.post("/{mail_id}/statements", status_code=202, response_model=StatementsOut)
async def import_mail_statements(mail_id: UUID, wanted: StatementsWanted, db: Db, who: Caller) -> dict[str, Any]:
    """Import the statements of a mail that wait: you have looked at who sent them."""
    batches = await mailing.import_held(db, who.organization_id, mail_id, wanted.account_id, who.actor)
    return {"batches": batches}
