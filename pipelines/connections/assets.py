"""Assets: one a source, made by one factory. To materialize a partition is to sync that connection now.

A backfill with `start_date` fetches days again that are past, of as many connections as are chosen, in one run.
"""

from datetime import date
from functools import partial
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.connections import due_repository
from ai2.ingest.sources import names
from ai2.ingest.sources.model import Source
from ai2.kit.database import Database
from pipelines.connections import partitions
from pipelines.connections.outcome import code, told
from pipelines.resources import Books

SHOWN_DAYS = 7


class Days(dg.Config):
    """From which day to which to fetch again, YYYY-MM-DD; without them what is new."""

    start_date: str | None = None
    end_date: str | None = None


def asset_of(source: Source) -> dg.AssetsDefinition:
    """The asset of a source."""

    @dg.asset(
        key=partitions.key_of(source.name),
        partitions_def=partitions.of(source.name),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="connections",
        kinds={"postgres"},
        pool="connections",
        description=f"{source.title}: what its connections brought, a connection a partition.",
    )
    def sync(context: dg.AssetExecutionContext, config: Days, books: Books) -> dg.MaterializeResult[None]:
        """Sync the chosen connections. Where one does not go well the run fails, and says which and why."""
        chosen = [UUID(key) for key in context.partition_keys]
        since, until = _day(config.start_date), _day(config.end_date)
        ran = books.of_both(partial(flows.sync_connections, connection_ids=chosen, since=since, until=until))
        failed = {str(each["connection_id"]): code(each) for each in ran if each["outcome"] != "ok"}
        missing = {str(each) for each in chosen} - {str(each["connection_id"]) for each in ran}
        if failed or missing:  # those that went well are shown by the sensor
            raise dg.Failure(
                f"{len(failed)} of {len(chosen)} connections failed, {len(missing)} cannot be synced now",
                metadata={"codes": dg.MetadataValue.json(failed), "not_synced": dg.MetadataValue.json(sorted(missing))},
                allow_retries=False,
            )
        books.of_all(partial(_shown, sync_ids=[each["sync_id"] for each in ran]))
        rows = sum(each["rows_loaded"] for each in ran)
        metadata = told(ran[0]) if len(ran) == 1 else {"connections": len(ran), "dagster/row_count": rows}
        return dg.MaterializeResult(metadata=metadata)

    return sync


async def _shown(database: Database, *, sync_ids: list[UUID]) -> None:
    async with database.transaction() as db:
        await due_repository.mark_shown(db, sync_ids, days=SHOWN_DAYS)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


sources = [asset_of(source) for source in names.all_of_them().values()]
