"""Forgetting: runs, webhooks and buckets that nobody asks for any more."""

from ai2.connections import due_repository, limits_repository
from ai2.kit.database import Database

SYNCS_DAYS, WEBHOOKS_DAYS, BUCKETS_DAYS = 400, 90, 90


async def purge(pipeline: Database) -> int:
    """Forget what is past its time, but the last run of each connection; how many runs there were."""
    async with pipeline.transaction() as db:
        await limits_repository.forget_unused(db, days=BUCKETS_DAYS)
        return await due_repository.forget(db, syncs_days=SYNCS_DAYS, webhooks_days=WEBHOOKS_DAYS)
