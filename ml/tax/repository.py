"""Every query of tax: the rules that were loaded, and what an organization's people said of their expenses."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.kit.database import Connection, one, rows
from ml.tax.rows import Row, read

COLUMNS = ", ".join(each.name for each in fields(Row))


async def lock_rules(db: Connection) -> None:
    """Let one load after the other, until the transaction ends."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended('ml.tax_rules', 0))")


async def loads(db: Connection) -> str:
    """What changes whenever rules are loaded: the last load's digest."""
    row = await one(db, "select digest from ml.tax_rule_loads order by loaded_at desc, digest limit 1")
    return str(row["digest"]) if row else ""


async def is_loaded(db: Connection, digest: str) -> bool:
    query = "select from ml.tax_rule_loads where digest = %(digest)s"
    return await one(db, query, {"digest": digest}) is not None


async def all_rules(db: Connection) -> list[Row]:
    return [read(row) for row in await rows(db, f"select {COLUMNS} from ml.tax_rules")]


async def add_rules(db: Connection, wanted: Iterable[Row]) -> None:
    names = ", ".join(f"%({each.name})s" for each in fields(Row))
    query = f"insert into ml.tax_rules ({COLUMNS}, digest) values ({names}, %(digest)s)"
    async with db.cursor() as cursor:
        await cursor.executemany(query, [_written(row) for row in wanted])


async def close_rules(db: Connection, ended: Sequence[Row]) -> None:
    await db.execute(
        """
        update ml.tax_rules as known set valid_to = ended.valid_to
        from unnest(%s::text[], %s::date[], %s::integer[], %s::date[])
            as ended (rule_id, valid_from, version, valid_to)
        where known.rule_id = ended.rule_id and known.valid_from = ended.valid_from
            and known.version = ended.version
        """,
        [list(each) for each in zip(*((r.rule_id, r.valid_from, r.version, r.valid_to) for r in ended), strict=True)],
    )


async def keep_load(db: Connection, digest: str, *, added: int, closed: int) -> None:
    query = "insert into ml.tax_rule_loads (digest, rows_added, rows_closed) values (%s, %s, %s)"
    await db.execute(query, [digest, added, closed])


def _written(row: Row) -> dict[str, Any]:
    tiers = [{name: _text(value) for name, value in asdict(tier).items()} for tier in row.tiers]
    return {
        **vars(row),
        "tiers": Jsonb(tiers) if tiers else None,
        "lines": Jsonb(dict(row.lines)) if row.lines else None,
        "digest": row.digest(),
    }


def _text(value: Any) -> str | None:
    """Numbers as text, which stays exact in JSON."""
    return None if value is None else str(value)


async def insert_confirmation(db: Connection, organization_id: UUID, **values: Any) -> None:
    await db.execute(
        """
        insert into ml.tax_confirmations (
            organization_id, confirmation_id, transaction_id, field, is_deductible, head, business_pct, apply_to,
            merchant_key, money_in, given_by
        ) values (
            %(organization_id)s, %(confirmation_id)s, %(transaction_id)s, %(field)s, %(is_deductible)s, %(head)s,
            %(business_pct)s, %(apply_to)s, %(merchant_key)s, %(money_in)s, %(given_by)s
        )
        """,
        {**values, "organization_id": organization_id},
    )


async def confirmations(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], merchant_keys: Sequence[str]
) -> list[DictRow]:
    """The last word on each of these transactions, and on those of each merchant that it was said of; by field."""
    query = """
        (
            select distinct on (transaction_id, field)
                transaction_id, null::text as merchant_key, null::boolean as money_in, field, is_deductible, head,
                business_pct, given_by
            from ml.tax_confirmations
            where organization_id = %(organization_id)s and transaction_id = any(%(transaction_ids)s)
            order by transaction_id, field, created_at desc, confirmation_id desc
        )
        union all
        (
            select distinct on (merchant_key, money_in, field)
                null::uuid, merchant_key, money_in, field, is_deductible, head, business_pct, given_by
            from ml.tax_confirmations
            where organization_id = %(organization_id)s and merchant_key = any(%(merchant_keys)s)
                and merchant_key <> '' and apply_to <> 'this'
            order by merchant_key, money_in, field, created_at desc, confirmation_id desc
        )
    """
    known = {"transaction_ids": list(transaction_ids), "merchant_keys": list(merchant_keys)}
    return await rows(db, query, {**known, "organization_id": organization_id})


async def merchants_other_transactions(
    db: Connection, organization_id: UUID, transaction_id: UUID, merchant_key: str, *, money_in: bool
) -> int:
    """How many others of a merchant follow what was said of one: those of which nobody said anything."""
    row = await one(
        db,
        """
        select count(*) as others from books.transactions as other
        where other.organization_id = %(organization_id)s and other.merchant_key = %(merchant_key)s
            and (other.amount > 0) = %(money_in)s and other.deleted_at is null
            and other.transaction_id <> %(transaction_id)s
            and not exists (
                select from ml.tax_confirmations as own
                where own.organization_id = other.organization_id and own.transaction_id = other.transaction_id
            )
        """,
        {
            "organization_id": organization_id,
            "transaction_id": transaction_id,
            "merchant_key": merchant_key,
            "money_in": money_in,
        },
    )
    return int(row["others"]) if row else 0


async def codes(db: Connection, organization_id: UUID) -> dict[UUID, list[str]]:
    """The predicted categories that each category stands for: its own, or else those of the nearest above it."""
    query = """
        with recursive climbed as (
            select category_id, category_id as at, parent_id, 0 as height
            from books.categories where organization_id = %(organization_id)s
            union all
            select climbed.category_id, above.category_id, above.parent_id, climbed.height + 1
            from climbed
            inner join books.categories as above
                on above.organization_id = %(organization_id)s and above.category_id = climbed.parent_id
            where climbed.height < 20
        )

        select distinct on (climbed.category_id) climbed.category_id, known.codes
        from climbed
        inner join (
            select category_id, array_agg(code order by code) as codes from books.category_codes
            where organization_id = %(organization_id)s group by category_id
        ) as known on known.category_id = climbed.at
        order by climbed.category_id, climbed.height
    """
    found = await rows(db, query, {"organization_id": organization_id})
    return {row["category_id"]: row["codes"] for row in found}


async def posted_between(db: Connection, organization_id: UUID, **wanted: Any) -> list[UUID]:
    """The transactions of some days that are booked, by day; not more than `most` of them."""
    query = """
        select transaction_id from books.transactions
        where organization_id = %(organization_id)s and booked_on between %(start)s and %(end)s
            and deleted_at is null and status = 'posted'
        order by booked_on, transaction_id limit %(most)s
    """
    found = await rows(db, query, {**wanted, "organization_id": organization_id})
    return [row["transaction_id"] for row in found]
