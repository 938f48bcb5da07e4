"""Connections in Dagster: a source an asset, a connection a partition, shown once whoever synced it."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import dagster as dg
import pytest

from ai2.connections import syncing
from ai2.ingest.sources.model import Page, Session
from ai2.ingest.sources.problems import ConsentNeeded
from ai2.kit.database import Database
from pipelines.connections import outcome, partitions
from pipelines.connections.assets import asset_of
from pipelines.connections.checks import check_of
from pipelines.connections.jobs import sync_connections
from pipelines.connections.outcome import IN_STEP
from pipelines.connections.sensors import report
from pipelines.resources import Books
from tests.connections.conftest import Connect, connect, nobody_else_is_due, script  # noqa: F401 - fixtures
from tests.connections.fakes.scripted import GBP, Scripted, feed

KEY = partitions.key_of("scripted")


def one_row(session: Session) -> Iterator[Page]:
    yield Page(documents=(feed(("1", "2026-03-02", "-4.20", "Bakery")),), accounts=(GBP,), cursor={"place": 1})


def materializations(instance: dg.DagsterInstance) -> dict[str, dg.AssetMaterialization]:
    """By partition, the last one of each."""
    found = instance.fetch_materializations(KEY, limit=100).records
    return {str(each.partition_key): each.asset_materialization for each in reversed(found) if each.partition_key}  # type: ignore[misc]


async def shown(instance: dg.DagsterInstance, before: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return await asyncio.to_thread(report, instance, Books(), before)


async def test_a_run_for_all_that_is_due_is_shown_connection_by_connection(
    script: Scripted, connect: Connect, nobody_else_is_due: None, instance: dg.DagsterInstance, pipeline: Database  # noqa: F811
) -> None:  # fmt: skip
    async with pipeline.transaction() as db:
        await db.execute("update connect.syncs set shown_at = now() where outcome is not null")
    script.pages = one_row
    many = [await connect() for _ in range(3)]
    result = await asyncio.to_thread(
        partial(sync_connections.execute_in_process, instance=instance, resources={"books": Books()})
    )
    assert result.success
    number, _ = await shown(instance, {})
    again, _ = await shown(instance, {})
    found = materializations(instance)
    assert (number, again) == (3, 0)
    assert found.keys() == {str(each.connection_id) for each in many}
    told = found[str(many[0].connection_id)].metadata
    assert (told["trigger"].value, told["dagster/row_count"].value) == ("schedule", 1)
    assert "Bakery" not in str(found)


async def test_what_a_webhook_set_going_is_shown(
    script: Scripted, connect: Connect, instance: dg.DagsterInstance  # noqa: F811
) -> None:  # fmt: skip
    known = await connect()
    await syncing.sync(known.database, known.organization_id, known.connection_id, trigger="webhook")
    await shown(instance, {})
    assert materializations(instance)[str(known.connection_id)].metadata["trigger"].value == "webhook"


async def test_partitions_chosen_by_hand_are_synced_in_one_run_over_the_days_that_are_named(
    script: Scripted, connect: Connect, instance: dg.DagsterInstance  # noqa: F811
) -> None:  # fmt: skip
    script.pages = one_row
    ids = sorted([str((await connect()).connection_id) for _ in range(2)])
    instance.add_dynamic_partitions(partitions.name_of("scripted"), ids)
    asset = asset_of(script.source())
    result = await asyncio.to_thread(
        partial(
            dg.materialize, [asset], instance=instance, resources={"books": Books()},
            run_config={"ops": {asset.op.name: {"config": {"start_date": "2026-03-01", "end_date": "2026-03-31"}}}},
            tags={"dagster/asset_partition_range_start": ids[0], "dagster/asset_partition_range_end": ids[1]},
        )
    )  # fmt: skip
    assert result.success
    assert {(str(each.since), str(each.until)) for each in script.sessions} == {("2026-03-01", "2026-03-31")}
    assert materializations(instance).keys() >= set(ids)


async def test_a_run_whose_connection_needs_consent_fails_and_says_so(
    script: Scripted, connect: Connect, instance: dg.DagsterInstance  # noqa: F811
) -> None:  # fmt: skip
    def needs_consent(session: Session) -> Iterator[Page]:
        raise ConsentNeeded
        yield

    script.pages = needs_consent
    key = str((await connect()).connection_id)
    instance.add_dynamic_partitions(partitions.name_of("scripted"), [key])
    result = await asyncio.to_thread(
        partial(
            dg.materialize, [asset_of(script.source())], instance=instance, resources={"books": Books()},
            partition_key=key, raise_on_error=False,
        )
    )  # fmt: skip
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "consent_needed" in str(failure.step_failure_data.user_failure_data)


async def test_each_connection_that_comes_out_of_step_is_told_of_once(
    script: Scripted, connect: Connect, instance: dg.DagsterInstance, pipeline: Database  # noqa: F811
) -> None:  # fmt: skip
    async with pipeline.transaction() as db:  # other tests' are not looked at
        await db.execute("update connect.connections set state = 'disconnected'")
    known = await connect()
    key = str(known.connection_id)
    _, first = await shown(instance, {})
    assert key in instance.get_dynamic_partitions(partitions.name_of("scripted"))
    await known.put(last_success_at=datetime.now(UTC) - timedelta(hours=4))
    _, second = await shown(instance, first)
    _, third = await shown(instance, second)
    assert [each["out_of_step"] for each in (first, second, third)] == [
        {"scripted": []}, {"scripted": [key]}, {"scripted": [key]},
    ]  # fmt: skip
    check = check_of("scripted")
    asked = await asyncio.to_thread(
        partial(
            dg.materialize, [asset_of(script.source()), check], instance=instance, resources={"books": Books()},
            selection=dg.AssetSelection.checks(check),
        )
    )  # fmt: skip
    [evaluation] = asked.get_asset_check_evaluations()
    assert not evaluation.passed
    assert key in str(evaluation.metadata["which"])
    await known.put(last_success_at=datetime.now(UTC))
    await shown(instance, third)
    records = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, IN_STEP), limit=9)
    told = [each.event.dagster_event.event_specific_data.passed for each in records if each.event]  # type: ignore[union-attr]
    assert told == [True, False, False, True], "newest first, the one asked by hand among them"
    await known.put(state="disconnected")
    await shown(instance, {})
    assert key not in instance.get_dynamic_partitions(partitions.name_of("scripted"))


def evaluations(instance: dg.DagsterInstance) -> list[Any]:
    """What the check said, newest first."""
    records = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, IN_STEP), limit=99)
    return [each.event.dagster_event.event_specific_data for each in records if each.event]  # type: ignore[union-attr]


async def test_an_operator_sees_each_day_for_how_long_a_connection_has_needed_consent(
    script: Scripted, connect: Connect, instance: dg.DagsterInstance, pipeline: Database  # noqa: F811
) -> None:  # fmt: skip
    async with pipeline.transaction() as db:
        await db.execute("update connect.connections set state = 'disconnected'")
    week = datetime.now(UTC) - timedelta(days=7, hours=1)
    waits, fine = await connect(), await connect()
    await fine.put(last_success_at=datetime.now(UTC))
    await waits.put(
        state="needs_consent", last_success_at=week, next_run_at=None, failures=1,
        error=json.dumps({"code": "consent_needed", "is_lasting": True}),
    )  # fmt: skip
    _, told = await shown(instance, {})
    [said] = evaluations(instance)
    assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert said.description == "1 of 2 connections are not in step, the longest for 7 days"
    assert said.metadata["out_of_step_needs_consent"].value == 1
    assert said.metadata["which"].value == [{
        "organization_id": str(waits.organization_id), "connection_id": str(waits.connection_id),
        "state": "needs_consent", "last_success_at": week.isoformat(), "days": 7, "failures": 1,
        "code": "consent_needed",
    }]  # fmt: skip
    await shown(instance, told)
    assert len(evaluations(instance)) == 1, "it is told"
    await shown(instance, {**told, "day": "2026-01-01"})
    assert len(evaluations(instance)) == 2, "once more the next day"
    await waits.put(state="connected", last_success_at=datetime.now(UTC), error=None)
    await shown(instance, told)
    assert evaluations(instance)[0].passed


async def test_of_more_connections_than_are_listed_each_is_told_of(
    script: Scripted, connect: Connect, instance: dg.DagsterInstance, pipeline: Database,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with pipeline.transaction() as db:
        await db.execute("update connect.connections set state = 'disconnected'")
    monkeypatch.setattr(outcome, "LISTED", 1)
    told: dict[str, Any] = {}
    for days in (9, 5):
        known = await connect()
        await known.put(last_success_at=datetime.now(UTC) - timedelta(days=days))
        _, told = await shown(instance, told)
    last, first = evaluations(instance)
    assert (first.metadata["out_of_step"].value, last.metadata["out_of_step"].value) == (1, 2)
    assert [each["days"] for each in last.metadata["which"].value] == [9], "the longest first"


async def test_past_days_that_are_none_are_refused(
    script: Scripted, connect: Connect, instance: dg.DagsterInstance  # noqa: F811
) -> None:  # fmt: skip
    key = str((await connect()).connection_id)
    instance.add_dynamic_partitions(partitions.name_of("scripted"), [key])
    asset = asset_of(script.source())
    for days in ({"start_date": "2026-03-31", "end_date": "2026-03-01"}, {"end_date": "2026-03-31"}):
        result = await asyncio.to_thread(
            partial(
                dg.materialize, [asset], instance=instance, resources={"books": Books()}, partition_key=key,
                run_config={"ops": {asset.op.name: {"config": days}}}, raise_on_error=False,
            )
        )  # fmt: skip
        assert not result.success
    assert script.sessions == []
