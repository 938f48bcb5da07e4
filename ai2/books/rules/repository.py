"""Every query on rules and on the record of where they were applied."""

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, Query, number, one, rows
from ai2.kit.stamped import STAMP

COLUMNS = """
    rule_id, name, position, is_active, description_by, description, merchant_by, merchant, min_amount, max_amount,
    account_id, mcc, sign, currency, category_id, tags, merchant_name, split, transfer_account_id, version,
    created_at, updated_at
"""
APPLICATION = """
    application_id, rule_id, rule_version, start_date, end_date, account_id, rows_changed, rows_closed, applied_by,
    applied_at, undone_at, undone_by, rows_given_back, rows_left_alone
"""


def list_query(organization_id: UUID, *, active: bool = False) -> Query:
    """The rules in their order; with `active` those alone that are in force."""
    query = f"""
        select {COLUMNS} from books.rules
        where organization_id = %(organization_id)s and deleted_at is null and (is_active or not %(active)s)
        order by position, rule_id
    """
    return query, {"organization_id": organization_id, "active": active}


def stamp_query(organization_id: UUID) -> Query:
    """The stamp of the rules that are in force; none where there are none."""
    query = f"""
        select {STAMP} as stamp from books.rules
        where organization_id = %(organization_id)s and deleted_at is null and is_active
        having count(*) > 0
    """
    return query, {"organization_id": organization_id}


async def list_all(db: Connection, organization_id: UUID, *, active: bool = False) -> list[DictRow]:
    """What `list_query` asks for."""
    return await rows(db, *list_query(organization_id, active=active))


async def get(db: Connection, organization_id: UUID, rule_id: UUID) -> DictRow | None:
    query = f"""
        select {COLUMNS} from books.rules
        where organization_id = %(organization_id)s and rule_id = %(rule_id)s and deleted_at is null
    """
    return await one(db, query, {"organization_id": organization_id, "rule_id": rule_id})


async def extent(db: Connection, organization_id: UUID) -> tuple[int, int]:
    """How many rules there are, and the last one's position."""
    found = await one(
        db,
        """
        select count(*) as rules, coalesce(max(position), 0) as last from books.rules
        where organization_id = %(organization_id)s and deleted_at is null
        """,
        {"organization_id": organization_id},
    )
    return (found["rules"], found["last"]) if found else (0, 0)


async def insert(db: Connection, **values: Any) -> None:
    await db.execute(
        """
        insert into books.rules (
            organization_id, rule_id, name, position, is_active, description_by, description, merchant_by, merchant,
            min_amount, max_amount, account_id, mcc, sign, currency, category_id, tags, merchant_name, split,
            transfer_account_id
        ) values (
            %(organization_id)s, %(rule_id)s, %(name)s, %(position)s, %(is_active)s, %(description_by)s,
            %(description)s, %(merchant_by)s, %(merchant)s, %(min_amount)s, %(max_amount)s, %(account_id)s, %(mcc)s,
            %(sign)s, %(currency)s, %(category_id)s, %(tags)s, %(merchant_name)s, %(split)s, %(transfer_account_id)s
        )
        """,
        values,
    )


async def update(db: Connection, **values: Any) -> None:
    await db.execute(
        """
        update books.rules set
            name = %(name)s, position = %(position)s, is_active = %(is_active)s, description_by = %(description_by)s,
            description = %(description)s, merchant_by = %(merchant_by)s, merchant = %(merchant)s,
            min_amount = %(min_amount)s, max_amount = %(max_amount)s, account_id = %(account_id)s, mcc = %(mcc)s,
            sign = %(sign)s, currency = %(currency)s, category_id = %(category_id)s, tags = %(tags)s,
            merchant_name = %(merchant_name)s, split = %(split)s, transfer_account_id = %(transfer_account_id)s,
            version = version + 1, updated_at = now()
        where organization_id = %(organization_id)s and rule_id = %(rule_id)s
        """,
        values,
    )


async def delete(db: Connection, organization_id: UUID, rule_id: UUID) -> None:
    await db.execute(
        """
        update books.rules set deleted_at = now(), is_active = false
        where organization_id = %s and rule_id = %s and deleted_at is null
        """,
        [organization_id, rule_id],
    )


async def insert_application(db: Connection, **values: Any) -> None:
    await db.execute(
        """
        insert into books.rule_applications (
            organization_id, application_id, rule_id, rule_version, start_date, end_date, account_id, rows_changed,
            rows_closed, applied_by
        ) values (
            %(organization_id)s, %(application_id)s, %(rule_id)s, %(rule_version)s, %(start_date)s, %(end_date)s,
            %(account_id)s, %(rows_changed)s, %(rows_closed)s, %(applied_by)s
        )
        """,
        values,
    )


async def application(db: Connection, organization_id: UUID, application_id: UUID) -> DictRow | None:
    """One application, held until the transaction ends."""
    query = f"""
        select {APPLICATION} from books.rule_applications
        where organization_id = %(organization_id)s and application_id = %(application_id)s for update
    """
    return await one(db, query, {"organization_id": organization_id, "application_id": application_id})


async def applications(
    db: Connection, organization_id: UUID, *, rule_id: UUID | None, after: UUID | None, limit: int
) -> list[DictRow]:
    """Applications, newest first; `after` is the last one seen."""
    query = f"""
        select {APPLICATION} from books.rule_applications
        where organization_id = %(organization_id)s
            and (%(rule_id)s::uuid is null or rule_id = %(rule_id)s)
            and (%(after)s::uuid is null or application_id < %(after)s)
        order by application_id desc limit %(limit)s
    """
    parameters = {"organization_id": organization_id, "rule_id": rule_id, "after": after, "limit": limit}
    return await rows(db, query, parameters)


async def count_applications(db: Connection, organization_id: UUID, rule_id: UUID | None) -> int:
    return await number(
        db,
        """
        select count(*) as applications from books.rule_applications
        where organization_id = %(organization_id)s and (%(rule_id)s::uuid is null or rule_id = %(rule_id)s)
        """,
        {"organization_id": organization_id, "rule_id": rule_id},
    )


async def set_undone(
    db: Connection, organization_id: UUID, application_id: UUID, *, undone_by: str, given_back: int
) -> None:
    await db.execute(
        """
        update books.rule_applications set
            undone_at = now(), undone_by = %(undone_by)s, rows_given_back = %(given_back)s,
            rows_left_alone = rows_changed - %(given_back)s
        where organization_id = %(organization_id)s and application_id = %(application_id)s
        """,
        {
            "organization_id": organization_id,
            "application_id": application_id,
            "undone_by": undone_by,
            "given_back": given_back,
        },
    )
