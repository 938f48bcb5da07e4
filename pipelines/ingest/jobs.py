"""Importing a file, and what follows from it at once."""

import dagster as dg

from pipelines.ingest.outcome import RAW_FILES, STATEMENT_LINES, TRANSACTIONS, check_specs
from pipelines.suggestions.assets import SUGGESTIONS

import_and_suggest = dg.define_asset_job(
    "import_and_suggest",
    selection=dg.AssetSelection.assets(RAW_FILES, STATEMENT_LINES, TRANSACTIONS, SUGGESTIONS).without_checks()
    | dg.AssetSelection.checks(*(spec.key for spec in check_specs())),
    description="Import one statement file and decide the categories of what it brought.",
)
