"""Category breakdown: every category with what moved on it, income and expenses and transfers apart."""

from ai2.reports.definitions.given import Definition, Given, by_category, heading, total
from ai2.reports.ledger.repository import By
from ai2.reports.model import Line


def lines(given: Given) -> list[Line]:
    found: list[Line] = []
    for section, label, sign in (("income", "Income", -1), ("expense", "Expenses", 1), ("transfer", "Transfers", -1)):
        own = by_category(given, section, sign=sign, prefix=section)  # type: ignore[arg-type]
        if own:
            found += [heading(f"{section}-heading", label), *own, total(section, f"Total {label.lower()}", own)]
    return found


CATEGORY_BREAKDOWN = Definition("Category breakdown", lines, by=By(account=False), main="expense")
