"""Pending: what a bank announces and books later is one transaction, linked by rules and never twice in the books.

Inside an import's savepoint, over the temporary table `staged`: `look` once, `link` after known lines are told,
`complete` and `close_vanished` after new ones are inserted. The rules are in pending_rules.py, and for users in
docs/reference/pending.md.

Undoing a batch finds what this changed by its id: in ingest.pending_lines those that it brought (batch_id), completed
(completed_by) or closed (closed_by), and in the books' history the versions that `batch:<id>` ended. A completed
transaction carries the completing batch and line; the version before has the ones that announced it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from ai2.books.transactions import completions_repository as completions
from ai2.ingest.lines import Statement
from ai2.ingest.pending import repository, rules
from ai2.ingest.pending.rules import Announced, Booked
from ai2.kit.database import Connection, done_by

# A line that was announced longer ago than that will not be booked any more.
STALE = timedelta(days=30)
# Those that went away before it are not looked for among a statement's lines.
LOOK_BACK = timedelta(days=90)


@dataclass(frozen=True)
class Seen:
    """What a batch's statements say of what is pending: whether they show any, and all, and up to which days they go.

    `is_present`: they are the bank's word of now, also where they say what they once said.
    """

    shows_pending: bool
    shows_all: bool
    names_pending: bool
    has_announced: bool
    until: date
    posted_until: date | None
    is_present: bool = False

    @property
    def matters(self) -> bool:
        return self.shows_pending or self.has_announced


async def look(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    statements: Sequence[Statement],
    *,
    is_present: bool = False,
) -> Seen:
    """What the statements of a batch show; the first of the four, once a batch."""
    await repository.prepare(db)
    seen = _seen(statements, has_announced=bool(await repository.announced(db, organization_id, account_id)))
    if not is_present:
        return seen
    # nothing that was shown before is newer
    until = await repository.seen_until(db, organization_id, account_id) or seen.until
    return replace(seen, is_present=True, until=max(seen.until, until))


async def link(db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID, seen: Seen) -> None:
    """Find the pending transaction that each new posted line completes, and set its `completes`.

    For all files of a batch at once, or after each. Of the lines told apart before, posted ones known as a pending
    transaction's complete it too. Pending lines that are in the books by now, or by another amount, become duplicates.
    """
    if seen.names_pending:
        await repository.booked_by_another_source(db, organization_id, account_id, batch_id)
    if seen.has_announced:
        await repository.complete_known(db, organization_id)
        if seen.shows_pending:
            await repository.seen_again_by_id(db, organization_id, account_id)
        await _choose(db, await _open(db, organization_id, account_id, seen))
        if seen.shows_pending:
            await _tell_dated_anew(db, await _open(db, organization_id, account_id, seen))
    if seen.shows_pending:
        await repository.booked_in_this_batch(db)
        await _leave_out_late_ones(db, organization_id, account_id)


async def _open(db: Connection, organization_id: UUID, account_id: UUID, seen: Seen) -> list[dict[str, Any]]:
    known = await repository.announced(db, organization_id, account_id)
    taken = await repository.taken(db)
    return [row for row in known if row["id"] not in taken and _is_near(row, seen)]


async def _choose(db: Connection, known: Sequence[dict[str, Any]]) -> None:
    """Link by the rules."""
    if not known:
        return
    lines = await repository.booked(db, known)
    chosen = rules.choose([Announced(**row) for row in known], [Booked(**row) for row in lines])
    if chosen.links:
        await repository.link(
            db, [(each.line, each.transaction_id, each.tier, each.confidence) for each in chosen.links]
        )
    if chosen.unsure:
        await repository.keep_unsure(db, chosen.unsure)


async def _tell_dated_anew(db: Connection, known: Sequence[dict[str, Any]]) -> None:
    """Some banks date what is pending by the day of the statement: it is the same as before."""
    lines = await repository.new_pending(db) if known else []
    if lines:
        again = rules.equal([Announced(**row) for row in known], [Booked(**row) for row in lines])
        await repository.mark_duplicates(db, [(line, transaction_id) for transaction_id, line in again])


async def _leave_out_late_ones(db: Connection, organization_id: UUID, account_id: UUID) -> None:
    """A file that comes late announces what is booked already: its pending lines are those transactions."""
    late = await repository.new_pending(db)
    if not late:
        return
    posted = await repository.booked_before(db, organization_id, account_id, late, rules.LATEST)
    found = rules.equal([Announced(**row) for row in late], [Booked(**row) for row in posted])
    await repository.mark_duplicates(db, found)


async def complete(db: Connection, organization_id: UUID, batch_id: UUID, seen: Seen) -> None:
    """Write the links into the books, and keep what is announced anew or again. New rows are inserted before."""
    if not seen.matters:
        return
    shows_anew = await _shows_anew(db, organization_id, batch_id, seen)
    async with done_by(db, f"batch:{batch_id}"):
        await completions.complete_staged(db, organization_id, batch_id)
        if shows_anew:
            await completions.amend_staged(db, organization_id, seen.until)
    if shows_anew:
        await repository.see_again(db, organization_id, seen.until)
    await repository.insert_lines(db, organization_id, batch_id, seen.until)
    await repository.write_completed(db, organization_id, batch_id)


async def close_vanished(
    db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID, seen: Seen
) -> list[UUID]:
    """Close what a newer statement with pending rows shows no more, and what is older than any booking takes.

    The very same file again shows nothing new. Says which were closed.
    """
    if not seen.has_announced or not await _shows_anew(db, organization_id, batch_id, seen):
        return []
    closed = await repository.close(
        db,
        organization_id,
        account_id,
        batch_id,
        until=seen.until,
        booked_before=seen.posted_until - STALE if seen.posted_until else None,
        shows_all=seen.shows_all,
    )
    if closed:
        async with done_by(db, f"batch:{batch_id}"):
            await completions.close(db, organization_id, closed)
    return closed


async def _shows_anew(db: Connection, organization_id: UUID, batch_id: UUID, seen: Seen) -> bool:
    return seen.is_present or not await repository.loaded_before(db, organization_id, batch_id)


def _seen(statements: Sequence[Statement], *, has_announced: bool) -> Seen:
    lines = [statement.lines for statement in statements if len(statement.lines)]
    is_pending = [pc.equal(each["status"], "pending") for each in lines]
    posted = (
        [each.filter(pc.invert(mask)) for each, mask in zip(lines, is_pending, strict=True)] if has_announced else []
    )
    shows_pending = any(bool(pc.any(mask).as_py()) for mask in is_pending)
    return Seen(
        shows_pending=shows_pending,
        names_pending=any(each["pending_id"].null_count < len(each) for each in lines),
        shows_all=any(each.shows == "window" for each in statements)
        or (shows_pending and not any(each.shows == "changes" for each in statements)),
        has_announced=has_announced,
        until=_last(lines) or date.min,
        posted_until=_last(posted),
    )


def _last(tables: Sequence[pa.Table]) -> date | None:
    found = [pc.max(each["booked_on"]).as_py() for each in tables if len(each)]
    return max(found, default=None)


def _is_near(row: dict[str, Any], seen: Seen) -> bool:
    return not row["is_gone"] or row["booked_on"] >= seen.until - LOOK_BACK
