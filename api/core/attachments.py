"""Attachments: receipts and invoices beside a transaction."""

from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ai2.books.transactions import attachments
from ai2.books.transactions.attachment_types import ENDINGS
from ai2.books.transactions.attachments import Attachment
from ai2.kit.errors import TooLarge
from ai2.kit.settings import settings
from api.pages import WholeQuery, cut
from api.recording import record
from api.schemas import Body, Instant, ListOf, Out
from api.unit import Caller, Db, Unit, Upload, admitted, database_of
from api.uploads import once, only_file

ADDRESS = "/{transaction_id}/attachments"
PIECE_BYTES = 64 * 1024
BYTES = {"type": "string", "format": "binary"}

router = APIRouter(prefix="/api/core/transactions", tags=["transactions"], route_class=Unit)
uploads = APIRouter(prefix="/api/core/transactions", tags=["transactions"], route_class=Upload)


class AttachmentTooLarge(TooLarge):
    """The file is larger than an attachment may be; send a smaller picture or document."""


class AttachmentForm(Body):
    """A file."""

    file: bytes = Field(json_schema_extra={"format": "binary"})


class AttachmentOut(Out):
    """A file beside a transaction."""

    attachment_id: UUID
    transaction_id: UUID
    file_name: str
    media_type: str = Field(description="By the file's content.")
    size_bytes: int
    sha256: str
    added_by: str = Field(description="user or api_key, and its id.")
    created_at: Instant


class Attachments(ListOf):
    """All attachments of a transaction."""

    items: list[AttachmentOut]


@uploads.post(
    ADDRESS,
    status_code=201,
    response_model=AttachmentOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": AttachmentForm.model_json_schema()}},
        }
    },
)
async def add_attachment(transaction_id: UUID, request: Request, who: Caller) -> Response:
    """Keep a file beside a transaction: PDF, PNG, JPEG, WEBP, HEIC, GIF, plain text, CSV or an office document."""
    async with only_file(request, settings().attachment_bytes, AttachmentTooLarge) as received:

        async def work(db: Db) -> Response:
            added = await attachments.add(
                db,
                who.organization_id,
                transaction_id,
                file=received.file,
                file_name=received.file_name,
                size_bytes=received.size_bytes,
                added_by=who.actor,
            )
            answer = AttachmentOut.model_validate(_told(added)).model_dump_json()
            return Response(answer, 201, {"Location": _address(added)}, "application/json")

        return await once(request, who, received, work)


@router.get(ADDRESS, response_model=Attachments)
async def list_attachments(
    transaction_id: UUID, db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]
) -> dict[str, Any]:
    """What is beside a transaction, in the order in which it was added."""
    found = [_told(each) for each in await attachments.list_of(db, who.organization_id, transaction_id)]
    return cut(found, wanted, lambda each: each["attachment_id"])


@router.get(
    ADDRESS + "/{attachment_id}",
    response_class=Response,
    responses={
        200: {
            "content": {kind: {"schema": BYTES} for kind in ("application/octet-stream", *ENDINGS)},
            "description": "The file as it came.",
        }
    },
)
async def download_attachment(transaction_id: UUID, attachment_id: UUID, db: Db, who: Caller) -> Response:
    """The file as it came, by its type and name; a browser keeps it and opens nothing."""
    found = await attachments.get(db, who.organization_id, transaction_id, attachment_id)
    file = await attachments.read(db, who.organization_id, found)
    headers = {
        "Content-Disposition": disposition(found.file_name),
        "Content-Length": str(found.size_bytes),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return StreamingResponse(_pieces(file), headers=headers, media_type=found.media_type)


@uploads.delete(ADDRESS + "/{attachment_id}", status_code=204)
async def delete_attachment(transaction_id: UUID, attachment_id: UUID, request: Request, who: Caller) -> Response:
    """Take an attachment away. Its bytes are deleted once nothing refers to them."""
    async with admitted(request) as db:
        digest = await attachments.remove(db, who.organization_id, transaction_id, attachment_id)
        request.state.answer = gone = Response(status_code=204)
        await record(request, "delete_attachment", db)
    async with database_of(request).transaction(who.organization_id, actor=who.actor) as db:
        await attachments.forget_unused(db, who.organization_id, digest)
    return gone


def disposition(file_name: str) -> str:
    """How a browser names the file (RFC 6266): what is not plain ASCII by its percent-encoding."""
    plain = "".join(letter if letter.isascii() and letter not in '"\\%' else "_" for letter in file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _told(attachment: Attachment) -> dict[str, Any]:
    return {**vars(attachment), "sha256": attachment.digest.hex()}


def _address(attachment: Attachment) -> str:
    return f"/api/core/transactions/{attachment.transaction_id}/attachments/{attachment.attachment_id}"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
