"""Every query on the review queue. An answer goes by its category's id, or else by the predicted one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, number, one, rows
from ai2.kit.periods import Period

ANSWER = "coalesce(suggestion.category_id::text, suggestion.detailed)"
# One question a merchant, direction and answer; where no merchant is known, one a transaction. What was open at the
# list's first page counts until its last, so that questions keep their places while others are answered or come in.
QUESTIONS = f"""
    with waiting as (
        select
            suggestion.transaction_id, suggestion.confidence, suggestion.state = 'open' as is_open,
            concat_ws(
                ' ', {ANSWER}, transaction.amount > 0, transaction.merchant_key,
                case when transaction.merchant_key = '' then suggestion.transaction_id end
            ) as question,
            abs(transaction.amount) * coalesce((%(rates)s::jsonb ->> transaction.currency)::numeric, 1) as worth
        from ml.suggestions as suggestion
        inner join books.transactions as transaction
            on transaction.organization_id = suggestion.organization_id
            and transaction.transaction_id = suggestion.transaction_id
        where suggestion.organization_id = %(organization_id)s and suggestion.created_at <= %(as_of)s
            and (suggestion.state = 'open' and transaction.decided_by is null or suggestion.closed_at > %(as_of)s)
            and transaction.deleted_at is null and transaction.status <> 'closed'
            and (%(closed_through)s::date is null or transaction.booked_on > %(closed_through)s)
    ),

    questions as (
        select
            question, max(transaction_id::text) filter (where is_open)::uuid as suggestion_id,
            count(*) filter (where is_open) as settles, round(sum(worth) filter (where is_open), 4) as amount,
            round(sum(worth) * avg(1 - confidence), 6) as usefulness
        from waiting group by question
    )
"""


async def page(
    db: Connection,
    organization_id: UUID,
    *,
    as_of: datetime,
    rates: Mapping[str, Decimal],
    closed_through: date | None,
    after: tuple[Decimal, str] | None,
    limit: int,
) -> list[DictRow]:
    """Open questions, most useful first: question, suggestion_id, settles, amount, usefulness."""
    query = f"""
        {QUESTIONS}
        select question, suggestion_id, settles, amount, usefulness from questions
        where settles > 0 and (
            %(usefulness)s::numeric is null or (usefulness, question) < (%(usefulness)s, %(question)s::text)
        )
        order by usefulness desc, question desc limit %(limit)s
    """
    usefulness, question = after or (None, None)
    return await rows(
        db,
        query,
        {
            **_of(organization_id, as_of, rates, closed_through),
            "usefulness": usefulness,
            "question": question,
            "limit": limit,
        },
    )


async def count(
    db: Connection,
    organization_id: UUID,
    *,
    as_of: datetime,
    rates: Mapping[str, Decimal],
    closed_through: date | None,
) -> int:
    """How many open questions there are."""
    query = f"{QUESTIONS} select count(*) as questions from questions where settles > 0"
    row = await one(db, query, _of(organization_id, as_of, rates, closed_through))
    return int(row["questions"]) if row else 0


def _of(
    organization_id: UUID, as_of: datetime, rates: Mapping[str, Decimal], closed_through: date | None
) -> dict[str, Any]:
    told = Jsonb({currency: str(rate) for currency, rate in rates.items()})
    return {"organization_id": organization_id, "as_of": as_of, "rates": told, "closed_through": closed_through}


async def waiting(db: Connection, organization_id: UUID, period: Period) -> int:
    """How many transactions of these days have a suggestion that nobody answered."""
    query = """
        select count(*) as suggestions
        from ml.suggestions as suggestion
        inner join books.transactions as transaction
            on transaction.organization_id = suggestion.organization_id
            and transaction.transaction_id = suggestion.transaction_id
        where suggestion.organization_id = %(organization_id)s and suggestion.state = 'open'
            and transaction.decided_by is null and transaction.deleted_at is null
            and transaction.booked_on between %(start)s and %(end)s
    """
    parameters = {"organization_id": organization_id, "start": period.start, "end": period.end}
    return await number(db, query, parameters)


async def currencies(db: Connection, organization_id: UUID) -> list[str]:
    """The currencies of the organization's accounts."""
    query = "select distinct currency::text as currency from books.accounts where organization_id = %(organization_id)s"
    return [row["currency"] for row in await rows(db, query, {"organization_id": organization_id})]


async def get_many(db: Connection, organization_id: UUID, suggestion_ids: Sequence[UUID]) -> list[DictRow]:
    """These suggestions, whatever their state."""
    query = f"""
        select
            suggestion.transaction_id as suggestion_id, suggestion.detailed, suggestion.category_id,
            suggestion.confidence::float8 as confidence, suggestion.decided_by, suggestion.version,
            suggestion.alternatives, suggestion.reasons, suggestion.state, {ANSWER} as answer
        from ml.suggestions as suggestion
        where suggestion.organization_id = %(organization_id)s and suggestion.transaction_id = any(%(ids)s)
    """
    return await rows(db, query, {"organization_id": organization_id, "ids": list(suggestion_ids)})


async def hold(db: Connection, organization_id: UUID, suggestion_id: UUID) -> DictRow | None:
    """One suggestion, answered by nobody else until the transaction ends."""
    query = f"""
        select suggestion.detailed, suggestion.category_id, suggestion.state, {ANSWER} as answer
        from ml.suggestions as suggestion
        where suggestion.organization_id = %(organization_id)s and suggestion.transaction_id = %(suggestion_id)s
        for no key update
    """
    return await one(db, query, {"organization_id": organization_id, "suggestion_id": suggestion_id})


async def reject(db: Connection, organization_id: UUID, suggestion_id: UUID, *, similar: bool) -> int:
    """Write down that this is not the answer; with `similar` for all that ask the same. Says for how many."""
    done = await db.execute(
        f"""
        update ml.suggestions as suggestion set
            state = 'rejected', closed_at = now(), rejected = array_append(suggestion.rejected, {ANSWER})
        from books.transactions as transaction, (
            select
                asked.merchant_key, asked.amount > 0 as money_in,
                coalesce(said.category_id::text, said.detailed) as answer
            from ml.suggestions as said
            inner join books.transactions as asked
                on asked.organization_id = said.organization_id and asked.transaction_id = said.transaction_id
            where said.organization_id = %(organization_id)s and said.transaction_id = %(suggestion_id)s
        ) as one
        where suggestion.organization_id = %(organization_id)s and suggestion.state = 'open'
            and transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = suggestion.transaction_id
            and (suggestion.transaction_id = %(suggestion_id)s or (
                %(similar)s and transaction.merchant_key = one.merchant_key and one.merchant_key <> ''
                and (transaction.amount > 0) = one.money_in and {ANSWER} = one.answer
            ))
        """,
        {"organization_id": organization_id, "suggestion_id": suggestion_id, "similar": similar},
    )
    return done.rowcount


async def close(db: Connection, organization_id: UUID, suggestion_id: UUID, state: str) -> None:
    """Close one that a person answered."""
    await db.execute(
        """
        update ml.suggestions set state = %s, closed_at = now()
        where organization_id = %s and transaction_id = %s and state = 'open'
        """,
        [state, organization_id, suggestion_id],
    )
