"""Every query of tax: the rules that were loaded, and what an organization's people said of their expenses."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books import as_of_repository as then
from ai2.books.moments import Moment, seen
from ai2.kit.database import Connection, Query, one, rows
from ml.tax.rows import Row, read

COLUMNS = ", ".join(each.name for each in fields(Row))


async def lock_rules(db: Connection) -> None:
    """Let one load after the other, until the transaction ends."""
    await db.execute("select pg_advisory_xact_lock(hashtextextended('ml.tax_rules', 0))")


async def loads(db: Connection, known_at: Moment | None = None) -> str:
    """What changes whenever rules are loaded: the last load's digest. Before the first one there is none."""
    query = f"""
        select digest from ml.tax_rule_loads where {seen("row_xid", "loaded_at") if known_at else "true"}
        order by loaded_at desc, digest limit 1
    """
    row = await one(db, query, _at(known_at))
    return str(row["digest"]) if row else ""


def _at(known_at: Moment | None) -> dict[str, Any]:
    return known_at.parameters if known_at else {}


async def is_loaded(db: Connection, digest: str) -> bool:
    query = "select from ml.tax_rule_loads where digest = %(digest)s"
    return await one(db, query, {"digest": digest}) is not None


async def all_rules(db: Connection) -> list[Row]:
    return [read(row) for row in await rows(db, f"select {COLUMNS} from ml.tax_rules")]


async def rules_known(db: Connection, known_at: Moment) -> list[Row]:
    """The rules that were loaded by then; one that was closed later was open."""
    is_open = f"closed_at is not null and not {seen('closed_xid', 'closed_at')}"
    columns = COLUMNS.replace("valid_to", f"case when {is_open} then null else valid_to end as valid_to")
    query = f"select {columns} from ml.tax_rules where {seen('row_xid', 'loaded_at')}"
    return [read(row) for row in await rows(db, query, known_at.parameters)]


async def settings_known(db: Connection, organization_id: UUID, known_at: Moment) -> dict[str, Any] | None:
    """How an organization kept its books at a moment, where that was changed since."""
    query = f"""
        select settings from identity.organization_versions
        where organization_id = %(organization_id)s and not {seen("ended_xid", "known_to")}
        order by version limit 1
    """
    row = await one(db, query, {"organization_id": organization_id, **known_at.parameters})
    return row["settings"] if row else None


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
    db: Connection,
    organization_id: UUID,
    transaction_ids: Sequence[UUID],
    merchant_keys: Sequence[str],
    known_at: Moment | None = None,
) -> list[DictRow]:
    """The last word on each of these transactions, and on those of each merchant that it was said of; by field."""
    was_said = seen("row_xid", "created_at") if known_at else "true"
    query = f"""
        (
            select distinct on (transaction_id, field)
                transaction_id, null::text as merchant_key, null::boolean as money_in, field, is_deductible, head,
                business_pct, given_by
            from ml.tax_confirmations
            where organization_id = %(organization_id)s and transaction_id = any(%(transaction_ids)s) and {was_said}
            order by transaction_id, field, created_at desc, confirmation_id desc
        )
        union all
        (
            select distinct on (merchant_key, money_in, field)
                null::uuid, merchant_key, money_in, field, is_deductible, head, business_pct, given_by
            from ml.tax_confirmations
            where organization_id = %(organization_id)s and merchant_key = any(%(merchant_keys)s)
                and merchant_key <> '' and apply_to <> 'this' and {was_said}
            order by merchant_key, money_in, field, created_at desc, confirmation_id desc
        )
    """
    known = {"transaction_ids": list(transaction_ids), "merchant_keys": list(merchant_keys)}
    return await rows(db, query, {**known, "organization_id": organization_id, **_at(known_at)})


def is_said_query(organization_id: UUID, merchant_keys: Sequence[str]) -> Query:
    """Whether anything was said of these merchants: one row if so."""
    query = """
        select true as is_said from ml.tax_confirmations
        where organization_id = %(organization_id)s and merchant_key = any(%(keys)s)
            and merchant_key <> '' and apply_to <> 'this'
        limit 1
    """
    return query, {"organization_id": organization_id, "keys": list(merchant_keys)}


async def said_since(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], since: Moment
) -> set[UUID]:
    query = f"""
        with words as (
            select transaction_id, merchant_key, money_in, apply_to from ml.tax_confirmations
            where organization_id = %(organization_id)s and not {seen("row_xid", "created_at")}
        )
        select transaction_id from books.transactions as known
        where organization_id = %(organization_id)s and transaction_id = any(%(ids)s) and exists (
            select from words
            where words.transaction_id = known.transaction_id or (
                words.apply_to <> 'this' and words.merchant_key <> '' and words.merchant_key = known.merchant_key
                and words.money_in = (known.amount > 0)
            )
        )
    """
    asked = {"organization_id": organization_id, "ids": list(transaction_ids)}
    return {row["transaction_id"] for row in await rows(db, query, {**asked, **since.parameters})}


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


async def codes(db: Connection, organization_id: UUID, *, known_at: Moment | None = None) -> dict[UUID, list[str]]:
    """The predicted categories that each category stands for: its own, or else those of the nearest above it."""
    categories = f"({then.categories()})" if known_at and not known_at.is_present else "books.categories"
    query = f"""
        with recursive climbed as (
            select category_id, category_id as at, parent_id, 0 as height
            from {categories} as category where organization_id = %(organization_id)s
            union all
            select climbed.category_id, above.category_id, above.parent_id, climbed.height + 1
            from climbed
            inner join {categories} as above
                on above.organization_id = %(organization_id)s and above.category_id = climbed.parent_id
            where climbed.height < 20
        )

        select distinct on (climbed.category_id) climbed.category_id, known.codes
        from climbed
        inner join (
            select category_id, array_agg(code order by code) as codes
            from {f"({then.CATEGORY_CODES})" if known_at else "books.category_codes"} as code
            where organization_id = %(organization_id)s group by category_id
        ) as known on known.category_id = climbed.at
        order by climbed.category_id, climbed.height
    """
    found = await rows(db, query, {"organization_id": organization_id, **_at(known_at)})
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
