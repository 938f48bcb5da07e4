"""Transactions: one movement of money on an account; negative is money out. People win over every machine."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.moments import Moment
from ai2.books.rules import runs as rule_runs
from ai2.books.rules import service as rules
from ai2.books.rules.matching import Rule
from ai2.books.transactions import as_of_repository, repository
from ai2.books.transfers import service as transfers
from ai2.books.transfers.sides import Side
from ai2.kit import events
from ai2.kit.database import Connection, at_once, hold, one
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.merchants import merchant_key
from ai2.kit.money import exact

Type = Literal["income", "expense", "transfer"]
# pending: announced, not booked; closed: announced, and taken back. Only what is posted counts.
Status = Literal["posted", "pending", "closed"]
# What a person may change; the account and its currency stay.
CHANGEABLE = frozenset(
    {
        "booked_on",
        "amount",
        "description",
        "merchant",
        "reference",
        "notes",
        "tags",
        "attributes",
        "category_id",
    }
)


class TransactionNotFound(NotFound):
    """There is no such transaction; GET /api/core/transactions lists yours."""


class IsSplit(Conflict):
    """The transaction is split; change or remove its splits at PUT /api/core/transactions/{id}/splits first."""


class OtherCurrency(Invalid):
    """The currency is not the account's; use an account of this currency."""


@dataclass(frozen=True)
class Transaction:
    """A transaction. `category` is its category's name; `decided_by` and `confidence` say who chose it and how sure."""

    transaction_id: UUID
    account_id: UUID
    booked_on: date
    amount: Decimal
    currency: str
    type: Type
    description: str
    merchant: str | None
    merchant_key: str
    reference: str | None
    mcc: str | None
    notes: str | None
    tags: list[str]
    attributes: dict[str, Any]
    status: Status
    value_on: date | None
    counterparty: str | None
    category_id: UUID | None
    category: str | None
    decided_by: str | None
    decided_version: str | None
    confidence: Decimal | None
    decided_at: datetime | None
    batch_id: UUID | None
    line_number: int | None
    version: int
    created_at: datetime
    updated_at: datetime
    # what it is for where that is several things: amount, category_id, category, notes and tags of each part
    splits: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class NewTransaction:
    """What a person writes down. Without an account it goes to one kept for such entries."""

    booked_on: date
    amount: Decimal
    currency: str
    description: str
    account_id: UUID | None = None
    category_id: UUID | None = None
    category: str | None = None
    merchant: str | None = None
    reference: str | None = None
    mcc: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] | None = None
    # follows from sign and category; what is said must not contradict them
    type: Type | None = None


async def create(db: Connection, organization_id: UUID, new: NewTransaction) -> Transaction:
    """Write a transaction into the books; its category, where given, is the person's decision, else rules may decide.

    Where it is the other side of a transfer it is paired, unless it is said to be income or expense.
    """
    account_id = new.account_id or (await account_for_entries(db, organization_id, new.currency)).account_id
    category_id = await _category_id(db, organization_id, new.category_id, new.category)
    transaction_id = new_id()
    values = {
        **{name: value for name, value in vars(new).items() if name != "type"},
        "organization_id": organization_id,
        "transaction_id": transaction_id,
        "account_id": account_id,
        "amount": exact(new.amount, new.currency),
        "category_id": category_id,
        "tags": list(new.tags),
        "attributes": new.attributes or {},
        "merchant_key": merchant_key(new.description, new.merchant),
    }
    # From its insert on others wait who write into the same account and month: what can be asked before is.
    side = Side(transaction_id, account_id, new.booked_on, values["amount"], new.currency, new.description)
    may_pair = new.type in (None, "transfer")
    has_partner, known = await _before(db, organization_id, side, may_pair=may_pair)
    async with db.pipeline():
        await events.emit_rows(db, organization_id, "transaction.created", [transaction_id])
        made = Transaction(**await repository.insert(db, **values))
        if has_partner is False:  # who waited for another that brought the other side sees it now
            again = await one(db, *transfers.partner_query(organization_id, side, closely=False))
            has_partner = bool(again and again["is_there"])
    if new.type not in (None, made.type, "transfer"):
        raise Invalid(errors=(FieldError("type", "contradicts the sign or the category"),))
    if has_partner and made.type != "transfer":
        await transfers.pair(db, organization_id, transaction_ids=[transaction_id])
        made = await get(db, organization_id, transaction_id)
    if new.type not in (None, made.type):
        raise Invalid(errors=(FieldError("type", "is transfer only with such a category, or another account's side"),))
    ruled = await rule_runs.run_on_new(db, organization_id, [transaction_id], known)
    return await get(db, organization_id, transaction_id) if ruled else made


async def _before(
    db: Connection, organization_id: UUID, side: Side, *, may_pair: bool
) -> tuple[bool | None, list[Rule]]:
    """Whether it has another side (None: it can have none), and the rules that run on it. Its account must take it."""
    asked = {"rules": rules.stamp_query(organization_id)}
    if may_pair:
        asked["partner"] = transfers.partner_query(organization_id, side, closely=True)
    found = await at_once(db, accounts.standing_query(organization_id, side.account_id), **asked)
    if found is None:
        raise accounts.AccountNotFound
    if found["is_archived"]:
        raise accounts.AccountIsArchived
    if found["currency"] != side.currency:
        raise OtherCurrency(errors=(FieldError("currency", f"is {found['currency']} for this account"),))
    known = await rules.in_force_by(db, organization_id, found["rules"])
    has_partner = found["partner"][0]["is_there"] if may_pair else None
    return has_partner, await rule_runs.for_new(db, organization_id, known, transfers_too=may_pair)


async def get(db: Connection, organization_id: UUID, transaction_id: UUID) -> Transaction:
    row = await repository.get(db, organization_id, transaction_id)
    if row is None:
        raise TransactionNotFound
    return Transaction(**row)


async def get_many(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], *, known_at: Moment | None = None
) -> list[Transaction]:
    """Those of these that stand, or stood, in no order."""
    if known_at is None or known_at.is_present:
        found = await repository.get_many(db, organization_id, transaction_ids)
    else:
        found = await as_of_repository.get_many(db, organization_id, transaction_ids, known_at)
    return [Transaction(**row) for row in found]


async def update(
    db: Connection,
    organization_id: UUID,
    transaction_id: UUID,
    changes: dict[str, Any],
    *,
    version: int | None = None,
) -> Transaction:
    """Change the named fields; a category that is named becomes the person's decision."""
    if not changes.keys() <= CHANGEABLE:
        raise Invalid
    await hold(db, "books.transactions", organization_id=organization_id, transaction_id=transaction_id)
    transaction = await get(db, organization_id, transaction_id)
    if version not in (None, transaction.version):
        raise Stale
    if not changes:
        return transaction
    if concerns_parts(transaction, changes):
        raise IsSplit
    if changes.get("category_id"):
        await categories.get(db, organization_id, changes["category_id"])
    merged = {**vars(transaction), **changes}
    merged["amount"] = exact(merged["amount"], transaction.currency)
    merged["merchant_key"] = merchant_key(merged["description"], merged["merchant"])
    await repository.update(db, organization_id, transaction_id, merged, decided="category_id" in changes)
    if (merged["booked_on"], merged["amount"]) != (transaction.booked_on, transaction.amount):
        await transfers.dissolve(db, organization_id, [transaction_id])
        await transfers.pair(db, organization_id, transaction_ids=[transaction_id])
    if "category_id" in changes:
        await transfers.hear(db, organization_id, [transaction_id])
    await tell_changed(db, organization_id, [transaction_id], changes)
    return await get(db, organization_id, transaction_id)


def concerns_parts(transaction: Transaction, changes: dict[str, Any]) -> bool:
    """Whether a change of the whole would leave its parts wrong, or take them away unsaid."""
    return bool(transaction.splits) and (
        "category_id" in changes or changes.get("amount", transaction.amount) != transaction.amount
    )


async def delete(db: Connection, organization_id: UUID, transaction_id: UUID, *, version: int | None = None) -> None:
    """Take a transaction out of the books. It is kept, and its file does not bring it back."""
    await hold(db, "books.transactions", organization_id=organization_id, transaction_id=transaction_id)
    transaction = await get(db, organization_id, transaction_id)
    if version not in (None, transaction.version):
        raise Stale
    await repository.delete(db, organization_id, transaction_id)
    await transfers.dissolve(db, organization_id, [transaction_id])
    await events.emit_rows(db, organization_id, "transaction.deleted", [transaction_id])


async def tell_changed(
    db: Connection, organization_id: UUID, transaction_ids: Sequence[UUID], changes: Collection[str]
) -> None:
    """Tell which fields of which transactions a person changed."""
    fields = sorted(changes)
    await events.emit_rows(db, organization_id, "transaction.updated", transaction_ids, fields=fields)
    if "category_id" in changes:
        await events.emit_rows(db, organization_id, "transaction.categorized", transaction_ids, decided_by="user")


async def account_for_entries(db: Connection, organization_id: UUID, currency: str) -> accounts.Account:
    """The account that is kept for what a person writes down without one."""
    name = f"Entered by hand ({currency})"
    return await accounts.find_or_create(db, organization_id, name=name, currency=currency, kind="other")


async def _category_id(
    db: Connection, organization_id: UUID, category_id: UUID | None, name: str | None
) -> UUID | None:
    if category_id:
        return (await categories.get(db, organization_id, category_id)).category_id
    if name:
        return (await categories.find(db, organization_id, name)).category_id
    return None
