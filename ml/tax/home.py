"""Home office: what working at home comes to by the flat methods; actual costs by their share are another way."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from ai2.kit.errors import FieldError, Invalid
from ml.tax import tiers
from ml.tax.figures import Figure, figure, used
from ml.tax.rules import Rules

NOTHING = Decimal(0)
# Country: its rule, what it is measured by, and the word for that.
METHODS = {
    "US": ("us.home.simplified", "square_feet"),
    "GB": ("gb.home.flat_rate", "hours_by_month"),
    "AU": ("au.home.fixed_rate", "hours"),
    "NZ": ("nz.home.square_metre", "square_metres"),
    "DE": ("de.home.day", "days"),
}


class NoHomeOfficeMethod(Invalid):
    """No flat method for a home office is known of this jurisdiction; actual costs may be deducted by their share."""


def home_office(
    rules: Rules,
    jurisdiction: str,
    on: date,
    *,
    quantity: Decimal | None = None,
    hours_by_month: Sequence[Decimal] = (),
    net_income: Decimal | None = None,
) -> Figure:
    """What a year comes to: `quantity` square feet, hours, square metres or days; or hours month by month (GB).

    Not above the net income before it where the method says so (US). Raises NoHomeOfficeMethod, NotPublished.
    """
    known = METHODS.get(jurisdiction.partition("-")[0])
    if known is None:
        raise NoHomeOfficeMethod
    rule_id, measure = known
    row = rules.get(rule_id, on)
    if (measure == "hours_by_month") != bool(hours_by_month) or (quantity is None) == (not hours_by_month):
        name = "hours_by_month" if measure == "hours_by_month" else "quantity"
        raise Invalid(errors=(FieldError(name, f"is what this method is measured by: {measure}"),))
    if hours_by_month:
        amount = sum((tiers.total(row, hours) for hours in hours_by_month), NOTHING)
        return figure(amount, row.currency, [used(row, sum(hours_by_month, NOTHING), amount)])
    amount, reasons = tiers.total(row, quantity or NOTHING), []
    if row.cap_amount is not None and amount >= row.cap_amount:
        amount = row.cap_amount
        reasons.append(f"at most {row.cap_amount:,} a year")
    if rule_id == "us.home.simplified" and net_income is not None and amount > max(net_income, NOTHING):
        amount = max(net_income, NOTHING)
        reasons.append("not above the net income of the business; nothing is carried over")
    return figure(amount, row.currency, [used(row, quantity, amount)], *reasons)
