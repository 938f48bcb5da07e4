"""Exporting: all that is kept of a person or an organization as a ZIP of JSON lines, with a manifest.

A job of the worker writes it, encrypted by the organization's key, and it is gone after some days.
"""

import asyncio
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import IO, Any, BinaryIO, Literal, cast
from uuid import UUID

from ai2.identity import members, organizations, users
from ai2.identity.principal import Principal
from ai2.kit import blobs, queue
from ai2.kit.database import Connection, Database, act_for
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound
from ai2.kit.queue import Job
from ai2.privacy import repository

KIND = "privacy_export"
Scope = Literal["person", "organization"]
Progress = Callable[[float], None]
IN_MEMORY_BYTES, PIECE_BYTES = 8_000_000, 1 << 16


class ExportNotFound(NotFound):
    """There is no such export, or it is gone: ask for another."""


class ExportNotReady(Conflict):
    """The export is not written yet; ask for its state, and come back when it is done."""


@dataclass(frozen=True)
class Export:
    """An export and how far it is."""

    export_id: UUID
    scope: Scope
    state: str
    progress: float
    size_bytes: int | None
    error: dict[str, Any] | None
    created_at: datetime | None


async def ask(db: Connection, who: Principal, scope: Scope) -> Export:
    """Have it written. A person gets what is kept of themselves."""
    if scope == "person" and who.user_id is None:
        raise Invalid(errors=(FieldError("scope", "is organization for an API key, which is no person"),))
    payload = {"scope": scope, "asked_by": who.actor, "user_id": str(who.user_id) if scope == "person" else None}
    export_id = await queue.enqueue(db, who.organization_id, KIND, payload)
    return _export(await queue.get(db, who.organization_id, export_id))


async def get(db: Connection, who: Principal, export_id: UUID) -> Export:
    """An export of one's own, or for an owner one of the organization."""
    try:
        job = await queue.get(db, who.organization_id, export_id)
    except queue.JobNotFound:
        raise ExportNotFound from None
    mine = job.payload.get("asked_by") == who.actor
    if job.kind != KIND or not (mine or (job.payload["scope"] == "organization" and who.role == "owner")):
        raise ExportNotFound
    return _export(job)


async def opened(db: Connection, who: Principal, export_id: UUID) -> BinaryIO:
    """The file, decrypted; the caller closes it."""
    known = await get(db, who, export_id)
    if known.state in ("queued", "running"):
        raise ExportNotReady
    key = await organizations.file_key(db, who.organization_id)
    try:
        return await asyncio.to_thread(blobs.get, _name(who.organization_id, export_id), key)
    except FileNotFoundError:
        raise ExportNotFound from None


async def write(database: Database, job: Job, progress: Progress) -> dict[str, Any]:
    """Write the file of a job. Again, it replaces the one before."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as file:
        archive = _Archive(cast(IO[bytes], file))
        async with database.transaction() as db:  # all of it as of one moment, which has to be said first
            await db.execute("set transaction isolation level repeatable read read only")
            await act_for(db, job.organization_id)
            key = await organizations.file_key(db, job.organization_id)
            if job.payload["scope"] == "organization":
                await _write_organization(db, job.organization_id, archive, key, progress)
            else:
                await _write_person(db, UUID(job.payload["user_id"]), archive)
        archive.finish(job.payload["scope"])
        size_bytes = file.tell()
        file.seek(0)
        await asyncio.to_thread(blobs.put, _name(job.organization_id, job.job_id), cast(BinaryIO, file), key)
    return {"size_bytes": size_bytes}


class _Archive:
    """A ZIP that counts and digests what goes into it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._known: list[dict[str, Any]] = []

    async def add(self, name: str, lines: AsyncIterator[str]) -> None:
        digest, number = sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as inside:
            async for line in lines:
                piece = line.encode() + b"\n"
                digest.update(piece)
                inside.write(piece)
                number += 1
        self._known.append({"file": name, "rows": number, "sha256": digest.hexdigest()})

    def copy(self, name: str, content: BinaryIO) -> None:
        digest = sha256()
        with self._zip.open(name, "w", force_zip64=True) as inside:
            while piece := content.read(PIECE_BYTES):
                digest.update(piece)
                inside.write(piece)
        self._known.append({"file": name, "sha256": digest.hexdigest()})

    def finish(self, scope: str) -> None:
        manifest = {
            "scope": scope,
            "written_at": datetime.now(UTC).isoformat(),
            "format": "JSON, one object a line, UTF-8; amounts are exact numbers",
            "files": self._known,
        }
        self._zip.writestr("manifest.json", json.dumps(manifest, indent=1))
        self._zip.close()


async def _write_organization(
    db: Connection, organization_id: UUID, archive: _Archive, key: bytes, progress: Progress
) -> None:
    tables = await repository.tables(db)
    for number, table in enumerate(tables):
        await archive.add(f"{table}.jsonl", repository.lines(db, table, organization_id))
        progress(number / len(tables) / 2)
    await archive.add("members.jsonl", _as_lines(map(vars, await members.list_all(db, organization_id))))
    files = await repository.files(db, organization_id)
    for number, raw in enumerate(files):
        with await asyncio.to_thread(blobs.get, raw["blob_key"], key) as content:
            await asyncio.to_thread(archive.copy, f"files/{bytes(raw['digest']).hex()}", content)
        progress(0.5 + number / len(files) / 2)


async def _write_person(db: Connection, user_id: UUID, archive: _Archive) -> None:
    """From every organization that they belong to, what its history says that they did."""
    person = await repository.user(db, user_id)
    known = await users.memberships(db, user_id)
    await archive.add("user.jsonl", _as_lines([person] if person else []))
    await archive.add("ways_in.jsonl", _as_lines(await repository.ways_in(db, user_id)))
    await archive.add("memberships.jsonl", _as_lines(map(vars, known)))
    for membership in known:
        whose = membership.organization_id
        await db.execute("select set_config('app.organization_id', %s, true)", [str(whose)])
        for kind in repository.TRACES:
            found = await repository.traces(db, whose, user_id, kind)
            await archive.add(f"{whose}/{kind}.jsonl", _as_lines(found))


async def _as_lines(found: Any) -> AsyncIterator[str]:
    for row in found:
        yield json.dumps(row, default=str, ensure_ascii=False)


def _name(organization_id: UUID, export_id: UUID) -> str:
    return f"exports/{organization_id}/{export_id}"


def _export(job: Job) -> Export:
    return Export(
        job.job_id,
        job.payload["scope"],
        job.state,
        job.progress,
        (job.result or {}).get("size_bytes"),
        job.error,
        job.created_at,
    )
