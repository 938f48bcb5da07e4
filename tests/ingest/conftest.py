"""What the tests of ingest share: an account to import into, and files made of text."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ai2.books import accounts
from ai2.books.accounts import Account
from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.ingest.service import ImportOptions, ImportResult
from ai2.kit.database import Connection, Database

Import = Callable[..., Awaitable[ImportResult]]


@pytest.fixture
async def account(database: Database, organization: Organization) -> Account:
    """A bank account in pounds."""
    async with database.transaction(organization.organization_id) as db:
        return await accounts.create(db, organization.organization_id, name="Current", currency="GBP")


@pytest.fixture
def import_text(database: Database, organization: Organization, account: Account) -> Import:
    """Import a text as a file, in a transaction of its own; keywords are the options."""

    async def do(text: str | bytes, *, into: Account = account, dry_run: bool = False, **options: Any) -> ImportResult:
        raw = text.encode() if isinstance(text, str) else text
        async with database.transaction(organization.organization_id) as db:
            return await service.import_file(
                db,
                organization_id=organization.organization_id,
                account_id=into.account_id,
                file=io.BytesIO(raw),
                file_name="statement.csv",
                options=ImportOptions(**options),
                dry_run=dry_run,
            )

    return do


async def booked(db: Connection, account: Account) -> list[dict[str, Any]]:
    """The account's transactions, by date and text."""
    found = await db.execute(
        """
        select booked_on, amount, description, merchant, attributes, line_number from books.transactions
        where account_id = %s and deleted_at is null order by booked_on, description, amount
        """,
        [account.account_id],
    )
    return await found.fetchall()
