"""How soon charts, key figures and trends of the council's purchase cards (131,618 rows) are answered.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.charts

The marks (2 cores, median): key figures and trends within 300 ms, a chart within 500 ms in each format. The rows are in
the categories that hashes of their merchants choose, 40 of them; the marts are built, and the forecast was worked out
before, as the worker does.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.books_of_many import throwaway
from benchmarks.insights import FILE, council, times

TODAY = date(2017, 1, 2)


def main() -> None:
    data = Path(os.environ["AI2_TEST_DATA"]) / FILE
    with throwaway():
        asyncio.run(measure(data))


async def measure(path: Path) -> None:
    from ai2.kit.database import Database
    from pipelines import dbt

    async with Database() as database:
        owner = await council(database, path)
        dbt.invoke("run")
        for name, ask in _questions(owner):
            await times(database, owner, name, ask)


def _questions(owner: Any) -> list[tuple[str, Callable[[Any], Awaitable[Any]]]]:
    from ai2.kit.periods import Period
    from ai2.reports.charts import service as charts
    from ai2.reports.charts.service import MAKERS, ChartAsked
    from ai2.reports.kpis import service, trends
    from ai2.reports.kpis.trends import Wanted

    year = Period(date(2016, 1, 1), date(2016, 12, 31))

    def drawn(name: Any, kind: Any) -> Callable[[Any], Awaitable[Any]]:
        async def ask(db: Any) -> Any:
            found = await charts.charts(db, owner, ChartAsked(name=name), today=TODAY)
            if kind == "html":
                await charts.page(name, found)
            elif kind != "vega-lite":
                await charts.picture(name, found, kind)

        return ask

    return [
        ("key figures of a month", lambda db: service.insights(db, owner, today=TODAY)),
        ("key figures of a year", lambda db: service.insights(db, owner, period=year, today=TODAY)),
        ("trends", lambda db: trends.trends(db, owner, Wanted(), today=TODAY)),
        *((f"chart {name}, vega-lite", drawn(name, "vega-lite")) for name in MAKERS),
        *((f"chart income_expenses, {kind}", drawn("income_expenses", kind)) for kind in ("svg", "png", "html")),
    ]


if __name__ == "__main__":
    main()
