"""Replay: raw bytes read again, by the present parser and the account's present layout, and what differs.

The difference is shown first and applied on request, in one transaction: changed lines change their transactions,
readable ones load, those that are no lines any more are closed. What people edited stays, and is listed. A row that
was known stays known: a replay never makes a second transaction of a duplicate.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg import Rollback

from ai2.books.accounts import service as accounts
from ai2.books.transactions import imports
from ai2.books.transfers import service as transfers
from ai2.identity import organizations
from ai2.ingest import balances, following, pending, read, repository
from ai2.ingest.layout import saved
from ai2.ingest.layout.model import Options
from ai2.ingest.lines import Account, Statement
from ai2.ingest.loading import batches, staged_repository
from ai2.ingest.mending import corrections, corrections_repository
from ai2.ingest.mending import replay_repository as lines
from ai2.ingest.mending.corrections import Cells
from ai2.ingest.mending.undo_repository import locked_batch
from ai2.ingest.problems import BatchNotFound, NeedsAnswer
from ai2.ingest.service import Batch, batch
from ai2.kit import blobs, events
from ai2.kit.database import Connection, done_by
from ai2.kit.errors import Conflict

KINDS = ("changed", "now_readable", "now_rejected", "now_duplicate", "gone", "new", "kept")


class NotLoaded(Conflict):
    """Only a loaded import can be replayed or corrected; one that was undone is imported again."""


class ReplayHeld(Conflict):
    """Read so, the import would be held; nothing was changed. The checks say why."""


@dataclass(frozen=True)
class Replay:
    """What differs between a batch as it is loaded and as it is read now.

    `counts` has every kind of line and those `unchanged`; `lines` a page of the differences, by line number.
    """

    batch_id: UUID
    parser_version: dict[str, str | None]
    counts: dict[str, int]
    lines: list[dict[str, Any]]
    next_line: int | None
    is_applied: bool

    @property
    def differs(self) -> bool:
        return any(self.counts[kind] for kind in KINDS if kind != "kept")


async def replay(
    db: Connection,
    organization_id: UUID,
    batch_id: UUID,
    *,
    replayed_by: str,
    options: Options | None = None,
    apply: bool = False,
    after: int = 0,
    limit: int = 100,
) -> Replay:
    """Read a batch again and say what differs; with `apply` let the books follow.

    Raises NotLoaded, ReplayHeld, NeedsAnswer, and what reading a file may raise.
    """
    known = await _replayable(db, organization_id, batch_id)
    work = _Work(db, organization_id, known, options)
    return await work.replay(replayed_by=replayed_by, apply=apply, after=after, limit=limit)


async def replay_account(
    db: Connection, organization_id: UUID, account_id: UUID, *, replayed_by: str, apply: bool = False, limit: int = 100
) -> list[Replay]:
    """All loaded batches of an account, the first one first, in one transaction: what an earlier one changes, a later
    one finds. Without `apply` all of it is done and rolled back, so that what is shown is what would come of it."""
    await accounts.get(db, organization_id, account_id)
    async with db.transaction() as all_of_it:
        done = [
            await replay(db, organization_id, batch_id, replayed_by=replayed_by, apply=True, limit=limit)
            for batch_id in await lines.loaded_batches(db, organization_id, account_id)
        ]
        if not apply:
            raise Rollback(all_of_it)
    return [replace(each, is_applied=apply) for each in done]


async def correct(
    db: Connection,
    organization_id: UUID,
    batch_id: UUID,
    rows: dict[int, Cells],
    *,
    again: Collection[int] = (),
    corrected_by: str,
    options: Options | None = None,
) -> None:
    """Put corrected rows in the place of quarantined ones, read others `again`, and change nothing else."""
    known = await _replayable(db, organization_id, batch_id)
    if not rows and not again:
        return
    await corrections_repository.put(db, organization_id, batch_id, rows, corrected_by)
    work = _Work(db, organization_id, known, options)
    await work.replay(replayed_by=corrected_by, apply=True, only=frozenset([*rows, *again]), limit=1)


async def _replayable(db: Connection, organization_id: UUID, batch_id: UUID) -> Batch:
    locked = await locked_batch(db, organization_id, batch_id)
    if locked is None:
        raise BatchNotFound
    if locked["status"] != "loaded":
        raise NotLoaded(status_of_batch=locked["status"])
    return await batch(db, organization_id, batch_id)


class _Work:
    """One batch, read again."""

    def __init__(self, db: Connection, organization_id: UUID, known: Batch, options: Options | None) -> None:
        self.db, self.organization_id, self.known, self.options = db, organization_id, known, options

    async def replay(
        self, *, replayed_by: str, apply: bool, after: int = 0, limit: int, only: frozenset[int] | None = None
    ) -> Replay:
        statements = await self._read()
        async with self.db.transaction() as savepoint, done_by(self.db, f"batch:{self.known.batch_id}"):
            told = await self._compare(statements, only)
            unknown = await batches.unknown_categories(self.db, self.organization_id, only_new=False)
            found = await self._found(statements, is_applied=apply, after=after, limit=limit)
            if not apply:
                raise Rollback(savepoint)
            if found.differs:
                await self._apply(statements, told)
            layout = self.known.layout if only is not None else batches.described(statements, unknown)
            await self._finish(statements, found, replayed_by, layout=layout, is_whole=only is None)
        return found

    async def _read(self) -> list[Statement]:
        """The file's statements by the present parser, layouts and corrections.

        Where the file asks what its importer once answered, and no layout answers it now, that answer holds.
        """
        try:
            return await self._read_by(self.options or Options())
        except NeedsAnswer:
            if self.options is not None or not self.known.options:
                raise
            return await self._read_by(Options.model_validate(self.known.options))

    async def _read_by(self, options: Options) -> list[Statement]:
        account = await accounts.get(self.db, self.organization_id, self.known.account_id)
        reader = Account(account.currency, account.kind, account.number)
        layouts = [kept.layout for kept in await saved.of_account(self.db, self.organization_id, self.known.account_id)]
        raw = await repository.raw_file(self.db, self.organization_id, self.known.digest)
        if raw is None:
            raise BatchNotFound
        key = await organizations.file_key(self.db, self.organization_id)
        with await asyncio.to_thread(blobs.get, raw["blob_key"], key) as opened:
            found = await asyncio.to_thread(read.statements, opened, self.known.file_name, reader, options, layouts)
        rows = await corrections_repository.of_batch(self.db, self.organization_id, self.known.batch_id)
        return await asyncio.to_thread(corrections.overlaid, found, rows, reader, options)

    async def _compare(self, statements: list[Statement], only: frozenset[int] | None) -> batches.Told:
        """Tell the lines apart as an import does, and gather what differs from what is loaded."""
        told = await batches.tell_apart(
            self.db,
            self.organization_id,
            self.known.account_id,
            self.known.batch_id,
            statements,
            currency=self.known.currency or "",
            progress=_silent,
            is_again=True,
        )
        await lines.stage_said(self.db, self.organization_id, self.known.batch_id)
        await lines.stage_rejected(self.db, [*batches.quarantined(statements), *told.aside])
        await lines.pair(self.db)
        await lines.compare(self.db)
        if only is not None:
            await lines.only(self.db, only)
        return told

    async def _found(self, statements: list[Statement], *, is_applied: bool, after: int, limit: int) -> Replay:
        counted = await lines.counts(self.db)
        page = await lines.page(self.db, after=after, limit=limit + 1)
        counts = {kind: counted.get(kind, 0) for kind in KINDS}
        differing = sum(number for kind, number in counts.items() if kind != "gone")
        return Replay(
            batch_id=self.known.batch_id,
            parser_version={"from": self.known.parser_version, "to": _parser_version(statements)},
            counts={"unchanged": counted.get("lines", 0) - differing, **counts},
            lines=[dict(row) for row in page[:limit]],
            next_line=page[limit - 1]["line_number"] if len(page) > limit else None,
            is_applied=is_applied,
        )

    async def _apply(self, statements: list[Statement], told: batches.Told) -> None:
        await self._expect(statements)
        db, own, batch_id = self.db, self.organization_id, self.known.batch_id
        await transfers.queue_up(db, own)
        await transfers.dissolve(db, own, await lines.changed_sides(db, own))
        await lines.change(db, own, batch_id)
        await lines.close(db, own, batch_id)
        await lines.keep_identities(db, own)
        await lines.replace_unloaded(db, own, batch_id)
        counting: list[UUID] = []
        if await lines.leave_to_load(db):
            await imports.insert_staged(db, own, batch_id)
            await pending.complete(db, own, batch_id, told.seen)
            counting = await told.following.apply()
            await staged_repository.insert_duplicates(db, own, batch_id, following.TEXTS)
        await transfers.dissolve_of_batch(db, own, batch_id)
        await transfers.pair(db, own, batch_id, transaction_ids=counting)
        await balances.forget(db, own, batch_id)
        await balances.keep(db, own, self.known.account_id, batch_id, statements)

    async def _expect(self, statements: list[Statement]) -> None:
        checks = await batches.expected(statements, self.known.currency or "")
        if not all(check.holds for check in checks):
            raise ReplayHeld(checks=[check.as_json() for check in checks])

    async def _finish(
        self,
        statements: list[Statement],
        found: Replay,
        replayed_by: str,
        *,
        layout: dict[str, Any] | None,
        is_whole: bool,
    ) -> None:
        """A correction is no replay: the batch stays as it was read."""
        first, last = batches.dates(statements)
        told = {"by": replayed_by, "parser_version": found.parser_version, "counts": found.counts}
        await lines.finish(
            self.db,
            self.organization_id,
            self.known.batch_id,
            format="+".join(sorted({statement.format for statement in statements})) if is_whole else self.known.format,
            parser_version=_parser_version(statements) if is_whole else self.known.parser_version,
            layout=layout,
            first_date=first,
            last_date=last,
            replay=told if is_whole and found.differs else None,
        )
        if is_whole and found.differs:
            whose = {"batch_id": self.known.batch_id, "account_id": self.known.account_id}
            told_to_all = {**whose, "counts": found.counts}
            await events.emit(self.db, self.organization_id, "import.replayed", told_to_all)


def _parser_version(statements: list[Statement]) -> str:
    return "+".join(sorted({statement.parser_version for statement in statements}))


def _silent(_: float) -> None:
    """Nobody watches."""
