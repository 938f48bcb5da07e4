"""What the operators' view shows of batches that ended, and that it has shown them."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

ENDED = """
    select batch.*, organization.name as organization, account.name as account
    from published.batches as batch
    inner join published.organizations as organization using (organization_id)
    inner join published.accounts as account using (organization_id, account_id)
"""


async def ended(db: Connection, batch_id: UUID) -> DictRow | None:
    """A batch, with the names of its organization and account."""
    return await one(db, ENDED + " where batch_id = %(batch_id)s", {"batch_id": batch_id})


async def unreported(db: Connection, *, limit: int = 100) -> list[DictRow]:
    """Batches of the API and the command line that ended and were not shown, oldest first.

    Those of the inbox are shown by the run that imports them. For operators: `db` is the pipeline role's.
    """
    return await rows(
        db,
        ENDED
        + """
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
