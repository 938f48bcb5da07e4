"""What the tests of ingest share: accounts to import into, and files made of text."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.identity.organizations import Organization
from ai2.ingest import service
from ai2.ingest.service import ImportOptions, ImportResult, Source
from ai2.kit.database import Database

Import = Callable[..., Awaitable[ImportResult]]
Ask = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def account(database: Database, organization: Organization) -> Account:
    """A bank account in pounds."""
    async with database.transaction(organization.organization_id) as db:
        return await accounts.create(db, organization.organization_id, name="Current", currency="GBP")


@pytest.fixture
def import_text(database: Database, organization: Organization, account: Account) -> Import:
    """Import a text as a file, in a transaction of its own; what else is named are the options."""

    async def do(text: str | bytes, *, into: Account = account, dry_run: bool = False, **options: Any) -> ImportResult:
        raw = text.encode() if isinstance(text, str) else text
        return await import_into(database, organization, into, raw, dry_run=dry_run, **options)

    return do


async def import_into(
    database: Database,
    organization: Organization,
    account: Account,
    raw: bytes,
    *,
    dry_run: bool = False,
    **options: Any,
) -> ImportResult:
    """Import bytes as a file, in a transaction of its own."""
    async with database.transaction(organization.organization_id) as db:
        return await service.import_file(
            db,
            organization_id=organization.organization_id,
            account_id=account.account_id,
            file=io.BytesIO(raw),
            file_name="statement.csv",
            options=ImportOptions(**options),
            source=Source.CLI,
            dry_run=dry_run,
        )


@pytest.fixture
def ask(database: Database, organization: Organization) -> Ask:
    """Run a query as the organization."""

    async def do(query: str, **parameters: Any) -> list[dict[str, Any]]:
        async with database.transaction(organization.organization_id) as db:
            return await (await db.execute(query, parameters)).fetchall()  # type: ignore[arg-type]

    return do
