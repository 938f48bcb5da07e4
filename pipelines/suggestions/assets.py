"""What the deciders say about transactions that have no category yet."""

from collections import Counter
from dataclasses import asdict
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.kit.database import Database
from pipelines.everyone import Whose, each
from pipelines.ingest.outcome import TRANSACTIONS
from pipelines.resources import Books

SUGGESTIONS = dg.AssetKey(["published", "suggestions"])


@dg.asset(
    key=SUGGESTIONS,
    deps=[TRANSACTIONS],
    group_name="suggestions",
    kinds={"postgres", "scikitlearn"},
    description="Categories applied where the decider is sure, and left to a person where it is not.",
)
def suggestions(config: Whose, books: Books) -> dg.MaterializeResult[None]:
    """Decide what is undecided; what a person decided stays."""
    counted: Counter[str] = Counter()
    for suggested in each(config, books, _suggested):
        counted.update(suggested)
    return dg.MaterializeResult(metadata={"dagster/row_count": counted["transactions"], **counted})


async def _suggested(database: Database, organization_id: UUID) -> dict[str, int]:
    """How many there were of everything that is counted."""
    suggested = await flows.categorise(database, organization_id)
    return {name: value for name, value in asdict(suggested).items() if isinstance(value, int)}
