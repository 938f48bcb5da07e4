"""What is due is made within a minute: a look is one query, and there is a run only where something is due."""

import dagster as dg

from ai2 import flows
from ai2.kit.errors import Problem
from pipelines.reports.jobs import make_reports
from pipelines.resources import Books

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]  # fmt: skip


@dg.sensor(
    job=make_reports,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes the scheduled reports that are due.",
)
def reports_due(context: dg.SensorEvaluationContext, books: Books) -> dg.RunRequest | dg.SkipReason:
    under_way = dg.RunsFilter(job_name=make_reports.name, statuses=UNDER_WAY)
    if context.instance.get_runs_count(under_way) > 0:
        return dg.SkipReason("reports are being made; what became due meanwhile is seen by the next look")
    try:
        whose = books.of_all(flows.who_has_reports_due)
    except Problem as problem:
        return dg.SkipReason(problem.detail)
    return dg.RunRequest() if whose else dg.SkipReason("nothing is due")
