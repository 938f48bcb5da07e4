"""Every query of undo on what ingest owns: whose rows others have too, identities, lines and counts."""

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows


async def locked_batch(db: Connection, organization_id: UUID, batch_id: UUID) -> DictRow | None:
    """The batch, held until the transaction ends: an import of it that still runs ends first."""
    return await one(
        db,
        """
        select batch_id, account_id, status, rows_loaded, undone_at, undone_by, undo_report from ingest.batches
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s for update
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )


async def stage_shared(db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID) -> None:
    """Add to `staying` the transactions that another loaded batch has as duplicates, and the first such line."""
    await db.execute(
        """
        insert into pg_temp.staying (transaction_id, line_number, why, fields, heir_id, heir_line)
        select distinct on (line.transaction_id)
            line.transaction_id, transaction.line_number, 'shared', '{}', line.batch_id, line.line_number
        from ingest.batches as heir
        inner join ingest.unloaded_lines as line
            on line.organization_id = %(organization_id)s and line.batch_id = heir.batch_id
            and line.state = 'duplicate'
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = line.transaction_id
        where heir.organization_id = %(organization_id)s and heir.account_id = %(account_id)s
            and heir.status = 'loaded' and heir.rows_duplicate > 0 and heir.batch_id <> %(batch_id)s
            and transaction.batch_id = %(batch_id)s and transaction.line_number is not null
            and transaction.deleted_at is null
        order by line.transaction_id, line.batch_id, line.line_number
        """,
        {"organization_id": organization_id, "account_id": account_id, "batch_id": batch_id},
    )


async def swap_lines(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """The heir's line is loaded now, and the undone batch's is the duplicate; the counts of both follow."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id}
    await db.execute(
        """
        delete from ingest.unloaded_lines as line using pg_temp.staying
        where line.organization_id = %(organization_id)s and staying.why = 'shared'
            and line.batch_id = staying.heir_id and line.line_number = staying.heir_line
        """,
        parameters,
    )
    await db.execute(
        """
        insert into ingest.unloaded_lines (organization_id, batch_id, line_number, state, transaction_id)
        select %(organization_id)s, %(batch_id)s, line_number, 'duplicate', transaction_id
        from pg_temp.staying where why = 'shared' order by line_number
        """,
        parameters,
    )
    await db.execute(
        """
        update ingest.batches as batch
        set rows_loaded = rows_loaded + moved.loaded, rows_duplicate = rows_duplicate - moved.loaded
        from (
            select heir_id as batch_id, count(*) as loaded from pg_temp.staying where why = 'shared' group by heir_id
            union all
            select %(batch_id)s, -count(*) from pg_temp.staying where why = 'shared'
        ) as moved
        where batch.organization_id = %(organization_id)s and batch.batch_id = moved.batch_id
        """,
        parameters,
    )


async def forget_identities(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """What the batch brought may come again, but for what stays; what was handed over is the heir's to forget."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id}
    await db.execute(
        """
        update ingest.identities as known set batch_id = staying.heir_id
        from pg_temp.staying
        where known.organization_id = %(organization_id)s and known.batch_id = %(batch_id)s
            and known.transaction_id = staying.transaction_id and staying.why = 'shared'
        """,
        parameters,
    )
    await db.execute(
        """
        delete from ingest.identities as known
        where known.organization_id = %(organization_id)s and known.batch_id = %(batch_id)s
            and not exists (
                select from pg_temp.staying as staying where staying.transaction_id = known.transaction_id
            )
        """,
        parameters,
    )
    # Version 1 knew no batches: its rows are found by their transaction, where there are any.
    await db.execute(
        """
        delete from ingest.fingerprints as known
        using books.transactions as transaction
        where known.organization_id = %(organization_id)s and transaction.organization_id = %(organization_id)s
            and transaction.batch_id = %(batch_id)s and transaction.deleted_at = now()
            and known.transaction_id = transaction.transaction_id
            and exists (select from ingest.fingerprints as any_one where any_one.organization_id = %(organization_id)s)
        """,
        parameters,
    )


async def reopen_pending(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """What the batch booked or showed to be gone is announced still; what it announced itself is no more."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id}
    await db.execute(
        """
        update ingest.pending_lines as pending set
            batch_id = case when pending.batch_id = %(batch_id)s then staying.heir_id else pending.batch_id end,
            line_number =
                case when pending.batch_id = %(batch_id)s then staying.heir_line else pending.line_number end,
            completed_by =
                case when pending.completed_by = %(batch_id)s then staying.heir_id else pending.completed_by end
        from pg_temp.staying
        where pending.organization_id = %(organization_id)s and staying.why = 'shared'
            and pending.transaction_id = staying.transaction_id
        """,
        parameters,
    )
    await db.execute(
        """
        update ingest.pending_lines as pending set
            completed_by = nullif(completed_by, %(batch_id)s), closed_by = nullif(closed_by, %(batch_id)s),
            confidence = case when completed_by = %(batch_id)s then null else confidence end,
            tier = case when completed_by = %(batch_id)s then null else tier end
        where organization_id = %(organization_id)s and %(batch_id)s in (completed_by, closed_by)
            and not exists (
                select from pg_temp.staying as staying where staying.transaction_id = pending.transaction_id
            )
        """,
        parameters,
    )
    await db.execute(
        """
        delete from ingest.pending_lines as pending
        using books.transactions as transaction
        where pending.organization_id = %(organization_id)s and pending.completed_by is null
            and transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = pending.transaction_id and transaction.deleted_at = now()
        """,
        parameters,
    )


async def stayed(db: Connection, *, limit: int) -> list[DictRow]:
    """What was left alone, by line, with why: edited (which fields) or deleted by people."""
    return await rows(
        db,
        """
        select transaction_id, line_number, why, fields from pg_temp.staying
        where why <> 'shared' order by line_number, transaction_id limit %(limit)s
        """,
        {"limit": limit},
    )


async def counted(db: Connection) -> dict[str, int]:
    """How many stay, by why."""
    found = await rows(db, "select why, count(*) as transactions from pg_temp.staying group by why")
    return {row["why"]: row["transactions"] for row in found}


async def heirs(db: Connection) -> list[DictRow]:
    """To which batches how many transactions were handed over."""
    return await rows(
        db,
        """
        select heir_id as batch_id, count(*) as transactions from pg_temp.staying where why = 'shared'
        group by heir_id order by heir_id
        """,
    )


async def set_undone(
    db: Connection, organization_id: UUID, batch_id: UUID, *, undone_by: str, report: dict[str, Any]
) -> None:
    await db.execute(
        """
        update ingest.batches set
            status = 'undone', undone_at = now(), undone_by = %(undone_by)s, undo_report = %(report)s
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
        """,
        {
            "organization_id": organization_id,
            "batch_id": batch_id,
            "undone_by": undone_by,
            "report": Jsonb(report),
        },
    )
