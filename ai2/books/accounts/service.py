"""Accounts: bank and card accounts, each in one currency, and what they hold day by day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from psycopg import errors

from ai2.books.accounts import repository
from ai2.kit import events
from ai2.kit.database import Connection, Query, hold
from ai2.kit.errors import Conflict, Invalid, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.money import exact, exponent

AccountKind = Literal["bank", "card", "savings", "cash", "loan", "other"]
# Who says what an account held at first: a person, its bank, or nobody (then only what moved is known).
OpeningIs = Literal["given", "stated", "unknown"]
CHANGEABLE = frozenset({"name", "kind", "currency", "opening_balance", "opening_on", "number", "is_archived"})


class AccountNotFound(NotFound):
    """There is no such account; GET /api/core/accounts lists yours."""


class AccountNameTaken(Conflict):
    """An account of this name exists already; names differ by more than case."""


class AccountHasTransactions(Conflict):
    """The account has transactions: its currency stays, and it can be archived but not deleted."""


class AccountIsArchived(Conflict):
    """The account is put away and takes nothing new; bring it back with PATCH and is_archived false."""


@dataclass(frozen=True)
class Account:
    """An account. `number` is how the bank writes it (IBAN or account number)."""

    account_id: UUID
    name: str
    kind: AccountKind
    currency: str
    opening_balance: Decimal
    opening_on: date | None
    number: str | None
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    # what its bank says it held at the end of that day; the opening balance follows from it where nobody said that
    anchored_on: date | None = None
    anchored_balance: Decimal | None = None

    @property
    def opening_is(self) -> OpeningIs:
        if self.opening_on is not None or self.opening_balance:
            return "given"
        return "unknown" if self.anchored_on is None else "stated"


@dataclass(frozen=True)
class Moved:
    """What came in and went out on a day; both are positive."""

    booked_on: date
    money_in: Decimal
    money_out: Decimal


@dataclass(frozen=True)
class DailyBalance:
    """What moved on a day and what the account held at its end."""

    booked_on: date
    money_in: Decimal
    money_out: Decimal
    balance: Decimal


async def create(
    db: Connection,
    organization_id: UUID,
    *,
    name: str,
    currency: str,
    kind: AccountKind = "bank",
    opening_balance: Decimal = Decimal(0),
    opening_on: date | None = None,
    number: str | None = None,
) -> Account:
    """Open an account. The opening balance is what it held before its first transaction."""
    exact_balance = exact(opening_balance, currency)
    account_id = new_id()
    try:
        async with db.transaction():
            await repository.insert(
                db,
                organization_id=organization_id,
                account_id=account_id,
                name=name,
                kind=kind,
                currency=currency,
                opening_balance=exact_balance,
                opening_on=opening_on,
                number=number,
            )
    except errors.UniqueViolation:
        raise AccountNameTaken from None
    await events.emit(db, organization_id, "account.created", {"account_id": account_id})
    return await get(db, organization_id, account_id)


async def list_all(db: Connection, organization_id: UUID, *, archived: bool = False) -> list[Account]:
    """The organization's accounts by name, those put away only when asked for."""
    return [Account(**row) for row in await repository.list_all(db, organization_id, archived=archived)]


async def get(db: Connection, organization_id: UUID, account_id: UUID) -> Account:
    row = await repository.get(db, organization_id, account_id)
    if row is None:
        raise AccountNotFound
    return Account(**row)


def standing_query(organization_id: UUID, account_id: UUID) -> Query:
    """What asks for the `currency` of an account and whether it `is_archived`, for who asks for more at once."""
    return repository.standing_query(organization_id, account_id)


async def check_theirs(db: Connection, organization_id: UUID, account_ids: Collection[UUID]) -> None:
    """Refuse an account that is not the organization's."""
    if account_ids and await repository.number_of(db, organization_id, list(account_ids)) < len(set(account_ids)):
        raise AccountNotFound


async def of_all(db: Connection, account_ids: Sequence[UUID]) -> list[Account]:
    """These accounts, whosever they are. For operators: `db` is the pipeline role's."""
    return [Account(**row) for row in await repository.of_all(db, account_ids)]


async def find(db: Connection, organization_id: UUID, name: str) -> Account | None:
    """The account of this name, case aside."""
    row = await repository.find(db, organization_id, name)
    return Account(**row) if row else None


async def find_or_create(
    db: Connection, organization_id: UUID, *, name: str, currency: str, kind: AccountKind = "bank"
) -> Account:
    """The account of this name, made if there is none. Of two who make it at once, one finds the other's."""
    known = await find(db, organization_id, name)
    if known:
        return known
    try:
        return await create(db, organization_id, name=name, currency=currency, kind=kind)
    except AccountNameTaken:
        known = await find(db, organization_id, name)
        if known is None:
            raise
        return known


async def update(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    changes: dict[str, object],
    *,
    version: int | None = None,
) -> Account:
    """Change the named fields, put it away or bring it back; the currency only while there are no transactions."""
    if not changes.keys() <= CHANGEABLE:
        raise Invalid
    await hold(db, "books.accounts", organization_id=organization_id, account_id=account_id)
    account = await get(db, organization_id, account_id)
    if version not in (None, account.version):
        raise Stale
    told = {"account_id": account_id, "fields": sorted(changes)}
    await _check_currency(db, organization_id, account, changes)
    try:
        async with db.transaction():
            await repository.update(db, organization_id, account_id, {"is_archived": None, **vars(account), **changes})
    except errors.UniqueViolation:
        raise AccountNameTaken from None
    await events.emit(db, organization_id, "account.updated", told)
    return await get(db, organization_id, account_id)


async def _check_currency(db: Connection, organization_id: UUID, account: Account, changes: dict[str, object]) -> None:
    currency = str(changes.get("currency", account.currency))
    exponent(currency)
    if currency != account.currency and await repository.is_used(db, organization_id, account.account_id):
        raise AccountHasTransactions
    balance = changes.get("opening_balance", account.opening_balance)
    changes["opening_balance"] = exact(Decimal(str(balance)), currency)


async def archive(db: Connection, organization_id: UUID, account_id: UUID, *, version: int | None = None) -> None:
    """Put an account away: it takes nothing new, its transactions stay."""
    account = await get(db, organization_id, account_id)
    if version not in (None, account.version):
        raise Stale
    await repository.archive(db, organization_id, account_id)
    await events.emit(db, organization_id, "account.archived", {"account_id": account_id})


async def balances(
    db: Connection,
    organization_id: UUID,
    account_id: UUID,
    start: date | None = None,
    end: date | None = None,
) -> list[DailyBalance]:
    """The balance at the end of every day on which something moved."""
    await get(db, organization_id, account_id)
    found = await repository.balances(db, organization_id, account_id, start, end)
    return [DailyBalance(**row) for row in found]


async def moved(db: Connection, account_ids: Sequence[UUID]) -> dict[UUID, list[Moved]]:
    """What moved these accounts, day by day, in their own currencies; whose they are is the database's to say."""
    found: dict[UUID, list[Moved]] = {account_id: [] for account_id in account_ids}
    for row in await repository.moved(db, account_ids):
        found[row["account_id"]].append(Moved(row["booked_on"], row["money_in"], row["money_out"]))
    return found


async def anchor(
    db: Connection, organization_id: UUID, account_id: UUID, on: date | None, balance: Decimal | None
) -> None:
    """What the account's bank says first, or that it says nothing: by that its opening balance is known."""
    await repository.anchor(db, organization_id, account_id, on, balance)
