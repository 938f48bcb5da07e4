"""Schedules: which report is made when, in which format, and for which members."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from psycopg.rows import DictRow

from ai2.books.accounts import service as accounts
from ai2.identity import members, organizations
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.money import exponent
from ai2.reports import asking
from ai2.reports.columns import columns
from ai2.reports.definitions import custom
from ai2.reports.exports.asked import Format
from ai2.reports.exports.of_report import FORMATS
from ai2.reports.model import Asked
from ai2.reports.schedules import repository
from ai2.reports.schedules.due import Every, When, day_of, next_due
from ai2.reports.schedules.relative import RelativePeriod, period_of
from ai2.reports.service import ASKED

DAYS_OF_A_WEEK = 7


class ScheduleNotFound(NotFound):
    """There is no such schedule; GET /api/analytics/schedules lists yours."""


class ScheduleDoesNotHold(Invalid):
    """The schedule does not hold; correct the named fields."""


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What of a report is made and when. `report` is what is asked of it but for its days, which `period` says."""

    name: str
    report: dict[str, Any]
    period: RelativePeriod
    format: Format
    every: Every
    day: int
    month: int
    hour: int
    minute: int
    time_zone: str
    is_active: bool

    @property
    def when(self) -> When:
        return When(
            every=self.every, time_zone=self.time_zone, day=self.day, month=self.month, hour=self.hour,
            minute=self.minute,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted(_Terms):
    """A schedule as it is asked for, with the e-mail addresses of members; none: whoever listens to events."""

    recipients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Schedule(_Terms):
    """A schedule, when it is due next, and the members that it is for."""

    schedule_id: UUID
    recipients: list[UUID]
    next_due_at: datetime
    attempts: int
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    # of the recipients who are members still
    emails: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """What became of a time at which a report was due, and how many before it nobody was there to make."""

    due_at: datetime
    state: str
    report_id: UUID | None
    missed: int
    missed_since: datetime | None
    error: dict[str, Any] | None
    made_at: datetime


async def create(db: Connection, organization_id: UUID, wanted: Wanted, *, created_by: str) -> Schedule:
    """Write a schedule down. Raises ScheduleDoesNotHold, and what its report would raise that can be known now."""
    schedule_id = new_id()
    values = {**await _values(db, organization_id, wanted), "schedule_id": schedule_id, "created_by": created_by}
    await repository.insert(db, organization_id, values)
    return await get(db, organization_id, schedule_id)


async def update(
    db: Connection, organization_id: UUID, schedule_id: UUID, changes: dict[str, Any], *, version: int | None = None
) -> Schedule:
    """Change what is named; it is due next as it says now."""
    row = await repository.get(db, organization_id, schedule_id, lock=True)
    if row is None:
        raise ScheduleNotFound
    present = await _schedule(db, organization_id, row)
    if version not in (None, present.version):
        raise Stale
    former = {name: getattr(present, name) for name in Wanted.__dataclass_fields__}
    wanted = replace(Wanted(**{**former, "recipients": present.emails}), **changes)
    await repository.update(db, organization_id, schedule_id, await _values(db, organization_id, wanted))
    return await get(db, organization_id, schedule_id)


async def delete(db: Connection, organization_id: UUID, schedule_id: UUID, *, version: int | None = None) -> None:
    """Delete a schedule; the reports that were made by it stay."""
    row = await repository.get(db, organization_id, schedule_id, lock=True)
    if row is None:
        raise ScheduleNotFound
    if version not in (None, row["version"]):
        raise Stale
    await repository.delete(db, organization_id, schedule_id)


async def get(db: Connection, organization_id: UUID, schedule_id: UUID) -> Schedule:
    row = await repository.get(db, organization_id, schedule_id)
    if row is None:
        raise ScheduleNotFound
    return await _schedule(db, organization_id, row)


async def page(db: Connection, organization_id: UUID, *, before: UUID | None, limit: int) -> list[Schedule]:
    """Schedules, newest first."""
    found = await repository.page(db, organization_id, before=before, limit=limit)
    return [await _schedule(db, organization_id, row) for row in found]


async def count(db: Connection, organization_id: UUID) -> int:
    return await repository.count(db, organization_id)


async def runs(
    db: Connection, organization_id: UUID, schedule_id: UUID, *, before: datetime | None, limit: int
) -> list[Run]:
    """What became of the times at which it was due, the last ones first."""
    await get(db, organization_id, schedule_id)
    found = await repository.runs(db, organization_id, schedule_id, before=before, limit=limit)
    return [Run(**row) for row in found]


async def count_runs(db: Connection, organization_id: UUID, schedule_id: UUID) -> int:
    return await repository.count_runs(db, organization_id, schedule_id)


def but_for_days(asked: Asked) -> dict[str, Any]:
    """What is asked of a report, as it is kept: its days are those of a period."""
    kept: dict[str, Any] = ASKED.dump_python(asked, mode="json")
    return {name: value for name, value in kept.items() if name not in ("start_date", "end_date")}


def asked(report: dict[str, Any], period: RelativePeriod, today: date, fiscal_year: tuple[int, int]) -> Asked:
    """What is asked for by a schedule that is due on this day."""
    days = period_of(period, today, fiscal_year)
    return ASKED.validate_python({**report, "start_date": days.start, "end_date": days.end})


async def _values(db: Connection, organization_id: UUID, wanted: Wanted) -> dict[str, Any]:
    """The row that is wanted, once it is seen to hold."""
    found = await _recipients(db, organization_id, wanted.recipients)
    _check(wanted)
    next_due_at = next_due(wanted.when, datetime.now(UTC))
    organization = await organizations.get(db, organization_id)
    fiscal_year = (organization.fiscal_year_start, organization.fiscal_year_start_day)
    report = asked(wanted.report, wanted.period, day_of(wanted.when, next_due_at), fiscal_year)
    asking.check(report)
    await accounts.check_theirs(db, organization_id, report.account_ids)
    if report.report == "custom":
        await custom.check(db, organization_id, report)
    columns(report, organization.fiscal_year_start)
    if report.currency:
        exponent(report.currency)
    return {**vars(wanted), "recipients": found, "next_due_at": next_due_at}


def _check(wanted: Wanted) -> None:
    faults = []
    if wanted.time_zone not in _time_zones():
        faults.append(FieldError("time_zone", "is a name of the IANA's time zones, such as Europe/Paris"))
    if wanted.every == "week" and wanted.day > DAYS_OF_A_WEEK:
        faults.append(FieldError("day", "is 1 (Monday) to 7 of a week"))
    if wanted.format not in FORMATS:
        faults.append(FieldError("format", f"is {', '.join(FORMATS)}"))
    if faults:
        raise ScheduleDoesNotHold(errors=tuple(faults))


async def _recipients(db: Connection, organization_id: UUID, emails: Sequence[str]) -> list[UUID]:
    """The members of these addresses, each once. Nobody else gets an organization's figures."""
    if not emails:
        return []
    known = {member.email.lower(): member.user_id for member in await members.list_all(db, organization_id)}
    strangers = [place for place, email in enumerate(emails) if email.lower() not in known]
    if strangers:
        told = "is the address of a member; GET /api/core/members lists them"
        raise ScheduleDoesNotHold(errors=tuple(FieldError(f"recipients.{place}", told) for place in strangers))
    return list(dict.fromkeys(known[email.lower()] for email in emails))


async def present_members(db: Connection, organization_id: UUID, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Those of them who are members still, with their addresses."""
    if not user_ids:
        return {}
    everyone = await members.list_all(db, organization_id)
    return {member.user_id: member.email for member in everyone if member.user_id in user_ids}


async def _schedule(db: Connection, organization_id: UUID, row: DictRow) -> Schedule:
    there = await present_members(db, organization_id, row["recipients"])
    return Schedule(**row, emails=tuple(there[each] for each in row["recipients"] if each in there))


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
