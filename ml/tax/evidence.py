"""Evidence: which papers and which facts a deduction stands on, and what of them is still missing."""

from datetime import date
from decimal import Decimal

from ml.tax.answers import Evidence
from ml.tax.rules import Rules

# What a head of expense needs besides the receipt.
FACTS: dict[str, tuple[Evidence, ...]] = {
    "meals": ("attendees",),
    "entertainment": ("attendees",),
    "gifts": ("recipient",),
    "equipment": ("date_first_used",),
    "motor": ("mileage_log",),
    "travel": ("travel_dates",),
    "subsistence": ("travel_dates",),
}
# Of these some is often private.
SHARED = frozenset({"motor", "telephone", "utilities", "rent", "equipment", "insurance", "software", "loan_interest"})
# Bank statements prove these themselves.
PROVEN = frozenset({"bank_charges", "loan_interest"})


def papers(
    rules: Rules, jurisdiction: str, head: str, on: date, gross: Decimal, *, registered: bool | None, has_receipt: bool
) -> tuple[Evidence, ...]:
    """The paper that is missing: a receipt, or where tax is to be recovered an invoice that shows it."""
    if has_receipt or head in PROVEN:
        return ()
    if not registered or jurisdiction[:2] == "US":
        return ("receipt",)
    row = rules.find(f"{jurisdiction[:2].lower()}.consumption.tax_invoice", on)
    if row is not None and row.is_published and row.reached(gross):
        return ("receipt",)
    return ("tax_invoice",)


def facts(head: str, *, is_mixed: bool, is_confirmed: bool) -> tuple[Evidence, ...]:
    """What a person has still to say of it; whoever confirmed it has said it. A vehicle has its log in any case."""
    if is_confirmed:
        return ("mileage_log",) if head == "motor" else ()
    purpose: tuple[Evidence, ...] = ("business_purpose",) if is_mixed else ()
    shared: tuple[Evidence, ...] = ("private_use_share",) if head in SHARED and is_mixed else ()
    return (*purpose, *shared, *FACTS.get(head, ()))
