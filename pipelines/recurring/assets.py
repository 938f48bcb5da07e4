"""What recurs in the books: bills, subscriptions and wages, with what people said of them."""

from collections import Counter
from dataclasses import asdict
from functools import partial
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.kit.database import Database
from pipelines.resources import Books
from pipelines.suggestions.assets import SUGGESTIONS, Whose, everyone

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
    only = config.organization_id
    whose = [UUID(only)] if only else books.of_all(everyone)
    counted: Counter[str] = Counter()
    for organization_id in whose:
        counted.update(books.of_one(partial(_found, organization_id=organization_id)))
    return dg.MaterializeResult(metadata={"dagster/row_count": counted["patterns"], **counted})


async def _found(database: Database, organization_id: UUID) -> dict[str, int]:
    return asdict(await flows.find_recurring(database, organization_id, is_all=True))
