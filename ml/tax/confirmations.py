"""Confirmations: what people say of an expense, which is followed from the next question on."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal, get_args
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.moments import Moment
from ai2.books.transactions.service import Transaction
from ai2.kit.database import Connection
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.ids import new_id
from ml.tax import repository
from ml.tax.answers import Case, Confirmed
from ml.tax.heads import Head

Field = Literal["tax", "business_use"]
YES, NO = frozenset({"yes", "deductible", "business", "true"}), frozenset({"no", "not_deductible", "personal", "false"})
HEADS = get_args(Head)


@dataclass(frozen=True)
class Word:
    """What a person said, understood."""

    is_deductible: bool | None = None
    head: str | None = None
    business_pct: Decimal | None = None


def understood(field: Field, value: str) -> Word:
    """What a value means. Raises Invalid where it means nothing."""
    said = value.strip().lower().replace(" ", "_")
    if field == "business_use":
        return Word(business_pct=_percent(said))
    if said in HEADS:
        return Word(is_deductible=True, head=said)
    if said in YES | NO:
        return Word(is_deductible=said in YES)
    raise Invalid(errors=(FieldError("value", f"is yes, no, or what it was: {', '.join(HEADS)}"),))


def _percent(said: str) -> Decimal:
    if said in YES | NO:
        return Decimal(100 if said in YES else 0)
    try:
        found = Decimal(said.removesuffix("%").removesuffix("_"))
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or not 0 <= found <= 100 or found != round(found, 4):
        raise Invalid(errors=(FieldError("value", "is the share for business in percent, 0 to 100, or yes or no"),))
    return found


async def keep(
    db: Connection,
    organization_id: UUID,
    transaction: Transaction,
    field: Field,
    value: str,
    *,
    apply_to: str,
    said_by: str,
) -> int:
    """Keep a person's word; says how many other transactions of the merchant follow it."""
    word = understood(field, value)
    key, money_in = transaction.merchant_key, transaction.amount > 0
    await repository.insert_confirmation(
        db,
        organization_id,
        confirmation_id=new_id(),
        transaction_id=transaction.transaction_id,
        field=field,
        **vars(word),
        apply_to=apply_to,
        given_by=said_by,
        merchant_key=key,
        money_in=money_in,
    )
    if apply_to == "this" or not key:
        return 0
    return await repository.merchants_other_transactions(
        db, organization_id, transaction.transaction_id, key, money_in=money_in
    )


class Said:
    """What people said of some transactions and merchants: of the transaction itself first, then of its merchant."""

    def __init__(self, found: Sequence[DictRow]) -> None:
        self._known: dict[object, dict[str, DictRow]] = {}
        for row in found:
            whose = row["transaction_id"] or (row["merchant_key"], row["money_in"])
            self._known.setdefault(whose, {})[row["field"]] = row

    def of(self, case: Case) -> Confirmed | None:
        """Of each field the nearest word. Whatever was said of the transaction itself, its merchant's is not asked."""
        own = self._known.get(case.transaction_id) if case.transaction_id else None
        words = own or self._known.get((case.merchant_key, case.amount > 0))
        if not words:
            return None
        tax, use = words.get("tax"), words.get("business_use")
        return Confirmed(
            is_deductible=tax["is_deductible"] if tax else None,
            head=tax["head"] if tax else None,
            business_pct=use["business_pct"] if use else None,
            said_by=(tax or use or {}).get("given_by"),
        )


NOTHING_SAID = Said([])


async def said(db: Connection, organization_id: UUID, cases: Sequence[Case], *, known_at: Moment | None = None) -> Said:
    ids = list({case.transaction_id for case in cases if case.transaction_id})
    keys = list({case.merchant_key for case in cases if case.merchant_key})
    return Said(await repository.confirmations(db, organization_id, ids, keys, known_at) if ids or keys else [])
