"""Trend: income, expenses and what is left of them, column by column."""

from ai2.reports.definitions.given import Definition, Given, total
from ai2.reports.ledger.repository import By
from ai2.reports.model import Line, Where


def lines(_: Given) -> list[Line]:
    income = Line(key="income", label="Income", where=Where(sign=-1, sections=("income",)))
    expense = Line(key="expense", label="Expenses", where=Where(sections=("expense",)))
    return [income, expense, total("net", "Net", [income], minus=[expense])]


TREND = Definition("Trend", lines, by=By(account=False, category=False), main="net")
