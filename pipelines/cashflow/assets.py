"""What forecasts are made of, and how they went at months of the past."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.kit.database import Database
from pipelines.everyone import Whose, each
from pipelines.recurring.assets import RECURRING
from pipelines.resources import Books

if TYPE_CHECKING:
    from ml.cashflow.telling import Rehearsed

FORECASTS = dg.AssetKey(["ml", "forecasts"])


@dg.asset(
    key=FORECASTS,
    deps=[RECURRING],
    group_name="cashflow",
    kinds={"postgres", "scikitlearn", "mlflow"},
    pool="training",
    description="What each candidate would have said of months of the past, so that a forecast is quick.",
)
def forecasts(config: Whose, books: Books) -> dg.MaterializeResult[None]:
    """Rehearse each organization's forecasts; MLflow gets the figures of all together."""
    from ml import registry
    from ml.cashflow.kept import VERSION

    found = [rehearsed for rehearsed in each(config, books, _rehearsed) if rehearsed]
    figures = together(found)
    counted: dict[str, Any] = {"organizations": len(found), "version": VERSION}
    run_id = registry.log_backtest("cashflow", figures, counted) if figures else None
    return dg.MaterializeResult(metadata={**figures, **counted, **({"mlflow_run": run_id} if run_id else {})})


def together(found: Iterable["Rehearsed"]) -> dict[str, float]:
    """The mean miss of each candidate and the share that each interval held, over the series of all organizations."""
    total: dict[str, float] = {}
    counted: Counter[str] = Counter()
    series = 0
    for one in found:
        series += one.series
        told = [(f"mase_{name}", pair) for name, pair in one.misses.items()]
        for name, (sum_of_it, number) in [*told, *((f"held_{level}", pair) for level, pair in one.held.items())]:
            total[name] = total.get(name, 0.0) + sum_of_it
            counted[name] += number
    figures = {name: round(total[name] / counted[name], 6) for name in sorted(total) if counted[name]}
    return {**figures, "series": float(series)} if figures else {}


async def _rehearsed(database: Database, organization_id: UUID) -> "Rehearsed | None":
    return await flows.rehearse_forecast(database, organization_id)
