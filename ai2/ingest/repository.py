"""Every query of ingest."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows

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


async def copy_incoming(db: Connection, pieces: Iterable[bytes]) -> None:
    """Put the lines into the temporary table `incoming`, and make `staged`, which books read."""
    await db.execute("drop table if exists pg_temp.incoming, pg_temp.staged")
    await db.execute(
        """
        create temporary table incoming (
            file_number smallint, line_number integer, transaction_id uuid, account_id uuid, booked_on date,
            amount numeric, currency char(3), description text, merchant text, merchant_key text, reference text,
            mcc char(4), status text, value_on date, counterparty text, attributes jsonb, content bytea,
            provider bytea, provider_id text, pending_id text
        ) on commit drop
        """
    )
    async with db.cursor().copy("copy pg_temp.incoming from stdin (format csv)") as copy:
        for piece in pieces:
            await copy.write(piece)
    await db.execute("analyze pg_temp.incoming")
    await db.execute(
        """
        create temporary table staged (
            like pg_temp.incoming, duplicate_of uuid, is_new boolean not null, completes uuid
        ) on commit drop
        """
    )


async def stage_file(db: Connection, organization_id: UUID, file_number: int) -> None:
    """Tell one file's new lines from known ones, and keep the fingerprints of the new.

    A provider's id decides where there is one. A line without one is known by its content; so is a line with one
    where the known transaction came without.
    """
    await db.execute(
        """
        insert into pg_temp.staged
        select incoming.*, known.transaction_id, known.transaction_id is null
        from pg_temp.incoming as incoming
        left join ingest.fingerprints as by_provider
            on by_provider.organization_id = %(organization_id)s and by_provider.fingerprint = incoming.provider
        left join ingest.fingerprints as by_content
            on by_content.organization_id = %(organization_id)s and by_content.fingerprint = incoming.content
            and by_provider.transaction_id is null
            and (
                incoming.provider is null
                or not exists (
                    select from ingest.fingerprints as other
                    where other.organization_id = %(organization_id)s
                        and other.transaction_id = by_content.transaction_id and other.kind = 'provider'
                )
            )
        cross join lateral (
            select coalesce(by_provider.transaction_id, by_content.transaction_id) as transaction_id
        ) as known
        where incoming.file_number = %(file_number)s
        """,
        {"organization_id": organization_id, "file_number": file_number},
    )


async def insert_fingerprints(db: Connection, organization_id: UUID, file_number: int, version: int) -> None:
    """Keep the fingerprints of one file's staged lines: a known line's other fingerprint too.

    Ordered, because inserting in the index's order takes two thirds of the time.
    """
    await db.execute(
        """
        insert into ingest.fingerprints (organization_id, fingerprint, version, kind, transaction_id)
        select %(organization_id)s, found.fingerprint, %(version)s, found.kind, found.transaction_id
        from (
            select content as fingerprint, 'content' as kind, coalesce(completes, transaction_id) as transaction_id
            from pg_temp.staged where file_number = %(file_number)s and (is_new or completes is not null)
            union all
            select provider, 'provider', coalesce(duplicate_of, completes, transaction_id)
            from pg_temp.staged where file_number = %(file_number)s and provider is not null
        ) as found
        order by found.fingerprint
        on conflict do nothing
        """,
        {"organization_id": organization_id, "file_number": file_number, "version": version},
    )


async def count_new(db: Connection) -> int:
    row = await one(db, "select count(*) as new from pg_temp.staged where is_new or completes is not null")
    return int(row["new"]) if row else 0


async def insert_duplicates(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    await db.execute(
        """
        insert into ingest.unloaded_lines (organization_id, batch_id, line_number, state, transaction_id)
        select %(organization_id)s, %(batch_id)s, line_number, 'duplicate', duplicate_of
        from pg_temp.staged where not is_new and completes is null
        order by line_number
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
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
