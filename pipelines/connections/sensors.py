"""Whatever synced a connection, a webhook, a person, the worker or a run: it is shown, as a materialization.

A webhook is answered by queueing a sync, which the worker does at once; here it is seen to have happened.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ai2.connections import due_repository
from ai2.kit.database import Database
from ai2.kit.errors import Problem
from pipelines.connections import partitions
from pipelines.connections.assets import SHOWN_DAYS
from pipelines.connections.outcome import IN_STEP, freshness, materialized, out_of_step
from pipelines.resources import Books

MOST_AT_ONCE = 500


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Shows every sync, and which connections came out of step or into it again.",
)
def syncs_elsewhere(context: dg.SensorEvaluationContext, books: Books) -> dg.SensorResult:
    try:
        shown, told = report(context.instance, books, json.loads(context.cursor or "{}"))
    except Problem as problem:
        return dg.SensorResult(skip_reason=problem.detail)
    return dg.SensorResult(skip_reason=f"{shown} syncs shown", cursor=json.dumps(told))


def report(instance: dg.DagsterInstance, books: Books, before: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Report the syncs that are not shown yet, each once; how many, and what was told of connections and when."""

    async def show(database: Database) -> tuple[int, dict[str, Any]]:
        async with database.transaction() as db:
            known = await due_repository.known(db)
            partitions.follow(instance, known)
            syncs = await due_repository.to_show(db, days=SHOWN_DAYS, limit=MOST_AT_ONCE)
            await due_repository.mark_shown(db, [sync["sync_id"] for sync in syncs], days=SHOWN_DAYS)
            for sync in syncs:
                if sync["outcome"] == "ok":
                    instance.report_runless_asset_event(materialized(sync))
            return len(syncs), _tell_changes(instance, known, before)

    return books.of_all(show)


def _tell_changes(instance: dg.DagsterInstance, known: list[Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Which connections of each source are out of step; where others were before, the check says so.

    It says so again each day while any is: for how long is a part of it.
    """
    now, out = datetime.now(UTC), {}
    today = now.date().isoformat()
    for provider in sorted({connection["provider"] for connection in known}):
        found = [each for each in known if each["provider"] == provider]
        out[provider] = sorted(str(each["connection_id"]) for each in out_of_step(found, now))
        is_told = before.get("out_of_step", {}).get(provider) == out[provider]
        if not is_told or (out[provider] and before.get("day") != today):
            told = dg.AssetCheckEvaluation(
                asset_key=partitions.key_of(provider), check_name=IN_STEP, **freshness(found, now)
            )
            instance.report_runless_asset_event(told)
    return {"day": today, "out_of_step": out}
