"""Every query on pending lines: what is announced, what the staged lines say of it, and what becomes of it."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

# Beyond it a pending line that went away is not looked for any more.
GONE_DAYS = timedelta(days=60)


async def announced(db: Connection, organization_id: UUID, account_id: UUID) -> list[DictRow]:
    """Every pending transaction of an account that no line has completed; the latest first."""
    return await rows(
        db,
        """
        select
            line.transaction_id as id, line.booked_on, line.amount, line.description, line.provider_id,
            coalesce(transaction.source_key, transaction.merchant_key) as merchant_key, transaction.mcc,
            transaction.status = 'closed' or transaction.deleted_at is not null as is_gone
        from ingest.pending_lines as line
        inner join books.transactions as transaction
            on transaction.organization_id = line.organization_id
                and transaction.transaction_id = line.transaction_id
        where line.organization_id = %(organization_id)s and line.account_id = %(account_id)s
            and line.completed_by is null
        order by line.booked_on desc, line.transaction_id
        """,
        {"organization_id": organization_id, "account_id": account_id},
    )


async def seen_until(db: Connection, organization_id: UUID, account_id: UUID) -> date | None:
    """The last day of the newest statement that showed any that is pending still."""
    found = await one(
        db,
        """
        select max(seen_until) as seen_until from ingest.pending_lines
        where organization_id = %(organization_id)s and account_id = %(account_id)s and completed_by is null
        """,
        {"organization_id": organization_id, "account_id": account_id},
    )
    return found["seen_until"] if found else None


async def booked_by_another_source(db: Connection, organization_id: UUID, account_id: UUID, batch_id: UUID) -> None:
    """Posted lines that name a pending one which a line without an id completed before are that line's transaction."""
    await db.execute(
        """
        update pg_temp.staged set duplicate_of = line.transaction_id, is_new = false, is_learnt = true
        from ingest.pending_lines as line
        where staged.status = 'posted' and staged.is_new and line.organization_id = %(organization_id)s
            and line.account_id = %(account_id)s and line.provider_id = staged.pending_id
            and line.completed_by <> %(batch_id)s
            and not exists (
                select from ingest.identities as known
                where known.organization_id = %(organization_id)s and known.has_id
                    and known.transaction_id = line.transaction_id
                    and coalesce(known.claimed_by, known.batch_id) >= line.completed_by
            )
            and not exists (
                select from pg_temp.staged as taken where taken.duplicate_of = line.transaction_id
            )
        """,
        {"organization_id": organization_id, "account_id": account_id, "batch_id": batch_id},
    )


async def complete_known(db: Connection, organization_id: UUID) -> None:
    """Posted lines that are known as a pending transaction's complete it, once each."""
    found = await rows(
        db,
        """
        with first as (
            select distinct on (staged.duplicate_of) staged.line_number, staged.duplicate_of
            from pg_temp.staged
            inner join ingest.pending_lines as line
                on line.organization_id = %(organization_id)s and line.transaction_id = staged.duplicate_of
                    and line.completed_by is null
            where staged.status = 'posted'
                and not exists (select from pg_temp.links where links.transaction_id = staged.duplicate_of)
            order by staged.duplicate_of, staged.line_number
        )
        update pg_temp.staged set completes = first.duplicate_of, duplicate_of = null, is_new = false
        from first where staged.line_number = first.line_number
        returning staged.line_number, staged.completes as transaction_id
        """,
        {"organization_id": organization_id},
    )
    await _keep_links(db, [(row["line_number"], row["transaction_id"], "id", 1.0) for row in found])


async def booked(db: Connection, known: Sequence[DictRow]) -> list[DictRow]:
    """The new posted lines that may complete one of these: of the same amount, merchant's first word, or id."""
    return await rows(
        db,
        """
        select
            line_number as id, booked_on, amount, description, merchant_key, mcc, provider_id, pending_id
        from pg_temp.staged
        where status = 'posted' and is_new and booked_on between %(first)s and %(last)s
            and (
                amount = any(%(amounts)s) or split_part(merchant_key, ' ', 1) = any(%(words)s)
                or provider_id = any(%(ids)s) or pending_id = any(%(ids)s)
            )
        order by booked_on, line_number
        """,
        {
            "first": min(row["booked_on"] for row in known) - GONE_DAYS,
            "last": max(row["booked_on"] for row in known) + GONE_DAYS,
            "amounts": list({row["amount"] for row in known}),
            "words": list({row["merchant_key"].partition(" ")[0] for row in known} - {""}),
            "ids": list({row["provider_id"] for row in known} - {None}),
        },
    )


async def link(db: Connection, links: Iterable[tuple[int, UUID, str, float]]) -> None:
    """Let lines complete these pending transactions: line number, transaction, tier, confidence."""
    pairs = list(links)
    await _keep_links(db, pairs)
    await db.execute(
        """
        update pg_temp.staged set completes = found.transaction_id, is_new = false
        from unnest(%s::integer[], %s::uuid[]) as found (line_number, transaction_id)
        where staged.line_number = found.line_number
        """,
        [[pair[0] for pair in pairs], [pair[1] for pair in pairs]],
    )


async def prepare(db: Connection) -> None:
    """The temporary table `links`: how each completing line was found."""
    await db.execute("drop table if exists pg_temp.links, pg_temp.unsure")
    await db.execute(
        """
        create temporary table links (
            line_number integer, transaction_id uuid, tier text, confidence numeric
        ) on commit drop
        """
    )
    await db.execute("create temporary table unsure (transaction_id uuid, may_be uuid[]) on commit drop")


async def _keep_links(db: Connection, links: Sequence[tuple[int, UUID, str, float]]) -> None:
    if not links:
        return
    await db.execute(
        "insert into pg_temp.links select * from unnest(%s::integer[], %s::uuid[], %s::text[], %s::numeric[])",
        [list(column) for column in zip(*links, strict=True)],
    )


async def keep_unsure(db: Connection, unsure: dict[UUID, list[int]]) -> None:
    """Remember which new lines may be a pending transaction, until they are in the books."""
    pairs = [(transaction_id, line) for transaction_id, lines in unsure.items() for line in lines]
    await db.execute(
        """
        insert into pg_temp.unsure
        select found.transaction_id, array_agg(staged.transaction_id order by staged.line_number)
        from unnest(%s::uuid[], %s::integer[]) as found (transaction_id, line_number)
        inner join pg_temp.staged on staged.line_number = found.line_number
        group by found.transaction_id
        """,
        [[pair[0] for pair in pairs], [pair[1] for pair in pairs]],
    )


async def seen_again_by_id(db: Connection, organization_id: UUID, account_id: UUID) -> None:
    """A pending line with the provider's id of one that is announced is that one, whatever became of its amount."""
    await db.execute(
        """
        update pg_temp.staged set duplicate_of = line.transaction_id, is_new = false, is_learnt = true
        from ingest.pending_lines as line
        where staged.status = 'pending' and staged.is_new and line.organization_id = %(organization_id)s
            and line.account_id = %(account_id)s and line.provider_id = staged.provider_id
            and line.booked_on > staged.booked_on - 60
            and not exists (
                select from pg_temp.staged as other
                where other.status = 'pending' and other.provider_id = staged.provider_id
                    and other.line_number < staged.line_number and other.file_number = staged.file_number
            )
        """,
        {"organization_id": organization_id, "account_id": account_id},
    )


async def taken(db: Connection) -> set[UUID]:
    """The pending transactions that this batch completes, or shows as pending still."""
    found = await rows(
        db,
        """
        select transaction_id from pg_temp.links
        union
        select duplicate_of from pg_temp.staged where status = 'pending' and duplicate_of is not null
        """,
    )
    return {row["transaction_id"] for row in found}


async def booked_in_this_batch(db: Connection) -> None:
    """A pending line whose posted line, by the provider's id, is in the same batch is that line."""
    await db.execute(
        """
        update pg_temp.staged set duplicate_of = posted.transaction_id, is_new = false, is_learnt = true
        from pg_temp.staged as posted
        where staged.status = 'pending' and staged.is_new and posted.status = 'posted' and posted.is_new
            and staged.provider_id in (posted.pending_id, posted.provider_id)
        """
    )


async def new_pending(db: Connection) -> list[DictRow]:
    return await rows(
        db,
        """
        select line_number as id, booked_on, amount, description, merchant_key, mcc, provider_id
        from pg_temp.staged where status = 'pending' and is_new order by booked_on, line_number
        """,
    )


async def booked_before(
    db: Connection, organization_id: UUID, account_id: UUID, pending: Sequence[DictRow], latest: int
) -> list[DictRow]:
    """Posted transactions of these amounts and days that completed nothing: a late pending line may be one of them."""
    return await rows(
        db,
        """
        select
            transaction.transaction_id as id, transaction.booked_on, transaction.amount, transaction.description,
            coalesce(transaction.source_key, transaction.merchant_key) as merchant_key
        from (select distinct wanted from unnest(%(amounts)s::numeric[]) as wanted) as wanted
        cross join lateral (
            select * from books.transactions as transaction
            where transaction.organization_id = %(organization_id)s and transaction.amount = wanted.wanted
                and transaction.deleted_at is null and transaction.account_id = %(account_id)s
                and transaction.status = 'posted' and transaction.batch_id is not null
                and transaction.booked_on between %(first)s and %(last)s
            offset 0
        ) as transaction
        where not exists (
            select from ingest.pending_lines as line
            where line.organization_id = %(organization_id)s and line.transaction_id = transaction.transaction_id
        )
        and not exists (
            select from pg_temp.staged where staged.duplicate_of = transaction.transaction_id
        )
        order by transaction.booked_on, transaction.transaction_id
        """,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "amounts": list({row["amount"] for row in pending}),
            "first": min(row["booked_on"] for row in pending),
            "last": max(row["booked_on"] for row in pending) + timedelta(days=latest),
        },
    )


async def mark_duplicates(db: Connection, pairs: Sequence[tuple[int, UUID]]) -> None:
    """These lines are transactions that are in the books."""
    await db.execute(
        """
        update pg_temp.staged set duplicate_of = found.transaction_id, is_new = false, is_learnt = true
        from unnest(%s::integer[], %s::uuid[]) as found (line_number, transaction_id)
        where staged.line_number = found.line_number
        """,
        [[line for line, _ in pairs], [transaction_id for _, transaction_id in pairs]],
    )


async def insert_lines(db: Connection, organization_id: UUID, batch_id: UUID, seen_until: date) -> None:
    """Keep the new pending lines as the bank said them."""
    await db.execute(
        """
        insert into ingest.pending_lines (
            organization_id, transaction_id, account_id, batch_id, line_number, provider_id, booked_on, amount,
            description, merchant, reference, seen_until
        )
        select
            %(organization_id)s, transaction_id, account_id, %(batch_id)s, line_number, provider_id, booked_on, amount,
            description, merchant, reference, %(seen_until)s
        from pg_temp.staged where status = 'pending' and is_new
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "seen_until": seen_until},
    )


async def see_again(db: Connection, organization_id: UUID, seen_until: date) -> None:
    """What a newer statement shows again is not gone, and is as it says now; its transaction follows it first."""
    await db.execute(
        """
        update ingest.pending_lines as line set
            seen_until = %(seen_until)s, closed_by = null, booked_on = staged.booked_on, amount = staged.amount,
            description = staged.description, merchant = staged.merchant, reference = staged.reference,
            provider_id = coalesce(staged.provider_id, line.provider_id)
        from pg_temp.staged
        where line.organization_id = %(organization_id)s and line.transaction_id = staged.duplicate_of
            and staged.status = 'pending' and line.completed_by is null and line.seen_until <= %(seen_until)s
        """,
        {"organization_id": organization_id, "seen_until": seen_until},
    )


async def write_completed(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Write down what was completed, by which rule, and what may be what."""
    await db.execute(
        """
        update ingest.pending_lines as line set
            completed_by = %(batch_id)s, closed_by = null, may_be = '{}', tier = link.tier, confidence = link.confidence
        from pg_temp.links as link
        where line.organization_id = %(organization_id)s and line.transaction_id = link.transaction_id
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    await db.execute(
        """
        update ingest.pending_lines as line set may_be = unsure.may_be
        from pg_temp.unsure
        where line.organization_id = %(organization_id)s and line.transaction_id = unsure.transaction_id
        """,
        {"organization_id": organization_id},
    )


async def loaded_before(db: Connection, organization_id: UUID, batch_id: UUID) -> bool:
    """Whether this batch's very file is in its account already: it shows nothing that was not known."""
    found = await one(
        db,
        """
        select from ingest.batches as this
        inner join ingest.batches as former using (organization_id, account_id, digest)
        where this.organization_id = %(organization_id)s and this.batch_id = %(batch_id)s
            and former.batch_id <> this.batch_id and former.status = 'loaded'
        limit 1
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return found is not None


async def close(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    batch_id: UUID,
    *,
    until: date,
    booked_before: date | None,
    shows_all: bool,
) -> list[UUID]:
    """Write down which pending transactions are gone: a newer statement shows others and not these, or they are old."""
    found = await rows(
        db,
        """
        update ingest.pending_lines as line set closed_by = %(batch_id)s, seen_until = greatest(seen_until, %(until)s)
        where organization_id = %(organization_id)s and account_id = %(account_id)s
            and completed_by is null and closed_by is null
            and (
                booked_on < %(booked_before)s::date
                or (
                    %(shows_all)s and seen_until <= %(until)s and batch_id <> %(batch_id)s
                    and not exists (
                        select from pg_temp.staged
                        where staged.status = 'pending' and staged.duplicate_of = line.transaction_id
                    )
                )
            )
        returning transaction_id
        """,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "batch_id": batch_id,
            "until": until,
            "booked_before": booked_before,
            "shows_all": shows_all,
        },
    )
    return [row["transaction_id"] for row in found]
