"""How long 1,000,000 transactions take to classify, database to database, of 250,000 distinct descriptors.

    python -m benchmarks.classify_million [rows] [distinct]

The marks (2 cores): 20,000 rows/s, and at most 512 MB for the worker and whatever it starts. The time includes
reading what has no decision, deciding, and writing decisions, their history, the daily totals and the suggestions.
Descriptors are written as banks do, by a fixed seed: two in three are branches of merchants that are publicly known,
one in three is of somebody whom nobody knows; how often each occurs falls with its rank, as in life. The model is
trained before, in a process of its own.
"""

import asyncio
import csv
import gzip
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import psutil

SEED = 20261128
TOWNS = ("LONDON", "LEEDS GB", "OAKLAND CA", "AUSTIN TX", "BRISTOL", "YORK", "DENVER CO", "BOSTON MA")
WAYS = ("CARD PAYMENT TO {} {} {}", "POS PURCHASE {} {} {}", "{} {} {}", "SQ *{} {} {}", "{} #{} {}")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    distinct = int(sys.argv[2]) if len(sys.argv) > 2 else rows // 4
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ |= {"AI2_HOME": home, "LOG_LEVEL": "warn"}
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            subprocess.run([sys.executable, "-m", "benchmarks.classify_million", "--train"], check=True)
            owner = asyncio.run(fill(rows, distinct))
            server = psutil.Process(postgres.server_pid(Path(home)))
            words = [sys.executable, "-m", "benchmarks.classify_million", "--classify", str(owner)]
            before = sum(cpu_s(server).values())
            started = time.perf_counter()
            subprocess.run(words, check=True)
            print(
                f"with the start of the process {time.perf_counter() - started:.1f} s; "
                f"PostgreSQL worked {sum(cpu_s(server).values()) - before:.1f} s"
            )


def cpu_s(process: psutil.Process) -> dict[int, float]:
    """What a process and those below it have worked, those that ended too."""
    return {
        each.pid: sum(each.cpu_times()[:4])
        for each in (process, *process.children(recursive=True))
        if each.is_running()
    }


def descriptors(distinct: int) -> list[str]:
    """Texts as banks write them, no two the same."""
    from ml.knowledge.merchants import DATA

    random = Random(SEED)  # noqa: S311 - not for secrets
    with gzip.open(DATA / "merchants.csv.gz", "rt", encoding="utf-8", newline="") as file:
        known = [row["name"].upper() for row in csv.DictReader(file) if row["is_english"] == "1" and row["detailed"]]
    parts = ("QUIM", "ZOR", "BLAX", "TREN", "VOLK", "MARI", "DUNE", "FELT", "GRAV", "HOLM", "JASP", "KEST", "LUMO")
    kinds = ("STUDIO", "TRADING", "AND SONS", "CAFE", "GARAGE", "LTD", "SERVICES", "GROUP", "STORE", "PARTNERS")
    found: dict[str, None] = {}
    while len(found) < distinct:
        unknown = f"{random.choice(parts)}{random.choice(parts)} {random.choice(kinds)}"
        name = random.choice(known) if random.random() < 2 / 3 else unknown
        way = random.choice(WAYS)
        found[way.format(name, random.randrange(100, 9999), random.choice(TOWNS))] = None
    return list(found)


async def fill(rows: int, distinct: int) -> UUID:
    """The books of one organization, by copying: nothing has a category yet."""
    import pyarrow as pa

    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.kit.database import Database
    from ai2.kit.ids import new_id
    from ai2.kit.merchant_keys import merchant_keys

    random = Random(SEED)  # noqa: S311 - not for secrets
    texts = descriptors(distinct)
    keys = merchant_keys(pa.array(texts), pa.array([None] * len(texts), pa.string())).to_pylist()
    async with Database() as database, database.transaction() as db:
        owner = (await organizations.create(db, name="Large", base_currency="GBP")).organization_id
        await categories.create_defaults(db, owner)
        account = await accounts.create(db, owner, name="Main", currency="GBP")
        first = date(2024, 1, 1)
        await db.execute("create temporary table fresh on commit drop as select * from books.transactions limit 0")
        async with db.cursor().copy(
            "copy pg_temp.fresh (organization_id, transaction_id, account_id, booked_on, amount, currency, "
            "description, merchant_key) from stdin"
        ) as copy:
            for place in range(rows):
                # every descriptor once, then the first ones far oftener than the last
                at = place if place < distinct else int(distinct * random.random() ** 3)
                amount = f"-{random.randrange(100, 30000) / 100:.2f}"
                day = first + timedelta(days=random.randrange(700))
                await copy.write_row((owner, new_id(), account.account_id, day, amount, "GBP", texts[at], keys[at]))
        await db.execute(
            """
            insert into books.transactions
                (organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key)
            select organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant_key
            from pg_temp.fresh
            """
        )
    print(f"filled {rows:,} rows of {len(texts):,} descriptors", flush=True)
    return owner


async def classify(owner: UUID) -> None:
    from ai2 import flows
    from ai2.kit.database import Database

    async with Database() as database:
        for run in ("first", "again"):
            process = psutil.Process()
            started, cpu = time.perf_counter(), sum(process.cpu_times()[:4])
            with watched(process) as peak:
                done = await flows.categorise(database, owner)
            took = time.perf_counter() - started
            worked = sum(process.cpu_times()[:4]) - cpu
            rate = done.transactions / took
            print(
                f"{run}: {took:.1f} s, {rate:,.0f} rows/s; the worker worked {worked:.1f} s, peak {peak[0]:,.0f} MB",
                done, flush=True,
            )  # fmt: skip


@contextmanager
def watched(process: psutil.Process) -> Iterator[list[float]]:
    """The most memory (its own, in MB) that a process and its children had together, looked at now and then."""
    peak, done = [0.0], threading.Event()

    def look() -> None:
        # seldom: adding up what is mapped is work of the process itself
        while not done.wait(0.5):
            held = 0
            for each in (process, *process.children(recursive=True)):
                try:
                    held += each.memory_full_info().uss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], held / 1e6)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


async def train() -> None:
    from ai2 import flows
    from ai2.kit.database import Database, Role

    async with Database(Role.PIPELINE) as pipeline:
        await flows.retrain(pipeline)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        asyncio.run(train())
    elif sys.argv[1:2] == ["--classify"]:
        asyncio.run(classify(UUID(sys.argv[2])))
    else:
        main()
