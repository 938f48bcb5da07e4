"""Splitting by rule: fixed amounts first, then percentages of what they leave, to the last minor unit.

Every share is rounded down, and what is left over goes, a unit each, to those that lost most: so they always sum.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from ai2.books.rules.matching import Conditions, Share
from ai2.kit.errors import FieldError, Invalid, NotFound
from ai2.kit.money import exact

FEWEST, MOST, DECIMALS = 2, 20, 4
WHOLE = Decimal(100)


class RuleDoesNotHold(Invalid):
    """The rule does not hold; correct the named fields."""


class ShareCategoryNotFound(NotFound):
    """A part of the split names a category that is not there or not yours; GET /api/core/categories lists yours."""


def check(conditions: Conditions, shares: Sequence[Share], known: Collection[UUID]) -> None:
    """Refuse what could not always sum to the whole."""
    missing = [place for place, share in enumerate(shares) if share.category_id not in known]
    if missing:
        raise ShareCategoryNotFound(
            errors=tuple(
                FieldError(f"actions.split.{place}.category_id", "is no category of yours") for place in missing
            )
        )
    faults = [fault for place, share in enumerate(shares) for fault in _faults(conditions, place, share)]
    if not faults:
        why = _sum_fault(shares)
        faults = [FieldError("actions.split", why)] if why else []
    if faults:
        raise RuleDoesNotHold(errors=tuple(faults))


def _faults(conditions: Conditions, place: int, share: Share) -> list[FieldError]:
    field = f"actions.split.{place}"
    if share.percentage is not None and share.amount is not None:
        return [FieldError(field, "names a percentage or an amount, or neither for the rest")]
    if share.percentage is not None:
        is_one = 0 < share.percentage <= WHOLE and round(share.percentage, DECIMALS) == share.percentage
        return [] if is_one else [FieldError(f"{field}.percentage", f"is above 0, to 100, with {DECIMALS} decimals")]
    if share.amount is None:
        return []
    if conditions.currency is None:
        return [FieldError(f"{field}.amount", "needs conditions.currency, whose amount it is")]
    try:
        is_some = exact(share.amount, conditions.currency) > 0
    except Invalid as refusal:
        return [FieldError(f"{field}.amount", refusal.detail)]
    return [] if is_some else [FieldError(f"{field}.amount", "is above 0: it goes the way of the whole")]


def _sum_fault(shares: Sequence[Share]) -> str | None:
    rests = sum(share.is_rest for share in shares)
    percentages = sum((share.percentage for share in shares if share.percentage is not None), Decimal(0))
    if not FEWEST <= len(shares) <= MOST:
        return f"has {FEWEST} to {MOST} parts"
    if rests > 1:
        return "has one part for the rest at most"
    if rests and percentages >= WHOLE:
        return "leaves nothing for the rest: its percentages are below 100 together"
    if not rests and percentages != WHOLE:
        return "has percentages of 100 together, or a part for the rest"
    return None


def told(shares: Sequence[Share]) -> list[dict[str, Any]]:
    """Shares as they are kept: numbers as text, which stays exact in JSON."""
    return [
        {
            "category_id": str(share.category_id),
            "percentage": None if share.percentage is None else str(share.percentage),
            "amount": None if share.amount is None else str(share.amount),
        }
        for share in shares
    ]


def read(kept: Sequence[dict[str, Any]]) -> tuple[Share, ...]:
    """The same back."""
    return tuple(
        Share(
            category_id=UUID(share["category_id"]),
            percentage=None if share["percentage"] is None else Decimal(share["percentage"]),
            amount=None if share["amount"] is None else Decimal(share["amount"]),
        )
        for share in kept
    )


def measured(shares: Sequence[Share]) -> list[dict[str, Any]]:
    """Shares with the rest as a percentage too: all are then rounded alike."""
    percentages = sum((share.percentage for share in shares if share.percentage is not None), Decimal(0))
    return [
        {**kept, "percentage": str(WHOLE - percentages) if share.is_rest else kept["percentage"]}
        for kept, share in zip(told(shares), shares, strict=True)
    ]
