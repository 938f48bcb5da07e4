"""Names: which file has which report."""

from collections.abc import Mapping

from ai2.reports.definitions.balance_sheet import BALANCE_SHEET
from ai2.reports.definitions.budget import build as budget
from ai2.reports.definitions.cash_flow import CASH_FLOW
from ai2.reports.definitions.category_breakdown import CATEGORY_BREAKDOWN
from ai2.reports.definitions.custom import build as custom
from ai2.reports.definitions.given import Definition
from ai2.reports.definitions.profit_and_loss import PROFIT_AND_LOSS
from ai2.reports.definitions.spending import SPENDING
from ai2.reports.definitions.tax_summary import build as tax_summary
from ai2.reports.definitions.trend import TREND
from ai2.reports.definitions.vat import build as vat
from ai2.reports.made import Builder

# Reports over the ledger alone.
LEDGER: Mapping[str, Definition] = {
    "profit_and_loss": PROFIT_AND_LOSS,
    "balance_sheet": BALANCE_SHEET,
    "cash_flow": CASH_FLOW,
    "spending": SPENDING,
    "category_breakdown": CATEGORY_BREAKDOWN,
    "trend": TREND,
}
# Reports that are built in a way of their own.
BUILT: Mapping[str, Builder] = {
    "tax_summary": tax_summary,
    "vat": vat,
    "budget": budget,
    "custom": custom,
}
