"""Books that a test keeps: accounts in two currencies, written as a person would, read as the API does."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction, Transaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Database


@dataclass(frozen=True)
class Books:
    """An organization's books and who writes in them."""

    database: Database
    organization_id: UUID
    accounts: dict[str, UUID]

    async def book(self, account: str, day: str, amount: str, category: str | None = None) -> Transaction:
        currency = account.rsplit(maxsplit=1)[-1]
        new = NewTransaction(
            booked_on=date.fromisoformat(day),
            amount=Decimal(amount),
            currency=currency,
            description=f"{category or 'Something'} {day}",
            account_id=self.accounts[account],
            category=category,
        )
        async with self.database.transaction(self.organization_id) as db:
            return await transactions.create(db, self.organization_id, new)

    async def announce(self, account: str, booked_on: str, amount: str, status: str) -> None:
        """What a bank announced and has not booked, or took back."""
        made = await self.book(account, booked_on, amount)
        async with self.database.transaction(self.organization_id) as db:
            query = "update books.transactions set status = %s where transaction_id = %s"
            await db.execute(query, [status, made.transaction_id])

    async def read(self, query: str) -> list[tuple[Any, ...]]:
        """Rows as the API's role sees them, acting for this organization."""
        async with self.database.transaction(self.organization_id) as db:
            return [tuple(row.values()) for row in await (await db.execute(query)).fetchall()]  # type: ignore[arg-type]


async def open_books(database: Database, organization: Organization) -> Books:
    opened = {}
    async with database.transaction(organization.organization_id) as db:
        for name, opening in (("Current GBP", "100.00"), ("Savings GBP", "0"), ("Travel EUR", "0")):
            account = await accounts.create(
                db,
                organization.organization_id,
                name=name,
                currency=name.split()[-1],
                opening_balance=Decimal(opening),
            )
            opened[name] = account.account_id
    return Books(database, organization.organization_id, opened)
