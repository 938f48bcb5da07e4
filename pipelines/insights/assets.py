"""What is unlike the rest of the books, with what would have been normal, and with what people said to it."""

from functools import partial
from uuid import UUID

import dagster as dg

from ai2 import flows
from pipelines.recurring.assets import RECURRING
from pipelines.resources import Books
from pipelines.suggestions.assets import Whose, everyone

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
    only = config.organization_id
    whose = [UUID(only)] if only else books.of_all(everyone)
    judged = sum(books.of_one(partial(flows.find_anomalies, organization_id=each)) for each in whose)
    return dg.MaterializeResult(metadata={"dagster/row_count": judged, "organizations": len(whose)})
