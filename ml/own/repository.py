"""Every query of own categories: the history that teaches, the model that was learnt from it, and who is kin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ai2.books.categories.stated import ATTRIBUTE as CATEGORY
from ai2.books.transfers.verdicts import RULES_VERSION
from ai2.kit.database import Connection, Query, number, one, rows

# Of a merchant so many of the latest choices are read when something is asked; of one with more the rest is counted.
LATEST = 100
# What is known of every transaction besides the file's own columns, where it may tell something.
ACCOUNT, CODE = "@account", "@mcc"
# Choices of people, of their rules and of their files. What machines said teaches nobody.
TAUGHT = sql.SQL("decided_by in ('user', 'rule', 'import') and deleted_at is null")
# The file's own category tells nothing of rows that it decided: of a row that a model is asked of it decided nothing.
_VALUE = sql.SQL(
    """
    case {name} when {account} then account_id::text when {code} then mcc
        else case when {name} <> {category} or decided_by <> 'import' then attributes ->> {name} end
    end
    """
)


def _values(attributes: Sequence[str], names: Sequence[str]) -> sql.Composable:
    """The values of these attributes as columns of these names, empty where there is none."""
    known = {"account": sql.Literal(ACCOUNT), "code": sql.Literal(CODE), "category": sql.Literal(CATEGORY)}
    values: list[sql.Composable] = [
        sql.SQL("coalesce({}, '') as {}").format(
            _VALUE.format(name=sql.Literal(attribute), **known), sql.Identifier(name)
        )
        for attribute, name in zip(attributes, names, strict=False)
    ]
    return sql.SQL(", ").join(values or [sql.SQL("'' as none")])


@dataclass(frozen=True)
class State:
    """Which version of its model an organization has (0: none), and from which confidence on deciders that all share
    decide alone here, where people's corrections raised that."""

    version: int
    held: Mapping[str, float]


async def find(db: Connection, organization_id: UUID) -> DictRow | None:
    """The model as it was kept."""
    query = """
        select version, model, digest, labels, attributes, rows, learnt_to::text as learnt_to, measured, trained_at
        from ml.own_models where organization_id = %(organization_id)s
    """
    return await one(db, query, {"organization_id": organization_id})


async def latest(
    db: Connection,
    organization_id: UUID,
    keys: Sequence[str],
    is_counted: Sequence[bool],
    *,
    attributes: Sequence[str],
    learnt_to: str,
) -> list[DictRow]:
    """What was last chosen for these merchants; of those that are counted only what the model does not know yet."""
    query = sql.SQL(
        """
        select asked.merchant_key, chosen.*
        from unnest(%(keys)s::text[], %(is_counted)s::boolean[]) as asked (merchant_key, is_counted)
        cross join lateral (
            select
                description, amount::float8 as amount, booked_on, category_id, decided_by, {values},
                row_xid >= %(learnt_to)s::xid8 as is_fresh
            from books.transactions as transaction
            where transaction.organization_id = %(organization_id)s
                and transaction.merchant_key = asked.merchant_key and {taught}
                and decided_version is distinct from %(transfers)s
            order by row_xid desc limit {latest}
        ) as chosen
        where chosen.is_fresh or not asked.is_counted
        """
    ).format(values=_values(attributes, ("a1", "a2", "a3")), taught=TAUGHT, latest=sql.Literal(LATEST))
    found = await db.execute(
        query,
        {
            "organization_id": organization_id,
            "keys": list(keys),
            "is_counted": list(is_counted),
            "learnt_to": learnt_to,
            "transfers": RULES_VERSION,
        },
    )
    return await found.fetchall()


def kin_query(organization_id: UUID, kins: Sequence[str]) -> Query:
    """What people taught of merchants that may be kin of others, latest first."""
    query = """
        select
            decision.merchant_key, decision.kin, decision.money_in, decision.category_id, decision.detailed,
            decision.times, coalesce(decision.merchant, decision.merchant_key) as merchant, category.name as category
        from ml.merchant_decisions as decision
        inner join books.categories as category
            on category.organization_id = decision.organization_id
                and category.category_id = decision.category_id and category.archived_at is null
        where decision.organization_id = %(organization_id)s and decision.kin = any(%(kins)s)
        order by decision.decided_at desc, decision.merchant_key limit 20000
    """
    return query, {"organization_id": organization_id, "kins": list(kins)}


async def kin(db: Connection, organization_id: UUID, kins: Sequence[str]) -> list[DictRow]:
    """What `kin_query` asks for."""
    return await rows(db, *kin_query(organization_id, kins))


async def is_taught(db: Connection, organization_id: UUID) -> bool:
    """Whether people taught anything of any merchant."""
    query = "select from ml.merchant_decisions where organization_id = %(organization_id)s limit 1"
    return await one(db, query, {"organization_id": organization_id}) is not None


async def in_use(db: Connection, organization_id: UUID, category_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The names of those of these categories that are in use."""
    query = """
        select category_id, name from books.categories
        where organization_id = %(organization_id)s and category_id = any(%(ids)s) and archived_at is null
    """
    found = await rows(db, query, {"organization_id": organization_id, "ids": list(category_ids)})
    return {row["category_id"]: row["name"] for row in found}


async def now(db: Connection) -> str:
    """The oldest transaction that may still be open: what is committed later may have a number from here on."""
    found = await one(db, "select pg_snapshot_xmin(pg_current_snapshot())::text as xid")
    return str(found["xid"]) if found else "0"


async def fresh(db: Connection, organization_id: UUID, learnt_to: str, most: int) -> int:
    """How many choices there are that the model does not know, counted up to `most`."""
    query = sql.SQL(
        """
        select count(*) filter (where row_xid >= %(learnt_to)s::xid8) as choices from (
            select row_xid from books.transactions
            where organization_id = %(organization_id)s and {taught}
            order by row_xid desc limit %(most)s
        ) as latest
        """
    ).format(taught=TAUGHT)
    found = await db.execute(query, {"organization_id": organization_id, "learnt_to": learnt_to, "most": most})
    row = await found.fetchone()
    return int(row["choices"]) if row else 0


async def attribute_names(db: Connection, organization_id: UUID) -> list[str]:
    """The columns that the organization's files have besides the known ones, as its latest choices have them."""
    query = sql.SQL(
        """
        select name, count(*) as times from (
            select attributes from books.transactions
            where organization_id = %(organization_id)s and {taught}
            order by booked_on desc, transaction_id desc limit 20000
        ) as latest
        cross join lateral jsonb_object_keys(attributes) as name
        group by name order by times desc, name limit 12
        """
    ).format(taught=TAUGHT)
    found = await db.execute(query, {"organization_id": organization_id})
    return [row["name"] for row in await found.fetchall()]


async def history(
    db: Connection, organization_id: UUID, attributes: Sequence[str], names: Sequence[str], most: int
) -> bytes:
    """The latest choices as CSV with a header, oldest first; attributes by the names given for them."""
    query = sql.SQL(
        """
        copy (
            select * from (
                select
                    description, merchant_key, amount, booked_on as date, category_id as label, decided_by,
                    transaction_id, {values}
                from books.transactions
                where organization_id = {organization_id} and {taught}
                    and decided_version is distinct from {transfers}
                order by booked_on desc, transaction_id desc limit {most}
            ) as latest order by date, transaction_id
        ) to stdout (format csv, header)
        """
    ).format(
        values=_values(attributes, names), organization_id=sql.Literal(organization_id), taught=TAUGHT,
        transfers=sql.Literal(RULES_VERSION), most=sql.Literal(most),
    )  # fmt: skip
    async with db.cursor().copy(query) as copy:
        return b"".join([bytes(part) async for part in copy])


# Deciders that all share, by what their versions begin with; those of the last year tell.
SHARED = """
    case
        when {0}.decided_by = 'merchant' and {0}.decided_version like 'knowledge-%%' then 'merchant'
        when {0}.decided_by = 'model' and {0}.decided_version like 'categoriser-%%' then 'model'
    end
"""
LOOKED_AT = 100_000


async def shared_decisions(db: Connection, organization_id: UUID) -> list[DictRow]:
    """What deciders that all share applied here: by decider and confidence, how many, and how many people left so.

    Of what people decided it is the last word before theirs that was right or not.
    """
    query = f"""
        with standing as (
            select {SHARED.format("transaction")} as decider, confidence, count(*) as rows, count(*) as "right"
            from books.transactions as transaction
            where organization_id = %(organization_id)s and decided_by in ('merchant', 'model') and deleted_at is null
                and decided_at > now() - interval '1 year'
            group by 1, 2
        ),

        people as materialized (
            select transaction_id, category_id from books.transactions
            where organization_id = %(organization_id)s and decided_by = 'user' and deleted_at is null
                and splits is null and decided_at > now() - interval '1 year'
            limit %(most)s
        ),

        heard as (
            select
                {SHARED.format("former")} as decider, former.confidence, count(*) as rows,
                count(*) filter (where former.category_id = people.category_id) as "right"
            from people
            cross join lateral (
                select version.decided_by, version.decided_version, version.confidence, version.category_id
                from books.transaction_versions as version
                where version.organization_id = %(organization_id)s
                    and version.transaction_id = people.transaction_id and version.decided_by is not null
                    and version.decided_by <> 'user'
                order by version.version desc limit 1
            ) as former
            group by 1, 2
        )

        select decider as decided_by, confidence, sum(rows)::integer as rows, sum("right")::integer as "right"
        from (select * from standing union all select * from heard) as both_of_them
        where decider is not null and confidence is not null
        group by decider, confidence
    """
    return await rows(db, query, {"organization_id": organization_id, "most": LOOKED_AT})


def state_query(organization_id: UUID) -> Query:
    """What asks for the state of an organization's model; `read_state` makes one of the rows."""
    query = "select version, measured -> 'held' as held from ml.own_models where organization_id = %(organization_id)s"
    return query, {"organization_id": organization_id}


async def state(db: Connection, organization_id: UUID) -> State:
    """What `state_query` asks for."""
    return read_state(await rows(db, *state_query(organization_id)))


def read_state(found: Sequence[DictRow]) -> State:
    return State(found[0]["version"], found[0]["held"] or {}) if found else State(0, {})


async def keep(db: Connection, organization_id: UUID, **values: Any) -> int:
    """Keep a model in place of the former one; its version."""
    return await number(
        db,
        """
        insert into ml.own_models as kept (
            organization_id, model, digest, labels, attributes, rows, learnt_to, measured
        ) values (
            %(organization_id)s, %(model)s, %(digest)s, %(labels)s, %(attributes)s, %(rows)s, %(learnt_to)s::xid8,
            %(measured)s
        )
        on conflict (organization_id) do update set
            version = kept.version + 1, model = excluded.model, digest = excluded.digest, labels = excluded.labels,
            attributes = excluded.attributes, rows = excluded.rows, learnt_to = excluded.learnt_to,
            measured = excluded.measured, trained_at = now()
        returning version
        """,
        {**values, "organization_id": organization_id, "measured": Jsonb(values["measured"])},
    )


async def forget(db: Connection, organization_id: UUID) -> None:
    """The model of an organization that has no history any more."""
    await db.execute("delete from ml.own_models where organization_id = %s", [organization_id])


async def follow(db: Connection, organization_id: UUID, category_id: UUID, heir_id: UUID, detailed: str | None) -> None:
    """Hand what was taught and learnt of a category to another one. What waits for a person follows too."""
    values = {
        "organization_id": organization_id,
        "category_id": category_id,
        "heir_id": heir_id,
        "detailed": detailed,
    }
    await db.execute(
        """
        update ml.merchant_decisions set category_id = %(heir_id)s, detailed = %(detailed)s
        where organization_id = %(organization_id)s and category_id = %(category_id)s
        """,
        values,
    )
    await db.execute(
        """
        update ml.suggestions set category_id = %(heir_id)s
        where organization_id = %(organization_id)s and category_id = %(category_id)s
        """,
        values,
    )
    await db.execute(
        """
        update ml.own_models set labels = array_replace(labels, %(category_id)s, %(heir_id)s), version = version + 1
        where organization_id = %(organization_id)s and %(category_id)s = any(labels)
        """,
        values,
    )


async def teaching(db: Connection) -> list[UUID]:
    """The organizations with choices that a model could be learnt from. `db` is the pipeline role's."""
    query = sql.SQL(
        """
        select organization.organization_id from identity.organizations as organization
        where exists (
            select from books.transactions as transaction
            where transaction.organization_id = organization.organization_id and {taught}
        )
        order by organization.organization_id
        """
    ).format(taught=TAUGHT)
    found = await db.execute(query)
    return [row["organization_id"] for row in await found.fetchall()]
