"""How soon insights and recommendations are told of the council's purchase cards (131,618 rows), and anomalies found.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.insights

The mark (2 cores): insights within 300 ms (median). The rows are in the categories that hashes of their merchants
choose, 40 of them; what recurs, what is odd and the forecast were found before, as the worker does.
"""

import asyncio
import os
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.books_of_many import throwaway

FILE = "purchases/council_cards_2013_2016.csv.gz"
TODAY, TIMES = date(2017, 1, 2), 40


def main() -> None:
    data = Path(os.environ["AI2_TEST_DATA"]) / FILE
    with throwaway():
        asyncio.run(measure(data))


async def measure(path: Path) -> None:
    from ai2 import flows
    from ai2.kit.database import Database
    from ml.insights import recommendations, service

    async with Database() as database:
        owner = await council(database, path)
        started = time.perf_counter()
        await flows.find_recurring(database, owner, is_all=True)
        print(f"recurring: {time.perf_counter() - started:.1f} s")
        before_mb = _peak_mb()
        for run in ("first", "again"):
            started = time.perf_counter()
            judged = await flows.find_anomalies(database, owner)
            print(f"anomalies, {run}: {judged} rows judged in {time.perf_counter() - started:.1f} s")
        print(f"peak {before_mb} MB before, {_peak_mb()} MB after")

        async def insights(db: Any) -> Any:
            return await service.insights(db, owner, today=TODAY)

        async def recommended(db: Any) -> Any:
            return await recommendations.recommendations(db, owner, today=TODAY)

        for name, ask in (("insights", insights), ("recommendations", recommended)):
            await times(database, owner, name, ask)


async def council(database: Any, path: Path) -> Any:
    """An organization with the council's rows, in the categories that hashes of their merchants choose."""
    from tests.reports import council as books

    return (await books.council(database, path)).organization_id


async def times(database: Any, owner: Any, name: str, ask: Callable[[Any], Awaitable[Any]]) -> None:
    took_ms, cpu = [], time.process_time()
    for number in range(TIMES + 1):
        started = time.perf_counter()
        async with database.transaction(owner) as db:
            await ask(db)
        if number:
            took_ms.append((time.perf_counter() - started) * 1000)
        else:
            print(f"{name}, the first: {(time.perf_counter() - started) * 1000:.0f} ms")
    percentiles = statistics.quantiles(took_ms, n=20)
    print(f"{name}: p50 {percentiles[9]:.0f} ms, p95 {percentiles[18]:.0f} ms; cpu {time.process_time() - cpu:.1f} s")


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


if __name__ == "__main__":
    main()
