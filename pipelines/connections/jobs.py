"""Syncing all that is due in one run, however many connections that is."""

import dagster as dg

from ai2 import flows
from pipelines.resources import Books


@dg.op(
    pool="connections", description="Syncs every connection that is due, many at once; each once whoever comes first."
)
def sync_due(context: dg.OpExecutionContext, books: Books) -> None:
    """What it synced the sensor shows as materializations, each of its connection."""
    synced = books.of_both(flows.sync_due)
    context.add_output_metadata(
        {"synced": len(synced.ran), "taken_by_others": synced.taken_by_others, "broke": synced.broke}
    )
    if synced.broke:
        raise dg.Failure(
            f"{synced.broke} of {len(synced.ran) + synced.broke} syncs broke; the log says why", allow_retries=False
        )


@dg.job(description="Sync every connection that is due.")
def sync_connections() -> None:
    sync_due()
