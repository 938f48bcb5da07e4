"""Writing: the job that makes the file of an export and the manifest beside it.

All is read in one snapshot of the books, by a cursor, so that the parts of it agree and however much it is, little of
it is in memory. The file lies encrypted by the organization's key.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import BufferedReader
from typing import IO, Any, BinaryIO, cast
from uuid import UUID

from ai2 import __version__
from ai2.identity import organizations
from ai2.kit import blobs, events
from ai2.kit.database import Connection, Database, act_for
from ai2.kit.queue import Job
from ai2.kit.settings import settings
from ai2.reports import service as reports
from ai2.reports.exports import repository, rows_repository, service
from ai2.reports.exports.asked import Asked
from ai2.reports.exports.of_report import FORMATS
from ai2.reports.exports.service import Export
from ai2.reports.exports.tables import TABLES
from ai2.reports.exports.totals import Totals
from ai2.reports.exports.writers import MEDIA_TYPES, Writer, writer

Progress = Callable[[float], None]
# As many rows as a transaction has, so that it can be said how far it is; of other tables there are few rows.
ROWS_FOR_ONE = {"transactions": 1, "entries": 2}
FORMULAS = "A text that a spreadsheet would compute (it begins with = + - @, TAB or CR) has an apostrophe in front."


async def write(database: Database, job: Job, progress: Progress) -> dict[str, Any]:
    """Write the file of a job; of one that is written already nothing more is done."""
    organization_id, export_id = job.organization_id, job.job_id
    with tempfile.TemporaryFile(prefix="ai2-export-") as file:
        async with database.transaction() as db:
            # all of it as of one moment, which has to be said first
            await db.execute("set transaction isolation level repeatable read read only")
            await act_for(db, organization_id)
            export = await service.get(db, organization_id, export_id)
            if export.finished_at:
                return {"rows": export.rows}
            key = await organizations.file_key(db, organization_id)
            about = await _write(db, organization_id, export, cast(IO[bytes], file), progress)
        size_bytes, sha256 = await asyncio.to_thread(_digest, cast(BinaryIO, file))
        name = service.blob_name(organization_id, export_id)
        await asyncio.to_thread(blobs.put, name, cast(BinaryIO, file), key)
    written = {"rows": about["rows"], "size_bytes": size_bytes, "sha256": sha256}
    await _finish(database, organization_id, export, {**about, "file": _file(export, size_bytes, sha256)}, written)
    return {"rows": about["rows"], "size_bytes": size_bytes}


async def _write(
    db: Connection, organization_id: UUID, export: Export, file: IO[bytes], progress: Progress
) -> dict[str, Any]:
    """Write the content; give back what the manifest says of it."""
    state = await rows_repository.state(db, organization_id)
    about: dict[str, Any] = {
        "export_id": str(export.export_id),
        "what": export.what,
        "filters": service.told(export.asked),
        "books": {
            "as_of": state["as_of"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "events_position": state["position"],
            "digest": hashlib.sha256(state["accounts"].encode()).hexdigest(),
        },
        "software": {"name": "AI2", "version": __version__},
    }
    if export.what == "report":
        return {**about, **await _write_report(db, organization_id, export.asked, file)}
    async with reports.built():
        return {**about, **await _write_table(db, organization_id, export.asked, file, progress)}


async def _write_report(db: Connection, organization_id: UUID, asked: Asked, file: IO[bytes]) -> dict[str, Any]:
    assert asked.report_id  # noqa: S101 - it is asked for with one
    report = await reports.get(db, organization_id, asked.report_id)
    await asyncio.to_thread(FORMATS[asked.format], report, file)
    lines = sum(len(table.lines) for table in report.tables)
    return {"rows": lines, "report": {"title": report.title, "digest": report.digest}}


async def _write_table(
    db: Connection, organization_id: UUID, asked: Asked, file: IO[bytes], progress: Progress
) -> dict[str, Any]:
    table = TABLES[asked.what]
    books = await rows_repository.in_books(db, organization_id, asked)
    expected = max(1, sum(each["rows"] for each in books) * ROWS_FOR_ONE.get(asked.what, 1))
    into, totals = writer(asked.format, file, table), Totals(table)
    async for some in rows_repository.stream(db, organization_id, asked):
        await asyncio.to_thread(_take, into, totals, some)
        progress(min(totals.rows / expected, 0.99))
    await asyncio.to_thread(into.close)
    amounts = {each["currency"]: each["amount"] or Decimal(0) for each in books}
    return {
        "columns": [column.told() for column in table.columns],
        "rows": totals.rows,
        "totals": totals.told(),
        "reconciled": totals.against(amounts),
        **({"formulas": FORMULAS} if asked.format in ("csv", "xlsx") else {}),
    }


def _take(into: Writer, totals: Totals, some: list[Any]) -> None:
    into.write(some)
    totals.add(some)


def _digest(file: BinaryIO) -> tuple[int, str]:
    """The size and SHA-256 of what was written; the file is at its begin again."""
    file.seek(0)
    digest = hashlib.file_digest(cast(BufferedReader, file), "sha256")
    size = file.tell()
    file.seek(0)
    return size, digest.hexdigest()


def _file(export: Export, size_bytes: int, sha256: str) -> dict[str, Any]:
    media_type = MEDIA_TYPES[export.asked.format]
    return {"format": export.format, "media_type": media_type, "size_bytes": size_bytes, "sha256": sha256}


async def _finish(
    database: Database, organization_id: UUID, export: Export, manifest: dict[str, Any], written: dict[str, Any]
) -> None:
    manifest["written_at"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    days = settings().export_days
    async with database.transaction(organization_id) as db:
        is_there = await repository.finish(
            db, organization_id, export.export_id, manifest=manifest, days=days, **written
        )
        if is_there:
            link = f"/api/analytics/exports/{export.export_id}/download"
            payload = {"export_id": export.export_id, "what": export.what, "format": export.format, "link": link}
            await events.emit(db, organization_id, "export.ready", payload)
    if not is_there:  # the organization was erased meanwhile
        await asyncio.to_thread(blobs.delete, service.blob_name(organization_id, export.export_id))
