"""Every query on the state of the books behind a report. All of them are asked in one round trip."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one
from ai2.kit.periods import Period

# So far back days are looked at one by one: what a report costs does not grow with its length.
LOOK_BACK = timedelta(days=400)
# A rhythm is known from so many pauses; a pause is odd where it is twice the usual one, and longer than a holiday.
PAUSES, TIMES, LONGEST_USUAL_DAYS = 8, 2, 10


@dataclass(frozen=True)
class Span:
    """Whose books, of which accounts (none: all), from which day to which."""

    organization_id: UUID
    account_ids: Sequence[UUID]
    period: Period

    def parameters(self) -> dict[str, Any]:
        (whole_from, whole_to), edges = self.period.in_months()
        starts, ends, signs = zip(*edges, strict=True) if edges else ((), (), ())
        return {
            "organization_id": self.organization_id,
            "accounts": list(self.account_ids) or None,
            "start": self.period.start,
            "end": self.period.end,
            "since": self.period.end - LOOK_BACK,
            "whole_from": whole_from,
            "whole_to": whole_to,
            "edges_from": list(starts),
            "edges_to": list(ends),
            "signs": list(signs),
            "pauses": PAUSES,
            "times": TIMES,
            "longest_usual": LONGEST_USUAL_DAYS,
        }


ACCOUNTS = """
    select
        account.account_id, account.name, account.currency::text as currency,
        account.archived_at is not null as is_archived,
        case
            when account.opening_on is not null or account.opening_balance <> 0 then 'given'
            when account.anchored_on is null then 'unknown'
            else 'stated'
        end as opening_is,
        first.booked_on as first_row, last.booked_on as last_row, stated.balance_on as last_stated,
        file.last_date as last_file
    from books.accounts as account
    left join lateral (
        select booked_on from books.transactions as transaction
        where transaction.organization_id = account.organization_id and transaction.account_id = account.account_id
            and transaction.deleted_at is null
        order by booked_on limit 1
    ) as first on true
    left join lateral (
        select booked_on from books.transactions as transaction
        where transaction.organization_id = account.organization_id and transaction.account_id = account.account_id
            and transaction.deleted_at is null and transaction.booked_on <= %(end)s
        order by booked_on desc limit 1
    ) as last on true
    left join lateral (
        select balance_on from ingest.stated_balances as balance
        where balance.organization_id = account.organization_id and balance.account_id = account.account_id
            and balance.kind <> 'implied' and balance.balance_on <= %(end)s
        order by balance_on desc limit 1
    ) as stated on true
    left join lateral (
        select max(batch.last_date) as last_date from ingest.batches as batch
        where batch.organization_id = account.organization_id and batch.account_id = account.account_id
            and batch.status = 'loaded'
    ) as file on true
    where account.organization_id = %(organization_id)s
        and (%(accounts)s::uuid[] is null or account.account_id = any(%(accounts)s))
    order by lower(account.name)
"""
DAYS = """
    select total.account_id, total.booked_on, sum(total.money_in - total.money_out) as net
    from books.daily_totals as total
    where total.organization_id = %(organization_id)s and total.booked_on between %(since)s and %(end)s
        and total.transactions > 0 and (%(accounts)s::uuid[] is null or total.account_id = any(%(accounts)s))
    group by total.account_id, total.booked_on
"""
# What moved an account before a day: its whole months, and the days of that day's month.
MOVED_BEFORE = """
    select coalesce(sum(money_in - money_out), 0) as moved
    from (
        select money_in, money_out from books.account_months as month
        where month.organization_id = %(organization_id)s and month.account_id = account.account_id
            and month.month < date_trunc('month', {day}::timestamp)::date
        union all
        select money_in, money_out from books.daily_totals as total
        where total.organization_id = %(organization_id)s and total.account_id = account.account_id
            and total.booked_on >= date_trunc('month', {day}::timestamp)::date and total.booked_on < {day}
    ) as moved
"""
# Two questions to the same days, which are read once.
# `agrees`: one row an account of whose balance its bank states anything in these days; `number` is on how many of them
# the books say otherwise, and `last_day` the last one that proves anything: what the opening follows from does not.
# A day may be doubtful for good reasons; the proof itself decides.
# `paused`: days without rows, more of them than the account's rhythm has (`number`), that no file covers.
RHYTHM = f"""
    with day as materialized ({DAYS}),

    said as (
        select distinct on (stated.account_id, stated.balance_on)
            stated.account_id, stated.balance_on as booked_on, stated.amount as stated
        from ingest.stated_balances as stated
        where stated.organization_id = %(organization_id)s and stated.balance_on between %(since)s and %(end)s
            and stated.kind <> 'implied' and (%(accounts)s::uuid[] is null or stated.account_id = any(%(accounts)s))
        order by
            stated.account_id, stated.balance_on, stated.batch_id desc,
            array_position(array['closing', 'running', 'opening'], stated.kind)
    ),

    base as (
        select
            account.account_id,
            case when account.opening_on is null and account.opening_balance = 0 then account.anchored_on end
                as anchored_on,
            before.moved + case
                when account.opening_on is null and account.opening_balance = 0 and account.anchored_on is not null
                    then account.anchored_balance - anchored.moved
                else account.opening_balance
            end as held
        from books.accounts as account
        cross join lateral ({MOVED_BEFORE.format(day="%(since)s::date")}) as before
        left join lateral ({MOVED_BEFORE.format(day="(account.anchored_on + 1)")}) as anchored on true
        where account.organization_id = %(organization_id)s and account.account_id in (select account_id from said)
    ),

    held as (
        select
            account_id, booked_on, said.stated, booked_on is distinct from base.anchored_on as proves,
            base.held + sum(coalesce(day.net, 0)) over (partition by account_id order by booked_on) as held
        from (select * from day where account_id in (select account_id from said)) as day
        full join said using (account_id, booked_on)
        inner join base using (account_id)
    ),

    pause as (
        select account_id, booked_on as last_day, lead(booked_on) over by_day as next_day
        from day window by_day as (partition by account_id order by booked_on)
    ),

    rhythm as (
        select account_id, percentile_disc(0.9) within group (order by next_day - last_day) as usual_days
        from pause where next_day is not null
        group by account_id having count(*) >= %(pauses)s
    )

    select
        'agrees' as of, account_id, min(booked_on) as first_day,
        max(booked_on) filter (where proves) as last_day,
        count(*) filter (where stated <> held)::integer as number
    from held where stated is not null
    group by account_id
    union all
    select 'paused', pause.account_id, pause.last_day + 1, pause.next_day - 1, rhythm.usual_days
    from pause
    inner join rhythm using (account_id)
    where pause.next_day - pause.last_day > greatest(rhythm.usual_days * %(times)s, %(longest_usual)s)
        and pause.next_day > %(start)s and not exists (
            select from ingest.batches as batch
            where batch.organization_id = %(organization_id)s and batch.account_id = pause.account_id
                and batch.status = 'loaded' and batch.first_date <= pause.last_day + 1
                and batch.last_date >= pause.next_day - 1
        )
    order by 1, 2, 3
"""
# Files that wait for somebody, and what was left out of those that did load. A file that was sent again and loaded
# waits no longer.
FILES = """
    select
        batch.account_id, batch.status, count(*)::integer as files,
        coalesce(sum(batch.rows_quarantined), 0)::integer as quarantined
    from ingest.batches as batch
    where batch.organization_id = %(organization_id)s
        and (%(accounts)s::uuid[] is null or batch.account_id = any(%(accounts)s))
        and coalesce(batch.first_date, %(start)s) <= %(end)s and coalesce(batch.last_date, %(end)s) >= %(start)s
        and (
            (batch.status = 'loaded' and batch.rows_quarantined > 0)
            or (
                batch.status in ('queued', 'running', 'held', 'failed', 'needs_answer') and not exists (
                    select from ingest.batches as later
                    where later.organization_id = batch.organization_id and later.account_id = batch.account_id
                        and later.digest = batch.digest and later.status = 'loaded'
                )
            )
        )
    group by batch.account_id, batch.status
"""
# One part of a split transaction is a row of its own here, as it is in a report.
UNCATEGORISED = """
    select
        currency::text as currency, sum(transactions)::integer as rows, sum(money_in) as money_in,
        sum(money_out) as money_out
    from (
        select currency, account_id, transactions, money_in, money_out
        from books.monthly_totals
        where organization_id = %(organization_id)s and category_id is null
            and month between %(whole_from)s and %(whole_to)s
        union all
        select currency, account_id, sign * transactions, sign * money_in, sign * money_out
        from unnest(%(edges_from)s::date[], %(edges_to)s::date[], %(signs)s::integer[]) as edge (first, last, sign)
        inner join books.daily_totals as total
            on total.organization_id = %(organization_id)s and total.booked_on between edge.first and edge.last
        where total.category_id is null
    ) as told
    where %(accounts)s::uuid[] is null or account_id = any(%(accounts)s)
    group by currency having sum(transactions) > 0
    order by currency
"""
PENDING = """
    select currency::text as currency, count(*)::integer as rows, sum(amount) as amount
    from books.transactions
    where organization_id = %(organization_id)s and deleted_at is null
        -- the first names the index of the few that are not posted
        and status <> 'posted' and status = 'pending' and booked_on between %(start)s and %(end)s
        and (%(accounts)s::uuid[] is null or account_id = any(%(accounts)s))
    group by currency order by currency
"""
ANOMALIES = """
    select anomaly.kind, count(*)::integer as found
    from ml.anomalies as anomaly
    inner join books.transactions as transaction
        on transaction.organization_id = anomaly.organization_id
            and transaction.transaction_id = anomaly.transaction_id
    where anomaly.organization_id = %(organization_id)s and anomaly.state = 'open'
        and anomaly.booked_on between %(start)s and %(end)s
        and transaction.deleted_at is null and transaction.status = 'posted'
        -- what was edited since it was found is judged anew
        and (transaction.amount, transaction.booked_on) = (anomaly.amount, anomaly.booked_on)
        and (%(accounts)s::uuid[] is null or transaction.account_id = any(%(accounts)s))
    group by anomaly.kind order by anomaly.kind
"""
ONE_SIDED = """
    select transaction.currency::text as currency, count(*)::integer as rows, sum(transaction.amount) as amount
    from books.transactions as transaction
    where transaction.organization_id = %(organization_id)s and transaction.deleted_at is null
        and transaction.status = 'posted' and transaction.booked_on between %(start)s and %(end)s
        and transaction.category_id = any(array(
            select category_id from books.categories
            where organization_id = %(organization_id)s and kind = 'transfer'
        ))
        and (%(accounts)s::uuid[] is null or transaction.account_id = any(%(accounts)s))
        and not exists (
            select from books.transfers as paired
            where paired.organization_id = %(organization_id)s and paired.state = 'paired'
                and paired.out_transaction_id = transaction.transaction_id
        )
        and not exists (
            select from books.transfers as paired
            where paired.organization_id = %(organization_id)s and paired.state = 'paired'
                and paired.in_transaction_id = transaction.transaction_id
        )
    group by transaction.currency order by transaction.currency
"""
CLOSED = """
    select max(closed_through) as closed_through from books.closed_periods
    where organization_id = %(organization_id)s
"""


@dataclass(frozen=True)
class State:
    """What the books say of themselves, as rows."""

    accounts: list[DictRow]
    rhythm: list[DictRow]
    files: list[DictRow]
    uncategorised: list[DictRow]
    pending: list[DictRow]
    anomalies: list[DictRow]
    one_sided: list[DictRow]
    _: KW_ONLY
    closed_through: date | None


async def today(db: Connection) -> date:
    found = await one(db, "select current_date as today")
    return found["today"] if found else date.max


async def state(db: Connection, span: Span) -> State:
    """All of it. Each query is planned for its days: a plan for any would read everything.

    None is worth the workers that the planner would start for some: they take longer than the question.
    """
    known = span.parameters()
    asked = (ACCOUNTS, RHYTHM, FILES, UNCATEGORISED, PENDING, ANOMALIES, ONE_SIDED, CLOSED)
    async with db.pipeline():
        await db.execute("set local max_parallel_workers_per_gather = 0")
        cursors = [await db.execute(query, known, prepare=False) for query in asked]
        await db.execute("reset max_parallel_workers_per_gather")
        found = [await cursor.fetchall() for cursor in cursors]
    return State(*found[:-1], closed_through=found[-1][0]["closed_through"])
