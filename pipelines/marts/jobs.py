"""Building the marts."""

import dagster as dg

from pipelines.ingest.checks import balances_hold
from pipelines.marts.assets import GROUP
from pipelines.marts.checks import BATCHES, TRANSACTIONS

# What is asked of the books as a whole is asked whenever they are built on.
build_marts = dg.define_asset_job(
    "build_marts",
    selection=dg.AssetSelection.groups(GROUP)
    | dg.AssetSelection.checks(
        *(dg.AssetCheckKey(suite.asset, rule.name) for suite in (TRANSACTIONS, BATCHES) for rule in suite.rules),
        balances_hold.check_key,
    ),
    description="Bring the marts up to date with what was touched, and ask what must hold of the whole.",
)
