"""How soon a report is there, and what is behind a cell: 200,000 transactions of one among 1,000,000 of 200.

    [AI2_TEST_DATA=<folder of real files>] python -m benchmarks.reports [rows]

The marks (2 cores, nothing else running): a report of the largest organization p50 150 ms, the first time, kept
included; explain p50 100 ms, a page of 50. As the API's role under row-level security. A fifth of the rows is in
dollars and euros, with a reference rate for every working day; a hundred rows were written since the marts were built.
Each report is of a year by month: whole months, days that cut months, in its own currencies and converted. `work` is
what this process and its PostgreSQL did for one: where other programs run, that tells more.

With real files the council's purchase cards, all of them, are then held to plain arithmetic over their rows.
"""

import asyncio
import gc
import gzip
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil

from benchmarks.books_of_many import ROWS, fill, throwaway

UNTIL, TIMES = date(2025, 12, 31), 9
YEAR = {"start_date": date(2025, 1, 1), "end_date": date(2025, 12, 31)}
CUT = {"start_date": date(2025, 1, 10), "end_date": date(2025, 12, 20)}
EVERY = ("profit_and_loss", "balance_sheet", "cash_flow", "spending", "category_breakdown", "trend")
COUNCIL = "purchases/council_cards_2013_2016.csv.gz"
SINCE = """
    insert into books.transactions
        (organization_id, transaction_id, account_id, booked_on, amount, currency, description, category_id, decided_by)
    select organization_id, gen_random_uuid(), account_id, booked_on, -0.07, currency, 'Since', category_id, 'user'
    from books.transactions where organization_id = %(owner)s and category_id is not null
    order by booked_on desc, transaction_id limit 100
"""


def main(rows: int = ROWS) -> None:
    with throwaway():
        owner = fill(rows, until=UNTIL, foreign={2: "USD", 3: "EUR"})[0].organization_id
        asyncio.run(measure(owner))


async def measure(owner: UUID) -> None:
    from ai2.kit.database import Database, Role
    from pipelines import dbt

    async with Database(Role.PIPELINE) as pipeline, pipeline.transaction() as db:
        await _publish(db)
    dbt.invoke("run")
    gc.freeze()  # as the API does once it is started
    async with Database() as api:
        async with api.transaction(owner) as db:
            await db.execute(SINCE, {"owner": owner})
        for name in EVERY:
            for days, what in ((YEAR, "year"), (CUT, "days that cut months")):
                for currency in (None, "GBP"):
                    await _report(api, owner, f"{name}, {what}, {currency or 'apart'}", name, days, currency)
        if os.environ.get("AI2_TEST_DATA"):
            await agreement(api, Path(os.environ["AI2_TEST_DATA"]) / COUNCIL)


async def _publish(db: Any) -> None:
    """Reference rates of every working day."""
    from ai2.books.rates import ecb

    chance = random.Random(1)  # noqa: S311 - a benchmark's data
    days = [date(2022, 12, 1) + timedelta(days=number) for number in range(1127)]
    await ecb.put(db, [
        (day, currency, Decimal(f"{middle + chance.uniform(-0.03, 0.03):.4f}"))
        for day in days if day.weekday() < 5
        for currency, middle in (("GBP", 0.85), ("USD", 1.08))
    ])  # fmt: skip


async def _report(api: Any, owner: UUID, label: str, name: str, days: dict[str, date], currency: str | None) -> None:
    from ai2.reports import explain, service
    from ai2.reports.model import Asked

    asked = Asked(report=name, group_by="month", currency=currency, **days)  # type: ignore[arg-type]

    async def make(db: Any) -> Any:
        return await service.generate(db, owner, asked, created_by="benchmark")

    report = await _timed(api, owner, label, "150", make)
    table = report.tables[-1]
    item = next(line for line in table.lines if line.where)
    total = [line for line in table.lines if line.kind != "heading"][-1]
    for line in (item, total):
        key = f"{table.key}.{line.key}.{table.columns[-1].key}"

        async def look(db: Any, key: str = key) -> Any:
            return await explain.explain(db, owner, report.report_id, key, after=None, limit=50)

        await _timed(api, owner, f"    explain: {line.label}", "100", look)


async def _timed(api: Any, owner: UUID, label: str, mark: str, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    took, work = [], []
    for _ in range(TIMES):
        started, cpu = time.perf_counter(), time.process_time()
        async with api.transaction(owner) as db:
            backend = psutil.Process(db.info.backend_pid)
            before = sum(backend.cpu_times()[:2])
            found = await ask(db)
            work.append(time.process_time() - cpu + sum(backend.cpu_times()[:2]) - before)
        took.append(time.perf_counter() - started)
    print(
        f"{label:60} first {took[0] * 1000:6.0f}  p50 {statistics.median(took) * 1000:6.0f}"
        f"  work {statistics.mean(work) * 1000:6.0f} ms   (mark {mark})",
        flush=True,
    )
    return found


async def agreement(api: Any, file: Path) -> None:
    """Every report over all of the council's rows, held to plain arithmetic over them."""
    from ai2.reports.model import Asked
    from tests.reports.agreement import assert_agrees
    from tests.reports.council import council
    from tests.reports.reading import made
    from tests.reports.recomputed import rows_of

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "cards.csv"
        with gzip.open(file, "rb") as packed, plain.open("wb") as out:
            shutil.copyfileobj(packed, out)
        books = await council(api, plain)
    rows = await rows_of(books)
    days = {"start_date": date(2014, 1, 12), "end_date": date(2016, 12, 20)}
    for name in EVERY:
        report = await made(books, Asked(report=name, group_by="quarter", compare_to="previous_year", **days))  # type: ignore[arg-type]
        assert_agrees(rows, report)
        cells = sum(len(table.cells) for table in report.tables)
        print(f"council, {len(rows.legs):,} legs, {name}: {cells} cells agree to the cent", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
