"""What recurs in the books: bills, subscriptions and wages, with what people said of them."""

from collections import Counter
from dataclasses import asdict
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.kit.database import Database
from pipelines.everyone import Whose, each
from pipelines.resources import Books
from pipelines.suggestions.assets import SUGGESTIONS

RECURRING = dg.AssetKey(["ml", "recurring"])


@dg.asset(
    key=RECURRING,
    deps=[SUGGESTIONS],
    group_name="recurring",
    kinds={"postgres"},
    description="Patterns with their next due dates, price changes and missed payments.",
)
def recurring(config: Whose, books: Books) -> dg.MaterializeResult[None]:
    """Look through all of the books; who was told something new by a person is left as they said."""
    counted: Counter[str] = Counter()
    for found in each(config, books, _found):
        counted.update(found)
    return dg.MaterializeResult(metadata={"dagster/row_count": counted["patterns"], **counted})


async def _found(database: Database, organization_id: UUID) -> dict[str, int]:
    return asdict(await flows.find_recurring(database, organization_id, is_all=True))
