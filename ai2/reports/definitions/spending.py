"""Spending: what was paid by category, what came back taken off."""

from ai2.reports.definitions.given import Definition, Given, by_category, total
from ai2.reports.ledger.repository import By
from ai2.reports.model import Line


def lines(given: Given) -> list[Line]:
    expenses = by_category(given, "expense", sign=1, prefix="expense", depth=0)
    return [*expenses, total("expense", "Total spending", expenses)]


SPENDING = Definition("Spending", lines, by=By(account=False), main="expense", budgeted=("expense",))
