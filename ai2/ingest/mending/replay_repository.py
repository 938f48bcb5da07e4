"""Every query of replay: what a batch's lines were and are, what differs, and how the difference gets into the books.

`staged` has the lines as they are read now (`batches.tell_apart`). A line is the same line as before where it
is known again as the batch's own transaction, wherever it stands now; else where it stands at the same place.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.categories.stated import ATTRIBUTE as CATEGORY
from ai2.books.transactions.undo_repository import ATTACHED, EDITS, STAMPED
from ai2.kit.database import Connection, one, rows

# What a line says, by column, and its name for people.
SAYS = {
    "booked_on": "date",
    "amount": "amount",
    "description": "description",
    "merchant": "merchant",
    "merchant_key": "merchant_key",
    "reference": "reference",
    "mcc": "mcc",
    "status": "status",
    "value_on": "value_date",
    "counterparty": "counterparty",
    "attributes": "attributes",
}
# A booked line that completed an announced one was merged with it: only these are still as the line said them.
OF_LINKED = ("booked_on", "amount", "description")
SAID = ", ".join(SAYS)
DECISION = ("category_id", "decided_by", "decided_version", "confidence", "decided_at")
SAID_OTHERWISE = f"""
    coalesce(transaction.decided_by in ('import', 'model', 'llm'), false) and transaction.splits is null
    and said.attributes ->> '{CATEGORY}' is distinct from staged.attributes ->> '{CATEGORY}'
"""
TABLES = ("said", "rejected_now", "paired", "fates", "edited")


def _kept(column: str) -> str:
    """SQL: whether this field of a transaction stays, because a person edited it or it was merged."""
    names = ("merchant", "description") if column == "merchant_key" else (SAYS[column],)
    edited = f"said.edited && array[{', '.join(repr(name) for name in names)}]"
    return edited if column in OF_LINKED else f"({edited} or said.is_linked)"


async def stage_said(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Gather in `said` what became of each line of the batch, and what the batch last made of those that are loaded."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id}
    await db.execute("drop table if exists " + ", ".join(f"pg_temp.{name}" for name in TABLES))
    await db.execute(
        f"""
        create temporary table edited on commit drop as
        with reached as (
            select transaction_id, 1 as since_version from books.transactions
            where organization_id = %(organization_id)s and batch_id = %(batch_id)s and version > 1
        ),

        edits as ({EDITS} union all {ATTACHED})

        select edits.transaction_id, array_agg(distinct field order by field) as fields
        from edits cross join lateral unnest(edits.fields) as field
        group by edits.transaction_id
        """,
        parameters,
    )
    await db.execute(
        f"""
        create temporary table said on commit drop as
        with made as (
            select transaction_id, max(version) + 1 as version from books.transaction_versions
            where organization_id = %(organization_id)s and changed_by like 'batch:%%'
                and changed_by = 'batch:' || %(batch_id)s::text
            group by transaction_id
        ),

        mine as (
            select transaction.*, coalesce(made.version, 1) as made_version
            from books.transactions as transaction
            left join made using (transaction_id)
            where transaction.organization_id = %(organization_id)s and transaction.batch_id = %(batch_id)s
                and transaction.line_number is not null
        ),

        loaded as (
            select transaction_id, line_number, deleted_at is null as is_live, {SAID}
            from mine where version = made_version
            union all
            select mine.transaction_id, mine.line_number, mine.deleted_at is null,
                {", ".join(f"former.{name}" for name in SAYS)}
            from mine
            inner join books.transaction_versions as former
                on former.organization_id = %(organization_id)s
                and former.transaction_id = mine.transaction_id and former.version = mine.made_version
            where mine.version > mine.made_version
        )

        select
            line.line_number, line.state, line.transaction_id, line.reason_code, loaded.is_live,
            loaded.transaction_id is not null as is_loaded, edited.fields as edited,
            linked.transaction_id is not null as is_linked, {", ".join(f"loaded.{name}" for name in SAYS)}
        from published.statement_lines as line
        left join loaded
            on loaded.transaction_id = line.transaction_id and loaded.line_number = line.line_number
            and line.state = 'loaded'
        left join pg_temp.edited as edited on edited.transaction_id = loaded.transaction_id
        left join ingest.pending_lines as linked
            on linked.organization_id = %(organization_id)s and linked.transaction_id = loaded.transaction_id
        where line.organization_id = %(organization_id)s and line.batch_id = %(batch_id)s
        """,
        parameters,
    )
    await db.execute("create unique index on pg_temp.said (line_number)")
    await db.execute("create index on pg_temp.said (transaction_id)")
    await db.execute("analyze pg_temp.said")


async def stage_rejected(db: Connection, rejected: Iterable[tuple[int, str, str, str]]) -> None:
    """Put the rows that cannot be read now into the temporary table `rejected_now`."""
    await db.execute(
        """
        create temporary table rejected_now (
            line_number integer primary key, reason_code text, reason text, original text
        ) on commit drop
        """
    )
    async with db.cursor().copy("copy pg_temp.rejected_now from stdin") as copy:
        for row in rejected:
            await copy.write_row(row)


async def pair(db: Connection) -> None:
    """Find for each loaded transaction of the batch the line that it is now, in the temporary table `paired`."""
    await db.execute(
        """
        create temporary table paired on commit drop as
        select distinct on (said.transaction_id)
            said.transaction_id, said.line_number as was_line, staged.line_number as now_line
        from pg_temp.staged
        inner join pg_temp.said as said on said.transaction_id = staged.duplicate_of and said.is_loaded
        where staged.status <> 'named'
        order by said.transaction_id, staged.line_number = said.line_number desc, staged.line_number
        """
    )
    await db.execute(
        """
        insert into pg_temp.paired
        select said.transaction_id, said.line_number, staged.line_number
        from pg_temp.said as said
        inner join pg_temp.staged on staged.line_number = said.line_number
        where said.is_loaded and staged.duplicate_of is null
            and said.transaction_id not in (select transaction_id from pg_temp.paired)
            and staged.line_number not in (select now_line from pg_temp.paired)
        """
    )
    await db.execute("create unique index on pg_temp.paired (now_line)")
    await db.execute("create unique index on pg_temp.paired (was_line)")
    await db.execute("analyze pg_temp.paired")


def _difference(column: str) -> str:
    return f"""
        case when said.{column} is distinct from staged.{column} then jsonb_build_object(
            'field', '{SAYS[column]}', 'from', said.{column}::text, 'to', staged.{column}::text,
            'stays', coalesce({_kept(column)}, false)
        ) end
    """


async def compare(db: Connection) -> None:
    """Gather in `fates` every line that is not what it was: its kind, and what differs.

    Kinds: changed, now_readable, now_rejected, now_duplicate, gone, new; and kept, where all that differs is what
    people edited. `stays` tells a transaction that people edited or deleted, and which therefore is not closed.
    """
    await db.execute(
        f"""
        create temporary table fates on commit drop as
        -- the same transaction, at this line now
        select
            paired.now_line as line_number, paired.was_line, paired.transaction_id, false as stays,
            case
                when paired.now_line = paired.was_line
                    and not exists (select from jsonb_array_elements(found.fields) as field
                        where not (field ->> 'stays')::boolean)
                then 'kept' else 'changed'
            end as kind,
            found.fields || case
                when paired.now_line = paired.was_line then '[]' else jsonb_build_array(jsonb_build_object(
                    'field', 'line_number', 'from', paired.was_line::text, 'to', paired.now_line::text, 'stays', false
                ))
            end as fields,
            null as reason_code, null as reason
        from pg_temp.paired as paired
        inner join pg_temp.said as said on said.line_number = paired.was_line
        inner join pg_temp.staged on staged.line_number = paired.now_line
        cross join lateral (
            select coalesce(jsonb_agg(field) filter (where field is not null), '[]') as fields
            from unnest(array[{", ".join(_difference(name) for name in SAYS)}]) as field
        ) as found
        where said.is_live and (
            paired.now_line <> paired.was_line
            or ({", ".join(f"said.{name}" for name in SAYS)}) is distinct from
            ({", ".join(f"staged.{name}" for name in SAYS)})
        ) and (paired.now_line <> paired.was_line or found.fields <> '[]')
        union all
        -- a line that is no transaction of the batch, or was none
        select
            staged.line_number, null, case when said.is_loaded then said.transaction_id else staged.duplicate_of end,
            coalesce(said.is_loaded and (said.edited is not null or not said.is_live), false),
            case
                when said.is_loaded then 'now_duplicate' when said.state = 'quarantined' then 'now_readable' else 'new'
            end,
            '[]', null, null
        from pg_temp.staged
        left join (
            select * from pg_temp.said where line_number not in (select was_line from pg_temp.paired)
        ) as said on said.line_number = staged.line_number
        where staged.line_number not in (select now_line from pg_temp.paired)
            and (said.line_number is null or said.state = 'quarantined' or said.is_loaded)
        union all
        -- a row that cannot be read
        select
            rejected.line_number, null, said.transaction_id,
            coalesce(said.is_loaded and (said.edited is not null or not said.is_live), false),
            case
                when said.state = 'quarantined' then 'changed' when said.state is not null then 'now_rejected'
                else 'new'
            end,
            case
                when said.state = 'quarantined' then jsonb_build_array(jsonb_build_object(
                    'field', 'reason_code', 'from', said.reason_code, 'to', rejected.reason_code, 'stays', false
                )) else '[]'
            end,
            rejected.reason_code, rejected.reason
        from pg_temp.rejected_now as rejected
        left join (
            select * from pg_temp.said where line_number not in (select was_line from pg_temp.paired)
        ) as said on said.line_number = rejected.line_number
        where said.reason_code is distinct from rejected.reason_code
            and (said.line_number is null or said.is_loaded or said.state <> 'loaded')
        union all
        -- a line that the file has no more
        select
            said.line_number, null, said.transaction_id,
            coalesce(said.is_loaded and (said.edited is not null or not said.is_live), false),
            'gone', '[]', null, null
        from pg_temp.said as said
        where (said.is_loaded or said.state <> 'loaded')
            and said.line_number not in (select was_line from pg_temp.paired)
            and not exists (select from pg_temp.staged where staged.line_number = said.line_number)
            and not exists (
                select from pg_temp.rejected_now as rejected where rejected.line_number = said.line_number
            )
        """
    )
    await db.execute("create index on pg_temp.fates (line_number)")


async def only(db: Connection, lines: Iterable[int]) -> None:
    """Look at these lines alone; what differs elsewhere stays as it is."""
    await db.execute("delete from pg_temp.fates where line_number <> all(%s)", [list(lines)])


async def counts(db: Connection) -> dict[str, int]:
    """How many lines there are now, and how many of each kind."""
    found = await rows(
        db,
        """
        select kind, count(*) as lines from pg_temp.fates group by kind
        union all
        select 'lines', (select count(*) from pg_temp.staged) + (select count(*) from pg_temp.rejected_now)
        """,
    )
    return {row["kind"]: row["lines"] for row in found}


async def page(db: Connection, *, after: int, limit: int) -> list[DictRow]:
    """Lines that differ, by number, each in full."""
    return await rows(
        db,
        """
        select fate.line_number, fate.kind, fate.transaction_id, fate.stays, fate.fields, fate.reason_code, fate.reason,
            case when staged.line_number is not null then jsonb_build_object(
                'date', staged.booked_on, 'amount', staged.amount::text, 'description', staged.description
            ) end as line
        from pg_temp.fates as fate
        left join pg_temp.staged on staged.line_number = fate.line_number
        where fate.line_number > %(after)s
        order by fate.line_number, fate.kind
        limit %(limit)s
        """,
        {"after": after, "limit": limit},
    )


async def change(db: Connection, organization_id: UUID, batch_id: UUID) -> int:
    """Let transactions say what their lines say now, but for what people edited; says how many changed.

    Where the file says another category now, what it said before and what a model made of it decides no more.
    """
    values = ", ".join(
        f"""{name} = case
            when coalesce({_kept(name)}, false) or transaction.{name} is distinct from said.{name}
            then transaction.{name} else staged.{name} end"""
        for name in SAYS
    )
    values += "".join(f", {name} = case when not ({SAID_OTHERWISE}) then transaction.{name} end" for name in DECISION)
    done = await db.execute(
        f"""
        update books.transactions as transaction
        set {values}, line_number = fate.line_number, {STAMPED}
        from pg_temp.fates as fate
        inner join pg_temp.said as said on said.line_number = fate.was_line
        inner join pg_temp.staged on staged.line_number = fate.line_number
        where transaction.organization_id = %(organization_id)s and transaction.batch_id = %(batch_id)s
            and transaction.transaction_id = fate.transaction_id and fate.kind = 'changed'
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return done.rowcount


async def changed_sides(db: Connection, organization_id: UUID) -> list[UUID]:
    """Changed transactions of which a rule made a transfer by what they said before."""
    found = await rows(
        db,
        """
        select fate.transaction_id from pg_temp.fates as fate
        where fate.kind = 'changed' and exists (
            select from books.transfers as transfer
            where transfer.organization_id = %(organization_id)s and transfer.decided_by = 'rule'
                and fate.transaction_id in (transfer.out_transaction_id, transfer.in_transaction_id)
        )
        """,
        {"organization_id": organization_id},
    )
    return [row["transaction_id"] for row in found]


async def close(db: Connection, organization_id: UUID, batch_id: UUID) -> int:
    """Close what is no line of the file any more; it keeps its batch and loses its line."""
    done = await db.execute(
        f"""
        update books.transactions as transaction
        set deleted_at = now(), line_number = null, {STAMPED}
        from pg_temp.fates as fate
        where transaction.organization_id = %(organization_id)s and transaction.batch_id = %(batch_id)s
            and transaction.transaction_id = fate.transaction_id and not fate.stays
            and fate.kind in ('now_rejected', 'now_duplicate', 'gone')
            and transaction.line_number is not null
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return done.rowcount


async def keep_identities(db: Connection, organization_id: UUID) -> None:
    """What a changed line is known by now is its transaction's; what was staged and is not loaded is nobody's."""
    for table, known in (
        ("ingest.identities", "known.content = staged.content"),
        ("ingest.fingerprints", "known.fingerprint in (staged.content, staged.provider)"),
    ):
        await db.execute(
            f"""
            update {table} as known set transaction_id = fate.transaction_id
            from pg_temp.fates as fate
            inner join pg_temp.staged on staged.line_number = fate.line_number
            where known.organization_id = %(organization_id)s and {known}
                and known.transaction_id = staged.transaction_id and fate.kind = 'changed' and fate.was_line is not null
            """,
            {"organization_id": organization_id},
        )
        await db.execute(
            f"""
            delete from {table} as known
            using pg_temp.staged
            where known.organization_id = %(organization_id)s and {known}
                and known.transaction_id = staged.transaction_id
                and not exists (
                    select from pg_temp.fates as fate
                    where fate.line_number = staged.line_number and fate.kind in ('new', 'now_readable')
                )
            """,
            {"organization_id": organization_id},
        )


async def replace_unloaded(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Take away the lines that are no longer duplicate or quarantined, and write those that are quarantined now."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id}
    await db.execute(
        """
        delete from ingest.unloaded_lines as line using pg_temp.fates as fate
        where line.organization_id = %(organization_id)s and line.batch_id = %(batch_id)s
            and line.line_number = fate.line_number and not fate.stays
        """,
        parameters,
    )
    await db.execute(
        """
        insert into ingest.unloaded_lines
            (organization_id, batch_id, line_number, state, reason_code, reason, original)
        select
            %(organization_id)s, %(batch_id)s, rejected.line_number, 'quarantined', rejected.reason_code,
            rejected.reason, rejected.original
        from pg_temp.rejected_now as rejected
        inner join pg_temp.fates as fate on fate.line_number = rejected.line_number and not fate.stays
        order by rejected.line_number
        """,
        parameters,
    )


async def leave_to_load(db: Connection) -> int:
    """Of the staged lines leave those that were none of the batch's transactions before; says how many."""
    await db.execute(
        """
        delete from pg_temp.staged
        where not exists (
            select from pg_temp.fates as fate
            where fate.line_number = staged.line_number and not fate.stays
                and fate.kind in ('new', 'now_readable', 'now_duplicate')
        )
        """
    )
    left = await one(db, "select count(*) as lines from pg_temp.staged")
    return int(left["lines"]) if left else 0


async def finish(db: Connection, organization_id: UUID, batch_id: UUID, **values: Any) -> None:
    """Write down how the batch is read now; its counts are those of its lines."""
    await db.execute(
        """
        update ingest.batches as batch set
            rows_in = line.loaded + line.duplicate + line.quarantined, rows_loaded = line.loaded,
            rows_duplicate = line.duplicate, rows_quarantined = line.quarantined,
            format = %(format)s, parser_version = %(parser_version)s, layout = %(layout)s,
            first_date = %(first_date)s, last_date = %(last_date)s, replays = batch.replays || %(replay)s::jsonb
        from (
            select
                count(*) filter (where state = 'loaded') as loaded,
                count(*) filter (where state = 'duplicate') as duplicate,
                count(*) filter (where state = 'quarantined') as quarantined
            from published.statement_lines
            where organization_id = %(organization_id)s and batch_id = %(batch_id)s
        ) as line
        where batch.organization_id = %(organization_id)s and batch.batch_id = %(batch_id)s
        """,
        {
            **values,
            "layout": Jsonb(values["layout"]),
            "replay": Jsonb([values["replay"]] if values["replay"] else []),
            "organization_id": organization_id,
            "batch_id": batch_id,
        },
    )


async def loaded_batches(db: Connection, organization_id: UUID, account_id: UUID) -> list[UUID]:
    """An account's loaded batches, the first one first."""
    found = await rows(
        db,
        """
        select batch_id from ingest.batches
        where organization_id = %(organization_id)s and account_id = %(account_id)s and status = 'loaded'
        order by batch_id
        """,
        {"organization_id": organization_id, "account_id": account_id},
    )
    return [row["batch_id"] for row in found]
