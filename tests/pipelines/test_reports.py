"""Scheduled reports in Dagster: seen by a sensor, made once, counted, and the same run again makes nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from ai2.identity.organizations import Organization
from ai2.kit.database import Database
from ai2.reports.schedules import service
from pipelines.reports.assets import scheduled_reports
from pipelines.reports.sensors import reports_due
from pipelines.resources import Books
from tests.pipelines.test_learning import materialized
from tests.reports.test_schedules import MONTHLY


async def look(instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_sensor_context(instance=instance, resources={"books": Books()})
    found: Any = await asyncio.to_thread(reports_due, context)
    return found


async def test_what_is_due_is_seen_made_once_and_counted(
    database: Database, pipeline: Database, organization: Organization, instance: dg.DagsterInstance, marts: None
) -> None:
    whose = organization.organization_id
    async with pipeline.transaction() as db:  # other tests' are not looked at
        await db.execute("update reports.schedules set is_active = false")
    async with database.transaction(whose) as db:
        schedule = await service.create(db, whose, MONTHLY, created_by="test")
    assert isinstance(await look(instance), dg.SkipReason)
    async with database.transaction(whose) as db:
        since = datetime.now(UTC) - timedelta(days=95)
        await db.execute("update reports.schedules set next_due_at = %s, run_after = %s", [since, since])
    assert isinstance(await look(instance), dg.RunRequest)

    first = await materialized(scheduled_reports, instance, {})
    again = await materialized(scheduled_reports, instance, {})

    assert (first["made"], first["failed"], first["put_off"], first["organizations"]) == (1, 0, 0, 1)
    assert first["missed"] >= 3
    assert (again["made"], again["organizations"]) == (0, 0)
    assert isinstance(await look(instance), dg.SkipReason)
    async with database.transaction(whose) as db:
        [run] = await service.runs(db, whose, schedule.schedule_id, before=None, limit=9)
    assert run.missed == first["missed"]
