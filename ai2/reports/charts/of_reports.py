"""Which charts go with which report."""

from collections.abc import Callable, Mapping

from ai2.reports.charts import balances, flows, spending, waterfall
from ai2.reports.charts.columns import own
from ai2.reports.charts.model import Chart
from ai2.reports.model import Report, Table

OfTable = Callable[[Table], Chart]
DRAWN: Mapping[str, OfTable] = {
    "income_expenses": flows.income_expenses,
    "spending": spending.spending,
    "balances": balances.balances,
    "cash_flow": waterfall.cash_flow,
}
# A profit and loss of several columns shows how it went, one of a single column also where it went.
CHARTS: Mapping[str, tuple[OfTable, ...]] = {
    "profit_and_loss": (flows.income_expenses, spending.spending),
    "trend": (flows.income_expenses,),
    "spending": (spending.spending,),
    "category_breakdown": (spending.spending,),
    "balance_sheet": (balances.balances,),
    "cash_flow": (waterfall.cash_flow,),
}


def for_report(report: Report) -> list[Chart]:
    """The charts of each of its tables; none of a table with nothing in it."""
    return [
        draw(table)
        for table in report.tables
        for draw in CHARTS.get(report.asked.report, ())
        if _says_something(draw, table)
    ]


def _says_something(draw: OfTable, table: Table) -> bool:
    """Lines over one column are points; and what has no figure but nothing is not drawn."""
    if draw is balances.balances and len(own(table)) < 2:
        return False
    return any(cell.amount for cell in table.cells)
