"""Exports: the books as files, asked for, watched and downloaded, each with a manifest of its own."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, BinaryIO, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ai2.reports.exports import service
from ai2.reports.exports.asked import Asked, Format, What
from ai2.reports.exports.service import Export
from ai2.reports.exports.writers import MEDIA_TYPES
from ai2.reports.render.page import POLICY
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Body, Day, Instant, ListOf, Out
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/analytics/exports", tags=["exports"], route_class=Unit)
asking = APIRouter(prefix="/api/analytics", tags=["exports"], route_class=Unit)

PIECE_BYTES = 64 * 1024


class ExportAsked(Body):
    """What to export, and how. A filter that would have no effect is refused."""

    what: What = Field(description="entries: the ledger in double entry. report: one that was given out.")
    format: Format = Field(description="pdf and html are for reports, parquet for all else.")
    start_date: Day | None = Field(default=None, description="From this day on; without it from the beginning.")
    end_date: Day | None = Field(default=None, description="Included.")
    account_ids: list[UUID] = Field(default_factory=list, max_length=1000, description="Only these accounts.")
    report_id: UUID | None = Field(default=None, description="Which report, where `what` is report.")


class ExportOut(Out):
    """An export and how far it is."""

    export_id: UUID
    what: What
    format: Format
    start_date: date | None
    end_date: date | None
    account_ids: list[UUID]
    report_id: UUID | None
    state: Literal["queued", "running", "done", "failed", "expired"]
    progress: float = Field(description="0 to 1.")
    rows: int | None = Field(description="Once it is written; of a report its lines.")
    size_bytes: int | None
    sha256: str | None = Field(description="Of the file as it is downloaded.")
    download: str | None = Field(description="Where the file is, once it is written.")
    manifest: str | None = Field(description="Where is said what is in it.")
    error: dict[str, Any] | None
    asked_by: str
    created_at: Instant
    finished_at: Instant | None
    expires_at: Instant | None


class Exports(ListOf):
    """One page, newest first."""

    items: list[ExportOut]


class ExportColumnOut(Out):
    """A field of the file."""

    name: str
    type: str
    unit: str | None = None
    description: str


class ManifestOut(Out):
    """What is in a file, of which books, and how to see that it is whole."""

    export_id: UUID
    what: What
    filters: dict[str, Any]
    rows: int
    columns: list[ExportColumnOut] = Field(default=[], description="In their order; none of a report.")
    totals: list[dict[str, Any]] = Field(default=[], description="What the rows come to, amounts by currency.")
    reconciled: dict[str, Any] | None = Field(
        default=None, description="The same beside what the books' own totals say, and whether they agree."
    )
    report: dict[str, str] | None = Field(default=None, description="Title and digest of the report.")
    formulas: str | None = Field(default=None, description="What was done with texts that look like formulas.")
    books: dict[str, Any] = Field(
        description="As of which moment; the position of the last event before it; a SHA-256 over what each account "
        "came to: the same books give the same."
    )
    file: dict[str, Any] = Field(description="Format, media type, size and SHA-256.")
    software: dict[str, str]
    written_at: Instant


@asking.post("/export-data", status_code=202, response_model=ExportOut)
async def export_data(asked: ExportAsked, db: Db, who: Caller) -> dict[str, Any]:
    """Have the books, or a report, written as a file: all as of one moment. The links work once the state is done."""
    wanted = Asked(**{**asked.model_dump(), "account_ids": tuple(asked.account_ids)})
    return _shown(await service.ask(db, who, wanted))


@router.get("", response_model=Exports)
async def list_exports(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """Exports that were asked for and have not been taken away."""
    before = read_cursor(wanted.cursor, UUID)
    found = await service.page(db, who.organization_id, before=before, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    return {
        "items": [*map(_shown, items)],
        "next_cursor": write_cursor(items[-1].export_id if len(found) > wanted.limit else None),
        "total": await service.count(db, who.organization_id) if wanted.include else None,
    }


@router.get("/{export_id}", response_model=ExportOut)
async def get_export(export_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """How far an export is, and where its file is."""
    return _shown(await service.get(db, who.organization_id, export_id))


@router.get("/{export_id}/manifest", response_model=ManifestOut, response_model_exclude_unset=True)
async def get_export_manifest(export_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """What is in the file."""
    return await service.manifest(db, who.organization_id, export_id)


@router.get(
    "/{export_id}/download",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()},
        }
    },
)
async def download_export(export_id: UUID, db: Db, who: Caller) -> Response:
    """The file of an export. Its SHA-256 is that of the manifest."""
    known, file = await service.opened(db, who.organization_id, export_id)
    name = f"{known.what}-{known.created_at:%Y-%m-%d}.{known.format}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(known.size_bytes),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": f"{POLICY}; sandbox",
    }
    return StreamingResponse(_pieces(file), headers=headers, media_type=MEDIA_TYPES[known.asked.format])


def _shown(known: Export) -> dict[str, Any]:
    address = f"/api/analytics/exports/{known.export_id}"
    is_there = known.state == "done"
    return {
        **vars(known.asked),
        **vars(known),
        "download": f"{address}/download" if is_there else None,
        "manifest": f"{address}/manifest" if is_there else None,
    }


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
