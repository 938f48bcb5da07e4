"""Accounts: bank and card accounts, what they held each day, and how their files are read."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ai2.books import accounts
from ai2.books.accounts import Account, AccountKind
from api.etags import IfMatch, mark
from api.schemas import Amount, AmountIn, Body, CalendarDate, Currency, Day, Instant, ListOf, Name, OfCurrency, changes
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/accounts", tags=["accounts"], route_class=Unit)


class AccountNew(Body):
    """An account to open."""

    name: Name = Field(description="Unique here, without regard to case.")
    currency: Currency
    kind: AccountKind = "bank"
    opening_balance: AmountIn = Field(default=Decimal(0), description="What it held before its first transaction.")
    opening_on: Day | None = None
    number: Name | None = Field(default=None, description="As the bank writes it: IBAN or account number.")


class AccountChange(Body):
    """What to change; what is not named stays."""

    name: Name = Field(default="")
    kind: AccountKind = Field(default="bank")
    currency: Currency = Field(default="", description="Only while there are no transactions.")
    opening_balance: AmountIn = Field(default=Decimal(0))
    opening_on: Day | None = None
    number: Name | None = None


class AccountOut(OfCurrency):
    """An account."""

    account_id: UUID
    name: str
    kind: AccountKind
    opening_balance: Amount
    opening_on: date | None
    number: str | None
    archived_at: Instant | None
    version: int
    created_at: Instant
    updated_at: Instant


class Accounts(ListOf):
    """The organization's accounts, by name."""

    items: list[AccountOut]


class DailyBalanceOut(OfCurrency):
    """What moved on a day and what the account held at its end."""

    date: CalendarDate = Field(validation_alias="booked_on")
    money_in: Amount
    money_out: Amount
    balance: Amount


class DailyBalances(ListOf):
    """The days on which something moved."""

    items: list[DailyBalanceOut]


class BalancesQuery(Body):
    """Which days; both ends are included."""

    start_date: Day | None = None
    end_date: Day | None = None


@router.get("", response_model=Accounts)
async def list_accounts(db: Db, who: Caller, archived: bool = False) -> dict[str, Any]:
    """The accounts, those put away only with `archived=true`."""
    return {"items": await accounts.list_all(db, who.organization_id, archived=archived)}


@router.post("", status_code=201, response_model=AccountOut)
async def create_account(new: AccountNew, db: Db, who: Caller, response: Response) -> Account:
    """Open an account."""
    account = await accounts.create(db, who.organization_id, **dict(new))
    mark(response, account.version)
    return account


@router.get("/{account_id}", response_model=AccountOut)
async def get_account(account_id: UUID, db: Db, who: Caller, response: Response) -> Account:
    """One account."""
    account = await accounts.get(db, who.organization_id, account_id)
    mark(response, account.version)
    return account


@router.patch("/{account_id}", response_model=AccountOut)
async def update_account(
    account_id: UUID, change: AccountChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> Account:
    """Change an account; what is not named stays as it is."""
    account = await accounts.update(db, who.organization_id, account_id, changes(change), version=version)
    mark(response, account.version)
    return account


@router.delete("/{account_id}", status_code=204)
async def delete_account(account_id: UUID, db: Db, who: Caller) -> Response:
    """Put an account away: it takes no more imports, and its transactions stay."""
    await accounts.archive(db, who.organization_id, account_id)
    return Response(status_code=204)


@router.get("/{account_id}/balances", response_model=DailyBalances)
async def list_balances(
    account_id: UUID, db: Db, who: Caller, days: Annotated[BalancesQuery, Query()]
) -> dict[str, Any]:
    """What the account held at the end of every day on which something moved."""
    account = await accounts.get(db, who.organization_id, account_id)
    found = await accounts.balances(db, who.organization_id, account_id, days.start_date, days.end_date)
    return {"items": [{**vars(day), "currency": account.currency} for day in found]}
