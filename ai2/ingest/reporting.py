"""What the operators' view does not show yet: batches that ended, and that they have been shown."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, rows


async def unreported(db: Connection, *, limit: int = 100) -> list[DictRow]:
    """Batches of the API and the command line that ended and were not shown, oldest first.

    Those of the inbox are shown by the run that imports them. For operators: `db` is the pipeline role's.
    """
    return await rows(
        db,
        """
        select * from published.batches
        where reported_at is null and status in ('loaded', 'held') and source <> 'inbox'
        order by finished_at, batch_id
        limit %(limit)s
        """,
        {"limit": limit},
    )


async def mark_reported(db: Connection, batch_ids: Sequence[UUID]) -> None:
    """They are shown now. For operators: `db` is the pipeline role's."""
    await db.execute(
        "update ingest.batches set reported_at = now() where batch_id = any(%s) and reported_at is null",
        [list(batch_ids)],
    )
