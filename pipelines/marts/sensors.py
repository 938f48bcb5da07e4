"""The marts follow the imports; in between, the live views show what the marts do not have yet."""

import dagster as dg

from pipelines.ingest.outcome import TRANSACTIONS
from pipelines.marts.jobs import build_marts


@dg.asset_sensor(
    asset_key=TRANSACTIONS,
    job=build_marts,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the marts soon after an import, whichever way it came; one build for all that came meanwhile.",
)
def after_an_import(
    context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry
) -> dg.RunRequest | dg.SkipReason:
    if is_waiting(context.instance):
        return dg.SkipReason("a build that has not begun will see these rows too")
    return dg.RunRequest()


def is_waiting(instance: dg.DagsterInstance) -> bool:
    """Whether a build is queued that has not looked at the books yet."""
    waiting = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
    return instance.get_runs_count(dg.RunsFilter(job_name=build_marts.name, statuses=waiting)) > 0
