"""Every query on schedules and on the times that they were due."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows

COLUMNS = """
    schedule.schedule_id, schedule.name, schedule.report, schedule.period, schedule.format, schedule.every,
    schedule.day, schedule.month, schedule.hour, schedule.minute, schedule.time_zone, schedule.recipients,
    schedule.is_active, schedule.next_due_at, schedule.attempts, schedule.version, schedule.created_by,
    schedule.created_at, schedule.updated_at
"""
RUN = "due_at, state, report_id, missed, missed_since, error, made_at"
CHANGEABLE = (
    "name", "report", "period", "format", "every", "day", "month", "hour", "minute", "time_zone", "recipients",
    "is_active", "next_due_at",
)  # fmt: skip


async def insert(db: Connection, organization_id: UUID, values: dict[str, Any]) -> None:
    await db.execute(
        """
        insert into reports.schedules (
            organization_id, schedule_id, name, report, period, format, every, day, month, hour, minute, time_zone,
            recipients, is_active, next_due_at, run_after, created_by
        ) values (
            %(organization_id)s, %(schedule_id)s, %(name)s, %(report)s, %(period)s, %(format)s, %(every)s, %(day)s,
            %(month)s, %(hour)s, %(minute)s, %(time_zone)s, %(recipients)s, %(is_active)s, %(next_due_at)s,
            %(next_due_at)s, %(created_by)s
        )
        """,
        {**values, "organization_id": organization_id, "report": Jsonb(values["report"])},
    )


async def update(db: Connection, organization_id: UUID, schedule_id: UUID, values: dict[str, Any]) -> None:
    await db.execute(
        f"""
        update reports.schedules set
            {", ".join(f"{name} = %({name})s" for name in CHANGEABLE)}, run_after = %(next_due_at)s, attempts = 0,
            version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and schedule_id = %(schedule_id)s
        """,
        {
            **values,
            "organization_id": organization_id,
            "schedule_id": schedule_id,
            "report": Jsonb(values["report"]),
        },
    )


async def delete(db: Connection, organization_id: UUID, schedule_id: UUID) -> None:
    query = "delete from reports.schedules where organization_id = %s and schedule_id = %s"
    await db.execute(query, [organization_id, schedule_id])


async def get(db: Connection, organization_id: UUID, schedule_id: UUID, *, lock: bool = False) -> DictRow | None:
    """A schedule; locked, nobody else changes it or makes its report until our transaction ends."""
    query = f"""
        select {COLUMNS} from reports.schedules as schedule
        where organization_id = %(organization_id)s and schedule_id = %(schedule_id)s
        {"for no key update" if lock else ""}
    """
    return await one(db, query, {"organization_id": organization_id, "schedule_id": schedule_id})


async def page(db: Connection, organization_id: UUID, *, before: UUID | None, limit: int) -> list[DictRow]:
    """Schedules, newest first."""
    query = f"""
        select {COLUMNS} from reports.schedules as schedule
        where organization_id = %(organization_id)s and (%(before)s::uuid is null or schedule_id < %(before)s)
        order by schedule_id desc limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "before": before, "limit": limit})


async def count(db: Connection, organization_id: UUID) -> int:
    query = "select count(*) as schedules from reports.schedules where organization_id = %(organization_id)s"
    return await number(db, query, {"organization_id": organization_id})


async def due(db: Connection, organization_id: UUID, now: datetime) -> list[UUID]:
    """Schedules of which a report is to be made now, the longest due first."""
    query = """
        select schedule_id from reports.schedules
        where organization_id = %(organization_id)s and is_active and run_after <= %(now)s
        order by run_after, schedule_id
    """
    return [row["schedule_id"] for row in await rows(db, query, {"organization_id": organization_id, "now": now})]


async def with_something_due(db: Connection, now: datetime) -> list[UUID]:
    """Organizations that have such schedules. `db` is the pipeline role's."""
    query = """
        select distinct organization_id from reports.schedules where is_active and run_after <= %(now)s
        order by organization_id
    """
    return [row["organization_id"] for row in await rows(db, query, {"now": now})]


async def begin_run(db: Connection, organization_id: UUID, schedule_id: UUID, values: dict[str, Any]) -> bool:
    """Note what became of a time at which it was due; not where that is known already."""
    done = await db.execute(
        """
        insert into reports.schedule_runs
            (organization_id, schedule_id, due_at, state, report_id, missed, missed_since, error)
        values (%(organization_id)s, %(schedule_id)s, %(due_at)s, %(state)s, %(report_id)s, %(missed)s,
            %(missed_since)s, %(error)s)
        on conflict do nothing
        """,
        {
            **values,
            "organization_id": organization_id,
            "schedule_id": schedule_id,
            "error": Jsonb(values["error"]) if values["error"] else None,
        },
    )
    return done.rowcount > 0


async def has_run(db: Connection, organization_id: UUID, schedule_id: UUID, due_at: datetime) -> bool:
    query = """
        select from reports.schedule_runs
        where organization_id = %(organization_id)s and schedule_id = %(schedule_id)s and due_at = %(due_at)s
    """
    known = {"organization_id": organization_id, "schedule_id": schedule_id, "due_at": due_at}
    return await one(db, query, known) is not None


async def go_on(db: Connection, organization_id: UUID, schedule_id: UUID, next_due_at: datetime) -> None:
    """Let it be due next at this time."""
    await db.execute(
        """
        update reports.schedules set next_due_at = %(next)s, run_after = %(next)s, attempts = 0
        where organization_id = %(organization_id)s and schedule_id = %(schedule_id)s
        """,
        {"next": next_due_at, "organization_id": organization_id, "schedule_id": schedule_id},
    )


async def put_off(db: Connection, organization_id: UUID, schedule_id: UUID, run_after: datetime) -> None:
    """Try it again later; it stays due since the same time."""
    await db.execute(
        """
        update reports.schedules set run_after = %(run_after)s, attempts = least(attempts + 1, 1000)
        where organization_id = %(organization_id)s and schedule_id = %(schedule_id)s
        """,
        {"run_after": run_after, "organization_id": organization_id, "schedule_id": schedule_id},
    )


async def runs(
    db: Connection, organization_id: UUID, schedule_id: UUID, *, before: datetime | None, limit: int
) -> list[DictRow]:
    """What became of the times at which it was due, the last ones first."""
    query = f"""
        select {RUN} from reports.schedule_runs
        where organization_id = %(organization_id)s and schedule_id = %(schedule_id)s
            and (%(before)s::timestamptz is null or due_at < %(before)s)
        order by due_at desc limit %(limit)s
    """
    known = {"organization_id": organization_id, "schedule_id": schedule_id, "before": before, "limit": limit}
    return await rows(db, query, known)


async def count_runs(db: Connection, organization_id: UUID, schedule_id: UUID) -> int:
    query = """
        select count(*) as runs from reports.schedule_runs
        where organization_id = %(organization_id)s and schedule_id = %(schedule_id)s
    """
    return await number(db, query, {"organization_id": organization_id, "schedule_id": schedule_id})
