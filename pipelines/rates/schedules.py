"""Every working day, soon after the rates are published at about four in the afternoon in Frankfurt."""

import dagster as dg

from pipelines.rates.assets import EXCHANGE_RATES

refresh_rates = dg.define_asset_job(
    "refresh_rates",
    selection=dg.AssetSelection.assets(EXCHANGE_RATES),
    description="Fetch the euro reference rates.",
)
every_working_day = dg.ScheduleDefinition(
    name="every_working_day",
    job=refresh_rates,
    cron_schedule="30 16 * * 1-5",
    execution_timezone="Europe/Berlin",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
