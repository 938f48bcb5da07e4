"""What the deciders say about transactions that have no category yet."""

from collections import Counter
from dataclasses import asdict
from functools import partial
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.identity import organizations
from ai2.kit.database import Database
from pipelines.ingest.outcome import TRANSACTIONS
from pipelines.resources import Books

SUGGESTIONS = dg.AssetKey(["published", "suggestions"])


class Whose(dg.Config):
    """Whose transactions are looked at: one organization's, or everyone's."""

    organization_id: str | None = None


@dg.asset(
    key=SUGGESTIONS,
    deps=[TRANSACTIONS],
    group_name="suggestions",
    kinds={"postgres", "scikitlearn"},
    description="Categories applied where the decider is sure, and left to a person where it is not.",
)
def suggestions(config: Whose, books: Books) -> dg.MaterializeResult[None]:
    """Decide what is undecided; what a person decided stays."""
    only = config.organization_id
    whose = [UUID(only)] if only else books.of_all(everyone)
    counted: Counter[str] = Counter()
    for organization_id in whose:
        counted.update(books.of_one(partial(_suggested, organization_id=organization_id)))
    return dg.MaterializeResult(metadata={"dagster/row_count": counted["transactions"], **counted})


async def _suggested(database: Database, organization_id: UUID) -> dict[str, int]:
    """How many there were of everything that is counted."""
    suggested = await flows.categorise(database, organization_id)
    return {name: value for name, value in asdict(suggested).items() if isinstance(value, int)}


async def everyone(database: Database) -> list[UUID]:
    """Every organization."""
    async with database.transaction() as db:
        return [organization.organization_id for organization in await organizations.all_of_them(db)]
