"""Training, when it is due and not when something else is made."""

import dagster as dg

from pipelines.categoriser.assets import CATEGORISER

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(CATEGORISER),
    description="Let serve what was tried long enough; train a challenger and hold it to the gates.",
)
