"""Every query of insights and recommendations: sums from totals, and few rows by index."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows
from ai2.kit.periods import Period

# Predicted transfers whose other side is cash or a lender.
ONE_SIDED = ("TRANSFER_OUT_WITHDRAWAL", "TRANSFER_IN_DEPOSIT", "TRANSFER_IN_CASH_ADVANCES_AND_LOANS")
NO_TRANSFER = """
    (category_id is null or category_id <> all(array(
        select category_id from books.categories where organization_id = %(organization_id)s and kind = 'transfer'
    )))
"""


async def span(db: Connection, organization_id: UUID) -> DictRow | None:
    """The first and the last month of the books, and the last day that has anything."""
    return await one(
        db,
        """
        select
            min(month) filter (where transactions > 0) as first_month,
            (
                select booked_on from books.transactions
                where organization_id = %(organization_id)s and deleted_at is null and status = 'posted'
                order by booked_on desc limit 1
            ) as last_on
        from books.account_months where organization_id = %(organization_id)s
        """,
        {"organization_id": organization_id},
    )


async def by_category(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """What came in and went out of each category, currency and month of a period, transfers aside."""
    query = """
        select
            total.month, total.category_id, category.name as category, category.kind,
            total.currency::text as currency, sum(total.money_in) as money_in, sum(total.money_out) as money_out
        from books.monthly_totals as total
        left join books.categories as category using (organization_id, category_id)
        where total.organization_id = %(organization_id)s and total.month between %(start)s and %(end)s
            and total.transactions > 0 and (%(currency)s::text is null or total.currency = %(currency)s)
            and category.kind is distinct from 'transfer'
        group by total.month, total.category_id, category.name, category.kind, total.currency
    """
    return await rows(db, query, _of(organization_id, period, currency))


async def net_by_month(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """What came in less what went out in each month and currency, transfers between own accounts aside."""
    query = """
        select month, currency::text as currency, sum(flow_in - flow_out) as net
        from books.account_months
        where organization_id = %(organization_id)s and month between %(start)s and %(end)s
            and (%(currency)s::text is null or currency = %(currency)s)
        group by month, currency
    """
    return await rows(db, query, _of(organization_id, period, currency))


async def fees(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """What was paid for fees and interest, by category and currency: those that stand for such a predicted one."""
    query = """
        select
            category.category_id, category.name as category, total.currency::text as currency,
            sum(total.money_out - total.money_in) as amount, sum(total.transactions)::integer as transactions
        from books.categories as category
        inner join books.monthly_totals as total
            on total.organization_id = category.organization_id and total.category_id = category.category_id
        where category.organization_id = %(organization_id)s and total.month between %(start)s and %(end)s
            and (%(currency)s::text is null or total.currency = %(currency)s)
            and exists (
                select from books.category_codes as code
                where code.organization_id = category.organization_id and code.category_id = category.category_id
                    and (code.code = 'BANK_FEES' or code.code like 'BANK\\_FEES\\_%%')
            )
        group by category.category_id, category.name, total.currency
        having sum(total.money_out - total.money_in) > 0
    """
    return await rows(db, query, _of(organization_id, period, currency))


async def uncategorized(db: Connection, organization_id: UUID, period: Period, currency: str | None) -> list[DictRow]:
    """What has no category, by currency: how much money moved in how many transactions, and the merchants with most."""
    query = """
        with undecided as (
            select
                currency::text as currency, merchant_key, sum(money_in + money_out) as amount,
                sum(transactions)::integer as transactions
            from books.merchant_totals
            where organization_id = %(organization_id)s and month between %(start)s and %(end)s
                and category_id is null and transactions > 0
                and (%(currency)s::text is null or currency = %(currency)s)
            group by currency, merchant_key
        )
        select
            currency, sum(amount) as amount, sum(transactions)::integer as transactions,
            (array_agg(merchant_key order by amount desc, merchant_key) filter (where merchant_key <> ''))[:3]
                as merchants
        from undecided group by currency
    """
    return await rows(db, query, _of(organization_id, period, currency))


async def undecided_of(
    db: Connection, organization_id: UUID, merchant_keys: Sequence[str], period: Period, limit: int
) -> list[DictRow]:
    """Of these merchants' transactions that have no category the largest, at most so many of each merchant."""
    query = """
        select found.transaction_id, found.currency::text as currency
        from unnest(%(keys)s::text[]) as wanted (merchant_key)
        cross join lateral (
            select transaction_id, currency, amount from books.transactions
            where organization_id = %(organization_id)s and merchant_key = wanted.merchant_key
                and category_id is null and splits is null and deleted_at is null and status = 'posted'
                and booked_on between %(start)s and %(end)s
            order by abs(amount) desc, transaction_id limit %(limit)s
        ) as found
        order by abs(found.amount) desc, found.transaction_id
    """
    return await rows(db, query, {**_of(organization_id, period, None), "keys": list(merchant_keys), "limit": limit})


async def transfers_to_review(db: Connection, organization_id: UUID, currency: str | None, limit: int) -> list[DictRow]:
    """Pairs that wait for a person, the largest first, with what went out."""
    query = """
        select
            transfer.transfer_id, transfer.out_transaction_id, transfer.in_transaction_id, transfer.confidence,
            transaction.amount, transaction.currency::text as currency, count(*) over () as of_all
        from books.transfers as transfer
        inner join books.transactions as transaction
            on transaction.organization_id = transfer.organization_id
                and transaction.transaction_id = transfer.out_transaction_id and transaction.deleted_at is null
        inner join books.transactions as other
            on other.organization_id = transfer.organization_id
                and other.transaction_id = transfer.in_transaction_id and other.deleted_at is null
        where transfer.organization_id = %(organization_id)s and transfer.state = 'suggested'
            and (%(currency)s::text is null or transaction.currency = %(currency)s)
        order by transaction.amount, transfer.transfer_id limit %(limit)s
    """
    return await rows(db, query, {"organization_id": organization_id, "currency": currency, "limit": limit})


async def half_transfers(
    db: Connection, organization_id: UUID, period: Period, currency: str | None, limit: int
) -> list[DictRow]:
    """Transactions of a category of transfers that no other side is paired with, the largest first.

    Cash, and what a lender pays out, has no other side in any books.
    """
    query = """
        select
            transaction.transaction_id, transaction.amount, transaction.currency::text as currency,
            transaction.booked_on, transaction.merchant_key
        from books.categories as category
        inner join books.transactions as transaction
            on transaction.organization_id = category.organization_id
                and transaction.category_id = category.category_id
        where category.organization_id = %(organization_id)s and category.kind = 'transfer'
            and transaction.deleted_at is null and transaction.status = 'posted'
            and transaction.booked_on between %(start)s and %(end)s
            and (%(currency)s::text is null or transaction.currency = %(currency)s)
            and not exists (
                select from books.category_codes as code
                where code.organization_id = category.organization_id and code.category_id = category.category_id
                    and code.code = any(%(one_sided)s)
            )
            and not exists (
                select from books.transfers as pair
                where pair.organization_id = transaction.organization_id and pair.state = 'paired'
                    and transaction.transaction_id in (pair.out_transaction_id, pair.in_transaction_id)
            )
        order by abs(transaction.amount) desc, transaction.transaction_id limit %(limit)s
    """
    known = {**_of(organization_id, period, currency), "limit": limit, "one_sided": list(ONE_SIDED)}
    return await rows(db, query, known)


async def without_receipt(
    db: Connection, organization_id: UUID, period: Period, currency: str | None, least: int, limit: int
) -> list[DictRow]:
    """Expenses of at least so much that have nothing attached, the largest first."""
    query = f"""
        select transaction_id, amount, currency::text as currency, booked_on, merchant_key
        from books.transactions as transaction
        where organization_id = %(organization_id)s and deleted_at is null and status = 'posted'
            and amount <= -%(least)s::numeric and booked_on between %(start)s and %(end)s and {NO_TRANSFER}
            and (%(currency)s::text is null or currency = %(currency)s)
            and not exists (
                select from books.attachments as attached
                where attached.organization_id = transaction.organization_id
                    and attached.transaction_id = transaction.transaction_id
            )
        order by amount, transaction_id limit %(limit)s
    """
    return await rows(db, query, {**_of(organization_id, period, currency), "least": least, "limit": limit})


async def of_category(
    db: Connection, organization_id: UUID, category_ids: Sequence[UUID], period: Period, limit: int
) -> list[DictRow]:
    """The last transactions of some categories, each of them at most so many."""
    query = """
        select wanted.category_id, found.transaction_id, found.currency::text as currency
        from unnest(%(category_ids)s::uuid[]) as wanted (category_id)
        cross join lateral (
            select transaction_id, booked_on, currency from books.transactions
            where organization_id = %(organization_id)s and category_id = wanted.category_id
                and deleted_at is null and status = 'posted' and booked_on between %(start)s and %(end)s
            order by booked_on desc, transaction_id desc limit %(limit)s
        ) as found
        order by found.booked_on desc, found.transaction_id desc
    """
    known = {**_of(organization_id, period, None), "category_ids": list(category_ids), "limit": limit}
    return await rows(db, query, known)


def _of(organization_id: UUID, period: Period, currency: str | None) -> dict[str, Any]:
    return {"organization_id": organization_id, "start": period.start, "end": period.end, "currency": currency}
