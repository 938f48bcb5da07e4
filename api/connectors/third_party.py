"""Third parties: connecting any API with transactions in JSON by a mapping, and trying the mapping before."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from ai2.connections import service, third_party
from ai2.ingest.sources.rest.fetching import Preview, Shown
from api.connectors.bank import ConnectOut
from api.connectors.connections import ConnectionOut
from api.schemas import Amount, Body, CalendarDate, Name, Out
from api.unit import Caller, Outside, Pool

router = APIRouter(prefix="/api/connectors/third-party", tags=["connectors"], route_class=Outside)


class MappingWanted(Body):
    """An API and how it is read, as the provider `rest` has it in GET /api/connectors/providers."""

    settings: dict[str, Any] = Field(description="The mapping: url, auth, paging, rows, fields, incremental, accounts.")
    credentials: dict[str, Any] = Field(
        default_factory=dict, description="What its auth needs. Kept encrypted, never told again."
    )


class ThirdPartyWanted(MappingWanted):
    """The mapping, and what the connection is to be."""

    name: Name | None = Field(default=None, description="What you call it.")
    account_id: UUID | None = Field(
        default=None, description="Whose rows they are, where the mapping names no accounts; by default a new one."
    )
    reconnect: UUID | None = Field(
        default=None,
        description="A connection that is to have this mapping and these credentials: it keeps its place.",
    )


class LineOut(Out):
    """A row as it will come into the books. Null: it could not be read, and the row goes to quarantine."""

    date: CalendarDate | None
    amount: Amount | None = Field(description="Money in above zero.")
    currency: str | None
    description: str
    merchant: str | None
    reference: str | None
    id: str | None
    is_pending: bool


class PreviewRow(Out):
    """A row as it came, and what is made of it; null: the mapping leaves it out."""

    original: Any
    line: LineOut | None
    account_key: str


class PreviewOut(Out):
    """The first rows. `has_more`: by the mapping's paging another page follows."""

    rows: list[PreviewRow]
    first_page_rows: int
    has_more: bool


@router.post("", status_code=201, response_model=ConnectOut)
async def connect_third_party(wanted: ThirdPartyWanted, database: Pool, who: Caller) -> ConnectOut:
    """Connect an API by its mapping; it has to make something of what is there. The first sync begins at once."""
    connection, link = await service.connect(
        database, who.organization_id, provider=third_party.PROVIDER, kind="third_party", name=wanted.name,
        settings=wanted.settings, secret=wanted.credentials, created_by=who.actor, reconnect=wanted.reconnect,
        account_id=wanted.account_id,
    )  # fmt: skip
    return ConnectOut(connection=ConnectionOut.model_validate(connection), link=link, link_token=None)


@router.post("/preview", response_model=PreviewOut)
async def preview_third_party(wanted: MappingWanted, database: Pool, who: Caller) -> PreviewOut:
    """Try a mapping: the first rows that it finds and what it makes of them. Nothing is kept."""
    return _out(await third_party.preview(database, settings=wanted.settings, secret=wanted.credentials))


def _out(found: Preview) -> PreviewOut:
    return PreviewOut(
        rows=[_row(shown) for shown in found.rows], first_page_rows=found.first_page_rows, has_more=found.has_more
    )


def _row(shown: Shown) -> PreviewRow:
    line = shown.line and LineOut(
        date=shown.line["date"], amount=shown.line["amount"], currency=shown.line["currency"],
        description=shown.line["description"], merchant=shown.line.get("merchant"),
        reference=shown.line.get("reference"), id=shown.line.get("id"), is_pending=shown.line["pending"],
    )  # fmt: skip
    return PreviewRow(original=shown.original, line=line or None, account_key=shown.account_key)
