"""Gifts: what counts of what one recipient was given in a year."""

from datetime import date
from decimal import Decimal

from ml.tax.figures import Figure, figure, used
from ml.tax.rules import Rules

NOTHING = Decimal(0)


def gift(rules: Rules, jurisdiction: str, on: date, given: Decimal) -> Figure:
    """What counts of all that a recipient was given in the year: all or nothing (DE), or up to a cap (US).

    Raises UnknownRule where no rule of gifts is known.
    """
    row = rules.get(f"{jurisdiction.partition('-')[0].lower()}.gifts", on)
    if row.reached(given):
        return figure(given, row.currency, [used(row, given)], disallowed=NOTHING)
    limit = row.value or NOTHING
    if row.unit.endswith("all or nothing"):
        reason = f"above {limit} a recipient and year nothing counts"
        return figure(NOTHING, row.currency, [used(row, given)], reason, disallowed=given)
    return figure(
        limit, row.currency, [used(row, given)], f"at most {limit} a recipient and year", disallowed=given - limit
    )
