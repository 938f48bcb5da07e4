"""Every query of following: which transaction a row of a feed is about, and what becomes of both.

The temporary table `followed` has a row for each staged line that is about a transaction of the books, or of the same
batch: what it does to it (`act`), and why it is told and not done (`reason_code`).
"""

from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.transactions.following_repository import COUNTS_OTHERWISE, DIFFERS, FOLLOWED
from ai2.kit.database import Connection, one, rows

# Taken out by a feed and not shown again since.
IS_OUT = """
    exists (
        select from ingest.removals as removal
        where removal.organization_id = %(organization_id)s and removal.returned_by is null
            and removal.transaction_id = {transaction_id}
    )
"""
# The books are closed for its day, or for that of the other side of a transfer that would fall apart.
SHUT = """
    exists (
        select from books.transactions as closed
        where closed.organization_id = %(organization_id)s and closed.booked_on <= %(closed_through)s::date
            and closed.transaction_id in (
                select transaction.transaction_id
                union all
                select unnest(array[pair.out_transaction_id, pair.in_transaction_id]) from books.transfers as pair
                where pair.organization_id = %(organization_id)s and pair.state = 'paired'
                    and transaction.transaction_id in (pair.out_transaction_id, pair.in_transaction_id)
            )
    )
"""


async def prepare(db: Connection) -> None:
    await db.execute("drop table if exists pg_temp.followed")
    await db.execute(
        """
        create temporary table followed (
            file_number smallint, line_number integer, transaction_id uuid, provider bytea, act text,
            edited text[] not null default '{}', reason_code text
        ) on commit drop
        """
    )


async def waiting(db: Connection, organization_id: UUID, batch_id: UUID) -> list[int]:
    """The lines of a loaded batch that were told and not done."""
    found = await rows(
        db,
        """
        select line_number from ingest.unloaded_lines
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s and state = 'quarantined'
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return [row["line_number"] for row in found]


async def has_removals(db: Connection, organization_id: UUID) -> bool:
    query = "select from ingest.removals where organization_id = %(organization_id)s limit 1"
    return await one(db, query, {"organization_id": organization_id}) is not None


async def reuse_ids(db: Connection, organization_id: UUID, batch_id: UUID, file_number: int) -> None:
    """Lines with the id of what a feed took out, and saying something else, are other payments: the id is theirs."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id, "file_number": file_number}
    found = await rows(
        db,
        f"""
        update pg_temp.staged set duplicate_of = null, is_new = true
        from ingest.identities as known
        where known.organization_id = %(organization_id)s and known.provider = staged.provider
            and known.transaction_id = staged.duplicate_of and staged.file_number = %(file_number)s
            and {IS_OUT.format(transaction_id="known.transaction_id")}
            and not exists (
                select from ingest.identities as same
                where same.organization_id = %(organization_id)s and same.content = staged.content
                    and same.transaction_id = known.transaction_id
            )
        returning known.transaction_id
        """,
        parameters,
    )
    if not found:
        return
    parameters |= {"ids": [row["transaction_id"] for row in found]}
    await db.execute(
        """
        update ingest.identities set provider = null
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s) and has_id
            and provider in (select provider from pg_temp.staged where file_number = %(file_number)s)
        """,
        parameters,
    )
    await db.execute(
        """
        update ingest.removals set reused_by = %(batch_id)s
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s) and returned_by is null
        """,
        parameters,
    )


async def stage_shown(db: Connection, organization_id: UUID, file_number: int, *, only: Sequence[int] | None) -> int:
    """Gather a file's posted lines that a provider's id tells to be known; says how many."""
    done = await db.execute(
        """
        insert into pg_temp.followed (file_number, line_number, transaction_id, provider)
        select staged.file_number, staged.line_number, known.transaction_id, staged.provider
        from pg_temp.staged
        inner join ingest.identities as known
            on known.organization_id = %(organization_id)s and known.provider = staged.provider
            and known.transaction_id = staged.duplicate_of
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = known.transaction_id
        where staged.file_number = %(file_number)s and staged.status = 'posted' and not staged.is_new
            and (%(only)s::integer[] is null or staged.line_number = any(%(only)s))
            and (
                transaction.deleted_at is not null
                or (staged.booked_on, staged.amount, staged.description, staged.merchant_key)
                is distinct from (
                    transaction.booked_on, transaction.amount, transaction.description,
                    coalesce(transaction.source_key, transaction.merchant_key)
                )
                or staged.merchant <> transaction.merchant and transaction.source_key is null
                or staged.reference <> transaction.reference or staged.value_on <> transaction.value_on
                or not transaction.attributes @> staged.attributes
            )
        """,
        {
            "organization_id": organization_id,
            "file_number": file_number,
            "only": list(only) if only is not None else None,
        },
    )
    return done.rowcount


async def judge_shown(db: Connection, organization_id: UUID, file_number: int, closed_through: object) -> None:
    """Say what each of these lines does, and whether a closed period is in its way."""
    parameters = {
        "organization_id": organization_id,
        "file_number": file_number,
        "closed_through": closed_through,
    }
    await db.execute(
        f"""
        update pg_temp.followed as following set
            act = judged.act,
            reason_code = case
                when judged.act not in ('changed', 'returned') or not judged.counts then null
                when judged.is_shut or judged.booked_on <= %(closed_through)s::date then 'period_closed'
            end
        from (
            select
                followed.line_number, {FOLLOWED["booked_on"]} as booked_on,
                case
                    when transaction.deleted_at is null and {DIFFERS} then 'changed'
                    when transaction.deleted_at is null then 'kept'
                    when {IS_OUT.format(transaction_id="transaction.transaction_id")} then 'returned'
                    else 'deleted'
                end as act,
                transaction.deleted_at is not null or {COUNTS_OTHERWISE} as counts,
                %(closed_through)s::date is not null and {SHUT} as is_shut
            from pg_temp.followed as followed
            inner join pg_temp.staged on staged.line_number = followed.line_number
            inner join books.transactions as transaction
                on transaction.organization_id = %(organization_id)s
                and transaction.transaction_id = followed.transaction_id
            where followed.file_number = %(file_number)s
        ) as judged
        where following.line_number = judged.line_number
        """,
        parameters,
    )


async def set_aside(db: Connection, file_number: int) -> list[DictRow]:
    """Take what a closed period is in the way of out of both tables, and give it back."""
    return await rows(
        db,
        """
        with shut as (
            delete from pg_temp.followed
            where file_number = %(file_number)s and reason_code = 'period_closed'
            returning line_number
        )
        delete from pg_temp.staged using shut where staged.line_number = shut.line_number
        returning staged.line_number, staged.booked_on, staged.amount, staged.description
        """,
        {"file_number": file_number},
    )


async def learn_shown(db: Connection, organization_id: UUID, file_number: int) -> None:
    """What a changed transaction says now it is known by too; and each line is told by its act."""
    await db.execute(
        """
        update pg_temp.staged set
            told = followed.act,
            is_learnt = staged.is_learnt or (
                followed.act in ('changed', 'returned') and not exists (
                    select from ingest.identities as known
                    where known.organization_id = %(organization_id)s and known.content = staged.content
                        and known.transaction_id = followed.transaction_id
                )
            )
        from pg_temp.followed as followed
        where followed.file_number = %(file_number)s and staged.line_number = followed.line_number
        """,
        {"organization_id": organization_id, "file_number": file_number},
    )


async def stage_named(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    file_number: int,
    named: Sequence[tuple[int, str, str, str]],
) -> None:
    """Gather rows that only name an id: line number, id, its identity, what they say. Unknown ids have no transaction.

    An id is a posted transaction's, else a pending one's, of the books or of this very batch.
    """
    await db.execute(
        """
        with named as (
            select * from unnest(%(lines)s::integer[], %(ids)s::text[], %(providers)s::bytea[], %(says)s::text[])
                as named (line_number, provider_id, provider, says)
        ),

        announced as (
            select line.transaction_id, line.provider_id, line.booked_on, line.completed_by is not null as is_booked
            from ingest.pending_lines as line
            where line.organization_id = %(organization_id)s and line.account_id = %(account_id)s
                and line.provider_id = any(%(ids)s)
            union all
            select
                coalesce(duplicate_of, transaction_id), provider_id, booked_on,
                duplicate_of in (select transaction_id from pg_temp.staged where status = 'posted')
            from pg_temp.staged where status = 'pending' and provider_id = any(%(ids)s)
        ),

        of_pending as (
            select distinct on (announced.provider_id)
                announced.provider_id, announced.transaction_id,
                coalesce(announced.is_booked, false) or exists (
                    select from pg_temp.links where links.transaction_id = announced.transaction_id
                ) as is_booked
            from announced
            order by announced.provider_id, announced.is_booked, announced.booked_on desc
        )

        insert into pg_temp.followed (file_number, line_number, transaction_id, provider, act)
        select
            %(file_number)s, named.line_number, coalesce(known.transaction_id, of_pending.transaction_id),
            named.provider,
            case
                when named.says = 'repeated' then 'repeated'
                when known.transaction_id is not null then 'removed'
                when of_pending.is_booked then 'booked'
                when of_pending.transaction_id is not null then 'withdrawn'
            end
        from named
        left join ingest.identities as known
            on known.organization_id = %(organization_id)s and known.provider = named.provider
        left join of_pending on known.transaction_id is null and of_pending.provider_id = named.provider_id
        """,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "file_number": file_number,
            "lines": [each[0] for each in named],
            "ids": [each[1] for each in named],
            "providers": [each[2] for each in named],
            "says": [each[3] for each in named],
        },
    )


async def judge_named(
    db: Connection,
    organization_id: UUID,
    file_number: int,
    closed_through: object,
    *,
    only: Sequence[int] | None,
) -> None:
    """Say of each whether its transaction is out already, or is to be told of and left alone.

    Of `only` some lines anything is to be done; the others stay as they were.
    """
    await db.execute(
        f"""
        update pg_temp.followed as followed set
            act = case
                when not %(only)s::integer[] is null and not followed.line_number = any(%(only)s) then 'seen'
                when transaction.deleted_at is not null or transaction.status = 'closed' then 'gone'
                else followed.act
            end,
            reason_code = case
                when transaction.deleted_at is not null or followed.act <> 'removed' then null
                when not %(only)s::integer[] is null and not followed.line_number = any(%(only)s) then null
                when followed.edited <> '{{}}' then 'edited'
                when %(closed_through)s::date is not null and {SHUT} then 'period_closed'
            end
        from books.transactions as transaction
        where followed.file_number = %(file_number)s and followed.act in ('removed', 'withdrawn')
            and transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = followed.transaction_id
        """,
        {
            "organization_id": organization_id,
            "file_number": file_number,
            "closed_through": closed_through,
            "only": list(only) if only is not None else None,
        },
    )


async def put_named(db: Connection, organization_id: UUID, file_number: int) -> list[DictRow]:
    """Let rows that name a transaction be lines of the batch; give back those that only are told, and why."""
    await db.execute(
        """
        insert into pg_temp.staged (file_number, line_number, status, duplicate_of, is_new, told)
        select file_number, line_number, 'named', transaction_id, false, act
        from pg_temp.followed
        where file_number = %(file_number)s and transaction_id is not null and reason_code is null
            and act in ('removed', 'withdrawn', 'booked', 'gone', 'seen', 'repeated')
        """,
        {"file_number": file_number},
    )
    return await rows(
        db,
        """
        with untold as (
            delete from pg_temp.followed
            where file_number = %(file_number)s and (transaction_id is null or reason_code is not null)
            returning line_number, transaction_id, coalesce(reason_code, 'unknown_id') as reason_code
        )
        select untold.line_number, untold.reason_code, transaction.booked_on, transaction.amount,
            transaction.description
        from untold
        left join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = untold.transaction_id
        order by untold.line_number
        """,
        {"organization_id": organization_id, "file_number": file_number},
    )


async def leave_staged(db: Connection) -> dict[str, list[UUID]]:
    """Follow what is still staged, the last line of each transaction; says which are changed, removed and so on."""
    await db.execute(
        """
        delete from pg_temp.followed where not exists (
            select from pg_temp.staged where staged.line_number = followed.line_number
        ) or exists (
            select from pg_temp.followed as later
            where later.transaction_id = followed.transaction_id and later.line_number > followed.line_number
                and later.act <> 'repeated'
        )
        """
    )
    found = await rows(
        db,
        """
        select act, array_agg(transaction_id order by transaction_id) as ids from pg_temp.followed
        where act in ('changed', 'returned', 'removed', 'withdrawn') group by act
        """,
    )
    return {row["act"]: row["ids"] for row in found}


async def keep_removals(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Write down what was taken out, and what came back."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id}
    await db.execute(
        """
        insert into ingest.removals (organization_id, transaction_id, batch_id, provider)
        select %(organization_id)s, transaction_id, %(batch_id)s, provider
        from pg_temp.followed where act = 'removed'
        on conflict (organization_id, transaction_id, batch_id) do update set returned_by = null
        """,
        parameters,
    )
    await db.execute(
        """
        update ingest.removals as removal set returned_by = %(batch_id)s
        from pg_temp.followed as followed
        where removal.organization_id = %(organization_id)s and removal.transaction_id = followed.transaction_id
            and removal.returned_by is null and followed.act = 'returned'
        """,
        parameters,
    )


async def withdraw(db: Connection, organization_id: UUID, batch_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    """Pending lines that the bank takes back by their ids."""
    await db.execute(
        """
        update ingest.pending_lines set closed_by = %(batch_id)s
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s)
            and completed_by is null and closed_by is null
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "ids": list(transaction_ids)},
    )


async def leave_out(db: Connection, organization_id: UUID) -> None:
    """What a feed took out nobody deleted: of an undo it does not stay."""
    await db.execute(
        """
        delete from pg_temp.staying using ingest.removals as removal
        where removal.organization_id = %(organization_id)s and removal.returned_by is null
            and removal.transaction_id = staying.transaction_id and staying.why = 'deleted'
        """,
        {"organization_id": organization_id},
    )


async def give_back(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """A batch is undone: what it took out is in the books again, what it brought back is out, and ids are whose they
    were. Its own identities are forgotten before."""
    parameters = {"organization_id": organization_id, "batch_id": batch_id}
    await db.execute(
        """
        update ingest.identities as known set provider = removal.provider
        from ingest.removals as removal
        where removal.organization_id = %(organization_id)s and removal.reused_by = %(batch_id)s
            and known.organization_id = %(organization_id)s and known.transaction_id = removal.transaction_id
            and known.has_id and known.provider is null
            and not exists (
                select from ingest.identities as other
                where other.organization_id = %(organization_id)s
                    and (
                        other.provider = removal.provider
                        or other.transaction_id = known.transaction_id and other.has_id
                        and (other.content, other.occurrence) < (known.content, known.occurrence)
                    )
            )
        """,
        parameters,
    )
    await db.execute(
        """
        update ingest.removals set
            reused_by = nullif(reused_by, %(batch_id)s),
            returned_by = case
                when returned_by = %(batch_id)s and transaction_id not in (select transaction_id from pg_temp.staying)
                then null else returned_by
            end
        where organization_id = %(organization_id)s and %(batch_id)s in (returned_by, reused_by)
        """,
        parameters,
    )
    await db.execute(
        "delete from ingest.removals where organization_id = %(organization_id)s and batch_id = %(batch_id)s",
        parameters,
    )
