"""Every morning, so that a figure that became old or is missing is seen on the day."""

import dagster as dg

from pipelines.tax.assets import TAX_RULES

keep_tax_rules = dg.define_asset_job(
    "keep_tax_rules",
    selection=dg.AssetSelection.assets(TAX_RULES),
    description="Load the tax rules, and list those that are old or not published.",
)
every_morning = dg.ScheduleDefinition(
    name="every_morning",
    job=keep_tax_rules,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
