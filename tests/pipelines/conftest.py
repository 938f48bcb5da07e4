"""An account with an inbox, and runs of the import step on a Dagster instance that forgets."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.identity.organizations import Organization
from ai2.kit.database import Database, rows
from pipelines.ingest.assets import import_file
from pipelines.resources import Books

STATEMENT = """Date,Description,Amount
2026-01-30,SALARY ACME LTD,2000.00
2026-01-31,RENT JANUARY,-850.00
2026-02-01,COFFEE,-2.50
2026-02-01,COFFEE,-2.50
"""


@pytest.fixture
async def account(database: Database, organization: Organization) -> Account:
    async with database.transaction(organization.organization_id) as db:
        return await accounts.create(db, organization.organization_id, name="Current", currency="GBP")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as forgetful:
        yield forgetful


@dataclass(frozen=True)
class Inbox:
    """One account's folder, and what happens to what is dropped there."""

    folder: Path
    instance: dg.DagsterInstance
    organization: Organization
    account: Account
    database: Database

    def drop(self, text: str, name: str = "statement.csv") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    async def take(self, path: Path) -> dg.ExecuteInProcessResult:
        """Run the import step on a file, as the sensor would ask for it."""
        whose = {"organization_id": str(self.organization.organization_id), "account_id": str(self.account.account_id)}
        config = {"ops": {"import_file": {"config": {**whose, "path": str(path)}}}}
        return await asyncio.to_thread(
            dg.materialize,
            [import_file],
            run_config=config,
            instance=self.instance,
            resources={"books": Books()},
            raise_on_error=False,
        )

    async def read(self, query: str) -> list[dict[str, Any]]:
        async with self.database.transaction(self.organization.organization_id) as db:
            return list(await rows(db, query))


@pytest.fixture
def inbox(
    tmp_path: Path, instance: dg.DagsterInstance, organization: Organization, account: Account, database: Database
) -> Inbox:
    folder = tmp_path / "inbox" / organization.name / account.name
    folder.mkdir(parents=True)
    return Inbox(folder, instance, organization, account, database)
