"""Every night: learn what people taught, decide, find what recurs and what is odd, forecast, and build the marts."""

import dagster as dg

from pipelines.cashflow.assets import FORECASTS
from pipelines.docs.assets import DBT_DOCS
from pipelines.insights.assets import ANOMALIES
from pipelines.marts.assets import Build
from pipelines.marts.jobs import build_marts
from pipelines.own.assets import OWN_MODELS
from pipelines.recurring.assets import RECURRING
from pipelines.suggestions.assets import SUGGESTIONS

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.assets(OWN_MODELS, SUGGESTIONS, RECURRING, ANOMALIES, FORECASTS)
    | build_marts.selection
    | dg.AssetSelection.assets(DBT_DOCS),
    # by day the tests look at what each build replaces; whether all still holds together is asked once a night
    config=dg.RunConfig(ops={"marts": Build(tests="everything")}),
    description="Learn own categories, decide, find what recurs and what is odd, forecast, build the marts.",
)
every_night = dg.ScheduleDefinition(
    name="every_night",
    job=nightly,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
