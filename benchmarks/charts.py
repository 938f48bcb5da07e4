"""How soon charts, key figures and trends of the council's purchase cards (131,618 rows) are answered.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.charts

The marks (2 cores, median): key figures and trends within 300 ms, a chart within 500 ms in each format. The rows are in
the categories that hashes of their merchants choose, 40 of them; the marts are built, and the forecast was worked out
before, as the worker does.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.insights import CATEGORISED, FILE

TODAY, TIMES = date(2017, 1, 2), 15


def main() -> None:
    data = Path(os.environ["AI2_TEST_DATA"]) / FILE
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            asyncio.run(measure(data))


async def measure(path: Path) -> None:
    from ai2 import flows
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.ingest.service import ImportOptions, Source
    from ai2.kit.database import Database
    from pipelines import dbt

    async with Database() as database:
        async with database.transaction() as db:
            owner = (await organizations.create(db, name="Council", base_currency="GBP")).organization_id
            await categories.create_defaults(db, owner)
        await flows.import_file(
            database,
            organization_id=owner,
            account_name="Cards",
            path=path,
            file_name=path.name,
            options=ImportOptions(positive_is="out"),
            source=Source.CLI,
            imported_by="benchmark",
        )
        async with database.transaction(owner) as db:
            await db.execute(CATEGORISED, [owner, owner])
        dbt.invoke("run")
        for name, ask in _questions(owner):
            await _times(database, owner, name, ask)


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


async def _times(database: Any, owner: Any, name: str, ask: Callable[[Any], Awaitable[Any]]) -> None:
    took_ms = []
    for number in range(TIMES + 1):
        started = time.perf_counter()
        async with database.transaction(owner) as db:
            await ask(db)
        took = (time.perf_counter() - started) * 1000
        if number:
            took_ms.append(took)
        else:
            first = took
    print(f"{name}: p50 {statistics.median(took_ms):.0f} ms, most {max(took_ms):.0f} ms; the first {first:.0f} ms")


if __name__ == "__main__":
    main()
