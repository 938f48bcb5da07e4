"""Records: what the formats that read one transaction at a time have in common."""

from decimal import Decimal

from ai2.ingest.lines import Reason
from ai2.kit.money import LIMIT, exponent


def unfit(amount: Decimal, currency: str) -> Reason | None:
    """Why an amount cannot be one of this currency, if it cannot."""
    if not amount.is_finite() or abs(amount) >= LIMIT:
        return Reason.TOO_LARGE
    if amount != amount.quantize(Decimal(1).scaleb(-exponent(currency))):
        return Reason.TOO_PRECISE
    return None


def description(name: str | None, memo: str | None) -> str:
    """Name and memo, the one that the other repeats left out."""
    if not name or not memo:
        return name or memo or ""
    if memo.casefold().startswith(name.casefold()):
        return memo
    return name if memo.casefold() in name.casefold() else f"{name}  {memo}"
