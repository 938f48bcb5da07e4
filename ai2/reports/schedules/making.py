"""Making: the reports that are due, each once for its time, whatever crashes, is run again or was down meanwhile.

A report, the note that its time is done and the event that delivers it are one database transaction, in which the
schedule is locked. Where several times went by, the last one's is made, and it says how many were missed.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ai2.identity import organizations
from ai2.kit import events
from ai2.kit.database import Connection, Database
from ai2.kit.errors import Problem
from ai2.kit.logs import logger
from ai2.kit.masking import mask
from ai2.reports import service as reports
from ai2.reports.schedules import repository, service
from ai2.reports.schedules.due import all_due, day_of, next_due
from ai2.reports.schedules.service import Schedule

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=6)

log = logger("ai2.schedules")


@dataclass(frozen=True)
class Outcome:
    """What became of the schedules that were due: reports made, times missed before them, and the rest.

    `failed` could not be made and would not be later either; `put_off` are tried again.
    """

    made: int = 0
    missed: int = 0
    failed: int = 0
    put_off: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


async def who_is_due(pipeline: Database) -> list[UUID]:
    """Organizations that have a report to be made now."""
    async with pipeline.transaction() as db:
        return await repository.with_something_due(db, datetime.now(UTC))


async def make_due(database: Database, organization_id: UUID, *, now: datetime | None = None) -> Outcome:
    """Make what is due in an organization. One that breaks keeps no other from being made."""
    at = now or datetime.now(UTC)
    async with database.transaction(organization_id) as db:
        due = await repository.due(db, organization_id, at)
    outcome = Outcome()
    for schedule_id in due:
        try:
            outcome += await _make(database, organization_id, schedule_id, at)
        except Exception as error:  # whatever it was, it is this schedule's
            log.warning("scheduled report not made", schedule_id=str(schedule_id), exc_info=error)
            await _put_off(database, organization_id, schedule_id, at)
            outcome = replace(outcome, put_off=outcome.put_off + 1)
    return outcome


async def _make(database: Database, organization_id: UUID, schedule_id: UUID, now: datetime) -> Outcome:
    async with database.transaction(organization_id, actor=f"schedule:{schedule_id}") as db:
        row = await repository.get(db, organization_id, schedule_id, lock=True)
        if row is None or not row["is_active"] or row["next_due_at"] > now:
            return Outcome()  # another has made it meanwhile
        schedule = await service.get(db, organization_id, schedule_id)
        *missed, due_at = all_due(schedule.when, schedule.next_due_at, now)
        following = next_due(schedule.when, due_at)
        outcome = Outcome()
        if not await repository.has_run(db, organization_id, schedule_id, due_at):
            outcome = await _made_or_failed(db, organization_id, schedule, due_at, missed)
        await repository.go_on(db, organization_id, schedule_id, following)
    return outcome


async def _made_or_failed(
    db: Connection, organization_id: UUID, schedule: Schedule, due_at: datetime, missed: list[datetime]
) -> Outcome:
    run = {
        "due_at": due_at, "missed": len(missed), "missed_since": missed[0] if missed else None, "error": None,
        "report_id": None,
    }  # fmt: skip
    try:
        async with db.transaction():
            report_id = await _generate(db, organization_id, schedule, due_at)
    except Problem as problem:
        if problem.status >= 500:  # it may go the next time
            raise
        error = {"code": problem.code, "title": problem.title, "detail": mask(problem.detail)}
        await repository.begin_run(
            db, organization_id, schedule.schedule_id, {**run, "state": "failed", "error": error}
        )
        told = {"schedule_id": schedule.schedule_id, "due_at": _told(due_at), "code": problem.code}
        await events.emit(db, organization_id, "report.failed", told)
        return Outcome(failed=1, missed=len(missed))
    await repository.begin_run(
        db, organization_id, schedule.schedule_id, {**run, "state": "made", "report_id": report_id}
    )
    await _deliver(db, organization_id, schedule, report_id, due_at, len(missed))
    return Outcome(made=1, missed=len(missed))


async def _generate(db: Connection, organization_id: UUID, schedule: Schedule, due_at: datetime) -> UUID:
    organization = await organizations.get(db, organization_id)
    fiscal_year = (organization.fiscal_year_start, organization.fiscal_year_start_day)
    asked = service.asked(schedule.report, schedule.period, day_of(schedule.when, due_at), fiscal_year)
    report = await reports.generate(db, organization_id, asked, created_by=f"schedule:{schedule.schedule_id}")
    return report.report_id


async def _deliver(
    db: Connection, organization_id: UUID, schedule: Schedule, report_id: UUID, due_at: datetime, missed: int
) -> None:
    """The event is the delivery: who listens sends it on. It names members by their ids, as every event does."""
    there = await service.present_members(db, organization_id, schedule.recipients)
    await events.emit(
        db,
        organization_id,
        "report.ready",
        {
            "report_id": report_id,
            "schedule_id": schedule.schedule_id,
            "report": schedule.report["report"],
            "format": schedule.format,
            "recipients": [each for each in schedule.recipients if each in there] if schedule.recipients else None,
            "link": link(report_id, schedule.format),
            "due_at": _told(due_at),
            "missed": missed or None,
        },
    )


async def _put_off(database: Database, organization_id: UUID, schedule_id: UUID, now: datetime) -> None:
    async with database.transaction(organization_id) as db:
        row = await repository.get(db, organization_id, schedule_id, lock=True)
        if row is not None:
            pause = min(FIRST_PAUSE * 2 ** min(row["attempts"], 10), LONGEST_PAUSE)
            await repository.put_off(db, organization_id, schedule_id, now + pause)


def link(report_id: UUID, wanted: str) -> str:
    """Where a report is taken in a format."""
    return f"/api/analytics/reports/{report_id}/download?format={wanted}"


def _told(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
