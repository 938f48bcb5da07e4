"""Which charts go with which report."""

from collections.abc import Callable, Mapping

from ai2.reports.charts import balances, drawer, flows, spending, waterfall
from ai2.reports.charts.budget import budget
from ai2.reports.charts.columns import own
from ai2.reports.charts.model import Chart
from ai2.reports.kpis.budgets import of_table
from ai2.reports.model import Report, Table
from ai2.reports.render.wording import Picture

OfTable = Callable[[Table], Chart]


def _budget(table: Table) -> Chart:
    return budget(of_table(table), table.currency, own(table)[-1].label.partition(", ")[2])


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
    "budget": (_budget,),
}


def for_report(report: Report) -> list[Chart]:
    """The charts of each of its tables; none of a table with nothing in it."""
    return [
        draw(table)
        for table in report.tables
        for draw in CHARTS.get(report.asked.report, ())
        if _says_something(draw, table)
    ]


def pictures(report: Report) -> list[Picture]:
    """The same for a page that says their titles itself. It takes up to a second. Raises DrawingFailed."""
    return [
        Picture(each.title, drawer.draw_now({**each.spec, "title": None}, "svg"), each.summary)
        for each in for_report(report)
    ]


def _says_something(draw: OfTable, table: Table) -> bool:
    """Lines over one column are points; and what has no figure but nothing is not drawn."""
    if draw is balances.balances and len(own(table)) < 2:
        return False
    return any(cell.amount for cell in table.cells)
