"""Learning: what a person says holds from the next request on, for their organization and no other."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from ai2.books.categories import service as categories
from ai2.books.categories.service import Category
from ai2.books.periods import service as periods
from ai2.books.transactions import decisions
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import Transaction
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.ids import new_id
from ml import repository
from ml.knowledge.labels import primary_of
from ml.recurring import telling as recurring
from ml.repository import TAUGHT
from ml.scope import Scope
from ml.tax import service as tax

Field = Literal["category", "merchant", "recurring", "tax", "business_use"]
# `this` changes this transaction; the others also those of the merchant that no person decided. All three teach.
ApplyTo = Literal["this", "similar", "always"]


@dataclass(frozen=True)
class Learned:
    """What a person's word changed: the transaction as it is now, and how many others of its merchant follow it."""

    transaction: Transaction
    others_changed: int
    holds_for: str
    # of the others, left as they are: their period is closed
    others_closed: int = 0


async def learn(
    db: Connection,
    organization_id: UUID,
    *,
    transaction_id: UUID,
    field: Field,
    value: str,
    apply_to: ApplyTo,
    given_by: str,
) -> Learned:
    """Take a person's word for a transaction's category (its id, name or predicted code), for its merchant (its name),
    or for whether it recurs (yes, no or a cadence).

    For tax it is yes, no or a head of expense, for business use a percentage.
    """
    former = await transactions.get(db, organization_id, transaction_id)
    if field == "merchant":
        learned = await _learn_merchant(db, organization_id, former, value)
    elif field == "recurring":
        others, holds_for = await recurring.hear(db, organization_id, transaction_id, value, apply_to, actor=given_by)
        learned = Learned(former, others, holds_for)
    elif field == "tax" or field == "business_use":  # noqa: PLR1714 - so that it is known to be one of the two
        learned = await _learn_tax(db, organization_id, former, field, value, apply_to, given_by)
    else:
        learned = await _learn_category(db, organization_id, former, value, apply_to)
    await repository.insert_feedback(
        db,
        organization_id,
        feedback_id=new_id(),
        transaction_id=transaction_id,
        field=field,
        value=value,
        apply_to=apply_to,
        merchant_key=learned.transaction.merchant_key,
        former=_former(former),
        given_by=given_by,
    )
    return learned


async def _learn_category(
    db: Connection, organization_id: UUID, former: Transaction, value: str, apply_to: ApplyTo
) -> Learned:
    category = await _category(db, organization_id, value)
    await decisions.decide(db, organization_id, former.transaction_id, category.category_id)
    money_in, key = former.amount > 0, former.merchant_key
    others = closed = 0
    if key:
        await repository.remember(
            db,
            organization_id,
            merchant_key=key,
            money_in=money_in,
            category_id=category.category_id,
            detailed=next((code for code in category.codes if primary_of(code)), None),
            merchant=former.merchant,
        )
    if key and apply_to != "this":
        others, closed = await decisions.decide_for_merchant(
            db, organization_id, key, money_in=money_in, category_id=category.category_id, version=TAUGHT
        )
    await repository.close_suggestions(db, organization_id, key)
    now = await transactions.get(db, organization_id, former.transaction_id)
    way = "from" if money_in else "to"
    return Learned(now, others, f"payments {way} {key}" if key else "this transaction: it names no merchant", closed)


async def _learn_merchant(db: Connection, organization_id: UUID, former: Transaction, name: str) -> Learned:
    if not name.strip():
        raise Invalid(errors=(FieldError("value", "is the merchant's name"),))
    now = await transactions.update(db, organization_id, former.transaction_id, {"merchant": name.strip()})
    return Learned(now, 0, "this transaction")


async def _learn_tax(
    db: Connection,
    organization_id: UUID,
    former: Transaction,
    field: Literal["tax", "business_use"],
    value: str,
    apply_to: ApplyTo,
    given_by: str,
) -> Learned:
    """The books stay as they are: what follows is how they are assessed."""
    others = await tax.confirm(db, organization_id, former, field, value, apply_to=apply_to, said_by=given_by)
    key = former.merchant_key
    way = "from" if former.amount > 0 else "to"
    follows = apply_to != "this" and key
    return Learned(former, others, f"payments {way} {key}" if follows else "this transaction")


async def _category(db: Connection, organization_id: UUID, value: str) -> Category:
    try:
        return await categories.get(db, organization_id, UUID(value))
    except ValueError:
        return await categories.find(db, organization_id, value)


def _former(transaction: Transaction) -> dict[str, Any]:
    return {
        "category_id": str(transaction.category_id) if transaction.category_id else None,
        "decided_by": transaction.decided_by,
        "decided_version": transaction.decided_version,
        "merchant": transaction.merchant,
    }


async def carry_over(db: Connection, organization_id: UUID, scope: Scope) -> int:
    """Bring what people taught to what machines had decided otherwise before. Says how many transactions changed."""
    closed_through = await periods.closed_through(db, organization_id)
    if not await repository.stage_taught(db, organization_id, scope, closed_through):
        return 0
    changed = await decisions.apply_decided(db, organization_id)
    if changed:
        told = {"count": changed, "decided_by": "merchant"}
        await events.emit(db, organization_id, "transaction.categorized", told)
    return changed
