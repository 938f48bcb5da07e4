"""References: a transaction names an account and a category of its own organization that are there."""

import psycopg
import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database
from ai2.kit.ids import UUID, new_id

INSERT = """
    insert into books.transactions
        (organization_id, transaction_id, account_id, booked_on, amount, currency, description, category_id, decided_by)
    values (%s, %s, %s, '2024-01-02', -1, 'GBP', 'Tea', %s, case when %s::uuid is not null then 'user' end)
"""


@pytest.fixture
async def account(db: Connection, organization: Organization) -> Account:
    return await accounts.create(db, organization.organization_id, name="Current", currency="GBP")


async def write(db: Connection, organization: Organization, account_id: UUID, category_id: UUID | None = None) -> None:
    values = [organization.organization_id, new_id(), account_id, category_id, category_id]
    await db.execute(INSERT, values)


async def test_its_own_are_taken(db: Connection, organization: Organization, account: Account) -> None:
    own = await categories.find(db, organization.organization_id, "Rent")
    await write(db, organization, account.account_id, own.category_id)


@pytest.mark.parametrize("what", ["account", "category"])
async def test_what_is_not_there_is_refused(
    db: Connection, organization: Organization, account: Account, what: str
) -> None:
    named = (new_id(), None) if what == "account" else (account.account_id, new_id())
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match=what):
        async with db.transaction():
            await write(db, organization, *named)


async def test_a_strangers_account_is_not_there(
    database: Database, db: Connection, organization: Organization, stranger: Organization
) -> None:
    async with database.transaction(stranger.organization_id) as theirs:
        other = await accounts.create(theirs, stranger.organization_id, name="Current", currency="GBP")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with db.transaction():
            await write(db, organization, other.account_id)


@pytest.mark.parametrize("what", ["account", "category"])
async def test_what_is_named_stays(db: Connection, organization: Organization, account: Account, what: str) -> None:
    own = await categories.find(db, organization.organization_id, "Rent")
    await db.execute("delete from books.category_codes where category_id = %s", [own.category_id])
    unused = await accounts.create(db, organization.organization_id, name="Unused", currency="GBP")
    await write(db, organization, account.account_id, own.category_id)
    await db.execute("delete from books.accounts where account_id = %s", [unused.account_id])
    table, named = ("accounts", account.account_id) if what == "account" else ("categories", own.category_id)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with db.transaction():
            await db.execute(f"delete from books.{table} where {what}_id = %s", [named])
