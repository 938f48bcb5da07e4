"""Every query that finds which transactions may be two sides of one transfer."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.transfers.sides import Side
from ai2.books.transfers.verdicts import EARLIEST, LATEST, Verdict
from ai2.books.transfers.words import EITHER_SQL
from ai2.kit.database import Connection, Query, number, one, rows

# A bucket of days is wider than the window, so that partners lie in the same one or the next.
BUCKET_DAYS = 8

# What is split is no transfer as a whole.
STANDS = """
    {0}.deleted_at is null and {0}.status in ('posted', 'pending') and {0}.amount <> 0 and {0}.splits is null
"""
# A rule said of it that it is a transfer.
RULED = """
    {0}.decided_by = 'rule' and rule.transfer_account_id is not null
    and rule.rule_id::text = split_part({0}.decided_version, '/', 1)
"""
IN_TIME = f"""
    case when fresh.amount < 0
        then other.booked_on between fresh.booked_on + ({EARLIEST}) and fresh.booked_on + {LATEST}
        else other.booked_on between fresh.booked_on - {LATEST} and fresh.booked_on - ({EARLIEST})
    end
"""
# Under row-level security an index finds an amount by its rank alone.
SAME_AMOUNT = """
    other.amount_rank = books.amount_rank(-fresh.amount) and other.amount = -fresh.amount
    and other.currency = fresh.currency
"""
# Kept back on the way, or of another currency.
OTHER_AMOUNT = """
    fresh.amount * other.amount < 0
    and (
        other.currency <> fresh.currency
        or (fresh.amount + other.amount < 0 and abs(fresh.amount + other.amount) <= 0.25 * abs(fresh.amount))
    )
"""
# Of another amount, and its text speaks of a transfer. Words come last: the planner takes them for cheap.
NEAR = f"""
    other.booked_on between fresh.booked_on - {LATEST} and fresh.booked_on + {LATEST}
    and case when {OTHER_AMOUNT} then other.counterparty is not null or other.description ~* %(words)s end
"""
PARTNER = f"""
    exists (
        select from books.transactions as other
        where other.organization_id = %(organization_id)s and {{}} and {STANDS.format("other")}
            and other.account_id <> fresh.account_id and {IN_TIME}
            and not exists (
                select from books.transfers as pair
                where pair.organization_id = %(organization_id)s and pair.state = 'paired'
                    and pair.out_transaction_id = other.transaction_id
            )
            and not exists (
                select from books.transfers as pair
                where pair.organization_id = %(organization_id)s and pair.state = 'paired'
                    and pair.in_transaction_id = other.transaction_id
            )
    )
"""


async def has_others(db: Connection, organization_id: UUID) -> bool:
    """Whether there are two accounts at all."""
    found = await one(
        db,
        "select count(*) > 1 as several from books.accounts where organization_id = %(organization_id)s",
        {"organization_id": organization_id},
    )
    return bool(found and found["several"])


async def batch_extent(db: Connection, organization_id: UUID, batch_id: UUID) -> DictRow | None:
    """How many transactions a batch has, of which account and days, and whether other accounts have any then."""
    return await one(
        db,
        """
        with extent as (
            select
                batch_id, account_id, currency, count(*) as transactions, min(booked_on) as first,
                max(booked_on) as last
            from books.transactions
            where organization_id = %(organization_id)s and batch_id = %(batch_id)s
            group by batch_id, account_id, currency
        )
        select
            extent.*,
            exists (
                select from books.monthly_totals as total
                where total.organization_id = %(organization_id)s and total.account_id <> extent.account_id
                    and total.transactions > 0
                    and total.month between date_trunc('month', extent.first - 7)::date and extent.last + 7
            ) or exists (
                select from published.pending_lines as line
                where line.organization_id = %(organization_id)s and line.account_id <> extent.account_id
                    and line.completed_by is null
            ) as has_others
        from extent order by transactions desc limit 1
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )


def partner_query(organization_id: UUID, side: Side, *, closely: bool) -> Query:
    """What asks whether another account has what may be the other side, and is no side of a pair: `is_there`.

    Of the same amount, or `closely` of another near it whose text speaks of a transfer. Null where none can come:
    without another account, and of nothing.
    """
    partners = " or ".join(PARTNER.format(where) for where in _amounts(closely=closely))
    query = f"""
        select case when amount <> 0 and exists (
            select from books.accounts
            where organization_id = %(organization_id)s and account_id <> %(account_id)s
        ) then {partners} end as is_there
        from (
            select
                %(account_id)s::uuid as account_id, %(booked_on)s::date as booked_on,
                %(amount)s::numeric as amount, %(currency)s::text as currency
        ) as fresh
    """
    known = {name: getattr(side, name) for name in ("account_id", "booked_on", "amount", "currency")}
    return query, {**known, "organization_id": organization_id, "words": EITHER_SQL}


async def prepare(db: Connection) -> None:
    """The temporary table `pairs`: who may be whose partner."""
    await db.execute("drop table if exists pg_temp.pairs, pg_temp.others")
    await db.execute("create temporary table pairs (out_id uuid, in_id uuid) on commit drop")


async def find_for(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], *, closely: bool) -> None:
    """The partners of these: of the same amount, or `closely` of another near it whose text speaks of a transfer."""
    known = {"organization_id": organization_id, "ids": list(transaction_ids), "words": EITHER_SQL}
    fresh = f"""
        from books.transactions as fresh
        cross join lateral (
            select other.transaction_id from books.transactions as other
            where other.organization_id = %(organization_id)s and {{where}} and {STANDS.format("other")}
                and other.account_id <> fresh.account_id and {IN_TIME}
            offset 0
        ) as other
        where fresh.organization_id = %(organization_id)s and fresh.transaction_id = any(%(ids)s)
            and {STANDS.format("fresh")}
    """
    for where in _amounts(closely=closely):
        await db.execute(f"insert into pg_temp.pairs select {SIDES} {fresh.format(where=where)}", known)


def _amounts(*, closely: bool) -> tuple[str, ...]:
    return (SAME_AMOUNT, NEAR) if closely else (SAME_AMOUNT,)


SIDES = """
    case when fresh.amount < 0 then fresh.transaction_id else other.transaction_id end,
    case when fresh.amount < 0 then other.transaction_id else fresh.transaction_id end
"""


async def stage_others(
    db: Connection, organization_id: UUID, *, account_id: UUID, currency: str, first: date, last: date, closely: bool
) -> None:
    """The temporary table `others`: what other accounts have around those days, for each bucket that it is near.

    Whether a text speaks of a transfer is asked of other currencies, and `closely` of all: it takes time.
    """
    await db.execute(
        f"""
        create temporary table others on commit drop as
        select
            transaction_id, booked_on, amount, currency,
            (booked_on - date '1970-01-01') / {BUCKET_DAYS} + step as near,
            case
                when step <> 0 or not (%(closely)s or currency <> %(currency)s) then false
                else counterparty is not null or description ~* %(words)s
            end as speaks
        from books.transactions as other
        cross join (values (-1), (0), (1)) as by (step)
        where organization_id = %(organization_id)s and account_id <> %(account_id)s
            and {STANDS.format("other")} and booked_on between %(first)s and %(last)s
        """,
        {
            "organization_id": organization_id,
            "account_id": account_id,
            "currency": currency,
            "first": first - timedelta(days=LATEST),
            "last": last + timedelta(days=LATEST),
            "closely": closely,
            "words": EITHER_SQL,
        },
    )
    await db.execute("analyze pg_temp.others")


async def find_same_amounts(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Partners of a batch's transactions of the same amount, in one pass over both.

    Nested loops are forbidden: the planner knows nothing yet of what was just written.
    """
    await db.execute("set local enable_nestloop = off")
    await db.execute(
        f"""
        insert into pg_temp.pairs
        select {SIDES}
        from books.transactions as fresh
        inner join pg_temp.others as other
            on other.amount = -fresh.amount and other.currency = fresh.currency
                and other.near = (fresh.booked_on - date '1970-01-01') / {BUCKET_DAYS}
        where fresh.organization_id = %(organization_id)s and fresh.batch_id = %(batch_id)s
            and {STANDS.format("fresh")} and {IN_TIME}
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    await db.execute("set local enable_nestloop = on")


async def keep_speaking(db: Connection) -> int:
    """Leave in `others` what speaks of a transfer, for each bucket; says how many there are."""
    await db.execute(
        """
        delete from pg_temp.others
        where transaction_id not in (select transaction_id from pg_temp.others where speaks)
        """
    )
    await db.execute("analyze pg_temp.others")
    return await number(db, "select count(*) as speaking from pg_temp.others where speaks")


async def find_other_amounts(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Partners whose amounts differ by a fee or are of another currency, among those that speak of a transfer."""
    await db.execute("set local enable_nestloop = off")
    await db.execute(
        f"""
        insert into pg_temp.pairs
        select {SIDES}
        from books.transactions as fresh
        inner join pg_temp.others as other on other.near = (fresh.booked_on - date '1970-01-01') / {BUCKET_DAYS}
        where fresh.organization_id = %(organization_id)s and fresh.batch_id = %(batch_id)s
            and {STANDS.format("fresh")} and {OTHER_AMOUNT} and {IN_TIME}
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    await db.execute("set local enable_nestloop = on")


async def find_moved(db: Connection, organization_id: UUID) -> None:
    """Partners of the same amount for the temporary table `moved`, in the accounts that their rules name."""
    await db.execute(
        f"""
        insert into pg_temp.pairs
        select {SIDES}
        from pg_temp.moved
        inner join books.transactions as fresh
            on fresh.organization_id = %(organization_id)s and fresh.transaction_id = moved.transaction_id
        inner join books.rules as rule
            on rule.organization_id = %(organization_id)s and {RULED.format("fresh")}
        cross join (values (-1), (0), (1)) as by (step)
        inner join books.transactions as other
            on other.organization_id = %(organization_id)s and other.account_id = rule.transfer_account_id
                and other.amount = -fresh.amount and other.currency = fresh.currency
                and (other.booked_on - date '1970-01-01') / {BUCKET_DAYS}
                = (fresh.booked_on - date '1970-01-01') / {BUCKET_DAYS} + by.step
        where {STANDS.format("fresh")} and {STANDS.format("other")} and {IN_TIME}
        """,
        {"organization_id": organization_id},
    )


async def add_suggested(
    db: Connection, organization_id: UUID, *, batch_id: UUID | None, transaction_ids: Sequence[UUID]
) -> None:
    """What was suggested for these, and for the partners found, is looked at again: a rival may have come or gone."""
    await db.execute(
        """
        with suggested as materialized (
            select out_transaction_id as out_id, in_transaction_id as in_id from books.transfers
            where organization_id = %(organization_id)s and state = 'suggested'
        ),
        of_batch as materialized (
            select transaction_id from books.transactions
            where organization_id = %(organization_id)s and batch_id = %(batch_id)s and exists (select from suggested)
        )
        insert into pg_temp.pairs
        select out_id, in_id from suggested
        where out_id in (select out_id from pg_temp.pairs) or in_id in (select in_id from pg_temp.pairs)
            or out_id = any(%(ids)s) or in_id = any(%(ids)s)
            or out_id in (select transaction_id from of_batch) or in_id in (select transaction_id from of_batch)
        """,
        {"organization_id": organization_id, "batch_id": batch_id, "ids": list(transaction_ids)},
    )


async def forget_unlikely(db: Connection, organization_id: UUID, verdicts: Sequence[Verdict]) -> None:
    """Drop what was suggested among `pairs` and is suggested no more."""
    await db.execute(
        """
        with unlikely as materialized (
            select out_id, in_id from pg_temp.pairs
            except
            select * from unnest(%(outs)s::uuid[], %(ins)s::uuid[])
        )
        delete from books.transfers as transfer using unlikely
        where transfer.organization_id = %(organization_id)s and transfer.state = 'suggested'
            and transfer.out_transaction_id = unlikely.out_id and transfer.in_transaction_id = unlikely.in_id
        """,
        {
            "organization_id": organization_id,
            "outs": [verdict.out.transaction_id for verdict in verdicts],
            "ins": [verdict.into.transaction_id for verdict in verdicts],
        },
    )


async def found(db: Connection, organization_id: UUID, limit: int) -> list[DictRow]:
    """The pairs, each once, without those that a person rejected."""
    return await rows(
        db,
        """
        with rejected as materialized (
            select out_transaction_id as out_id, in_transaction_id as in_id from books.transfers
            where organization_id = %(organization_id)s and state = 'rejected'
        )
        select out_id, in_id from pg_temp.pairs
        except
        select out_id, in_id from rejected
        order by out_id, in_id
        limit %(limit)s
        """,
        {"organization_id": organization_id, "limit": limit},
    )


async def sides(db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID]) -> list[DictRow]:
    """What the rules look at, of those that stand and are not paired."""
    return await rows(
        db,
        f"""
        with paired as materialized (
            select out_transaction_id as transaction_id from books.transfers
            where organization_id = %(organization_id)s and state = 'paired' and out_transaction_id = any(%(ids)s)
            union all
            select in_transaction_id from books.transfers
            where organization_id = %(organization_id)s and state = 'paired' and in_transaction_id = any(%(ids)s)
        ),
        transfer_category as materialized (
            select category_id from books.categories
            where organization_id = %(organization_id)s and kind = 'transfer'
        )
        select
            transaction_id, account_id, booked_on, amount, currency::text as currency, description, merchant,
            reference, counterparty, mcc::text as mcc, status = 'posted' as is_posted,
            decided_by is not distinct from 'user'
            and category_id not in (select category_id from transfer_category) as put_elsewhere,
            (
                select rule.transfer_account_id from books.rules as rule
                where rule.organization_id = %(organization_id)s and {RULED.format("transaction")}
            ) as ruled_account_id
        from books.transactions as transaction
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s)
            and {STANDS.format("transaction")}
            and transaction_id not in (select transaction_id from paired)
        """,
        {"organization_id": organization_id, "ids": list(transaction_ids)},
    )


async def rates(db: Connection, days: Sequence[date], currencies: Sequence[str]) -> list[DictRow]:
    """What a euro was worth on each of these days, or on the nearest day of the week before it."""
    return await rows(
        db,
        """
        select wanted.day, wanted.currency, quote.per_euro
        from unnest(%(days)s::date[], %(currencies)s::text[]) as wanted (day, currency)
        cross join lateral (
            select per_euro from books.exchange_rates
            where currency = wanted.currency and quoted_on between wanted.day - 7 and wanted.day
            order by quoted_on desc limit 1
        ) as quote
        """,
        {"days": list(days), "currencies": list(currencies)},
    )
