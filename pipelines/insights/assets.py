"""What is unlike the rest of the books, with what would have been normal, and with what people said to it."""

import dagster as dg

from ai2 import flows
from pipelines.everyone import Whose, each
from pipelines.recurring.assets import RECURRING
from pipelines.resources import Books

ANOMALIES = dg.AssetKey(["ml", "anomalies"])


@dg.asset(
    key=ANOMALIES,
    deps=[RECURRING],
    group_name="insights",
    kinds={"postgres", "scikitlearn"},
    description="Duplicate charges, unusual amounts, new merchants with large ones, wrong signs, missing payments.",
)
def anomalies(config: Whose, books: Books) -> dg.MaterializeResult[None]:
    """Judge the months in which anything was written since the last time; what people dismissed stays so."""
    judged = each(config, books, flows.find_anomalies)
    return dg.MaterializeResult(metadata={"dagster/row_count": sum(judged), "organizations": len(judged)})
