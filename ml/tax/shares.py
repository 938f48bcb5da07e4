"""Shares: which rule says how much of a kind of expense counts, and what that leaves of a cost."""

from datetime import date
from decimal import Decimal

from ai2.identity.organizations import TaxRole
from ml.tax import years
from ml.tax.figures import Figure, figure, used
from ml.tax.rows import Row
from ml.tax.rules import Rules

HUNDRED = Decimal(100)
# Own meals on a journey fall under the rule of meals here; elsewhere they are travel.
MEALS_ON_JOURNEYS = frozenset({"US", "CA"})


def share(
    rules: Rules, jurisdiction: str, head: str, on: date, *, role: TaxRole | None = None, business: str | None = None
) -> Row | None:
    """The row by which a head of expense counts; none where nothing is known of it."""
    country = jurisdiction.partition("-")[0]
    for name in _names(country, head, business):
        row = rules.find(f"{country.lower()}.{name}", on, role)
        if row and row.kind == "percent":
            return row
    return None


def _names(country: str, head: str, business: str | None) -> list[str]:
    """The rules of a head, the nearest first."""
    transport = ["meals.transport"] if business == "transport" else []
    if head == "meals":
        return [*transport, "meals", "entertainment", "general"]
    if head == "subsistence":
        return [*transport, "meals", "general"] if country in MEALS_ON_JOURNEYS else ["general"]
    if head in ("entertainment", "depreciation", "gifts"):
        return [head, "general"]
    if head == "motor" and country == "SG":
        return ["private_car"]
    return ["general"]


def expense(
    rules: Rules,
    jurisdiction: str,
    head: str,
    on: date,
    cost: Decimal,
    *,
    business_pct: Decimal = HUNDRED,
    role: TaxRole | None = None,
    business: str | None = None,
) -> Figure:
    """What counts of a cost, and what does not: by the rule of its head, and by its business share."""
    country = jurisdiction.partition("-")[0]
    row = share(rules, jurisdiction, head, on, role=role, business=business) or rules.get(
        f"{country.lower()}.general", on, role
    )
    allowed = cost * business_pct / HUNDRED * (row.value or Decimal(0)) / HUNDRED
    return figure(allowed, years.currency(jurisdiction), [used(row, cost)], disallowed=cost - allowed)
