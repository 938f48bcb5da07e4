"""Checks: whether each connection of a source is in step. The sensor tells when that changes; by hand it is asked."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ai2.connections import due_repository
from ai2.ingest.sources import names
from ai2.kit.database import Database
from pipelines.connections.outcome import IN_STEP, freshness
from pipelines.connections.partitions import key_of
from pipelines.resources import Books


def check_of(provider: str) -> dg.AssetChecksDefinition:
    """The check of a source's connections."""

    @dg.asset_check(
        asset=key_of(provider), name=IN_STEP, description="every connection has what its provider had not long ago"
    )
    def in_step(books: Books) -> dg.AssetCheckResult:
        """A warning: what its owner has to do says GET /api/connectors/sync-status."""
        found = [each for each in books.of_all(known) if each["provider"] == provider]
        return dg.AssetCheckResult(**freshness(found, datetime.now(UTC)))

    return in_step


async def known(database: Database) -> list[Any]:
    """Every connection that is not ended."""
    async with database.transaction() as db:
        return await due_repository.known(db)


in_step = [check_of(provider) for provider in names.all_of_them()]
