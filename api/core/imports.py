"""Imports: a statement file in, and what became of every one of its rows."""

import base64
import binascii
import csv
import io
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from ai2 import flows
from ai2.identity import idempotency
from ai2.identity.idempotency import Answer
from ai2.identity.principal import Principal
from ai2.ingest import service as ingest
from ai2.ingest.layout.model import Layout
from ai2.ingest.service import Batch, ImportOptions, Rows, SavedLayout, Source
from ai2.ingest.undo import undo
from ai2.kit.database import Database
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.settings import settings
from api.schemas import Body, Currency, Instant, ListOf, Name, Out
from api.unit import Caller, Db, Unit, Upload, database_of, idempotency_key, replayed, request_digest
from api.uploads import Upload as Received
from api.uploads import spooled, valid

router = APIRouter(prefix="/api/core", tags=["imports"], route_class=Unit)
uploads = APIRouter(prefix="/api/core", tags=["imports"], route_class=Upload)

Status = Literal["queued", "running", "loaded", "held", "failed", "needs_answer", "undone"]
RowState = Literal["loaded", "duplicate", "quarantined"]
PAGE_ROWS = 1000
Last = TypeVar("Last")


class ImportFields(Body):
    """Where the file goes, and answers to what it cannot decide itself."""

    account_id: UUID | None = Field(default=None, description="The account; or say account_name.")
    account_name: Name | None = Field(default=None, description="The account by name; a new name opens one.")
    mapping: dict[str, str | int | list[str | int]] | None = Field(
        default=None, description="Role (date, amount, description...) to column: its header, or its number from 1."
    )
    date_order: Literal["dmy", "mdy", "ymd"] | None = None
    decimal_mark: Literal[".", ","] | None = None
    positive_is: Literal["in", "out"] | None = Field(default=None, description="What an amount without a minus is.")
    currency: Currency | None = None
    encoding: str | None = Field(default=None, max_length=40, description="How the file's text is encoded: cp1250...")
    dry_run: bool = Field(default=False, description="Say what would come of it and write nothing; adds `sample`.")


class ImportForm(ImportFields):
    """A statement file, as CSV or OFX, alone or in gzip or zip."""

    file: str = Field(json_schema_extra={"format": "binary"})


class ImportJson(ImportFields):
    """The text of a CSV file."""

    csv_data: str
    file_name: str | None = None


class ImportAnswer(Out):
    """What became of a file: rows in = loaded + duplicate + quarantined. A dry run has no batch."""

    batch_id: UUID | None
    status: Status
    format: str | None
    rows: Rows | None
    questions: list[dict[str, Any]] = Field(default_factory=list)
    first_date: date | None
    last_date: date | None
    currency: str | None
    account_id: UUID
    checks: list[dict[str, Any]] = Field(default_factory=list, description="The expectations, and whether each held.")
    sample: list[dict[str, Any]] | None = Field(
        default=None, exclude_if=lambda sample: sample is None, description="The first lines, with dry_run."
    )


class Left(Out):
    """A transaction that an undo left alone."""

    transaction_id: UUID
    line_number: int | None
    why: Literal["edited", "deleted"]
    fields: list[str] = Field(description="What people edited: date, amount, category...")


class Heir(Out):
    """A later import that has rows of an undone one, and took them over."""

    batch_id: UUID
    transactions: int


class UndoReport(Out):
    """What an undo did. `left` names the first 1,000 of `left_alone`."""

    closed: int = Field(description="Transactions that it had inserted, and that are gone.")
    given_back: int = Field(description="Transactions of other imports that have their former values again.")
    handed_over: int = Field(description="Transactions that stay, because a later import has them too.")
    left_alone: int = Field(description="Transactions that people had edited or deleted.")
    heirs: list[Heir]
    left: list[Left]


class ImportOut(ImportAnswer):
    """An import, from its file to its end."""

    file_name: str
    source: str
    progress: float = Field(description="0 to 1.")
    problem: dict[str, Any] | None = Field(description="Why it failed or is asked about.")
    imported_by: str
    created_at: Instant
    finished_at: Instant | None
    undone_at: Instant | None
    undone_by: str | None
    undo_report: UndoReport | None = Field(description="What became of its transactions when it was undone.")
    replays: list[dict[str, Any]] = Field(description="The replays that were applied, the first one first.")


class Imports(ListOf):
    """Imports, newest first."""

    items: list[ImportOut]


class ImportQuery(Body):
    """Which imports."""

    account_id: UUID | None = None
    status: Status | None = None
    limit: int = Field(default=50, ge=1, le=1000)
    cursor: str | None = Field(default=None, max_length=100)


class RowOut(Out):
    """A row of the file and what became of it; `transaction_id` is what it became, or what it repeats."""

    line_number: int
    state: RowState
    transaction_id: UUID | None
    reason_code: str | None
    reason: str | None
    original: str | None


class ImportRows(ListOf):
    """Rows by line number."""

    items: list[RowOut]


class RowQuery(Body):
    """Which rows."""

    state: RowState | None = None
    limit: int = Field(default=50, ge=1, le=1000)
    cursor: str | None = Field(default=None, max_length=100)


class LayoutOut(Out):
    """How files of one kind are read into an account."""

    signature: str
    layout: Layout
    decided_by: str
    version: int
    updated_at: Instant


class Layouts(ListOf):
    """An account's layouts, the last used first."""

    items: list[LayoutOut]


class UnknownCursor(Invalid):
    """The cursor is not one that this list gave out; begin without one."""


def _schema(model: type[ImportFields]) -> dict[str, Any]:
    return {"schema": model.model_json_schema()}


BODY = {"content": {"multipart/form-data": _schema(ImportForm), "application/json": _schema(ImportJson)}}


@uploads.post(
    "/csv-import",
    status_code=201,
    response_model=ImportAnswer,
    responses={
        200: {"model": ImportAnswer, "description": "What would come of it (dry_run)."},
        202: {"model": ImportAnswer, "description": "A large file: see GET /api/core/imports/{batch_id}."},
    },
    openapi_extra={"requestBody": {**BODY, "required": True}},
)
async def import_file(request: Request, who: Caller) -> Response:
    """Import a statement file. A file that can be read in two ways is answered 422 `needs_answer` with questions."""
    key, database = idempotency_key(request), database_of(request)
    async with spooled(request) as received, request.app.state.limits.imports:
        if key is None:
            return _response(await _import(database, who, received))
        wanted = request_digest(request, await received.digest())
        async with database.transaction(who.organization_id, actor=who.actor) as db:
            former = await idempotency.claim(db, who.organization_id, key, wanted)
            if former:
                return replayed(former)
            # The import commits by itself; were we to end here, a repeat would find every row a duplicate.
            response = _response(await _import(database, who, received))
            answer = Answer(response.status_code, bytes(response.body), response.media_type)
            await idempotency.keep(db, who.organization_id, key, wanted, answer)
        return response


@router.get("/imports", response_model=Imports)
async def list_imports(db: Db, who: Caller, wanted: Annotated[ImportQuery, Query()]) -> dict[str, Any]:
    """Imports, newest first."""
    found = await ingest.batch_list(
        db,
        who.organization_id,
        limit=wanted.limit + 1,
        before=_read_cursor(wanted.cursor, UUID),
        account_id=wanted.account_id,
        status=wanted.status,
    )
    page = [_import_out(batch) for batch in found[: wanted.limit]]
    return {"items": page, "next_cursor": _cursor(page[-1]["batch_id"]) if len(found) > wanted.limit else None}


@router.get("/imports/{batch_id}", response_model=ImportOut)
async def get_import(batch_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """One import: its state, how far it is, and how it ended."""
    return _import_out(await flows.get_import(db, who.organization_id, batch_id))


@router.get("/imports/{batch_id}/rows", response_model=ImportRows)
async def list_import_rows(batch_id: UUID, db: Db, who: Caller, wanted: Annotated[RowQuery, Query()]) -> dict[str, Any]:
    """Every row of the file and what became of it."""
    after = _read_cursor(wanted.cursor, int) or 0
    found = await ingest.batch_rows(
        db, who.organization_id, batch_id, state=wanted.state, after=after, limit=wanted.limit + 1
    )
    page = found[: wanted.limit]
    return {"items": page, "next_cursor": _cursor(page[-1]["line_number"]) if len(found) > wanted.limit else None}


@router.get(
    "/imports/{batch_id}/rejects.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rejected rows."}},
)
async def download_rejects(batch_id: UUID, db: Db, who: Caller) -> Response:
    """The quarantined rows as they came, under their file's header: to be fixed and sent again."""
    batch = await ingest.batch(db, who.organization_id, batch_id)
    rejected: list[dict[str, Any]] = []
    while len(page := await _rejected_after(db, who, batch, rejected)) == PAGE_ROWS:
        rejected += page
    text = "".join(_as_file(batch, rejected + page))
    name = f'attachment; filename="rejects-{batch_id}.csv"'
    return Response(text.encode(), headers={"Content-Disposition": name}, media_type="text/csv; charset=utf-8")


@router.post("/imports/{batch_id}/undo", response_model=ImportOut)
async def undo_import(batch_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """Take an import back as one. What people edited since is left alone and listed; twice is once."""
    await undo(db, who.organization_id, batch_id, undone_by=who.actor)
    return _import_out(await ingest.batch(db, who.organization_id, batch_id))


@router.get("/accounts/{account_id}/layout", response_model=Layouts)
async def list_layouts(account_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """How this account's files are read."""
    return {"items": await ingest.layouts(db, who.organization_id, account_id)}


@router.put("/accounts/{account_id}/layout", response_model=LayoutOut)
async def set_layout(account_id: UUID, layout: Layout, db: Db, who: Caller) -> SavedLayout:
    """Say how files of this signature are read into the account from now on."""
    return await ingest.put_layout(db, who.organization_id, account_id, layout)


async def _import(database: Database, who: Principal, received: Received) -> tuple[int, dict[str, Any]]:
    """Import now, or where the file is large keep it for the worker: the status and what is answered."""
    said = valid(ImportFields, received.fields)
    if (said.account_id is None) == (said.account_name is None):
        raise Invalid(errors=(FieldError("account_id", "or account_name is needed, and only one of them"),))
    answers = said.model_dump(include=set(ImportOptions.model_fields))
    known: dict[str, Any] = {
        "organization_id": who.organization_id,
        "account_id": said.account_id,
        "account_name": said.account_name,
        "path": received.file,
        "file_name": received.file_name[:200],
        "options": valid(ImportOptions, answers),
        "source": Source.API,
        "imported_by": who.actor,
    }
    if received.size_bytes > settings().inline_import_bytes and not said.dry_run:
        batch_id = await flows.receive_file(database, **known)
        async with database.transaction(who.organization_id) as db:
            return 202, _import_out(await ingest.batch(db, who.organization_id, batch_id))
    result = await flows.import_file(database, **known, dry_run=said.dry_run)
    return 200 if said.dry_run else 201, dict(result)


def _response(answered: tuple[int, dict[str, Any]]) -> Response:
    status, found = answered
    answer = ImportAnswer.model_validate(found)
    headers = {"Location": f"/api/core/imports/{answer.batch_id}"} if answer.batch_id else None
    return Response(answer.model_dump_json(by_alias=True), status, headers, "application/json")


def _import_out(batch: Batch) -> dict[str, Any]:
    counted = {
        "in": batch.rows_in,
        "loaded": batch.rows_loaded,
        "duplicate": batch.rows_duplicate,
        "quarantined": batch.rows_quarantined,
    }
    return {**vars(batch), "rows": counted if batch.rows_in is not None else None}


async def _rejected_after(db: Db, who: Principal, batch: Batch, rejected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    after = rejected[-1]["line_number"] if rejected else 0
    return await ingest.batch_rows(
        db, who.organization_id, batch.batch_id, state="quarantined", after=after, limit=PAGE_ROWS
    )


def _as_file(batch: Batch, rejected: list[dict[str, Any]]) -> Iterator[str]:
    """The rows under the header of the file that they stood in."""
    files = (batch.layout or {}).get("files", [])
    headers = [(file["lines_before"], _header(file["layout"])) for file in files]
    last = None
    for row in rejected:
        header = next((text for before, text in reversed(headers) if row["line_number"] > before), "")
        if header != last:
            yield header
            last = header
        yield row["original"].rstrip("\r\n") + "\r\n"


def _header(layout: dict[str, Any] | None) -> str:
    if not layout or not layout["header"]:
        return ""
    line = io.StringIO()
    csv.writer(line, delimiter=layout["delimiter"]).writerow(layout["header"])
    return line.getvalue()


def _cursor(last: object) -> str:
    return base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None, read: Callable[[str], Last]) -> Last | None:
    if cursor is None:
        return None
    try:
        return read(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
    except (ValueError, binascii.Error):
        raise UnknownCursor(errors=(FieldError("cursor", "is one that this list gave out"),)) from None
