"""Schedules: reports that are made by themselves and told of by an event."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.reports.exports.asked import Format
from ai2.reports.schedules import service
from ai2.reports.schedules.due import Every
from ai2.reports.schedules.relative import RelativePeriod
from ai2.reports.schedules.service import Schedule, Wanted
from api.analytics.reports import ReportWanted
from api.etags import IfMatch, mark
from api.pages import PageQuery, read_cursor, write_cursor
from api.schemas import Body, Change, Code, Email, Flag, Instant, ListOf, Name, Out, Whole, changes
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/analytics/schedules", tags=["schedules"], route_class=Unit)

Recipients = Annotated[list[Email], Field(max_length=100)]


class ScheduledReport(ReportWanted):
    """What generate-report takes, and instead of days a period seen from the day on which it is due."""

    period: RelativePeriod = Field(
        description="What is to date includes the day itself, every other period is over. Quarters are those of the "
        "fiscal year."
    )


class ScheduleNew(Body):
    """Which report is made when, and for whom."""

    name: Name
    report: ScheduledReport
    every: Every = Field(description="Quarters are the calendar's.")
    day: Annotated[Whole, Field(ge=1, le=31)] = Field(
        default=1, description="Of a week from Monday (1) to Sunday (7); of a month, where a short one has its last."
    )
    month: Annotated[Whole, Field(ge=1, le=3)] = Field(default=1, description="Which month of a quarter.")
    hour: Annotated[Whole, Field(ge=0, le=23)] = 6
    minute: Annotated[Whole, Field(ge=0, le=59)] = 0
    time_zone: Code = Field(description="By whose clock, such as Europe/Paris.")
    format: Format = "json"
    recipients: Recipients = Field(
        default_factory=list, description="E-mail addresses of members; none: the event is for whoever listens."
    )
    is_active: Flag = True


class ScheduleChange(Change):
    """What to change; what is not named stays. It is due next as it says then."""

    name: Name = ""
    report: ScheduledReport = Field(default=None)  # type: ignore[assignment] # never used: only named fields are
    every: Every = "month"
    day: Annotated[Whole, Field(ge=1, le=31)] = 1
    month: Annotated[Whole, Field(ge=1, le=3)] = 1
    hour: Annotated[Whole, Field(ge=0, le=23)] = 6
    minute: Annotated[Whole, Field(ge=0, le=59)] = 0
    time_zone: Code = ""
    format: Format = "json"
    recipients: Recipients = Field(default_factory=list)
    is_active: Flag = True


class ScheduleOut(Out):
    """A schedule, and when it is due next."""

    schedule_id: UUID
    name: str
    report: dict[str, Any] = Field(description="As it was asked for, with its period.")
    every: Every
    day: int
    month: int
    hour: int
    minute: int
    time_zone: str
    format: Format
    recipients: list[str] = Field(description="Those who are members still.")
    is_active: bool
    next_due_at: Instant
    version: int
    created_by: str
    created_at: Instant
    updated_at: Instant


class Schedules(ListOf):
    """One page, newest first."""

    items: list[ScheduleOut]


class ScheduleRunOut(Out):
    """What became of a time at which a report was due."""

    due_at: Instant
    state: Literal["made", "failed"]
    report_id: UUID | None
    missed: int = Field(description="How many before it were not made, as nothing ran then.")
    missed_since: Instant | None
    error: dict[str, Any] | None
    made_at: Instant


class ScheduleRuns(ListOf):
    """One page, the last ones first."""

    items: list[ScheduleRunOut]


@router.get("", response_model=Schedules)
async def list_schedules(db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """Which reports are made by themselves."""
    before = read_cursor(wanted.cursor, UUID)
    found = await service.page(db, who.organization_id, before=before, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    return {
        "items": [*map(_shown, items)],
        "next_cursor": write_cursor(items[-1].schedule_id if len(found) > wanted.limit else None),
        "total": await service.count(db, who.organization_id) if wanted.include else None,
    }


@router.post("", status_code=201, response_model=ScheduleOut)
async def create_schedule(new: ScheduleNew, db: Db, who: Caller, response: Response) -> dict[str, Any]:
    """Have a report made by itself. Each time the event report.ready tells where it is, and whom it is for."""
    wanted = Wanted(**_given({name: getattr(new, name) for name in type(new).model_fields}))
    made = await service.create(db, who.organization_id, wanted, created_by=who.actor)
    mark(response, made.version)
    return _shown(made)


@router.get("/{schedule_id}", response_model=ScheduleOut)
async def get_schedule(schedule_id: UUID, db: Db, who: Caller, response: Response) -> dict[str, Any]:
    """One schedule."""
    found = await service.get(db, who.organization_id, schedule_id)
    mark(response, found.version)
    return _shown(found)


@router.patch("/{schedule_id}", response_model=ScheduleOut)
async def update_schedule(
    schedule_id: UUID, change: ScheduleChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> dict[str, Any]:
    """Change a schedule, or let it rest."""
    wanted = _given(changes(change))
    found = await service.update(db, who.organization_id, schedule_id, wanted, version=version)
    mark(response, found.version)
    return _shown(found)


@router.delete("/{schedule_id}", status_code=204)
async def delete_schedule(schedule_id: UUID, db: Db, who: Caller, version: IfMatch) -> Response:
    """Delete a schedule. The reports that it made stay."""
    await service.delete(db, who.organization_id, schedule_id, version=version)
    return Response(status_code=204)


@router.get("/{schedule_id}/runs", response_model=ScheduleRuns)
async def list_schedule_runs(
    schedule_id: UUID, db: Db, who: Caller, wanted: Annotated[PageQuery, Query()]
) -> dict[str, Any]:
    """What became of the times at which it was due."""
    before = read_cursor(wanted.cursor, datetime.fromisoformat)
    found = await service.runs(db, who.organization_id, schedule_id, before=before, limit=wanted.limit + 1)
    items = found[: wanted.limit]
    return {
        "items": items,
        "next_cursor": write_cursor(items[-1].due_at.isoformat() if len(found) > wanted.limit else None),
        "total": await service.count_runs(db, who.organization_id, schedule_id) if wanted.include else None,
    }


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as the domain has them: what is asked of a report, and its period apart."""
    given = dict(fields)
    if "report" in given:
        asked: ScheduledReport = given["report"]
        given["period"] = asked.period
        given["report"] = service.but_for_days(asked.of_days(date.min, date.min))
    if "recipients" in given:
        given["recipients"] = tuple(given["recipients"])
    return given


def _shown(found: Schedule) -> dict[str, Any]:
    report = {**found.report, "period": found.period}
    return {**asdict(found), "report": report, "recipients": list(found.emails)}
