"""Splits: one transaction in several categories. The parts sum to its amount, to the last minor unit.

A part may go the other way than the whole: a refund on a receipt lowers it. Who splits a transaction decided it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from ai2.books.categories import service as categories
from ai2.books.transactions import bulk_repository, splits_repository
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import Transaction
from ai2.books.transfers import service as transfers
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Stale
from ai2.kit.money import exact

FEWEST, MOST = 2, 100


class SplitsDoNotHold(Invalid):
    """The splits do not hold; correct the named fields."""


class SplitCategoryNotFound(NotFound):
    """A split names a category that is not there or not yours; GET /api/core/categories lists yours."""


class PairedIsNotSplit(Conflict):
    """The transaction is one side of a transfer; take that apart first, or leave it whole."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a transaction. Its category is named by its id, or by its name."""

    amount: Decimal
    category_id: UUID | None = None
    category: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()


async def put(
    db: Connection,
    organization_id: UUID,
    transaction_id: UUID,
    parts: Sequence[Part],
    *,
    version: int | None = None,
) -> Transaction:
    """Split a transaction into these parts, or make it whole, and undecided, where there are none."""
    await bulk_repository.lock(db, organization_id, [transaction_id])
    transaction = await transactions.get(db, organization_id, transaction_id)
    if version not in (None, transaction.version):
        raise Stale
    if not parts:
        if transaction.splits:
            await splits_repository.make_whole(db, organization_id, transaction_id)
            await transactions.tell_changed(db, organization_id, [transaction_id], ["category_id", "splits"])
        return await transactions.get(db, organization_id, transaction_id)
    amounts = _amounts(transaction, parts)
    category_ids = await _category_ids(db, organization_id, parts)
    if await transfers.is_paired(db, organization_id, transaction_id):
        raise PairedIsNotSplit
    told = [_told(*each) for each in zip(parts, amounts, category_ids, strict=True)]
    await splits_repository.put(db, organization_id, transaction_id, told)
    await transfers.forget(db, organization_id, [transaction_id])
    made = await transactions.get(db, organization_id, transaction_id)
    if made.version != transaction.version:
        await transactions.tell_changed(db, organization_id, [transaction_id], ["category_id", "splits"])
    return made


def _amounts(transaction: Transaction, parts: Sequence[Part]) -> list[Decimal]:
    """The parts' amounts with just the currency's decimals; refuses what does not sum to the whole."""
    if not FEWEST <= len(parts) <= MOST:
        raise SplitsDoNotHold(errors=(FieldError("splits", f"are {FEWEST} to {MOST}, or none"),))
    faults, amounts = list[FieldError](), list[Decimal]()
    for place, part in enumerate(parts):
        try:
            amounts.append(exact(part.amount, transaction.currency))
        except Invalid as refusal:
            faults.append(FieldError(f"splits.{place}.amount", refusal.detail))
            continue
        if not amounts[-1]:
            faults.append(FieldError(f"splits.{place}.amount", "is not nothing"))
    if faults:
        raise SplitsDoNotHold(errors=tuple(faults))
    out = exact(sum(amounts, Decimal(0)) - transaction.amount, transaction.currency)
    if out:
        told = f"sum to {abs(out)} {transaction.currency} {'more' if out > 0 else 'less'} than the transaction's amount"
        raise SplitsDoNotHold(f"The splits {told}.", errors=(FieldError("splits", told),), out_by=str(out))
    return amounts


async def _category_ids(db: Connection, organization_id: UUID, parts: Sequence[Part]) -> list[UUID]:
    by_id = await categories.names(db, organization_id, {part.category_id for part in parts if part.category_id})
    by_name = await categories.find_many(db, organization_id, {part.category for part in parts if part.category})
    found = [part.category_id if part.category_id in by_id else by_name.get(part.category or "") for part in parts]
    missing = tuple(
        FieldError(f"splits.{place}.{'category_id' if part.category_id else 'category'}", "is no category of yours")
        for place, (part, category_id) in enumerate(zip(parts, found, strict=True))
        if category_id is None
    )
    if missing:
        raise SplitCategoryNotFound(errors=missing)
    return [category_id for category_id in found if category_id]


def _told(part: Part, amount: Decimal, category_id: UUID) -> dict[str, Any]:
    """A part as it is kept: amounts as text, which stays exact in JSON."""
    return {"amount": str(amount), "category_id": str(category_id), "notes": part.notes, "tags": list(part.tags)}
