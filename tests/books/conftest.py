"""Books to write into: an account in pounds, and transactions made in a line."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction, Transaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection

Book = Callable[..., Awaitable[Transaction]]


@pytest.fixture
async def account(db: Connection, organization: Organization) -> Account:
    return await accounts.create(
        db, organization.organization_id, name="Current", currency="GBP", opening_balance=Decimal("100.00")
    )


@pytest.fixture
def book(db: Connection, organization: Organization, account: Account) -> Book:
    """Write a transaction; what is not said is an ordinary purchase."""

    async def write(amount: str = "-12.50", booked_on: str = "2026-03-05", **more: Any) -> Transaction:
        fields = {"description": "TESCO STORES 3297", "currency": "GBP", "account_id": account.account_id, **more}
        new = NewTransaction(amount=Decimal(amount), booked_on=date.fromisoformat(booked_on), **fields)
        return await transactions.create(db, organization.organization_id, new)

    return write
