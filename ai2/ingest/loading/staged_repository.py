"""Every query on staged lines: a file's lines in the temporary table `staged`, told from those that are known."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.categories.stated import ATTRIBUTE, SPLITS
from ai2.kit.database import Connection, allow_memory, number, one, planned_for, rows

# What is copied, in the order of ai2.ingest.loading.staging.
COPIED = """
    file_number, line_number, transaction_id, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, status, value_on, counterparty, attributes, content, provider, provider_id,
    pending_id
"""


async def prepare(db: Connection) -> None:
    """Make `staged`, empty. A line is new, a duplicate of a transaction, or completes a pending one."""
    await allow_memory(db)
    await db.execute("drop table if exists pg_temp.staged, pg_temp.former")
    await db.execute(
        """
        create temporary table staged (
            file_number smallint, line_number integer, transaction_id uuid, account_id uuid, booked_on date,
            amount numeric, currency char(3), description text, merchant text, merchant_key text, reference text,
            mcc char(4), status text, value_on date, counterparty text, attributes jsonb, content bytea,
            provider bytea, provider_id text, pending_id text,
            duplicate_of uuid, is_new boolean not null default true, completes uuid,
            -- known otherwise than by an identity: it gets one
            is_learnt boolean not null default false,
            -- what a feed's row does to what is known: a word of ai2.ingest.following.Told
            told text
        ) on commit drop
        """
    )


async def copy(db: Connection, pieces: AsyncIterator[bytes]) -> None:
    """Put lines into `staged`."""
    async with db.cursor().copy(f"copy pg_temp.staged ({COPIED}) from stdin (format csv)") as into:
        async for piece in pieces:
            await into.write(piece)
    await db.execute("analyze pg_temp.staged (file_number, content, provider, is_new, duplicate_of)")


async def has_identities(db: Connection, organization_id: UUID) -> bool:
    query = "select from ingest.identities where organization_id = %(organization_id)s limit 1"
    return await one(db, query, {"organization_id": organization_id}) is not None


async def match_own(db: Connection, organization_id: UUID, batch_id: UUID, file_number: int) -> None:
    """Lines that say what they said when this batch was loaded are the same transactions still."""
    await db.execute(
        """
        update pg_temp.staged set duplicate_of = transaction.transaction_id, is_new = false
        from books.transactions as transaction
        where transaction.organization_id = %(organization_id)s and transaction.batch_id = %(batch_id)s
            and transaction.line_number = staged.line_number and staged.file_number = %(file_number)s
            and exists (
                select from ingest.identities as known
                where known.organization_id = %(organization_id)s and known.content = staged.content
                    and known.transaction_id = transaction.transaction_id
            )
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "file_number": file_number},
    )


async def match_by_provider(db: Connection, organization_id: UUID, file_number: int) -> int:
    """Lines whose provider's id is known are that transaction's; says how many are."""
    done = await db.execute(
        """
        update pg_temp.staged set duplicate_of = known.transaction_id, is_new = false
        from ingest.identities as known
        where known.organization_id = %(organization_id)s and known.provider = staged.provider
            and staged.file_number = %(file_number)s and staged.is_new
        """,
        {"organization_id": organization_id, "file_number": file_number},
    )
    return done.rowcount


async def match_by_content(
    db: Connection,
    organization_id: UUID,
    batch_id: UUID,
    file_number: int,
    *,
    has_ids: bool,
    ids_are_new: bool,
    lines: int,
) -> bool:
    """Pair lines with known transactions of equal content, one with one, in the order of both.

    A line with a provider's id is none that is known by another id, so it is paired with those that came without,
    before the lines without an id are paired with what is left. What a line of this file is already is not left.
    `has_ids` says that some of the file's lines have any; `ids_are_new` that the provider gave all of them new ones,
    which say nothing of what came before. Nor does an id of one connection say anything of another's. Says whether the
    content of any line was known.
    """
    firsts = 0 if has_ids else await _pair_firsts(db, organization_id, file_number, lines=lines)
    if firsts == lines:
        return True
    await db.execute("drop table if exists pg_temp.hit")
    found = await db.execute(
        """
        create temporary table hit on commit drop as
        select line_number, content, provider is not null as has_id
        from pg_temp.staged
        where file_number = %(file_number)s and is_new and exists (
            select from ingest.identities as known
            where known.organization_id = %(organization_id)s and known.content = staged.content
        )
        """,
        {"organization_id": organization_id, "file_number": file_number},
    )
    if not found.rowcount:
        return firsts > 0
    await db.execute("analyze pg_temp.hit")
    async with planned_for(db, found.rowcount):
        await _pair_by_content(db, organization_id, batch_id, file_number, ids_are_new=ids_are_new)
        if has_ids:
            await _claim(db, organization_id, batch_id, file_number)
    return True


async def _pair_firsts(db: Connection, organization_id: UUID, file_number: int, *, lines: int) -> int:
    """Pair the first line of each content with the first such transaction: in most files, that is all of them.

    Where ids have a say, or what is first here is taken, it is left to the pairing of all. Says how many were paired.
    """
    async with planned_for(db, lines):
        done = await db.execute(
            """
            with firsts as (
                select content, min(line_number) as line_number from pg_temp.staged
                where file_number = %(file_number)s and is_new
                group by content
            )
            update pg_temp.staged set duplicate_of = known.transaction_id, is_new = false
            from firsts
            inner join ingest.identities as known using (content)
            where known.organization_id = %(organization_id)s and known.occurrence = 1 and not known.has_id
                and staged.file_number = %(file_number)s and staged.line_number = firsts.line_number
                and not exists (
                    select from pg_temp.staged as taken
                    where taken.file_number = %(file_number)s and taken.duplicate_of = known.transaction_id
                )
            """,
            {"organization_id": organization_id, "file_number": file_number},
        )
    return done.rowcount


async def _pair_by_content(
    db: Connection, organization_id: UUID, batch_id: UUID, file_number: int, *, ids_are_new: bool
) -> None:
    await db.execute(
        """
        with others as materialized (
            -- of other connections, where this is one's
            select other.batch_id from ingest.batches as own
            inner join ingest.batches as other
                on other.organization_id = own.organization_id and other.source = own.source
                and other.account_id = own.account_id and other.imported_by <> own.imported_by
            where own.organization_id = %(organization_id)s and own.batch_id = %(batch_id)s
                and own.source = 'connection'
        ),
        wanted as (
            select
                line_number, content, has_id,
                row_number() over (partition by content, has_id order by line_number) as place,
                count(*) filter (where has_id) over (partition by content) as with_id
            from pg_temp.hit
        ),
        known as (
            select
                known.content, known.transaction_id, min(known.occurrence) as occurrence,
                bool_or(known.has_id) as has_any_id,
                bool_or(
                    known.has_id and not %(ids_are_new)s
                    and coalesce(known.claimed_by, known.batch_id) not in (select batch_id from others)
                ) as has_id
            from ingest.identities as known
            where known.organization_id = %(organization_id)s and known.content in (select content from pg_temp.hit)
                and not exists (
                    select from pg_temp.staged as taken
                    where taken.file_number = %(file_number)s and taken.duplicate_of = known.transaction_id
                )
            group by known.content, known.transaction_id
        ),
        free as (
            select
                content, transaction_id, has_id, has_any_id,
                row_number() over (partition by content order by has_id, occurrence) as place,
                count(*) filter (where not has_id) over (partition by content) as without_id
            from known
        )
        update pg_temp.staged set
            duplicate_of = free.transaction_id, is_new = false, is_learnt = wanted.has_id and free.has_any_id
        from wanted
        inner join free on free.content = wanted.content
            and free.place = wanted.place + case when wanted.has_id then 0 else least(with_id, without_id) end
            and not (free.has_id and wanted.has_id)
        where staged.line_number = wanted.line_number
        """,
        {
            "organization_id": organization_id,
            "batch_id": batch_id,
            "file_number": file_number,
            "ids_are_new": ids_are_new,
        },
    )


async def _claim(db: Connection, organization_id: UUID, batch_id: UUID, file_number: int) -> None:
    """Transactions that came without a provider's id have that of the line they were paired with."""
    await db.execute(
        """
        update ingest.identities as known
            set provider = staged.provider, has_id = true, claimed_by = %(batch_id)s
        from pg_temp.staged
        where known.organization_id = %(organization_id)s and known.content = staged.content
            and known.transaction_id = staged.duplicate_of and not known.has_id
            and staged.file_number = %(file_number)s and staged.provider is not null
            and not exists (
                select from ingest.identities as other
                where other.organization_id = %(organization_id)s and other.provider = staged.provider
            )
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "file_number": file_number},
    )


async def has_version_1(db: Connection, organization_id: UUID) -> bool:
    """Whether there are rows that only version 1 knows."""
    query = "select from ingest.fingerprints where organization_id = %(organization_id)s limit 1"
    return await one(db, query, {"organization_id": organization_id}) is not None


async def match_by_version_1(
    db: Connection, organization_id: UUID, file_number: int, found: Sequence[tuple[int, str, str | None]]
) -> None:
    """Lines known by a fingerprint of version 1, by their number, its content and its provider's; each once."""
    await db.execute(
        """
        with former as (
            select * from unnest(%(lines)s::integer[], %(contents)s::bytea[], %(providers)s::bytea[])
                as former (line_number, content, provider)
        ),
        found as (
            select distinct on (known.transaction_id) former.line_number, known.transaction_id
            from former
            inner join pg_temp.staged on staged.line_number = former.line_number and staged.is_new
            inner join ingest.fingerprints as known
                on known.organization_id = %(organization_id)s
                and known.fingerprint in (former.provider, former.content)
            where not exists (
                select from pg_temp.staged as taken
                where taken.file_number = %(file_number)s and taken.duplicate_of = known.transaction_id
            )
            order by known.transaction_id, known.kind desc, former.line_number
        )
        update pg_temp.staged set duplicate_of = found.transaction_id, is_new = false, is_learnt = true
        from found where staged.line_number = found.line_number
        """,
        {
            "organization_id": organization_id,
            "file_number": file_number,
            "lines": [line for line, _, _ in found],
            "contents": [content for _, content, _ in found],
            "providers": [provider for _, _, provider in found],
        },
    )


async def has_other_sources(db: Connection, organization_id: UUID, account_id: UUID, format_name: str) -> bool:
    """Whether the account has rows that came in another format, or were written by hand."""
    row = await one(
        db,
        """
        select
            exists (
                select from ingest.batches
                where organization_id = %(organization_id)s and account_id = %(account_id)s and status = 'loaded'
                    and rows_loaded > 0 and not %(format)s = any(string_to_array(format, '+'))
            )
            or exists (
                select from books.transactions
                where organization_id = %(organization_id)s and batch_id is null and account_id = %(account_id)s
                    and deleted_at is null
            ) as has_others
        """,
        {"organization_id": organization_id, "account_id": account_id, "format": format_name},
    )
    return bool(row and row["has_others"])


async def match_other_sources(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    batch_id: UUID,
    file_number: int,
    *,
    format_name: str,
    days: tuple[date, date],
    lines: int,
) -> None:
    """Pair lines with transactions of the same day, amount and merchant that came in another format, or by hand.

    Two sources word one payment differently. Equal ones are paired one with one, and what a source has said once it
    does not say again, so that the more that one source has are new.
    """
    async with planned_for(db, lines):
        await db.execute(
            """
            with wanted as (
                select
                    line_number, booked_on, amount, merchant_key,
                    row_number() over (partition by booked_on, amount, merchant_key order by line_number) as place
                from pg_temp.staged
                where file_number = %(file_number)s and is_new and status = 'posted' and merchant_key <> ''
            ),
            free as (
                select
                    transaction.transaction_id, transaction.booked_on, transaction.amount, source.merchant_key,
                    row_number() over (
                        partition by transaction.booked_on, transaction.amount, source.merchant_key
                        order by transaction.transaction_id
                    ) as place
                from books.transactions as transaction
                cross join lateral (
                    select coalesce(transaction.source_key, transaction.merchant_key) as merchant_key
                ) as source
                left join ingest.batches as batch
                    on batch.organization_id = transaction.organization_id and batch.batch_id = transaction.batch_id
                where transaction.organization_id = %(organization_id)s and transaction.account_id = %(account_id)s
                    and transaction.booked_on between %(first)s and %(last)s and transaction.status = 'posted'
                    and case
                        when batch.batch_id is null then transaction.deleted_at is null
                        else batch.status = 'loaded' and not %(format)s = any(string_to_array(batch.format, '+'))
                    end
                    and not exists (
                        select from pg_temp.staged as taken where taken.duplicate_of = transaction.transaction_id
                    )
                    and not exists (
                        select from ingest.identities as known
                        inner join ingest.batches as other
                            on other.organization_id = known.organization_id
                            and other.batch_id in (known.batch_id, known.claimed_by)
                        where known.organization_id = %(organization_id)s and known.has_id
                            and known.transaction_id = transaction.transaction_id
                            and (
                                other.batch_id = %(batch_id)s
                                or %(format)s = any(string_to_array(other.format, '+'))
                            )
                            -- what this source only announced it has not said yet
                            and not exists (
                                select from ingest.pending_lines as line
                                where line.organization_id = %(organization_id)s
                                    and line.transaction_id = transaction.transaction_id
                                    and known.batch_id < line.completed_by
                            )
                    )
            )
            update pg_temp.staged set duplicate_of = free.transaction_id, is_new = false, is_learnt = true
            from wanted
            inner join free using (booked_on, amount, merchant_key, place)
            where staged.line_number = wanted.line_number
            """,
            {
                "organization_id": organization_id,
                "account_id": account_id,
                "batch_id": batch_id,
                "file_number": file_number,
                "format": format_name,
                "first": days[0],
                "last": days[1],
            },
        )


async def set_aside(db: Connection, organization_id: UUID, file_number: int, closed_through: date) -> list[DictRow]:
    """Take out of `staged` a file's booked lines of closed days that the books do not have yet, and give them back.

    A line that would book what is pending is one of them; a line that is in the books stays a duplicate.
    """
    return await rows(
        db,
        """
        delete from pg_temp.staged
        where file_number = %(file_number)s and status = 'posted' and booked_on <= %(closed_through)s
            and (
                is_new or exists (
                    select from ingest.pending_lines as line
                    where line.organization_id = %(organization_id)s and line.completed_by is null
                        and line.transaction_id = staged.duplicate_of
                )
            )
        returning line_number, booked_on, amount, description
        """,
        {"organization_id": organization_id, "file_number": file_number, "closed_through": closed_through},
    )


async def keep_identities(
    db: Connection, organization_id: UUID, batch_id: UUID, file_number: int, *, version: int, is_first: bool
) -> None:
    """Know from now on what of a file is new, completes a pending transaction, or was known otherwise.

    `is_first` says that no line's content was known before. Ordered, because inserting in the index's order takes two
    thirds of the time.
    """
    await db.execute(
        """
        insert into ingest.identities (
            organization_id, content, occurrence, version, provider, has_id, transaction_id, batch_id
        )
        select
            %(organization_id)s, staged.content,
            coalesce(last.occurrence, 0)
            + row_number() over (partition by staged.content order by staged.line_number),
            %(version)s,
            case
                when staged.is_new or not exists (
                    select from ingest.identities as known
                    where known.organization_id = %(organization_id)s and known.provider = staged.provider
                ) then staged.provider
            end,
            staged.provider is not null or staged.is_learnt,
            coalesce(staged.completes, staged.duplicate_of, staged.transaction_id), %(batch_id)s
        from pg_temp.staged
        left join (
            select content, max(occurrence) as occurrence from ingest.identities
            where not %(is_first)s and organization_id = %(organization_id)s
                and content in (select content from pg_temp.staged where file_number = %(file_number)s)
            group by content
        ) as last using (content)
        where staged.file_number = %(file_number)s
            and (staged.is_new or staged.completes is not null or staged.is_learnt)
        order by staged.content, staged.line_number
        """,
        {
            "organization_id": organization_id,
            "batch_id": batch_id,
            "file_number": file_number,
            "version": version,
            "is_first": is_first,
        },
    )


async def count_new(db: Connection) -> int:
    return await number(db, "select count(*) as new from pg_temp.staged where is_new or completes is not null")


async def stated_categories(db: Connection, most: int, *, only_new: bool) -> list[str]:
    """What a file says that its lines are, or the new ones: so many of its words, those of most lines first."""
    query = """
        select attributes ->> %(name)s as said from pg_temp.staged
        where (is_new or completes is not null or not %(only_new)s) and attributes ? %(name)s
            and not attributes ? %(splits)s
        group by said order by count(*) desc, said limit %(most)s
    """
    known = {"name": ATTRIBUTE, "splits": SPLITS, "most": most, "only_new": only_new}
    return [row["said"] for row in await rows(db, query, known)]


async def insert_duplicates(
    db: Connection, organization_id: UUID, batch_id: UUID, told: Mapping[str, str] | None = None
) -> None:
    """Write the lines that are no new transactions; `told` has the words for what they do to those that they are."""
    await db.execute(
        """
        insert into ingest.unloaded_lines
            (organization_id, batch_id, line_number, state, transaction_id, reason_code, reason)
        select
            %(organization_id)s, %(batch_id)s, line_number, 'duplicate', duplicate_of, told,
            %(told)s::jsonb ->> told
        from pg_temp.staged where not is_new and completes is null
        order by line_number
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "told": Jsonb(dict(told or {}))},
    )
