"""Following in the books: transactions that a feed says something of later are as it says now, many at once.

The temporary table `staged` has the lines, and `followed` what each is to its transaction: `act`, and the fields that
people `edited`, which stay. A merchant that a rule gave stays too. The former state is in the history.
"""

from uuid import UUID

from ai2.books.transactions.undo_repository import EDITS
from ai2.kit.database import Connection, rows


def _unless_edited(field: str, column: str, to: str) -> str:
    return f"case when '{field}' = any(followed.edited) then transaction.{column} else {to} end"


IS_RENAMED = "('merchant' = any(followed.edited) or transaction.source_key is not null)"
# What each column is to be.
FOLLOWED = {
    "booked_on": _unless_edited("date", "booked_on", "staged.booked_on"),
    "amount": _unless_edited("amount", "amount", "staged.amount"),
    "description": _unless_edited("description", "description", "staged.description"),
    "merchant": f"""
        case when {IS_RENAMED} then transaction.merchant else coalesce(staged.merchant, transaction.merchant) end""",
    # the key belongs to the merchant, or to the text where nobody is named
    "merchant_key": f"""
        case
            when {IS_RENAMED} or (
                staged.merchant is null
                and (transaction.merchant is not null or 'description' = any(followed.edited))
            )
            then transaction.merchant_key else staged.merchant_key
        end""",
    "source_key": "case when transaction.source_key is not null then staged.merchant_key end",
    "reference": _unless_edited("reference", "reference", "coalesce(staged.reference, transaction.reference)"),
    "mcc": "coalesce(staged.mcc, transaction.mcc)",
    "value_on": "coalesce(staged.value_on, transaction.value_on)",
    "counterparty": "coalesce(staged.counterparty, transaction.counterparty)",
    "attributes": """
        case
            when 'attributes' = any(followed.edited) then staged.attributes || transaction.attributes
            else transaction.attributes || staged.attributes
        end""",
}
NAMES = {
    "booked_on": "date", "amount": "amount", "description": "description", "merchant": "merchant",
    "reference": "reference", "attributes": "attributes",
}  # fmt: skip
DIFFERS = f"""
    ({", ".join(FOLLOWED.values())}) is distinct from ({", ".join(f"transaction.{column}" for column in FOLLOWED)})
"""
# What counts in balances and reports: of a closed period it stays.
COUNTS_OTHERWISE = f"""
    ({FOLLOWED["booked_on"]}, {FOLLOWED["amount"]}) is distinct from (transaction.booked_on, transaction.amount)
"""


async def hold(db: Connection, organization_id: UUID, file_number: int) -> None:
    """Let nobody edit what a file follows until our transaction ends; in one order, so that nobody waits in a ring."""
    await db.execute(
        """
        select from books.transactions as transaction
        where organization_id = %(organization_id)s and transaction_id in (
            select transaction_id from pg_temp.followed where file_number = %(file_number)s
        )
        order by transaction_id for no key update
        """,
        {"organization_id": organization_id, "file_number": file_number},
    )


async def find_edits(db: Connection, organization_id: UUID, file_number: int) -> None:
    """Write into `followed` which fields people edited; a file beside it and a transfer are edits, where they are
    theirs."""
    await db.execute(
        f"""
        with reached as (
            select distinct transaction_id, 1 as since_version
            from pg_temp.followed where file_number = %(file_number)s
        ),

        edits as (
            {EDITS}
            union all
            select reached.transaction_id, array['attachments'] from reached
            inner join books.attachments as attachment
                on attachment.organization_id = %(organization_id)s
                and attachment.transaction_id = reached.transaction_id
                and (attachment.added_by like 'user:%%' or attachment.added_by like 'api_key:%%')
            union all
            select reached.transaction_id, array['transfer'] from reached
            inner join books.transfers as pair
                on pair.organization_id = %(organization_id)s and pair.state = 'paired' and pair.decided_by = 'user'
                and reached.transaction_id in (pair.out_transaction_id, pair.in_transaction_id)
        )

        update pg_temp.followed set edited = found.fields
        from (
            select edits.transaction_id, array_agg(distinct field order by field) as fields
            from edits cross join lateral unnest(edits.fields) as field
            group by edits.transaction_id
        ) as found
        where followed.transaction_id = found.transaction_id and followed.file_number = %(file_number)s
        """,
        {"organization_id": organization_id, "file_number": file_number},
    )


async def change(db: Connection, organization_id: UUID) -> tuple[list[UUID], list[str]]:
    """Let transactions be as their lines say, back in the books where they were out.

    Says which count otherwise now, and which fields of any changed.
    """
    values = ", ".join(f"{column} = {value}" for column, value in FOLLOWED.items())
    found = await rows(
        db,
        f"""
        with before as (
            select
                transaction.transaction_id, followed.act = 'returned' or {COUNTS_OTHERWISE} as counts,
                array_remove(array[{", ".join(map(_name_where_other, NAMES))}], null) as fields
            from books.transactions as transaction
            inner join pg_temp.followed as followed
                on followed.transaction_id = transaction.transaction_id and followed.act in ('changed', 'returned')
            inner join pg_temp.staged on staged.line_number = followed.line_number
            where transaction.organization_id = %(organization_id)s
        ),

        changed as (
            update books.transactions as transaction set {values},
                deleted_at = case when followed.act = 'returned' then null else transaction.deleted_at end
            from pg_temp.followed as followed
            inner join pg_temp.staged on staged.line_number = followed.line_number
            where transaction.organization_id = %(organization_id)s
                and transaction.transaction_id = followed.transaction_id and followed.act in ('changed', 'returned')
        )

        select transaction_id, counts, fields from before
        """,
        {"organization_id": organization_id},
    )
    return (
        [row["transaction_id"] for row in found if row["counts"]],
        list({field for row in found for field in row["fields"]}),
    )


def _name_where_other(column: str) -> str:
    return f"case when {FOLLOWED[column]} is distinct from transaction.{column} then '{NAMES[column]}' end"


async def remove(db: Connection, organization_id: UUID) -> None:
    """Take transactions out of the books."""
    await db.execute(
        """
        update books.transactions as transaction set deleted_at = now()
        from pg_temp.followed as followed
        where transaction.organization_id = %(organization_id)s and transaction.deleted_at is null
            and transaction.transaction_id = followed.transaction_id and followed.act = 'removed'
        """,
        {"organization_id": organization_id},
    )
