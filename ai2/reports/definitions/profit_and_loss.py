"""Profit and loss: what came in less what went out, by category; transfers between own accounts are neither."""

from ai2.reports.definitions.given import Definition, Given, by_category, heading, total
from ai2.reports.ledger.repository import By
from ai2.reports.model import Line


def lines(given: Given) -> list[Line]:
    income = by_category(given, "income", sign=-1, prefix="income")
    expenses = by_category(given, "expense", sign=1, prefix="expense")
    return [
        heading("income-heading", "Income"), *income, total("income", "Total income", income),
        heading("expense-heading", "Expenses"), *expenses, total("expense", "Total expenses", expenses),
        total("net", "Net profit", income, minus=expenses),
    ]  # fmt: skip


PROFIT_AND_LOSS = Definition("Profit and loss", lines, by=By(account=False), main="net", budgeted=("income", "expense"))
