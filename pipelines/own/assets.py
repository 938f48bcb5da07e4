"""What each organization's own history teaches of its own categories, where people have chosen enough since."""

from functools import partial
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.kit.database import Database
from pipelines.ingest.outcome import TRANSACTIONS
from pipelines.resources import Books

OWN_MODELS = dg.AssetKey(["ml", "own_models"])


@dg.asset(
    key=OWN_MODELS,
    deps=[TRANSACTIONS],
    group_name="categoriser",
    kinds={"postgres", "scikitlearn"},
    pool="training",
    description="A small model for each organization, kept in its own row; nothing of it leaves the organization.",
)
def own_models(books: Books) -> dg.MaterializeResult[None]:
    """Learn anew for every organization whose people chose enough since the last time."""
    learnt = rows = 0
    for organization_id in books.of_all(flows.who_teaches):
        found = books.of_one(partial(_learn, organization_id=organization_id))
        learnt += found > 0
        rows += found
    return dg.MaterializeResult(metadata={"dagster/row_count": learnt, "choices": rows})


async def _learn(database: Database, organization_id: UUID) -> int:
    """From how many choices."""
    found = await flows.learn_own(database, organization_id)
    return found.rows if found else 0
