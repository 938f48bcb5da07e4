"""Imports: a statement file in, and what became of every one of its rows."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from ai2 import flows
from ai2.books.accounts import service as accounts
from ai2.identity.principal import Principal
from ai2.ingest import service as ingest
from ai2.ingest.layout import saved
from ai2.ingest.layout.model import Layout
from ai2.ingest.layout.saved import SavedLayout
from ai2.ingest.mending import rejects
from ai2.ingest.mending.replay import Replay
from ai2.ingest.mending.undo import undo
from ai2.ingest.service import Batch, ImportOptions, Source
from ai2.kit.errors import FieldError, Invalid, TooLarge
from ai2.kit.settings import settings
from api.core.import_schemas import (
    AccountReplayIn,
    ImportAnswer,
    ImportFields,
    ImportForm,
    ImportJson,
    ImportOut,
    ImportQuery,
    ImportRows,
    Imports,
    LayoutOut,
    Layouts,
    ReplayIn,
    ReplayOut,
    Replays,
    ResubmitFields,
    ResubmitForm,
    ResubmitJson,
    Resubmitted,
    RowQuery,
)
from api.pages import WholeQuery, cut, read_cursor, write_cursor
from api.schemas import Body
from api.unit import Caller, Db, Unit, Upload
from api.uploads import Shown, once, spooled, valid
from api.uploads import Upload as Received

router = APIRouter(prefix="/api/core", tags=["imports"], route_class=Unit)
uploads = APIRouter(prefix="/api/core", tags=["imports"], route_class=Upload)

PAGE_ROWS = 1000


class RejectsTooLarge(TooLarge):
    """The file is larger than any of rejected rows should be; send it in parts."""


def _body(form: type[Body], json: type[Body]) -> dict[str, Any]:
    schemas = {"multipart/form-data": form, "application/json": json}
    return {"content": {kind: {"schema": model.model_json_schema()} for kind, model in schemas.items()}}


@uploads.post(
    "/csv-import",
    status_code=201,
    response_model=ImportAnswer,
    responses={
        200: {"model": ImportAnswer, "description": "What would come of it (dry_run)."},
        202: {"model": ImportAnswer, "description": "A large file: see GET /api/core/imports/{batch_id}."},
    },
    openapi_extra={"requestBody": {**_body(ImportForm, ImportJson), "required": True}},
)
async def import_file(request: Request, who: Caller) -> Response:
    """Import a statement file. A file that can be read in two ways is answered 422 `needs_answer` with questions."""
    async with spooled(request) as received, request.app.state.limits.imports:
        return await once(request, who, received, lambda db: _import(db, who, received))


@router.get("/imports", response_model=Imports)
async def list_imports(db: Db, who: Caller, wanted: Annotated[ImportQuery, Query()]) -> dict[str, Any]:
    """Imports, newest first."""
    if wanted.account_id:
        await accounts.get(db, who.organization_id, wanted.account_id)
    of, before = who.organization_id, read_cursor(wanted.cursor, UUID)
    chosen: dict[str, Any] = {"account_id": wanted.account_id, "status": wanted.status}
    found = await ingest.batch_list(db, of, limit=wanted.limit + 1, before=before, **chosen)
    page = [_import_out(batch) for batch in found[: wanted.limit]]
    last = page[-1]["batch_id"] if len(found) > wanted.limit else None
    total = await ingest.batch_count(db, of, **chosen) if wanted.include else None
    return {"items": page, "next_cursor": write_cursor(last), "total": total}


@router.get("/imports/{batch_id}", response_model=ImportOut)
async def get_import(batch_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """One import: its state, how far it is, and how it ended."""
    return _import_out(await flows.get_import(db, who.organization_id, batch_id))


@router.get("/imports/{batch_id}/rows", response_model=ImportRows)
async def list_import_rows(batch_id: UUID, db: Db, who: Caller, wanted: Annotated[RowQuery, Query()]) -> dict[str, Any]:
    """Every row of the file and what became of it."""
    after = read_cursor(wanted.cursor, int) or 0
    found = await ingest.batch_rows(
        db, who.organization_id, batch_id, state=wanted.state, after=after, limit=wanted.limit + 1
    )
    page = found[: wanted.limit]
    last = page[-1]["line_number"] if len(found) > wanted.limit else None
    total = None
    if wanted.include:
        total = await ingest.row_count(db, who.organization_id, batch_id, state=wanted.state)
    return {"items": page, "next_cursor": write_cursor(last), "total": total}


@router.get(
    "/imports/{batch_id}/rejects.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rejected rows."}},
)
async def download_rejects(batch_id: UUID, db: Db, who: Caller) -> Response:
    """The quarantined rows as they came, each with its line and reason: to be corrected and resubmitted."""
    batch = await ingest.batch(db, who.organization_id, batch_id)
    rejected: list[dict[str, Any]] = []
    while len(page := await _rejected_after(db, who, batch, rejected)) == PAGE_ROWS:
        rejected += page
    text = "".join(rejects.as_csv(rejects.files(batch.layout), rejected + page))
    name = f'attachment; filename="rejects-{batch_id}.csv"'
    return Response(text.encode(), headers={"Content-Disposition": name}, media_type="text/csv; charset=utf-8")


@uploads.post(
    "/imports/{batch_id}/resubmit",
    response_model=Resubmitted,
    openapi_extra={"requestBody": {**_body(ResubmitForm, ResubmitJson), "required": True}},
)
async def resubmit_rejects(batch_id: UUID, request: Request, who: Caller) -> Response:
    """Send rejects.csv back corrected, some or all of its rows; they load into their import, at their lines."""
    async with spooled(request) as received, request.app.state.limits.imports:
        return await once(request, who, received, lambda db: _resubmit(db, who, batch_id, received))


@router.post("/imports/{batch_id}/undo", response_model=ImportOut)
async def undo_import(batch_id: UUID, db: Db, who: Caller) -> dict[str, Any]:
    """Take an import back as one. What people edited since is left alone and listed; twice is once."""
    await undo(db, who.organization_id, batch_id, undone_by=who.actor)
    return _import_out(await ingest.batch(db, who.organization_id, batch_id))


@router.post("/imports/{batch_id}/replay", response_model=ReplayOut)
async def replay_import(batch_id: UUID, db: Db, who: Caller, wanted: ReplayIn) -> dict[str, Any]:
    """Read an import's file again, as files of its account are read now: what differs, and with `apply` so be it."""
    given = wanted.model_dump(include=set(ImportOptions.model_fields), exclude_none=True)
    found = await flows.replay_import(
        db,
        who.organization_id,
        batch_id,
        replayed_by=who.actor,
        options=valid(ImportOptions, given) if given else None,
        apply=wanted.apply,
        after=read_cursor(wanted.cursor, int) or 0,
        limit=wanted.limit,
    )
    return _replay_out(found)


@router.post("/accounts/{account_id}/replay", response_model=Replays)
async def replay_account(account_id: UUID, db: Db, who: Caller, wanted: AccountReplayIn) -> dict[str, Any]:
    """Read all of an account's files again, the first one first: what differs, and with `apply` so be it."""
    found = await flows.replay_account(
        db, who.organization_id, account_id, replayed_by=who.actor, apply=wanted.apply, limit=wanted.limit
    )
    return {"items": [_replay_out(each) for each in found]}


@router.get("/accounts/{account_id}/layout", response_model=Layouts)
async def list_layouts(account_id: UUID, db: Db, who: Caller, wanted: Annotated[WholeQuery, Query()]) -> dict[str, Any]:
    """How this account's files are read."""
    found = await saved.of_account(db, who.organization_id, account_id)
    return cut(found, wanted, lambda layout: layout.signature)


@router.put("/accounts/{account_id}/layout", response_model=LayoutOut)
async def set_layout(account_id: UUID, layout: Layout, db: Db, who: Caller) -> SavedLayout:
    """Say how files of this signature are read into the account from now on."""
    return await saved.put(db, who.organization_id, account_id, layout)


@router.delete("/accounts/{account_id}/layout/{signature:path}", status_code=204)
async def delete_layout(account_id: UUID, signature: str, db: Db, who: Caller) -> Response:
    """Forget how files of this signature are read into the account; the next one decides anew, or asks."""
    await saved.delete(db, who.organization_id, account_id, signature)
    return Response(status_code=204)


async def _import(db: Db, who: Principal, received: Received) -> Response:
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
        batch_id = await flows.receive_within(db, **known)
        batch = await ingest.batch(db, who.organization_id, batch_id)
        return _response(202, ImportAnswer.model_validate(_import_out(batch)))
    result = await flows.import_within(db, **known, dry_run=said.dry_run)
    answer = ImportAnswer.model_validate(dict(result))
    return (
        Shown(answer.model_dump_json(), 200, media_type="application/json") if said.dry_run else _response(201, answer)
    )


async def _resubmit(db: Db, who: Principal, batch_id: UUID, received: Received) -> Response:
    said = valid(ResubmitFields, received.fields)
    if received.size_bytes > settings().inline_import_bytes:
        raise RejectsTooLarge
    received.file.seek(0)
    found = await flows.resubmit_rows(
        db,
        who.organization_id,
        batch_id,
        received.file.read(),
        sent_by=who.actor,
        options=valid(ImportOptions, said.model_dump(exclude_none=True)),
    )
    answer = {**vars(found), "import": _import_out(found.batch)}
    return _response(200, Resubmitted.model_validate(answer))


def _response(status: int, answer: ImportAnswer | Resubmitted) -> Response:
    batch_id = answer.batch_id if isinstance(answer, ImportAnswer) else None
    headers = {"Location": f"/api/core/imports/{batch_id}"} if batch_id else None
    return Response(answer.model_dump_json(by_alias=True), status, headers, "application/json")


def _import_out(batch: Batch) -> dict[str, Any]:
    counted = {
        "in": batch.rows_in,
        "loaded": batch.rows_loaded,
        "duplicate": batch.rows_duplicate,
        "quarantined": batch.rows_quarantined,
    }
    rows = counted if batch.rows_in is not None else None
    return {**vars(batch), "rows": rows, "unknown_categories": batch.unknown_categories}


async def _rejected_after(db: Db, who: Principal, batch: Batch, rejected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    after = rejected[-1]["line_number"] if rejected else 0
    return await ingest.batch_rows(
        db, who.organization_id, batch.batch_id, state="quarantined", after=after, limit=PAGE_ROWS
    )


def _replay_out(found: Replay) -> dict[str, Any]:
    lines = [{**line, "fields": line["fields"] or []} for line in found.lines]
    return {**vars(found), "lines": lines, "next_cursor": write_cursor(found.next_line)}
