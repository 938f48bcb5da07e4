"""Cash flow: by which ways the accounts' money changed, from what they held first to what they held last.

The direct method: every movement is what it was for. Between own accounts only what has no other side here remains.
"""

from ai2.reports.definitions.given import Definition, Given, by_category, heading, total
from ai2.reports.ledger.repository import By
from ai2.reports.model import Line, Where


def lines(given: Given) -> list[Line]:
    income = by_category(given, "income", sign=-1, prefix="income")
    expenses = by_category(given, "expense", sign=-1, prefix="expense")
    transfers = Line(
        key="transfer", label="Transfers, in less out", depth=1, where=Where(sign=-1, sections=("transfer",))
    )
    return [
        heading("income-heading", "Received"), *income, total("income", "Total received", income),
        heading("expense-heading", "Paid"), *expenses, total("expense", "Total paid", expenses),
        transfers,
        total("change", "Change in cash", [*income, *expenses, transfers]),
    ]  # fmt: skip


CASH_FLOW = Definition("Cash flow", lines, by=By(account=False), main="change")
