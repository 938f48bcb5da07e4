"""How long the council's purchase cards (131,618 rows) take to classify, database to database, and one question.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.classify_council

The marks (2 cores): at least 5,000 rows/s, and one answer in process within 2 ms (median). The time includes reading
what has no decision, deciding, and writing decisions, their history, the daily totals and the suggestions. The
model is trained before, in the same process; PostgreSQL is the embedded one with the settings of production.
"""

import asyncio
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

FILE = "purchases/council_cards_2013_2016.csv.gz"


def main() -> None:
    data = Path(os.environ["AI2_TEST_DATA"]) / FILE
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate
        from ml.governance.retrain import train_challenger

        started, started_cpu = time.perf_counter(), time.process_time()
        trained = train_challenger([])
        took, cpu = time.perf_counter() - started, time.process_time() - started_cpu
        print(f"train: {took:.1f} s (cpu {cpu:.1f} s)", trained.metrics)
        with postgres.running(Path(home)):
            migrate()
            asyncio.run(measure(data))
        single()
        print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000, "MB, training included")


async def measure(path: Path) -> None:
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.ingest import service as ingest
    from ai2.kit.database import Database
    from ml import service

    async with Database() as database:
        async with database.transaction() as db:
            owner = (await organizations.create(db, name="Council", base_currency="GBP")).organization_id
            await categories.create_defaults(db, owner)
            account = await accounts.create(db, owner, name="Cards", currency="GBP", kind="card")
            await ingest.import_file(
                db,
                organization_id=owner,
                account_id=account.account_id,
                file=path,
                file_name=path.name,
                options=ingest.ImportOptions(positive_is="out"),
                source=ingest.Source.CLI,
            )
        for run in ("first", "again"):
            started, cpu = time.perf_counter(), time.process_time()
            async with database.transaction(owner) as db:
                done = await service.suggest(db, owner)
            took = time.perf_counter() - started
            rate = done.transactions / took
            print(f"{run}: {took:.1f} s (cpu {time.process_time() - cpu:.1f} s), {rate:,.0f} rows/s", done)


def single() -> None:
    from ml import registry
    from ml.answers import Descriptor

    took_ms = []
    for number in range(500):
        asked = Descriptor(f"Zunthorpe pizzeria {number} quimby", money_in=False)
        started = time.perf_counter()
        registry.champion().decide([asked])
        took_ms.append((time.perf_counter() - started) * 1000)
    percentiles = statistics.quantiles(took_ms, n=100)
    print(f"one by the model: p50 {percentiles[49]:.2f} ms, p99 {percentiles[98]:.2f} ms")


if __name__ == "__main__":
    main()
