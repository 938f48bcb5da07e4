"""Making the reports that are due."""

import dagster as dg

from pipelines.reports.assets import SCHEDULED_REPORTS

make_reports = dg.define_asset_job(
    "make_reports",
    selection=dg.AssetSelection.assets(SCHEDULED_REPORTS),
    description="Make the scheduled reports that are due.",
)
