"""Exports: asked for, written by the worker, taken as often as wanted until they expire."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from psycopg.rows import DictRow
from pydantic import TypeAdapter

from ai2.books.accounts import service as accounts
from ai2.identity import organizations
from ai2.identity.principal import Principal
from ai2.kit import blobs, queue
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Conflict, NotFound, Problem, TooManyRequests
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from ai2.reports import service as reports
from ai2.reports.exports import repository
from ai2.reports.exports.asked import Asked, check
from ai2.reports.exports.of_report import FORMATS

KIND = "export_data"
MOST_WAITING, RETRY_AFTER_S = 20, 60
ASKED: TypeAdapter[Asked] = TypeAdapter(Asked)


class ExportNotFound(NotFound):
    """There is no such export, or it was taken away after it had expired; ask for another."""


class ExportNotReady(Conflict):
    """The export is not written yet; ask for its state, and come back when it is done."""


class TooManyExportsWait(TooManyRequests):
    """Twenty exports wait to be written; ask again when some are done."""


class ExportExpired(Problem):
    """The export has expired; ask for another."""

    status = 410


@dataclass(frozen=True)
class Export:
    """An export and how far it is; `asked` says what it is of. `sha256` is of the file as it is downloaded."""

    export_id: UUID
    what: str
    format: str
    asked: Asked
    asked_by: str
    created_at: datetime
    rows: int | None
    size_bytes: int | None
    sha256: str | None
    finished_at: datetime | None
    expires_at: datetime | None
    state: str
    progress: float
    error: dict[str, Any] | None


async def ask(db: Connection, who: Principal, asked: Asked) -> Export:
    """Have it written."""
    check(asked, tuple(FORMATS))
    await accounts.check_theirs(db, who.organization_id, asked.account_ids)
    if asked.report_id:
        await reports.get(db, who.organization_id, asked.report_id)
    if await repository.waiting(db, who.organization_id, KIND) >= MOST_WAITING:
        raise TooManyExportsWait(retry_after_s=RETRY_AFTER_S)
    export_id = new_id()
    known = {"export_id": export_id, "what": asked.what, "format": asked.format, "asked_by": who.actor}
    await repository.insert(db, who.organization_id, asked=ASKED.dump_python(asked, mode="json"), **known)
    await queue.enqueue(db, who.organization_id, KIND, {}, job_id=export_id)
    return await get(db, who.organization_id, export_id)


async def get(db: Connection, organization_id: UUID, export_id: UUID) -> Export:
    row = await repository.get(db, organization_id, export_id)
    if row is None:
        raise ExportNotFound
    return _export(row)


async def page(db: Connection, organization_id: UUID, *, before: UUID | None, limit: int) -> list[Export]:
    """Exports, newest first."""
    return [_export(row) for row in await repository.page(db, organization_id, before=before, limit=limit)]


async def count(db: Connection, organization_id: UUID) -> int:
    return await repository.count(db, organization_id)


async def manifest(db: Connection, organization_id: UUID, export_id: UUID) -> dict[str, Any]:
    """What is in the file of an export."""
    _check_written(await get(db, organization_id, export_id))
    return await repository.manifest(db, organization_id, export_id) or {}


async def opened(db: Connection, organization_id: UUID, export_id: UUID) -> tuple[Export, BinaryIO]:
    """An export and its file, decrypted; the caller closes it."""
    known = await get(db, organization_id, export_id)
    _check_written(known)
    key = await organizations.file_key(db, organization_id)
    try:
        return known, await asyncio.to_thread(blobs.get, blob_name(organization_id, export_id), key)
    except FileNotFoundError:
        raise ExportNotFound from None


async def purge(pipeline: Database) -> int:
    """Take away the exports that have expired, everyone's; says how many."""
    before = datetime.now(UTC) - timedelta(days=settings().export_days)
    async with pipeline.transaction() as db:
        past = await repository.past(db, before)
    # files first: what is left by a crash is found again by its row
    for each in past:
        await asyncio.to_thread(blobs.delete, blob_name(each["organization_id"], each["export_id"]))
    async with pipeline.transaction() as db:
        await repository.delete(db, past)
    return len(past)


def blob_name(organization_id: UUID, export_id: UUID) -> str:
    """Where its file lies: erasing an organization takes every folder of its id."""
    return f"data_exports/{organization_id}/{export_id}"


def _check_written(known: Export) -> None:
    if known.state == "expired":
        raise ExportExpired
    if known.state != "done":
        raise ExportNotReady


def _export(row: DictRow) -> Export:
    return Export(**{**row, "asked": ASKED.validate_python(row["asked"])})


def told(asked: Asked) -> dict[str, Any]:
    """The filters that were asked for, as a manifest has them."""
    return {
        name: value
        for name, value in ASKED.dump_python(asked, mode="json").items()
        if value and name not in ("what", "format")
    }
