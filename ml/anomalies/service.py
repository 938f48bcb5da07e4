"""Anomalies: found by a job, kept until they hold no more, and dismissed for good by people.

A period is judged month by month, each by what was known before it. What an organization's own rows say stays in it.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.periods import Period, months
from ml.anomalies import expected, repository
from ml.anomalies.model import VERSION, Anomaly, AnomalyNotFound, Kind, State, read
from ml.recurring import service as recurring

# So far back the rows before a period say what is normal; and no further back than this is anything looked for.
KNOWN_DAYS, JUDGED_MONTHS = 1096, 13
JUDGED: tuple[Kind, ...] = ("duplicate_charge", "unusual_amount", "new_merchant_large", "sign_flip")


@dataclass(frozen=True)
class Filter:
    """Which anomalies."""

    state: State | None = "open"
    kind: Kind | None = None
    currency: str | None = None
    period: Period | None = None
    least: float = 0


@dataclass(frozen=True)
class Run:
    """When the books were judged last, from which day to which; `is_behind` where rows came or changed since."""

    judged_at: datetime
    first_day: date | None
    last_day: date | None
    rows: int
    version: str
    is_behind: bool


async def find(db: Connection, organization_id: UUID, period: Period) -> list[Anomaly]:
    """Judge a period's rows, keep what is found in the place of what was open, and give what is open there now."""
    await _judge(db, organization_id, period)
    await _miss(db, organization_id, period)
    return await surest(db, organization_id, Filter(period=period), limit=1000)


async def catch_up(db: Connection, organization_id: UUID) -> int:
    """Judge the months in which rows came or changed since the last time; says how many rows were looked at.

    Of what came a long time ago nothing is told. A payment may be missing without any row, and is looked for each time.
    """
    changed = await repository.changed_since(db, organization_id)
    first, last = changed["first_day"], changed["last_day"]
    newest, judged = await repository.last_day(db, organization_id), 0
    if newest:
        earliest = _months_before(newest, JUDGED_MONTHS - 1)
        if first is not None and last >= earliest:
            judged = await _judge(db, organization_id, Period(max(first.replace(day=1), earliest), newest))
        await _miss(db, organization_id, Period(earliest, newest))
    what = {"mark": changed["mark"], "first_day": first, "last_day": last, "rows": judged, "version": VERSION}
    await repository.keep_run(db, organization_id, **what)
    return judged


async def last_run(db: Connection, organization_id: UUID) -> Run | None:
    found = await repository.run(db, organization_id)
    return Run(**found) if found else None


async def _judge(db: Connection, organization_id: UUID, period: Period) -> int:
    start = period.start - timedelta(days=KNOWN_DAYS)
    names = await repository.contexts(db, organization_id, start, period.end)
    pieces = [piece async for piece in repository.copied(db, organization_id, names, start, period.end)]
    copied, judged = b"".join(pieces), 0
    del pieces
    found: list[dict[str, Any]] = []
    if copied:
        from ml.anomalies import found as finding

        results, judged = await asyncio.to_thread(finding.find_all, copied, names, list(_months(period)))
        del copied
        told = await repository.told(db, organization_id, [each.transaction_id for each in results])
        found = [finding.kept(each, told[each.transaction_id]) for each in results if each.transaction_id in told]
    await _keep(db, organization_id, period, JUDGED, found)
    return judged


async def _miss(db: Connection, organization_id: UUID, period: Period) -> None:
    found = expected.missing(await recurring.list_all(db, organization_id, "missed"), period)
    await _keep(db, organization_id, period, ("missing_payment",), found)


async def _keep(
    db: Connection, organization_id: UUID, period: Period, kinds: Sequence[Kind], found: Sequence[dict[str, Any]]
) -> None:
    new = await repository.replace(db, organization_id, period, kinds, found)
    if new:
        await events.emit(db, organization_id, "anomaly.found", {"count": new, "version": VERSION})


def _months(period: Period) -> Iterator[Period]:
    start = period.start
    while start <= period.end:
        end = min(months(start, 1).end, period.end)
        yield Period(start, end)
        start = end + timedelta(days=1)


def _months_before(day: date, count: int) -> date:
    index = day.year * 12 + day.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def _wanted(organization_id: UUID, wanted: Filter) -> dict[str, Any]:
    period = wanted.period
    return {
        "organization_id": organization_id, "state": wanted.state, "kind": wanted.kind, "currency": wanted.currency,
        "start": period and period.start, "end": period and period.end, "least": wanted.least,
    }  # fmt: skip


async def surest(db: Connection, organization_id: UUID, wanted: Filter, *, limit: int) -> list[Anomaly]:
    """The surest first, and of these the largest."""
    return [read(row) for row in await repository.surest(db, _wanted(organization_id, wanted), limit)]


async def page(
    db: Connection, organization_id: UUID, wanted: Filter, *, after: tuple[date, UUID] | None, limit: int
) -> tuple[list[Anomaly], tuple[date, UUID] | None]:
    """The last first, and the key of the last one where there are more."""
    found = await repository.page(db, _wanted(organization_id, wanted), after=after, limit=limit + 1)
    items = [read(row) for row in found[:limit]]
    return items, (items[-1].booked_on, items[-1].anomaly_id) if len(found) > limit else None


async def count(db: Connection, organization_id: UUID, wanted: Filter) -> int:
    return await repository.count(db, _wanted(organization_id, wanted))


async def get(db: Connection, organization_id: UUID, anomaly_id: UUID) -> Anomaly:
    row = await repository.get(db, organization_id, anomaly_id)
    if row is None:
        raise AnomalyNotFound
    return read(row)


async def dismiss(
    db: Connection, organization_id: UUID, anomaly_id: UUID, *, by: str, note: str | None, whole_merchant: bool
) -> tuple[Anomaly, int]:
    """Say that it is all right. It is not told again, nor, where so wanted, anything of its kind and merchant."""
    await get(db, organization_id, anomaly_id)
    await repository.set_state(db, organization_id, anomaly_id, state="dismissed", by=by, note=note)
    others = await repository.silence(db, organization_id, anomaly_id, by) if whole_merchant else 0
    return await get(db, organization_id, anomaly_id), others


async def reopen(db: Connection, organization_id: UUID, anomaly_id: UUID) -> Anomaly:
    """Take a dismissal back, and the silence about its merchant with it."""
    await get(db, organization_id, anomaly_id)
    await repository.set_state(db, organization_id, anomaly_id, state="open", by=None, note=None)
    await repository.unsilence(db, organization_id, anomaly_id)
    return await get(db, organization_id, anomaly_id)
