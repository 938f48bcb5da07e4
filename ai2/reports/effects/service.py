"""Effects: an act is done within a savepoint, the reports are made as they would be, and it is rolled back.

So what is shown is exactly what doing it gives, and nothing of it stays: no row, no event, no job, no lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Rollback, errors
from psycopg.rows import DictRow

from ai2.books.accounts import service as accounts
from ai2.kit.database import Connection
from ai2.kit.errors import Problem, Unavailable
from ai2.reports import service
from ai2.reports.effects import repository
from ai2.reports.effects.acts import Act, Done
from ai2.reports.effects.compare import CellEffect, differing
from ai2.reports.model import Asked, Report, ReportName

# What an act is judged by, in this order.
REPORTS: tuple[ReportName, ...] = ("profit_and_loss", "balance_sheet", "tax_summary")
# So long it waits for others who write in the same rows, and so long one statement may keep them waiting.
LOCK, STATEMENT = "2s", "20s"
RETRY_S = 5


class BooksAreBusy(Unavailable):
    """Others are writing in these books just now, so that nothing could be tried out; try again shortly."""


class TooMuchToTry(Unavailable):
    """It takes too long to try this out, and others would wait for it; name fewer days, or one account."""


@dataclass(frozen=True)
class ReportEffect:
    """A report before and after: its digests, and the cells that differ."""

    report: ReportName
    title: str
    digest_before: str
    digest_after: str
    cells: Sequence[CellEffect]


@dataclass(frozen=True)
class NotShown:
    """A report that cannot be made, and why."""

    report: ReportName
    reason: str


@dataclass(frozen=True)
class RowEffect:
    """A transaction before and after."""

    before: DictRow
    after: DictRow


@dataclass(frozen=True)
class Effect:
    """What an act would change: in the reports, and in which transactions, a page of them.

    `rows_within` are those of the reports' days. `last` is where the next page begins; none at the end.
    """

    done: Done
    rows_changed: int
    rows_within: int
    reports: Sequence[ReportEffect]
    not_shown: Sequence[NotShown]
    rows: Sequence[RowEffect]
    last: UUID | None


Made = Mapping[ReportName, Report | NotShown]


async def preview(
    db: Connection,
    organization_id: UUID,
    act: Act,
    days: Mapping[str, Any],
    *,
    actor: str,
    after: UUID | None,
    limit: int,
) -> Effect:
    """What this act would change in the reports of these days (as `Asked` has them). Nothing of it stays.

    Raises what the act raises, and BooksAreBusy and TooMuchToTry.
    """
    await accounts.check_theirs(db, organization_id, days.get("account_ids", ()))
    async with service.built():
        before = await _reports(db, organization_id, days)
        try:
            async with db.transaction() as all_of_it:
                await repository.hurry(db, lock=LOCK, statement=STATEMENT)
                done = await act.do(db, organization_id, actor)
                would_be = await _reports(db, organization_id, days)
                counted = await repository.counts(db, organization_id, days["start_date"], days["end_date"])
                rows = await repository.changed(db, organization_id, after=after, limit=limit + 1)
                raise Rollback(all_of_it)
        except errors.LockNotAvailable:
            raise BooksAreBusy(retry_after_s=RETRY_S) from None
        except errors.QueryCanceled:
            raise TooMuchToTry(retry_after_s=RETRY_S) from None
        page = rows[:limit]
        former = await repository.states(db, organization_id, [row["transaction_id"] for row in page])
    shown, not_shown = _compared(before, would_be)
    return Effect(
        done,
        *counted,
        reports=shown,
        not_shown=not_shown,
        rows=[RowEffect(former[row["transaction_id"]], row) for row in page],
        last=page[-1]["transaction_id"] if len(rows) > limit else None,
    )


async def _reports(db: Connection, organization_id: UUID, days: Mapping[str, Any]) -> Made:
    """Each of the reports, or why it cannot be made."""
    made: dict[ReportName, Report | NotShown] = {}
    for name in filter(service.is_made, REPORTS):
        try:
            made[name] = await service.make(db, organization_id, Asked(report=name, **days), with_notes=False)
        except Problem as problem:
            if problem.status >= 500:
                raise
            made[name] = NotShown(name, problem.detail)
    return made


def _compared(before: Made, after: Made) -> tuple[list[ReportEffect], list[NotShown]]:
    shown, not_shown = [], []
    for name, was in before.items():
        would_be = after[name]
        if isinstance(was, NotShown) or isinstance(would_be, NotShown):
            not_shown += [each for each in (was, would_be) if isinstance(each, NotShown)][:1]
            continue
        cells = differing(was, would_be)
        shown.append(ReportEffect(name, was.title, was.digest, would_be.digest, cells))
    return shown, not_shown
