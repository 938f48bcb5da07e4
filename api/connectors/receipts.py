"""Receipts: what came by mail or from people, what was read of each, and which transactions it proves."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, BinaryIO, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ai2.books.transactions.attachment_types import ENDINGS
from ai2.kit.errors import TooLarge
from ai2.kit.settings import settings
from ai2.receipts import service
from ai2.receipts.keeping import BINARY
from ai2.receipts.model import Document, MatchState, State
from api.core.attachments import BYTES, AttachmentForm, disposition
from api.pages import PageQuery, WholeQuery, cut, read_cursor, write_cursor
from api.schemas import Amount, Confidence, Instant, ListOf, Out
from api.unit import Caller, Db, Unit, Upload
from api.uploads import once, only_file

ADDRESS = "/api/connectors/receipts"
PIECE_BYTES = 64 * 1024

router = APIRouter(prefix=ADDRESS, tags=["receipts"], route_class=Unit)
uploads = APIRouter(prefix=ADDRESS, tags=["receipts"], route_class=Upload)


class ReceiptTooLarge(TooLarge):
    """The file is larger than a receipt may be; send a smaller one."""


class ReceiptQuery(PageQuery):
    """Which receipts."""

    state: State | None = Field(default=None, description="needs_review: those that a person is to answer for.")
    transaction_id: UUID | None = Field(default=None, description="Those that prove this transaction.")


class Reading(Out):
    """How sure a field was read, and where it stood."""

    confidence: Confidence
    where: str


class ReceiptOut(Out):
    """A receipt or an invoice. What was not read with certainty is null."""

    document_id: UUID
    state: State = Field(
        description="waiting: no transaction yet; unread: what it cost could not be read, a person may say what it "
        "proves; copy: `same_as` says the same and stands for both."
    )
    same_as: UUID | None
    mail_id: UUID | None = Field(description="The mail that brought it; null: a person did.")
    file_name: str
    media_type: str = Field(description="By its content, or as its sender said.")
    size_bytes: int
    sha256: str
    form: Literal["ubl", "cii", "json_ld", "microdata", "html", "pdf", "text"] | None = Field(
        description="What it was read from."
    )
    supplier: str | None
    date: date | None
    total: Amount | None = Field(description="What was to be paid, tax included; a credit note's is negative.")
    tax: Amount | None
    currency: str | None
    number: str | None
    order_number: str | None
    readings: dict[str, Reading] = Field(description="Of each field that was read.")
    is_trusted: bool = Field(description="False: its sender may be another; it is never applied alone.")
    added_by: str
    created_at: Instant


class Receipts(ListOf):
    """One page, newest first."""

    items: list[ReceiptOut]


class MatchOut(Out):
    """A receipt and a transaction that it proves, may prove, or does not prove."""

    document_id: UUID
    transaction_id: UUID
    state: MatchState = Field(description="applied: by a machine, alone; accepted and rejected: by a person.")
    confidence: Confidence
    reasons: list[str]
    parts: int = Field(description="Of how many that add up to a sum this is one.")
    decided_by: str
    decided_at: Instant
    is_attached: bool = Field(description="Whether its file lies beside the transaction.")


class Matches(ListOf):
    """One page, the surest first."""

    items: list[MatchOut]


@router.get("", response_model=Receipts)
async def list_receipts(db: Db, who: Caller, wanted: Annotated[ReceiptQuery, Query()]) -> dict[str, Any]:
    """Your receipts, newest first."""
    which: dict[str, Any] = {"state": wanted.state, "transaction_id": wanted.transaction_id}
    before = read_cursor(wanted.cursor, UUID)
    found = await service.page(db, who.organization_id, before=before, limit=wanted.limit + 1, **which)
    items = found[: wanted.limit]
    return {
        "items": [*map(_shown, items)],
        "next_cursor": write_cursor(items[-1].document_id if len(found) > wanted.limit else None),
        "total": await service.count(db, who.organization_id, **which) if wanted.include else None,
    }


@uploads.post(
    "",
    status_code=201,
    response_model=ReceiptOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": AttachmentForm.model_json_schema()}},
        }
    },
)
async def add_receipt(request: Request, who: Caller) -> Response:
    """Send a receipt: it is read, and matched by the worker. The same bytes are the same receipt."""
    async with only_file(request, settings().attachment_bytes, ReceiptTooLarge) as received:
        part = (received.file_name, BINARY, received.file.read())

        async def work(db: Db) -> Response:
            [document_id] = await service.take(db, who.organization_id, None, [part], added_by=who.actor)
            added = await service.get(db, who.organization_id, document_id)
            answer = ReceiptOut.model_validate(_shown(added)).model_dump_json()
            return Response(answer, 201, {"Location": f"{ADDRESS}/{document_id}"}, "application/json")

        return await once(request, who, received, work)


@router.get("/{document_id}", response_model=ReceiptOut)
async def get_receipt(document_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """A receipt, and what was read of it."""
    return _shown(await service.get(db, who.organization_id, document_id))


@router.get(
    "/{document_id}/file",
    response_class=Response,
    responses={
        200: {
            "content": {kind: {"schema": BYTES} for kind in (BINARY, *ENDINGS)},
            "description": "The file as it came.",
        }
    },
)
async def download_receipt(document_id: UUID, db: Db, who: Caller) -> Response:
    """The file as it came; a browser keeps it and opens nothing."""
    found = await service.get(db, who.organization_id, document_id)
    file = await service.opened(db, who.organization_id, found)
    headers = {
        "Content-Disposition": disposition(found.file_name),
        "Content-Length": str(found.size_bytes),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    kind = found.media_type if found.media_type in ENDINGS else BINARY
    return StreamingResponse(_pieces(file), headers=headers, media_type=kind)


@router.delete("/{document_id}", status_code=204)
async def delete_receipt(document_id: UUID, db: Db, who: Caller) -> Response:
    """Delete a receipt with its file, beside transactions too, unless a person put it there."""
    await service.delete(db, who.organization_id, document_id)
    return Response(status_code=204)


@router.get("/{document_id}/matches", response_model=Matches)
async def list_receipt_matches(
    document_id: UUID, db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]
) -> dict[str, Any]:
    """What a receipt proves or may prove, with reasons, and what a person rejected."""
    found = await service.matches(db, who.organization_id, document_id)
    return cut(found, wanted, lambda match: match.transaction_id)


@router.post("/{document_id}/matches/{transaction_id}/accept", response_model=MatchOut)
async def accept_receipt(document_id: UUID, transaction_id: UUID, db: Db, who: Caller) -> Any:
    """Say that a receipt proves a transaction, proposed or not. It lies beside it, and its names then mean the same."""
    return await service.accept(db, who.organization_id, document_id, transaction_id, decided_by=who.actor)


@router.post("/{document_id}/matches/{transaction_id}/reject", response_model=MatchOut)
async def reject_receipt(document_id: UUID, transaction_id: UUID, db: Db, who: Caller) -> Any:
    """Say that a receipt does not prove a transaction: no machine thinks so again, and its file goes from there."""
    return await service.reject(db, who.organization_id, document_id, transaction_id, decided_by=who.actor)


def _shown(document: Document) -> dict[str, Any]:
    return {**vars(document), "date": document.issued_on, "sha256": document.digest.hex()}


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
