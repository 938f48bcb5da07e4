"""Privacy: what is kept of you as a file, for how long it is kept, and how it goes."""

from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ai2.identity.principal import Principal, Role, Scope
from ai2.kit.database import Connection
from ai2.privacy import erasing, exporting, retention
from ai2.privacy.exporting import Export
from ai2.privacy.retention import Retention
from api import roles
from api.etags import IfMatch, mark
from api.schemas import Body, Change, Instant, Out, changes
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/privacy", tags=["privacy"], route_class=Unit)

PIECE_BYTES = 64 * 1024
Years = Annotated[int, Field(strict=True, ge=1, le=30)]


class ExportWanted(Body):
    """Of whom."""

    scope: Literal["person", "organization"] = Field(description="You yourself; or for an owner the organization.")


class ExportOut(Out):
    """An export and how far it is. It is kept for seven days."""

    export_id: UUID
    scope: Literal["person", "organization"]
    state: Literal["queued", "running", "done", "failed"]
    progress: float = Field(description="0 to 1.")
    size_bytes: int | None
    download: str | None = Field(description="Where the file is, once it is written.")
    error: dict[str, Any] | None
    created_at: Instant | None


class ErasureWanted(Body):
    """Whom to erase. Nothing brings them back."""

    scope: Literal["person", "organization"]
    confirm: str = Field(
        max_length=400, description="Your e-mail address; the organization's name; or the former member's id."
    )
    user_id: UUID | None = Field(default=None, description="For an owner: somebody who was a member and is none now.")
    despite_retention: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="You keep the books elsewhere for as long as the law wants."
    )


class ErasureOut(Out):
    """What becomes of it: a person is erased at once, an organization by the worker."""

    state: Literal["done", "queued"]


class RetentionChange(Change):
    """What to change; what is not named stays. null is the default again."""

    books_years: Years | None = Field(default=None, description="After the end of the fiscal year.")
    audit_years: Years | None = None
    events_days: Annotated[int, Field(strict=True, ge=1, le=3650)] | None = None


class RetentionOut(Out):
    """For how long your organization keeps what."""

    books_years: int = Field(description="After the end of the fiscal year: transactions, files and their history.")
    audit_years: int
    events_days: int
    law_years: int = Field(description="So long the law of your country wants books kept.")
    law: str
    version: int


@router.post("/export", status_code=202, response_model=ExportOut)
async def export_privacy(wanted: ExportWanted, db: Db, who: Caller) -> dict[str, Any]:
    """Have all that is kept of you, or of your organization, written as a ZIP of JSON lines with a manifest."""
    if wanted.scope == "organization":
        _check_owner(who)
    return _export(await exporting.ask(db, who, wanted.scope))


@router.get("/exports/{export_id}", response_model=ExportOut)
async def get_privacy_export(export_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """How far an export is, and where its file is."""
    return _export(await _own(db, who, export_id))


@router.get(
    "/exports/{export_id}/download",
    response_class=Response,
    responses={
        200: {
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
            "description": "The file.",
        }
    },
)
async def download_privacy_export(export_id: UUID, db: Db, who: Caller) -> Response:
    """The file of an export."""
    await _own(db, who, export_id)
    file = await exporting.opened(db, who, export_id)
    name = f'attachment; filename="export-{export_id}.zip"'
    return StreamingResponse(_pieces(file), headers={"Content-Disposition": name}, media_type="application/zip")


@router.post("/erase", response_model=ErasureOut, responses={202: {"model": ErasureOut}})
async def erase_privacy(wanted: ErasureWanted, db: Db, who: Caller, response: Response) -> dict[str, str]:
    """Erase yourself, a former member, or your organization. 409 says until when the law wants books kept."""
    if wanted.scope == "organization":
        _check_owner(who)
        await erasing.erase_organization(db, who, confirm=wanted.confirm, despite_retention=wanted.despite_retention)
        response.status_code = 202
        return {"state": "queued"}
    if wanted.user_id:
        _check_owner(who)
        await erasing.erase_former_member(db, who, wanted.user_id, confirm=wanted.confirm)
    else:
        await erasing.erase_self(db, who, confirm=wanted.confirm)
    return {"state": "done"}


@router.get("/retention", response_model=RetentionOut)
async def get_retention(db: Db, who: Caller, response: Response) -> Retention:
    """For how long your organization keeps what, and which law says so."""
    known = await retention.get(db, who.organization_id)
    mark(response, known.version)
    return known


@router.patch("/retention", response_model=RetentionOut)
async def update_retention(
    change: RetentionChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Retention:
    """Keep things longer or shorter; books never shorter than the law of your country wants."""
    known = await retention.update(db, who.organization_id, changes(change), version=version)
    mark(response, known.version)
    return known


def _check_owner(who: Principal) -> None:
    """What concerns all of an organization is its owner's; a key that may only read or write books is not enough."""
    roles.require(who, Role.OWNER)
    roles.require_scope(who, Scope.ADMIN)


async def _own(db: Connection, who: Principal, export_id: UUID) -> Export:
    known = await exporting.get(db, who, export_id)
    if known.scope == "organization":
        _check_owner(who)
    return known


def _export(known: Export) -> dict[str, Any]:
    address = f"/api/core/privacy/exports/{known.export_id}/download"
    return {**vars(known), "download": address if known.state == "done" else None}


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
