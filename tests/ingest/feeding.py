"""Feeding: statements made of rows, loaded as a batch of their own, so that tests need no file format."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from ai2.books.accounts.service import Account
from ai2.identity.organizations import Organization
from ai2.ingest import repository
from ai2.ingest.lines import Statement, lines_of
from ai2.ingest.loading import batches
from ai2.ingest.loading.batches import Outcome
from ai2.kit.database import Connection, Database
from ai2.kit.ids import new_id

Row = dict[str, Any]
DATES = ("booked_on", "value_on")


def statement(rows: Sequence[Row], account: Account, *, ids_are_stable: bool = False) -> Statement:
    """A statement of these rows; dates and amounts may be text."""
    lines = lines_of(
        [
            {"line_number": number, "currency": account.currency, "description": "", **_read(row)}
            for number, row in enumerate(rows, 1)
        ]
    )
    return Statement(
        file_name="rows", format="rows", parser_version="rows-1", lines=lines, ids_are_stable=ids_are_stable,
        last_line=len(rows),
    )  # fmt: skip


def _read(row: Row) -> Row:
    read = {**row, "amount": Decimal(row["amount"])}
    return read | {name: date.fromisoformat(row[name]) for name in DATES if row.get(name)}


async def feed(
    db: Connection,
    organization: Organization,
    account: Account,
    rows: Sequence[Row],
    *,
    ids_are_stable: bool = False,
) -> tuple[UUID, Outcome]:
    """Load a statement of these rows as one file; equal rows are the same file."""
    organization_id = organization.organization_id
    digest = hashlib.sha256(json.dumps([list(rows), str(account.account_id)], default=str).encode()).digest()
    await repository.insert_raw_file(db, organization_id, digest, size_bytes=1, blob_key="none")
    batch_id = new_id()
    await repository.insert_batch(
        db, organization_id=organization_id, batch_id=batch_id, account_id=account.account_id, digest=digest,
        file_name="rows", source="cli", status="running", options={}, imported_by="system",
    )  # fmt: skip
    outcome = await batches.load(
        db, organization_id=organization_id, account_id=account.account_id, batch_id=batch_id,
        statements=[statement(rows, account, ids_are_stable=ids_are_stable)], currency=account.currency,
        is_known=await repository.is_loaded(db, organization_id, account.account_id, digest),
        progress=lambda _: None,
    )  # fmt: skip
    await repository.finish_batch(
        db, organization_id, batch_id, status=outcome.status, rows_in=outcome.rows_in,
        rows_loaded=outcome.rows_loaded, rows_duplicate=outcome.rows_duplicate,
        rows_quarantined=outcome.rows_quarantined, currency=account.currency,
    )  # fmt: skip
    return batch_id, outcome


class Feeder:
    """An account that statements go into, each in a transaction of its own, and what its books hold then."""

    def __init__(self, database: Database, organization: Organization, account: Account) -> None:
        self.database, self.organization, self.account = database, organization, account

    async def __call__(self, *rows: Row, **more: Any) -> tuple[int, int]:
        """Load the rows; says how many were loaded and how many were there already."""
        actor = f"user:{new_id()}"  # an import by a person is no edit by that person
        async with self.database.transaction(self.organization.organization_id, actor=actor) as db:
            self.batch_id, outcome = await feed(db, self.organization, self.account, rows, **more)
        assert outcome.status == "loaded", outcome.checks
        return outcome.rows_loaded, outcome.rows_duplicate

    async def books(self, columns: str = "booked_on, amount, description, status") -> list[tuple[str, ...]]:
        """The account's transactions, as text, in the order of their dates."""
        query = f"""
            select {columns} from books.transactions
            where account_id = %s and deleted_at is null order by booked_on, amount, description, transaction_id
        """
        async with self.database.transaction(self.organization.organization_id) as db:
            found = await (await db.execute(query, [self.account.account_id])).fetchall()  # type: ignore[arg-type]
        return [tuple(str(value) for value in row.values()) for row in found]

    async def balance(self) -> str:
        query = "select coalesce(sum(money_in - money_out), 0) as balance from books.daily_totals where account_id = %s"
        async with self.database.transaction(self.organization.organization_id) as db:
            [row] = await (await db.execute(query, [self.account.account_id])).fetchall()
        return str(row["balance"])
