"""Batches: one file's lines into the books, whole or not at all, inside the caller's database transaction.

Lines are staged, told from known ones, checked and inserted in a savepoint. The expectations run on the staged
lines while PostgreSQL inserts them: where one fails, the savepoint is rolled back and the batch is held with the
reasons, and the caller's transaction keeps only that.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from ai2.books.categories import stated
from ai2.books.periods import service as periods
from ai2.books.transactions import imports
from ai2.books.transfers import service as transfers
from ai2.ingest import balances, following, pending, repository
from ai2.ingest.following import Following
from ai2.ingest.following import repository as followed
from ai2.ingest.lines import LINES, Rejected, Statement
from ai2.ingest.loading import checker, shut, staging
from ai2.ingest.loading import staged_repository as staged
from ai2.ingest.loading.expectations import Check
from ai2.ingest.loading.identities import IDENTITY_VERSION
from ai2.ingest.loading.staging import File, line_offsets
from ai2.ingest.pending import Seen
from ai2.kit.database import Connection
from ai2.kit.money import exact

Progress = Callable[[float], None]
# How far the work is when a step ends, as a part of an import of many rows.
READ, STAGED, COMPARED, INSERTED = 0.25, 0.4, 0.5, 0.95
# Pieces for COPY that wait, of some megabytes each.
PIECES_AHEAD = 8
SAMPLE_ROWS = 20
# Of the categories that a file names so many are looked for among the organization's, and so many missing ones told.
MOST_CATEGORIES, TOLD_CATEGORIES = 1000, 100


@dataclass(frozen=True)
class Outcome:
    """How a batch ended. `rows_in` = loaded + duplicate + quarantined, unless it is held: then nothing is loaded."""

    status: str
    rows_in: int
    rows_loaded: int
    rows_duplicate: int
    rows_quarantined: int
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Told:
    """How many lines are staged, what they say of what is pending and of what is known, and the rows set aside: those
    of closed periods, and what is told and not done."""

    lines: int
    seen: Seen
    following: Following
    aside: list[tuple[int, str, str, str]]


class _Held(Exception):
    """The savepoint is to be rolled back."""

    def __init__(self, checks: list[Check]) -> None:
        self.checks = checks
        super().__init__()


async def load(
    db: Connection,
    *,
    organization_id: UUID,
    account_id: UUID,
    batch_id: UUID,
    statements: list[Statement],
    currency: str,
    is_known: bool,
    is_feed: bool = False,
    progress: Progress,
) -> Outcome:
    """Load the statements of one batch; its row in ingest.batches is there already.

    `is_known` says that this very file was loaded before, so that most likely nothing will have to be checked;
    `is_feed` that it is a feed's answer: the bank's present word, also where it says again what it once said.
    """
    rows_in = sum(statement.rows_in for statement in statements)
    rejected = sum(len(statement.rejected) for statement in statements)
    try:
        async with db.transaction():
            if not is_known:
                checker.warm()  # while PostgreSQL works: before, the two would only be in each other's way
            told = await tell_apart(
                db, organization_id, account_id, batch_id, statements,
                currency=currency, progress=progress, is_feed=is_feed, is_known=is_known,
            )  # fmt: skip
            loaded = await staged.count_new(db)
            unloaded = [*quarantined(statements), *told.aside]
            await transfers.queue_up(db, organization_id)
            progress(COMPARED)
            checks, _ = await asyncio.gather(
                expected(statements, currency) if loaded or rejected else _no_checks(),
                imports.insert_staged(db, organization_id, batch_id),
            )
            if not all(check.holds for check in checks):
                raise _Held(checks)
            await pending.complete(db, organization_id, batch_id, told.seen)
            await pending.close_vanished(db, organization_id, account_id, batch_id, told.seen)
            counting = await told.following.apply()
            await balances.keep(db, organization_id, account_id, batch_id, statements)
            if told.following.has_followed:
                await balances.anchor_anew(db, organization_id, account_id)
            if loaded or counting:
                await transfers.pair(db, organization_id, batch_id if loaded else None, transaction_ids=counting)
            progress(INSERTED)
            await staged.insert_duplicates(db, organization_id, batch_id, following.TEXTS)
            if unloaded:
                await repository.insert_quarantined(db, organization_id, batch_id, unloaded)
    except _Held as held:
        return Outcome("held", rows_in, 0, 0, rejected, tuple(held.checks))
    duplicate = told.lines - loaded
    return Outcome("loaded", rows_in, loaded, duplicate, len(unloaded), tuple(checks))


async def tell_apart(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    batch_id: UUID,
    statements: list[Statement],
    *,
    currency: str,
    progress: Progress,
    is_feed: bool = False,
    is_known: bool = True,
    is_again: bool = False,
) -> Told:
    """Stage the lines and tell new ones from known ones: the temporary table `staged` has all, file after file.

    What makes new lines known from now on is kept, so that a file of a zip knows those before it. `is_again` says that
    the batch is loaded: then a line that says what it said is the transaction that it was.
    """
    await repository.lock_account(db, account_id)
    await staged.prepare(db)
    closed_through = await periods.closed_through(db, organization_id)
    follow = Following(
        db, organization_id, account_id, batch_id, closed_through, is_feed=is_feed, is_known=is_known,
        only=tuple(await followed.waiting(db, organization_id, batch_id)) if is_again else None,
    )  # fmt: skip
    seen = await pending.look(db, organization_id, account_id, statements, is_present=follow.is_word(statements))
    aside: list[tuple[int, str, str, str]] = []
    lines = 0
    files = staging.files(statements)
    await follow.prepare(files)
    for file in files:
        await staged.copy(db, _ahead(staging.pieces(file, account_id, currency)))
        progress(STAGED)
        if is_again:
            await staged.match_own(db, organization_id, batch_id, file.number)
        has_known = await _match(db, organization_id, account_id, batch_id, file, follow)
        # what a known transaction says now, another may have said before
        is_first = not has_known and not follow.is_prepared
        kept_out = await follow.shown(file)
        if closed_through:
            rows = await staged.set_aside(db, organization_id, file.number, closed_through)
            kept_out += shut.quarantined(file.statement.layout, rows)
        await pending.link(db, organization_id, account_id, batch_id, seen)
        await staged.keep_identities(
            db, organization_id, batch_id, file.number, version=IDENTITY_VERSION, is_first=is_first
        )
        kept_out += await follow.named(file)
        lines += len(file.statement.lines) + len(file.statement.named) - len(kept_out)
        aside += kept_out
    return Told(lines, seen, follow, aside)


async def _match(
    db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID, file: File, follow: Following
) -> bool:
    """Tell a file's known lines: by the provider's id, by content, by what former versions kept, by other sources.

    Says whether the content of any was known.
    """
    lines, has_known, known_ids = file.statement.lines, False, 0
    if not len(lines):
        return False
    if await staged.has_identities(db, organization_id):
        has_ids = lines["provider_id"].null_count < len(lines)
        if has_ids:
            known_ids = await staged.match_by_provider(db, organization_id, file.number)
            await follow.reuse(file)
        has_known = await staged.match_by_content(
            db, organization_id, batch_id, file.number, has_ids=has_ids, lines=len(lines),
            # a window shows what there is: where it knows none of our ids, a new consent gave everything another
            ids_are_new=file.statement.shows == "window" and not known_ids,
        )  # fmt: skip
    if await staged.has_version_1(db, organization_id):
        former = await asyncio.to_thread(staging.version_1, file, account_id)
        await staged.match_by_version_1(db, organization_id, file.number, former)
    format_name = file.statement.format
    if await staged.has_other_sources(db, organization_id, account_id, format_name):
        days = pc.min_max(lines["booked_on"]).as_py()
        await staged.match_other_sources(
            db,
            organization_id,
            account_id,
            batch_id,
            file.number,
            format_name=format_name,
            days=(days["min"], days["max"]),
            lines=len(lines),
        )
    return has_known


async def _ahead(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece, while a thread makes the next ones: some take it long to make, others PostgreSQL to take."""
    maker, loop = ThreadPoolExecutor(1), asyncio.get_running_loop()
    coming = deque(loop.run_in_executor(maker, next, pieces, None) for _ in range(PIECES_AHEAD))
    try:
        while (piece := await coming.popleft()) is not None:
            coming.append(loop.run_in_executor(maker, next, pieces, None))
            yield piece
    finally:
        maker.shutdown(wait=False, cancel_futures=True)


async def expected(statements: list[Statement], currency: str) -> list[Check]:
    """Run the expectations on the lines of a batch."""
    rows_in = sum(statement.rows_in - len(statement.named) for statement in statements)
    lines = pa.concat_tables([statement.lines.select(LINES.names) for statement in statements])
    today = datetime.now(UTC).date()
    return await checker.check(lines, rows_in=rows_in, currency=currency, today=today)


async def _no_checks() -> list[Check]:
    """Nothing new, nothing to expect of it."""
    return []


def quarantined(statements: list[Statement]) -> list[tuple[int, str, str, str]]:
    """Line number in the batch, reason code, reason and original text of each row that became no line."""
    return [
        _as_row(rejected, offset)
        for statement, offset in zip(statements, line_offsets(statements), strict=True)
        for rejected in statement.rejected
    ]


def _as_row(rejected: Rejected, offset: int) -> tuple[int, str, str, str]:
    reason = rejected.reason
    return rejected.line_number + offset, reason.value, reason.text, rejected.original


def dates(statements: list[Statement]) -> tuple[date | None, date | None]:
    """The first and the last date of all lines."""
    found = [pc.min_max(statement.lines["booked_on"]).as_py() for statement in statements if len(statement.lines)]
    return min((one["min"] for one in found), default=None), max((one["max"] for one in found), default=None)


async def unknown_categories(db: Connection, organization_id: UUID, *, only_new: bool = True) -> list[str]:
    """What a file calls the categories of its new lines, or of all, and the organization does not, commonest first."""
    said = await staged.stated_categories(db, MOST_CATEGORIES, only_new=only_new)
    return (await stated.unknown(db, organization_id, said))[:TOLD_CATEGORIES]


def described(statements: list[Statement], unknown_categories: Sequence[str] = ()) -> dict[str, Any]:
    """The files of a batch: where each one's lines begin, and how it was read."""
    return {
        "unknown_categories": list(unknown_categories),
        "files": [
            {
                "file_name": statement.file_name,
                "format": statement.format,
                "lines_before": offset,
                "lines": statement.last_line,
                "outside": statement.outside,
                "layout": statement.layout.model_dump(mode="json") if statement.layout else None,
                "account_number": statement.account_number,
                "balances": [
                    {"balance_on": stated.balance_on.isoformat(), "amount": str(stated.amount), "kind": stated.kind}
                    for stated in statement.balances
                ],
            }
            for statement, offset in zip(statements, line_offsets(statements), strict=True)
        ],
    }


def sample(statements: list[Statement]) -> list[dict[str, Any]]:
    """The first lines as they would be loaded."""
    lines = [line for statement in statements for line in statement.lines.slice(0, SAMPLE_ROWS).to_pylist()]
    return [
        {
            "line_number": line["line_number"],
            "date": line["booked_on"].isoformat(),
            "amount": str(exact(line["amount"], line["currency"])),
            "currency": line["currency"],
            "description": line["description"],
            "merchant": line["merchant"],
            "reference": line["reference"],
        }
        for line in lines[:SAMPLE_ROWS]
    ]
