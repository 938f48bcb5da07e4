"""How long a forecast takes of three years of 30 accounts and 30 categories: the first time, and from then on.

    python -m benchmarks.forecast_latency

The mark (2 cores): 500 ms once it was rehearsed, which happens every night and when a past month has changed. Work is
processor time of this process; PostgreSQL is the embedded one with the settings of production.
"""

import asyncio
import os
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

ACCOUNTS, MONTHS, TODAY = 30, 36, date(2026, 11, 10)
WRITE = """
    insert into books.transactions (
        organization_id, transaction_id, account_id, booked_on, amount, currency, description, category_id, decided_by
    )
    select
        %(owner)s, gen_random_uuid(), account_id, (date '2023-11-01' + month * interval '1 month')::date + day,
        -round((20 + 100 * random())::numeric, 2), 'GBP', 'x', category_id, 'user'
    from unnest(%(accounts)s::uuid[], %(categories)s::uuid[]) as line (account_id, category_id),
        generate_series(0, %(months)s) as month, generate_series(0, 27, 3) as day
    where month < %(months)s or day < 10
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            asyncio.run(measure())


async def measure() -> None:
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.kit.database import Database
    from ml.cashflow import service

    async with Database() as database:
        async with database.transaction() as db:
            owner = (await organizations.create(db, name="Council", base_currency="GBP")).organization_id
        async with database.transaction(owner) as db:
            made = [await accounts.create(db, owner, name=f"Account {i}", currency="GBP") for i in range(ACCOUNTS)]
            named = [
                await categories.create(db, owner, name=f"Category {i}", kind="expense", parent_id=None)
                for i in range(ACCOUNTS)
            ]
            ids = {"accounts": [each.account_id for each in made], "categories": [each.category_id for each in named]}
            await db.execute("select setseed(0.5)")
            written = await db.execute(WRITE, {"owner": owner, "months": MONTHS, **ids})
            print(f"{written.rowcount} transactions")
        took: list[float] = []
        for turn in range(12):
            started, work = time.perf_counter(), time.process_time()
            async with database.transaction(owner) as db:
                found = await service.forecast(db, owner, 12, today=TODAY)
            took.append(time.perf_counter() - started)
            [pounds] = found.currencies
            if turn in (0, 1, 11):
                work = time.process_time() - work
                print(f"turn {turn}: {took[-1] * 1000:.0f} ms (work {work * 1000:.0f} ms), ", end="")
                print(f"{found.history_months} months, {len(pounds.accounts)} accounts", end="")
                print(f", {len(pounds.categories)} categories")
        print(f"once rehearsed: median {statistics.median(took[1:]) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
