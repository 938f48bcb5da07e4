"""Undoing in the books: what an import inserted is closed, what it changed gets its former value back.

Set-based, in the caller's transaction. People's edits are found in the history, by who ended a version; what a rule
or a model decided is no edit. What is to be left alone is gathered in the temporary table `staying`.
"""

from uuid import UUID

from ai2.kit.database import Connection, rows

# What a person can change, and what it is called there. A category counts where the person decided it.
EDITABLE = {
    "booked_on": "date",
    "amount": "amount",
    "description": "description",
    "merchant": "merchant",
    "reference": "reference",
    "notes": "notes",
    "tags": "tags",
    "attributes": "attributes",
    "splits": "splits",
}
# What an import may change in a transaction that was there before: a value goes back together with its proof.
GIVEN_BACK = (
    ("booked_on",), ("amount",), ("description",), ("merchant", "merchant_key", "source_key"), ("reference",), ("mcc",),
    ("attributes",), ("status",), ("value_on",), ("counterparty",), ("batch_id", "line_number"),
    ("category_id", "splits", "decided_by", "decided_version", "confidence", "decided_at"), ("deleted_at",),
)  # fmt: skip
# As the index versions_by_people has it: an act of many rows is written as `user:<id> undo:<batch>`.
BY_PEOPLE = """
    (former.changed_by like 'user:%%' or former.changed_by like 'api_key:%%') and former.changed_by not like '%% %%'
"""
# A statement over very many rows stamps them itself: the row trigger leaves alone what is stamped.
STAMPED = "version = transaction.version + 1, updated_at = now(), row_xid = pg_current_xact_id()"


def edited_fields(former: str, later: str) -> str:
    """SQL: an array of the names of the fields that a person changed between two states."""
    fields = [
        f"case when {former}.{column} is distinct from {later}.{column} then '{name}' end"
        for column, name in EDITABLE.items()
    ]
    by_person = f"coalesce({later}.decided_by, 'user') = 'user'"
    differs = f"({former}.category_id, {former}.decided_by) is distinct from ({later}.category_id, {later}.decided_by)"
    return f"array_remove(array[{', '.join(fields)}, case when {by_person} and {differs} then 'category' end], null)"


STATE = ", ".join([*EDITABLE, "category_id", "decided_by"])
# What people changed since the batch left a transaction, one row an edit. `reached` names the transactions.
EDITS = f"""
    select former.transaction_id, {edited_fields("former", "later")} as fields
    from books.transaction_versions as former
    inner join reached using (transaction_id)
    cross join lateral (
        select {STATE} from books.transaction_versions as version
        where version.organization_id = %(organization_id)s
            and version.transaction_id = former.transaction_id and version.version = former.version + 1
        union all
        select {STATE} from books.transactions as transaction
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = former.transaction_id and transaction.version = former.version + 1
    ) as later
    where former.organization_id = %(organization_id)s and {BY_PEOPLE}
        and former.version >= reached.since_version
"""

# What people keep beside what the batch brought is an edit too, though it is in no version. `mine` names the batch's.
ATTACHED = """
    select mine.transaction_id, array['attachments'] as fields
    from books.transactions as mine
    inner join books.attachments as attachment
        on attachment.organization_id = mine.organization_id and attachment.transaction_id = mine.transaction_id
    where mine.organization_id = %(organization_id)s and mine.batch_id = %(batch_id)s
"""


async def stage_changed(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Gather in `changed` the transactions that others brought and the batch changed, and between which versions.

    One that the batch completed has become its own; what it was before says the version before. One that is deleted
    counts where the batch took it out.
    """
    await db.execute("drop table if exists pg_temp.changed, pg_temp.staying")
    await db.execute(
        """
        create temporary table changed on commit drop as
        select version.transaction_id, min(version.version) as first_version, max(version.version) as last_version
        from books.transaction_versions as version
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = version.transaction_id
        where version.organization_id = %(organization_id)s and version.changed_by like 'batch:%%'
            and version.changed_by = 'batch:' || %(batch_id)s::text
        group by version.transaction_id
        having (bool_or(transaction.deleted_at is null) or max(transaction.deleted_at) = max(version.known_to))
            and (array_agg(version.batch_id order by version.version))[1] is distinct from %(batch_id)s
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    await db.execute(
        """
        create temporary table staying (
            transaction_id uuid primary key, line_number integer, why text not null, fields text[] not null,
            heir_id uuid, heir_line integer
        ) on commit drop
        """
    )


async def stage_edited(db: Connection, organization_id: UUID, batch_id: UUID) -> None:
    """Add to `staying` what people edited since the batch loaded or changed it, or have receipts of, or deleted."""
    await db.execute(
        f"""
        with reached as (
            select transaction_id, 1 as since_version
            from books.transactions
            where organization_id = %(organization_id)s and batch_id = %(batch_id)s and version > 1
                and transaction_id not in (select transaction_id from pg_temp.changed)
            union all
            select transaction_id, last_version + 1 from pg_temp.changed
        ),

        edits as (
            {EDITS}
            union all
            {ATTACHED} and mine.transaction_id not in (select transaction_id from pg_temp.changed)
        )

        insert into pg_temp.staying (transaction_id, line_number, why, fields)
        select edits.transaction_id, transaction.line_number, 'edited', array_agg(distinct field order by field)
        from edits
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = edits.transaction_id
        cross join lateral unnest(edits.fields) as field
        where transaction.deleted_at is null
        group by edits.transaction_id, transaction.line_number
        on conflict do nothing
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    await db.execute(
        """
        insert into pg_temp.staying (transaction_id, line_number, why, fields)
        select transaction_id, line_number, 'deleted', '{}' from books.transactions
        where organization_id = %(organization_id)s and batch_id = %(batch_id)s
            and line_number is not null and deleted_at is not null
        on conflict do nothing
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )


async def hand_over(db: Connection, organization_id: UUID) -> int:
    """Let transactions that a later batch has too belong to that one: `heir_id` and `heir_line` of `staying`."""
    done = await db.execute(
        f"""
        update books.transactions as transaction
        set batch_id = staying.heir_id, line_number = staying.heir_line, {STAMPED}
        from pg_temp.staying
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = staying.transaction_id and staying.why = 'shared'
        """,
        {"organization_id": organization_id},
    )
    return done.rowcount


async def count_otherwise(db: Connection, organization_id: UUID) -> list[UUID]:
    """Of what the batch changed and is given back: whose day or amount it changed, or took out or brought back."""
    found = await rows(
        db,
        """
        select changed.transaction_id
        from pg_temp.changed as changed
        inner join books.transaction_versions as former
            on former.organization_id = %(organization_id)s
            and former.transaction_id = changed.transaction_id and former.version = changed.first_version
        inner join books.transactions as transaction
            on transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = changed.transaction_id
        where 'posted' in (former.status, transaction.status)
            and (former.booked_on, former.amount, former.status, former.deleted_at)
            is distinct from (transaction.booked_on, transaction.amount, transaction.status, transaction.deleted_at)
            and changed.transaction_id not in (select transaction_id from pg_temp.staying)
        """,
        {"organization_id": organization_id},
    )
    return [row["transaction_id"] for row in found]


async def give_back(db: Connection, organization_id: UUID) -> int:
    """Give what the batch changed its former values, each as far as nobody changed it since."""
    values = ", ".join(_given_back(names) for names in GIVEN_BACK)
    done = await db.execute(
        f"""
        update books.transactions as transaction
        set {values}, {STAMPED}
        from pg_temp.changed as changed
        inner join books.transaction_versions as former
            on former.organization_id = %(organization_id)s
            and former.transaction_id = changed.transaction_id and former.version = changed.first_version
        left join books.transaction_versions as made
            on made.organization_id = %(organization_id)s
            and made.transaction_id = changed.transaction_id and made.version = changed.last_version + 1
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = changed.transaction_id
            and not exists (
                select from pg_temp.staying as staying where staying.transaction_id = changed.transaction_id
            )
        """,
        {"organization_id": organization_id},
    )
    return done.rowcount


def _given_back(names: tuple[str, ...]) -> str:
    """SQL: the former value where the present one is still what the batch made of it."""
    present, made = (", ".join(f"{alias}.{name}" for name in names) for alias in ("transaction", "made"))
    untouched = f"made.version is null or ({present}) is not distinct from ({made})"
    return ", ".join(f"{name} = case when {untouched} then former.{name} else transaction.{name} end" for name in names)


async def close(db: Connection, organization_id: UUID, batch_id: UUID) -> int:
    """Close what the batch inserted and does not stay; says how many."""
    done = await db.execute(
        f"""
        update books.transactions as transaction set deleted_at = now(), {STAMPED}
        where transaction.organization_id = %(organization_id)s and transaction.batch_id = %(batch_id)s
            and transaction.deleted_at is null
            -- not `not exists`: a join of its own would put the rows out of their order on the disk
            and transaction.transaction_id not in (select transaction_id from pg_temp.staying)
        """,
        {"organization_id": organization_id, "batch_id": batch_id},
    )
    return done.rowcount


async def close_orphans(db: Connection, organization_id: UUID) -> int:
    """Close what was given back to a batch that is undone itself; says how many."""
    done = await db.execute(
        f"""
        update books.transactions as transaction set deleted_at = now(), {STAMPED}
        from pg_temp.changed as changed, published.batches as origin
        where transaction.organization_id = %(organization_id)s
            and transaction.transaction_id = changed.transaction_id and transaction.deleted_at is null
            and origin.organization_id = %(organization_id)s and origin.batch_id = transaction.batch_id
            and origin.status = 'undone'
            and not exists (
                select from pg_temp.staying as staying where staying.transaction_id = changed.transaction_id
            )
        """,
        {"organization_id": organization_id},
    )
    return done.rowcount
