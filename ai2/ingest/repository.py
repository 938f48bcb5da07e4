"""Every query of ingest."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows

BATCH = """
    batch_id, account_id, digest, file_name, source, status, format, parser_version, layout, options, questions,
    checks, problem, rows_in, rows_loaded, rows_duplicate, rows_quarantined, progress, first_date, last_date,
    currency, imported_by, created_at, finished_at, undone_at, undone_by, undo_report, replays
"""


async def lock_account(db: Connection, account_id: UUID) -> None:
    """Let imports into one account come one after the other, until the transaction ends."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended('ingest:' || %s, 0))", [str(account_id)])


async def raw_file(db: Connection, organization_id: UUID, digest: bytes) -> DictRow | None:
    return await one(
        db,
        """
        select blob_key, size_bytes from ingest.raw_files
        where organization_id = %(organization_id)s and digest = %(digest)s
        """,
        {"organization_id": organization_id, "digest": digest},
    )


async def insert_raw_file(
    db: Connection, organization_id: UUID, digest: bytes, *, size_bytes: int, blob_key: str
) -> None:
    await db.execute(
        """
        insert into ingest.raw_files (organization_id, digest, size_bytes, blob_key) values (%s, %s, %s, %s)
        on conflict do nothing
        """,
        [organization_id, digest, size_bytes, blob_key],
    )


async def is_loaded(db: Connection, organization_id: UUID, account_id: UUID, digest: bytes) -> bool:
    """Whether this very file is in this account already."""
    row = await one(
        db,
        """
        select from ingest.batches
        where organization_id = %(organization_id)s and account_id = %(account_id)s and digest = %(digest)s
            and status = 'loaded'
        limit 1
        """,
        {"organization_id": organization_id, "account_id": account_id, "digest": digest},
    )
    return row is not None


async def insert_batch(db: Connection, **values: Any) -> None:
    await db.execute(
        """
        insert into ingest.batches
            (organization_id, batch_id, account_id, digest, file_name, source, status, options, imported_by)
        values (%(organization_id)s, %(batch_id)s, %(account_id)s, %(digest)s, %(file_name)s, %(source)s,
            %(status)s, %(options)s, %(imported_by)s)
        """,
        {**values, "options": Jsonb(values["options"])},
    )


async def finish_batch(db: Connection, organization_id: UUID, batch_id: UUID, **values: Any) -> None:
    """Write down how a batch ended. What is not named is not known."""
    known: dict[str, Any] = dict.fromkeys(
        ("format", "parser_version", "layout", "problem", "first_date", "last_date", "currency",
         "rows_in", "rows_loaded", "rows_duplicate", "rows_quarantined")
    )  # fmt: skip
    known |= {"questions": [], "checks": []} | values
    documents = {name: Jsonb(known[name]) for name in ("questions", "checks")}
    documents |= {name: known[name] and Jsonb(known[name]) for name in ("layout", "problem")}
    await db.execute(
        """
        update ingest.batches set
            status = %(status)s, format = %(format)s, parser_version = %(parser_version)s, layout = %(layout)s,
            questions = %(questions)s, checks = %(checks)s, problem = %(problem)s, rows_in = %(rows_in)s,
            rows_loaded = %(rows_loaded)s, rows_duplicate = %(rows_duplicate)s,
            rows_quarantined = %(rows_quarantined)s, first_date = %(first_date)s, last_date = %(last_date)s,
            currency = %(currency)s, progress = 1, finished_at = now()
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
        """,
        {**known, **documents, "organization_id": organization_id, "batch_id": batch_id},
    )


async def set_running(db: Connection, organization_id: UUID, batch_id: UUID, options: dict[str, Any] | None) -> None:
    await db.execute(
        """
        update ingest.batches set status = 'running', options = coalesce(%(options)s, options)
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
        """,
        {
            "organization_id": organization_id,
            "batch_id": batch_id,
            "options": Jsonb(options) if options is not None else None,
        },
    )


async def insert_quarantined(
    db: Connection, organization_id: UUID, batch_id: UUID, rejected: Iterable[tuple[int, str, str, str]]
) -> None:
    """Line number, reason code, reason and original text of each row that became no line.

    By way of a temporary table, for COPY does not go into a table under row-level security.
    """
    await db.execute("drop table if exists pg_temp.rejected")
    await db.execute(
        """
        create temporary table rejected (
            line_number integer, reason_code text, reason text, original text
        ) on commit drop
        """
    )
    async with db.cursor().copy("copy pg_temp.rejected from stdin") as copy:
        for row in rejected:
            await copy.write_row(row)
    await db.execute(
        """
        insert into ingest.unloaded_lines
            (organization_id, batch_id, line_number, state, reason_code, reason, original)
        select %(organization_id)s, %(batch_id)s, line_number, 'quarantined', reason_code, reason, original
        from pg_temp.rejected
        order by line_number
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )


async def batch(db: Connection, organization_id: UUID, batch_id: UUID) -> DictRow | None:
    return await one(
        db,
        f"select {BATCH} from ingest.batches where organization_id = %(organization_id)s and batch_id = %(batch_id)s",
        {"organization_id": organization_id, "batch_id": batch_id},
    )


async def batches(
    db: Connection,
    organization_id: UUID,
    *,
    limit: int,
    before: UUID | None,
    account_id: UUID | None,
    status: str | None,
) -> list[DictRow]:
    """Newest first: ids are made in the order of time."""
    return await rows(
        db,
        f"""
        select {BATCH} from ingest.batches
        where organization_id = %(organization_id)s
            and (%(before)s::uuid is null or batch_id < %(before)s)
            and (%(account_id)s::uuid is null or account_id = %(account_id)s)
            and (%(status)s::text is null or status = %(status)s)
        order by batch_id desc
        limit %(limit)s
        """,
        {
            "organization_id": organization_id,
            "before": before,
            "account_id": account_id,
            "status": status,
            "limit": limit,
        },
    )


async def batch_rows(
    db: Connection, organization_id: UUID, batch_id: UUID, *, state: str | None, after: int, limit: int
) -> list[DictRow]:
    return await rows(
        db,
        """
        select line_number, state, transaction_id, reason_code, reason, original
        from published.statement_lines
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s and line_number > %(after)s
            and (%(state)s::text is null or state = %(state)s)
        order by line_number
        limit %(limit)s
        """,
        {
            "organization_id": organization_id,
            "batch_id": batch_id,
            "state": state,
            "after": after,
            "limit": limit,
        },
    )


async def batch_count(db: Connection, organization_id: UUID, account_id: UUID | None, status: str | None) -> int:
    return await number(
        db,
        """
        select count(*) as batches from ingest.batches
        where organization_id = %(organization_id)s
            and (%(account_id)s::uuid is null or account_id = %(account_id)s)
            and (%(status)s::text is null or status = %(status)s)
        """,
        {"organization_id": organization_id, "account_id": account_id, "status": status},
    )


async def row_count(db: Connection, organization_id: UUID, batch_id: UUID, state: str | None) -> int:
    return await number(
        db,
        """
        select count(*) as lines from published.statement_lines
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
            and (%(state)s::text is null or state = %(state)s)
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "state": state},
    )


async def layouts(db: Connection, organization_id: UUID, account_id: UUID) -> list[DictRow]:
    """An account's layouts, the last used first."""
    return await rows(
        db,
        """
        select signature, layout, decided_by, version, updated_at from ingest.layouts
        where organization_id = %(organization_id)s and account_id = %(account_id)s
        order by updated_at desc, signature
        """,
        {"organization_id": organization_id, "account_id": account_id},
    )


async def put_layout(
    db: Connection, organization_id: UUID, account_id: UUID, layout: dict[str, Any], decided_by: str
) -> DictRow | None:
    """Keep a layout; what a person decided stays the person's when a file confirms it."""
    return await one(
        db,
        """
        insert into ingest.layouts as kept (organization_id, account_id, signature, layout, decided_by)
        values (%(organization_id)s, %(account_id)s, %(signature)s, %(layout)s, %(decided_by)s)
        on conflict (organization_id, account_id, signature) do update set
            layout = excluded.layout,
            decided_by = case when kept.decided_by = 'person' then 'person' else excluded.decided_by end,
            version = kept.version + (kept.layout is distinct from excluded.layout)::integer,
            updated_at = now()
        returning signature, layout, decided_by, version, updated_at
        """,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "signature": layout["signature"],
            "layout": Jsonb(layout),
            "decided_by": decided_by,
        },
    )


async def delete_layout(db: Connection, organization_id: UUID, account_id: UUID, signature: str) -> bool:
    """Delete a layout and say whether there was one."""
    deleted = await db.execute(
        "delete from ingest.layouts where organization_id = %s and account_id = %s and signature = %s",
        [organization_id, account_id, signature],
    )
    return deleted.rowcount > 0
