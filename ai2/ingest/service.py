"""Importing: the way in for whoever has a file, and for whoever asks what became of it.

The caller opens the database transaction and commits it. A file that cannot be read, or that asks a question,
raises and leaves nothing behind; `receive`, `run` and `fail` are for files that wait in the queue or the inbox,
and keep a batch whatever comes.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from psycopg import Rollback
from pydantic import BaseModel, ConfigDict, Field

from ai2.books.accounts import service as accounts
from ai2.identity import organizations
from ai2.ingest import read, repository, telling
from ai2.ingest.layout import saved
from ai2.ingest.layout.model import Options as ImportOptions
from ai2.ingest.lines import Account, Statement
from ai2.ingest.loading import batches
from ai2.ingest.problems import (
    AccountIsArchived,
    BatchNotFound,
    NeedsAnswer,
    OtherCurrency,
)
from ai2.kit import blobs
from ai2.kit.database import Connection, act_for
from ai2.kit.errors import Problem
from ai2.kit.ids import new_id
from ai2.kit.masking import masked

__all__ = [
    "Batch", "ImportOptions", "ImportResult", "NeedsAnswer", "Rows", "Source", "batch", "batch_count",
    "batch_list", "batch_rows", "fail", "import_file", "receive", "row_count", "run",
]  # fmt: skip

PIECE_BYTES = 1 << 20

Progress = Callable[[float], None]


class Source(StrEnum):
    """Which way a file came in."""

    API = "api"
    CLI = "cli"
    INBOX = "inbox"
    CONNECTION = "connection"


class Rows(BaseModel):
    """What became of the rows: in = loaded + duplicate + quarantined (a held batch loads none)."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    in_: int = Field(alias="in")
    loaded: int
    duplicate: int
    quarantined: int


class ImportResult(BaseModel):
    """The answer of `csv-import`. A dry run has no batch, and a sample of the lines."""

    batch_id: UUID | None
    status: str
    format: str
    rows: Rows
    questions: list[dict[str, Any]] = []
    first_date: date | None
    last_date: date | None
    currency: str
    account_id: UUID | None = Field(description="none: a dry run into an account that would be opened")
    checks: list[dict[str, Any]] = Field(default=[], description="the expectations and whether each held")
    unknown_categories: list[str] = Field(default=[], description="the file's that are none of the organization's")
    sample: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class Batch:
    """One import, from its file to its end."""

    batch_id: UUID
    account_id: UUID
    digest: bytes
    file_name: str
    source: str
    status: str
    format: str | None
    parser_version: str | None
    layout: dict[str, Any] | None
    options: dict[str, Any]
    questions: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    problem: dict[str, Any] | None
    rows_in: int | None
    rows_loaded: int | None
    rows_duplicate: int | None
    rows_quarantined: int | None
    progress: float
    first_date: date | None
    last_date: date | None
    currency: str | None
    imported_by: str
    created_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None
    undone_by: str | None
    undo_report: dict[str, Any] | None
    replays: list[dict[str, Any]]

    @property
    def unknown_categories(self) -> list[str]:
        """What its file called categories when it was last read, and were none of the organization's then."""
        return list((self.layout or {}).get("unknown_categories", []))


async def import_file(
    db: Connection,
    *,
    organization_id: UUID,
    account_id: UUID,
    file: BinaryIO | Path,
    file_name: str,
    options: ImportOptions | None = None,
    source: Source = Source.API,
    imported_by: str = "system",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Read a file into an account. A dry run gives the same answer and writes nothing.

    Raises Unreadable and its kinds, NeedsAnswer, OtherCurrency, and what the account says against it.
    """
    options = options or ImportOptions()
    with _opened(file) as opened:
        digest, size_bytes = await asyncio.to_thread(_digested, opened)
        work = _Work(db, organization_id, account_id, digest, file_name, progress or _silent)
        statements = await work.read(opened, options)
        batch_id = new_id()
        result: ImportResult | None = None
        async with db.transaction() as savepoint:
            if dry_run:
                await repository.insert_raw_file(
                    db, organization_id, digest, size_bytes=size_bytes, blob_key=_blob_key(organization_id, digest)
                )
            else:
                await _keep_raw(db, organization_id, opened, digest, size_bytes)
            await _insert_batch(db, work, batch_id, options, source, imported_by, "running")
            result = await work.load(statements, batch_id, options, is_feed=source is Source.CONNECTION)
            if dry_run:
                raise Rollback(savepoint)
    if dry_run:
        return result.model_copy(update={"batch_id": None, "sample": batches.sample(statements)})
    return result


async def receive(
    db: Connection,
    *,
    organization_id: UUID,
    account_id: UUID,
    file: BinaryIO | Path,
    file_name: str,
    options: ImportOptions | None = None,
    source: Source = Source.API,
    imported_by: str = "system",
) -> UUID:
    """Keep a file that is to be imported later by `run`, and give its batch, which is `queued`."""
    options = options or ImportOptions()
    with _opened(file) as opened:
        digest, size_bytes = await asyncio.to_thread(_digested, opened)
        work = _Work(db, organization_id, account_id, digest, file_name, _silent)
        await work.account()
        await _keep_raw(db, organization_id, opened, digest, size_bytes)
    batch_id = new_id()
    await _insert_batch(db, work, batch_id, options, source, imported_by, "queued")
    return batch_id


async def run(
    db: Connection,
    organization_id: UUID,
    batch_id: UUID,
    *,
    options: ImportOptions | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a batch that was received, or try one again that failed or asked; `options` may answer it.

    One that is loaded (or undone) already is only reported. What this raises is for `fail` to write down, in a
    transaction of its own.
    """
    known = await batch(db, organization_id, batch_id)
    if known.status in ("loaded", "undone"):
        return _reported(known)
    answers = options or ImportOptions.model_validate(known.options)
    await repository.set_running(db, organization_id, batch_id, _dumped(answers))
    work = _Work(db, organization_id, known.account_id, known.digest, known.file_name, progress or _silent)
    raw = await repository.raw_file(db, organization_id, known.digest)
    if raw is None:
        raise BatchNotFound
    key = await organizations.file_key(db, organization_id)
    with await asyncio.to_thread(blobs.get, raw["blob_key"], key) as opened:
        statements = await work.read(opened, answers)
        return await work.load(statements, batch_id, answers)


async def fail(db: Connection, organization_id: UUID, batch_id: UUID, problem: Problem) -> None:
    """Write down why a batch did not load: it `needs_answer`, or it `failed`."""
    asks = isinstance(problem, NeedsAnswer)
    told = {"code": problem.code, "title": problem.title, "detail": problem.detail, **_plain(problem.extra)}
    await repository.finish_batch(
        db,
        organization_id,
        batch_id,
        status="needs_answer" if asks else "failed",
        questions=masked(problem.extra["questions"]) if asks else [],
        problem=masked(told),
    )
    await telling.refused(db, organization_id, batch_id, problem, asks=asks)


async def batch(db: Connection, organization_id: UUID, batch_id: UUID) -> Batch:
    row = await repository.batch(db, organization_id, batch_id)
    if row is None:
        raise BatchNotFound
    return Batch(**row)


async def batch_list(
    db: Connection,
    organization_id: UUID,
    *,
    limit: int = 50,
    before: UUID | None = None,
    account_id: UUID | None = None,
    status: str | None = None,
) -> list[Batch]:
    """Imports, newest first; `before` is the last one seen."""
    found = await repository.batches(
        db, organization_id, limit=limit, before=before, account_id=account_id, status=status
    )
    return [Batch(**row) for row in found]


async def batch_count(db: Connection, organization_id: UUID, *, account_id: UUID | None, status: str | None) -> int:
    """How many imports there are of this account and in this state."""
    return await repository.batch_count(db, organization_id, account_id, status)


async def batch_rows(
    db: Connection,
    organization_id: UUID,
    batch_id: UUID,
    *,
    state: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """A batch's lines by number: loaded, duplicate (of which transaction) or quarantined (why, and its text)."""
    await batch(db, organization_id, batch_id)
    return await repository.batch_rows(db, organization_id, batch_id, state=state, after=after, limit=limit)


async def row_count(db: Connection, organization_id: UUID, batch_id: UUID, *, state: str | None) -> int:
    """How many lines of a batch are in this state."""
    return await repository.row_count(db, organization_id, batch_id, state)


class _Work:
    """One file on its way into one account."""

    def __init__(
        self,
        db: Connection,
        organization_id: UUID,
        account_id: UUID,
        digest: bytes,
        file_name: str,
        progress: Progress,
    ) -> None:
        self.db, self.organization_id, self.account_id = db, organization_id, account_id
        self.digest, self.file_name, self.progress = digest, file_name, progress

    async def account(self) -> accounts.Account:
        found = await accounts.get(self.db, self.organization_id, self.account_id)
        if found.archived_at is not None:
            raise AccountIsArchived
        return found

    async def read(self, opened: BinaryIO, options: ImportOptions) -> list[Statement]:
        """Parse the file, by the account's layouts where they fit."""
        account = await self.account()
        if options.currency not in (None, account.currency):
            raise OtherCurrency
        layouts = [kept.layout for kept in await saved.of_account(self.db, self.organization_id, self.account_id)]
        reader = Account(account.currency, account.kind, account.number)
        found = await asyncio.to_thread(read.statements, opened, self.file_name, reader, options, layouts)
        self.progress(batches.READ)
        return found

    async def load(
        self, statements: list[Statement], batch_id: UUID, options: ImportOptions, *, is_feed: bool = False
    ) -> ImportResult:
        """Put the lines into the books, write down how it went, and keep the layouts that served."""
        account = await self.account()
        # In the history it is the file that changes things, whoever sent it: no edit, and an undo finds it.
        await act_for(self.db, self.organization_id, actor=f"batch:{batch_id}")
        outcome = await batches.load(
            self.db,
            organization_id=self.organization_id,
            account_id=self.account_id,
            batch_id=batch_id,
            statements=statements,
            currency=account.currency,
            is_known=await repository.is_loaded(self.db, self.organization_id, self.account_id, self.digest),
            is_feed=is_feed,
            progress=self.progress,
        )
        first, last = batches.dates(statements)
        checks = [check.as_json() for check in outcome.checks]
        unknown = await batches.unknown_categories(self.db, self.organization_id) if outcome.rows_loaded else []
        formats = "+".join(sorted({statement.format for statement in statements}))
        await repository.finish_batch(
            self.db,
            self.organization_id,
            batch_id,
            status=outcome.status,
            format=formats,
            parser_version="+".join(sorted({statement.parser_version for statement in statements})),
            layout=batches.described(statements, unknown),
            checks=checks,
            rows_in=outcome.rows_in,
            rows_loaded=outcome.rows_loaded,
            rows_duplicate=outcome.rows_duplicate,
            rows_quarantined=outcome.rows_quarantined,
            first_date=first,
            last_date=last,
            currency=account.currency,
        )
        if outcome.status == "loaded":
            await self._keep_layouts(statements, options)
        await telling.completed(self.db, self.organization_id, batch_id)
        self.progress(1)
        return ImportResult(
            batch_id=batch_id,
            status=outcome.status,
            format=formats,
            rows=Rows(
                in_=outcome.rows_in,
                loaded=outcome.rows_loaded,
                duplicate=outcome.rows_duplicate,
                quarantined=outcome.rows_quarantined,
            ),
            first_date=first,
            last_date=last,
            currency=account.currency,
            account_id=self.account_id,
            checks=checks,
            unknown_categories=unknown,
        )

    async def _keep_layouts(self, statements: list[Statement], options: ImportOptions) -> None:
        decided_by = "person" if options.decides() else "inferred"
        for statement in statements:
            if statement.layout is not None:
                layout = statement.layout.model_dump(mode="json")
                await repository.put_layout(self.db, self.organization_id, self.account_id, layout, decided_by)


async def _insert_batch(
    db: Connection,
    work: _Work,
    batch_id: UUID,
    options: ImportOptions,
    source: Source,
    imported_by: str,
    status: str,
) -> None:
    await repository.insert_batch(
        db,
        organization_id=work.organization_id,
        batch_id=batch_id,
        account_id=work.account_id,
        digest=work.digest,
        file_name=work.file_name,
        source=str(source),
        status=status,
        options=_dumped(options),
        imported_by=imported_by,
    )


async def _keep_raw(db: Connection, organization_id: UUID, opened: BinaryIO, digest: bytes, size_bytes: int) -> None:
    """The bytes as they came, encrypted, under their digest. A blob whose transaction fails is only unused."""
    if await repository.raw_file(db, organization_id, digest):
        return
    key = await organizations.file_key(db, organization_id)
    name = _blob_key(organization_id, digest)
    opened.seek(0)
    await asyncio.to_thread(blobs.put, name, opened, key)
    await repository.insert_raw_file(db, organization_id, digest, size_bytes=size_bytes, blob_key=name)


def _blob_key(organization_id: UUID, digest: bytes) -> str:
    return f"raw/{organization_id}/{digest.hex()}"


@contextmanager
def _opened(file: BinaryIO | Path) -> Any:
    if isinstance(file, Path):
        with file.open("rb") as opened:
            yield opened
    else:
        yield file


def _digested(opened: BinaryIO) -> tuple[bytes, int]:
    """SHA-256 and size of a file, read from its start."""
    opened.seek(0)
    digest, size_bytes = hashlib.sha256(), 0
    while piece := opened.read(PIECE_BYTES):
        digest.update(piece)
        size_bytes += len(piece)
    return digest.digest(), size_bytes


def _dumped(options: ImportOptions) -> dict[str, Any]:
    return options.model_dump(mode="json", exclude_none=True)


def _plain(extra: dict[str, object]) -> dict[str, object]:
    """A problem's own members, as far as they are written down beside it."""
    return {name: value for name, value in extra.items() if name in ("columns", "questions", "layout")}


def _reported(known: Batch) -> ImportResult:
    return ImportResult(
        batch_id=known.batch_id,
        status=known.status,
        format=known.format or "",
        rows=Rows(
            in_=known.rows_in or 0,
            loaded=known.rows_loaded or 0,
            duplicate=known.rows_duplicate or 0,
            quarantined=known.rows_quarantined or 0,
        ),
        first_date=known.first_date,
        last_date=known.last_date,
        currency=known.currency or "",
        account_id=known.account_id,
        checks=known.checks,
        unknown_categories=known.unknown_categories,
    )


def _silent(_: float) -> None:
    """Nobody watches."""
