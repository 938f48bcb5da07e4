"""A chart: a Vega-Lite specification, and beside it the same data exactly, as a table and in words."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

ChartName = Literal["income_expenses", "spending", "balances", "cash_flow", "budget", "forecast", "trend"]
Spec = dict[str, Any]
# Texts, exact amounts in the chart's currency, or nothing where a figure cannot be had.
Value = str | Decimal | None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What is drawn by `spec`. Its floats are for drawing; the table's amounts are exact."""

    name: ChartName
    title: str
    currency: str
    spec: Spec
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    summary: str
