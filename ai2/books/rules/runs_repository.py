"""Every query of running rules: what they look at, what would change, and how it gets into the books and out again.

Set-based, in the caller's transaction. Temporary tables: `touched` (what people edited), `ruled` (which rule decides
which field of which transaction), `parted` (what a rule splits), `changes` (what differs from the books, one row a
transaction), `moved` (what was just said to be a transfer).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import AsyncClientCursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.rules.matching import FACTS, FIELDS, Found, Rule
from ai2.books.transactions.repository import SPLITS
from ai2.books.transactions.undo_repository import EDITS, STAMPED
from ai2.books.transfers.verdicts import RULES_VERSION
from ai2.kit.database import Connection, one, rows
from ai2.kit.merchants import merchant_key

# So many bytes of rows are matched at once.
PIECE_BYTES = 8 << 20
# What a rule sets, each with its proof: given back together or not at all.
GROUPS = (
    ("category_id", "splits", "decided_by", "decided_version", "confidence", "decided_at"), ("tags",),
    ("merchant", "merchant_key", "source_key"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which transactions: of these days (both ends), this account; what a batch brought just now; or these."""

    start_date: date | None = None
    end_date: date | None = None
    account_id: UUID | None = None
    batch_id: UUID | None = None
    transaction_ids: list[UUID] | None = None


CONDITIONS = {
    "start_date": "transaction.booked_on >= %(start_date)s",
    "end_date": "transaction.booked_on <= %(end_date)s",
    "account_id": "transaction.account_id = %(account_id)s",
    # what this very database transaction wrote
    "batch_id": "transaction.batch_id = %(batch_id)s and transaction.updated_at = now()",
    "transaction_ids": "transaction.transaction_id = any(%(transaction_ids)s)",
}


def _where(organization_id: UUID, scope: Scope) -> tuple[str, dict[str, Any]]:
    given = {name: value for name, value in vars(scope).items() if value is not None}
    told = [
        "transaction.organization_id = %(organization_id)s", "transaction.deleted_at is null",
        "transaction.status <> 'closed'", *(CONDITIONS[name] for name in given),
    ]  # fmt: skip
    return " and ".join(told), {**given, "organization_id": organization_id}


async def stage_touched(db: Connection, organization_id: UUID, scope: Scope) -> None:
    """Gather in `touched` where people edited the merchant or the tags."""
    where, parameters = _where(organization_id, scope)
    await db.execute("drop table if exists pg_temp.touched, pg_temp.ruled, pg_temp.changes")
    await db.execute(
        """
        create temporary table touched (transaction_id uuid primary key, has_merchant boolean, has_tags boolean)
        on commit drop
        """
    )
    await db.execute(
        f"""
        insert into pg_temp.touched
        with reached as (
            select transaction.transaction_id, 1 as since_version from books.transactions as transaction
            where transaction.version > 1 and {where}
        ),

        edits as ({EDITS})

        select transaction_id, bool_or('merchant' = any(fields)), bool_or('tags' = any(fields))
        from edits where fields && array['merchant', 'tags']
        group by transaction_id
        """,
        parameters,
    )


async def facts(db: Connection, organization_id: UUID, scope: Scope) -> AsyncIterator[pa.Table]:
    """What rules look at, in pieces: FACTS of `rule_matching`."""
    where, parameters = _where(organization_id, scope)
    query = f"""
        copy (
            select
                transaction.transaction_id, transaction.description,
                coalesce(nullif(transaction.merchant, ''), transaction.merchant_key), transaction.mcc,
                transaction.account_id, transaction.currency, transaction.amount,
                transaction.decided_by is not distinct from 'user'
                    or transaction.decided_version is not distinct from %(transfers)s,
                -- a merchant written down by hand
                (transaction.batch_id is null and transaction.merchant is not null)
                    or coalesce(touched.has_merchant, false)
            from books.transactions as transaction
            left join pg_temp.touched as touched on touched.transaction_id = transaction.transaction_id
            where {where}
        ) to stdout (format csv)
    """
    # A copy takes no parameters, so that they are written into it, quoted.
    written = AsyncClientCursor(db).mogrify(query, {**parameters, "transfers": RULES_VERSION})
    piece = bytearray()
    async with db.cursor().copy(written) as copy:
        async for row in copy:
            piece += row
            if len(piece) >= PIECE_BYTES:
                yield _table(bytes(piece))
                piece.clear()
    if piece:
        yield _table(bytes(piece))


def _table(piece: bytes) -> pa.Table:
    return pa_csv.read_csv(
        pa.BufferReader(piece),
        read_options=pa_csv.ReadOptions(column_names=FACTS.names, block_size=len(piece) + 1),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=FACTS,
            true_values=["t"],
            false_values=["f"],
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


async def stage_ruled(db: Connection, found: Sequence[Found]) -> None:
    """Put which rule decides what into the temporary table `ruled`."""
    await db.execute(
        """
        create temporary table ruled (transaction_id uuid, category integer, tags integer, merchant integer)
        on commit drop
        """
    )
    async with db.cursor().copy("copy pg_temp.ruled from stdin (format csv)") as copy:
        for piece in found:
            table = pa.table([piece.transaction_ids, *(piece.places[field] for field in FIELDS)], ["id", *FIELDS])
            out = pa.BufferOutputStream()
            pa_csv.write_csv(table, out, pa_csv.WriteOptions(include_header=False))
            await copy.write(out.getvalue().to_pybytes())
    await db.execute("analyze pg_temp.ruled")


async def stage_changes(
    db: Connection, organization_id: UUID, rules: Sequence[Rule], transfer_categories: tuple[UUID | None, UUID | None]
) -> None:
    """Gather in `changes` what `ruled` and `parted` say and the books do not say yet.

    `transfer_categories` are those of what goes to another own account, and of what comes from one.
    """
    out_id, in_id = (each and str(each) for each in transfer_categories)
    listed = [
        {
            "place": place,
            "rule_id": str(rule.rule_id),
            "decided_version": f"{rule.rule_id}/{rule.version}",
            "category_id": rule.actions.category_id and str(rule.actions.category_id),
            "is_split": bool(rule.actions.split),
            "out_id": out_id if rule.actions.transfer else None,
            "in_id": in_id if rule.actions.transfer else None,
            "tags": list(rule.actions.tags),
            "merchant": rule.actions.merchant,
            "merchant_key": rule.actions.merchant and merchant_key(rule.actions.merchant),
        }
        for place, rule in enumerate(rules)
    ]
    await db.execute(
        """
        create temporary table changes on commit drop as
        with rule as materialized (
            select * from jsonb_to_recordset(%(rules)s) as rule (
                place integer, rule_id text, decided_version text, category_id uuid, is_split boolean, out_id uuid,
                in_id uuid, tags text[], merchant text, merchant_key text
            )
        )

        select
            transaction.transaction_id, transaction.version,
            for_category.place as category_place, for_category.decided_version,
            coalesce(
                for_category.category_id,
                case when transaction.amount > 0 then for_category.in_id else for_category.out_id end
            ) as category_id,
            case when for_category.is_split then parted.splits end as splits,
            case when new.tags <> '{}' then for_tags.place end as tags_place, new.tags as new_tags,
            for_merchant.place as merchant_place, for_merchant.merchant, for_merchant.merchant_key
        from pg_temp.ruled as ruled
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = ruled.transaction_id
        left join pg_temp.parted as parted on parted.transaction_id = ruled.transaction_id
        -- what another version of the same rule decided in the same way is decided
        left join rule as for_category
            on for_category.place = ruled.category and (parted.splits is not null or not for_category.is_split) and (
                transaction.category_id is distinct from coalesce(
                    for_category.category_id,
                    case when transaction.amount > 0 then for_category.in_id else for_category.out_id end
                )
                or transaction.splits is distinct from parted.splits
                or transaction.decided_by is distinct from 'rule'
                or split_part(transaction.decided_version, '/', 1) is distinct from for_category.rule_id
            )
        left join rule as for_tags on for_tags.place = ruled.tags
        left join rule as for_merchant
            on for_merchant.place = ruled.merchant
            and (transaction.merchant, transaction.merchant_key)
            is distinct from (for_merchant.merchant, for_merchant.merchant_key)
        left join pg_temp.touched as touched
            on touched.transaction_id = transaction.transaction_id and touched.has_tags
        cross join lateral (
            select array(
                select tag from unnest(for_tags.tags) as tag
                where tag <> all(transaction.tags)
                    -- a tag that people took away does not come back
                    and (touched.transaction_id is null or not exists (
                        select from books.transaction_versions as former
                        where former.organization_id = %(organization_id)s
                            and former.transaction_id = transaction.transaction_id and tag = any(former.tags)
                    ))
            ) as tags
        ) as new
        where for_category.place is not null or for_merchant.place is not null or new.tags <> '{}'
        """,
        {"organization_id": organization_id, "rules": Jsonb(listed)},
    )
    await db.execute("analyze pg_temp.changes (transaction_id)")


async def leave_closed(db: Connection, organization_id: UUID, closed_through: date) -> int:
    """Take out of `changes` what lies in closed periods, and say how many that was."""
    left = await db.execute(
        """
        delete from pg_temp.changes as changes using books.transactions as transaction
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = changes.transaction_id and transaction.booked_on <= %(closed_through)s
        """,
        {"organization_id": organization_id, "closed_through": closed_through},
    )
    return left.rowcount


async def counts(db: Connection) -> DictRow:
    """How many transactions would change, and in which field."""
    found = await one(
        db,
        """
        select
            count(*) as changed, count(category_place) as category, count(tags_place) as tags,
            count(merchant_place) as merchant
        from pg_temp.changes
        """,
    )
    return found or {}


async def page(db: Connection, organization_id: UUID, *, after: UUID | None, limit: int) -> list[DictRow]:
    """Transactions that would change, newest first, before and after."""
    return await rows(
        db,
        f"""
        with page as materialized (
            select * from pg_temp.changes
            where %(after)s::uuid is null or transaction_id < %(after)s
            order by transaction_id desc limit %(limit)s
        )

        select
            transaction.transaction_id, transaction.booked_on, transaction.amount, transaction.currency,
            transaction.description, transaction.category_id, transaction.category, transaction.decided_by,
            transaction.merchant, transaction.tags, page.category_place, page.tags_place,
            {SPLITS.format(table="transaction", splits="transaction.splits")} as splits,
            {SPLITS.format(table="transaction", splits="page.splits")} as new_splits,
            page.merchant_place, page.category_id as new_category_id, category.name as new_category,
            page.new_tags, page.merchant as new_merchant
        from page
        inner join published.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = page.transaction_id
        left join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = page.category_id
        order by page.transaction_id desc
        """,
        {"organization_id": organization_id, "after": after, "limit": limit},
    )


async def write_changes(db: Connection, organization_id: UUID) -> int:
    """Write `changes` into the books and say how many rows changed. What changed meanwhile is left alone."""
    done = await db.execute(
        f"""
        update books.transactions as transaction set
            category_id = case when {DECIDES} then changes.category_id else transaction.category_id end,
            splits = case when {DECIDES} then changes.splits else transaction.splits end,
            decided_by = case when {DECIDES} then 'rule' else transaction.decided_by end,
            decided_version = case when {DECIDES} then changes.decided_version else transaction.decided_version end,
            confidence = case when {DECIDES} then 1 else transaction.confidence end,
            decided_at = case when {DECIDES} then now() else transaction.decided_at end,
            tags = transaction.tags || changes.new_tags,
            merchant = coalesce(changes.merchant, transaction.merchant),
            merchant_key = coalesce(changes.merchant_key, transaction.merchant_key),
            source_key = case
                when changes.merchant_key is null then transaction.source_key
                else coalesce(transaction.source_key, transaction.merchant_key)
            end,
            {STAMPED}
        from pg_temp.changes as changes
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = changes.transaction_id and transaction.version = changes.version
            and transaction.deleted_at is null
        """,
        {"organization_id": organization_id},
    )
    return done.rowcount


async def moved(db: Connection, places: Sequence[int]) -> int:
    """Gather in `moved` which transactions of `changes` were said to be transfers by these rules; says how many."""
    await db.execute("drop table if exists pg_temp.moved")
    done = await db.execute(
        """
        create temporary table moved on commit drop as
        select transaction_id from pg_temp.changes where category_place = any(%(places)s)
        """,
        {"places": list(places)},
    )
    await db.execute("analyze pg_temp.moved")
    return done.rowcount


DECIDES = "changes.category_place is not null"


def _differs(one_side: str, other: str, names: Sequence[str]) -> str:
    left, right = (", ".join(f"{side}.{name}" for name in names) for side in (one_side, other))
    return f"({left}) is distinct from ({right})"


# Given back where the application changed it; a row of which any such part changed again is left as it is.
GIVEN_BACK = ", ".join(
    f"{name} = case when made.version is null or {_differs('former', 'made', names)} "
    f"then former.{name} else transaction.{name} end"
    for names in GROUPS
    for name in names
)
UNTOUCHED = " and ".join(
    f"not ({_differs('former', 'made', names)} and {_differs('transaction', 'made', names)})" for names in GROUPS
)


async def give_back(db: Connection, organization_id: UUID, *, changed_by: str) -> int:
    """Give what an application changed its former values, where nobody changed these since; says how many rows."""
    done = await db.execute(
        f"""
        update books.transactions as transaction set {GIVEN_BACK}, {STAMPED}
        from books.transaction_versions as former
        left join books.transaction_versions as made
            on made.organization_id = %(organization_id)s
            and made.transaction_id = former.transaction_id and made.version = former.version + 1
        left join books.categories as category
            on category.organization_id = %(organization_id)s and category.category_id = former.category_id
        where former.organization_id = %(organization_id)s and former.changed_by = %(changed_by)s
            and former.changed_by like '%% rules:%%'
            and transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = former.transaction_id and transaction.deleted_at is null
            and (made.version is null or ({UNTOUCHED}))
            and category.archived_at is null
            and not exists (
                select from jsonb_array_elements(former.splits) as part
                inner join books.categories as gone
                    on gone.organization_id = %(organization_id)s and gone.archived_at is not null
                    and gone.category_id = (part ->> 'category_id')::uuid
            )
        """,
        {"organization_id": organization_id, "changed_by": changed_by},
    )
    return done.rowcount
