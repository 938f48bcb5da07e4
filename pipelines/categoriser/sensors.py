"""What brings a training forward: enough that organizations share, or a drift of what is decided or overridden."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from ai2 import flows
from ai2.kit.errors import Problem
from ml.governance.triggers import Found
from pipelines.categoriser.jobs import retrain
from pipelines.resources import Books

EVERY_S, REST = 900, timedelta(hours=6)
BUSY = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]  # fmt: skip


@dg.sensor(
    job=retrain,
    minimum_interval_seconds=EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Lets serve what was tried long enough, and trains when corrections or drift ask for it.",
)
def training_when_due(context: dg.SensorEvaluationContext, books: Books) -> dg.RunRequest | dg.SkipReason:
    if is_under_way(context.instance):
        return dg.SkipReason("a training is under way, or failed not long ago")
    try:
        return wanted(books.of_all(flows.look_at_models), by_schedule=False)
    except Problem as problem:
        return dg.SkipReason(problem.detail)


def wanted(found: Sequence[Found], *, by_schedule: bool) -> dg.RunRequest | dg.SkipReason:
    """A run where something asks for it: the age of the last training by schedule, the rest at any time."""
    reasons = [each for each in found if each.is_due and (each.trigger == "schedule") is by_schedule]
    if not reasons:
        far = ", ".join(f"{each.trigger} {each.value} of {each.limit}" for each in found)
        return dg.SkipReason(f"nothing is due: {far}")
    return dg.RunRequest(tags={"ai2/why": ", ".join(each.trigger for each in reasons)})


def is_under_way(instance: dg.DagsterInstance) -> bool:
    """Whether a training waits or runs, or failed not long ago: by the same it would fail again."""
    return any(
        instance.get_runs_count(dg.RunsFilter(job_name=retrain.name, statuses=statuses, updated_after=since)) > 0
        for statuses, since in ((BUSY, None), ([dg.DagsterRunStatus.FAILURE], datetime.now(UTC) - REST))
    )
