"""What the import of a million rows takes, beside what PostgreSQL alone needs for the same rows; no file is needed.

    python -m benchmarks.import_million [rows]

PostgreSQL alone: COPY of the finished rows to a temporary table, and the inserts into the same indexed tables under
row-level security. The marks (2 cores): the import at most twice that, and 30 s, and 1 GB of memory; the same file
again at most 0.6 of the first time, and no new row; 100,000 rows at most 3 s. Each import runs in a process of its
own, which has the libraries loaded, as the worker has; PostgreSQL is the embedded one, with production's settings.
"""

import asyncio
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

ROWS = 1_000_000
SHOPS = (
    "TESCO STORES", "SAINSBURYS S/MKTS", "AMZNMKTPLACE", "SHELL", "COSTA COFFEE", "UBER *TRIP", "NETFLIX.COM",
    "BRITISH GAS", "TFL TRAVEL CH", "PRET A MANGER", "LIDL GB", "BOOTS", "VODAFONE LTD", "SCREWFIX", "TRAVIS PERKINS",
)  # fmt: skip
TOWNS = ("LONDON", "LEEDS", "MANCHESTER", "YORK", "BATH", "HULL", "BRISTOL", "CARDIFF")


def main(rows: int = ROWS) -> None:
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        files = {size: write(Path(home) / f"{size}.csv", size) for size in (rows, 100_000)}
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            alone = run("alone", files[rows])
            organization, account = asyncio.run(accounts())
            first = run("import", files[rows], organization, account)
            again = run("import", files[rows], organization, account)
            print(f"ratio to PostgreSQL alone {first / alone:.2f} (mark 2), again {again / first:.2f} (mark 0.6)")
            run("import", files[100_000], *asyncio.run(accounts()))


def write(path: Path, rows: int) -> Path:
    """A statement of nearly as many different descriptions as rows, over five and a half years."""
    chance = random.Random(7)  # noqa: S311 - nothing secret
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Date", "Description", "Amount", "Reference"])
        for number in range(rows):
            day = date(2019, 1, 1) + timedelta(days=number * 2000 // rows)
            pence = -chance.randint(100, 20_000) if chance.random() < 0.9 else chance.randint(1_000, 500_000)
            shop = f"{chance.choice(SHOPS)} {chance.choice(TOWNS)} {chance.randint(1, 60_000)}"
            writer.writerow([day.isoformat(), shop, f"{pence / 100:.2f}", f"REF{number:07d}"])
    return path


def run(what: str, path: Path, *to: str) -> float:
    command = [sys.executable, "-m", "benchmarks.import_million", what, str(path), *to]
    done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(what, path.name, json.dumps(done), flush=True)
    return float(done["seconds"])


async def accounts() -> tuple[str, str]:
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.kit.database import Database

    async with Database() as database, database.transaction() as db:
        owner = await organizations.create(db, name="Million", base_currency="GBP")
        await categories.create_defaults(db, owner.organization_id)
        made = await accounts.create(db, owner.organization_id, name="Cards", currency="GBP", kind="card")
    return str(owner.organization_id), str(made.account_id)


async def alone(path: Path) -> dict[str, object]:
    """COPY and insert rows that are finished, by the statements that the import uses."""
    from ai2.books.transactions import imports
    from ai2.ingest import read
    from ai2.ingest.layout.model import Options
    from ai2.ingest.lines import Account
    from ai2.ingest.loading import staged_repository, staging
    from ai2.kit.database import Database
    from ai2.kit.ids import new_id

    organization, account = map(UUID, await accounts())
    with path.open("rb") as opened:
        [file] = staging.files(read.statements(opened, path.name, Account("GBP", "card"), Options()))
    finished = list(staging.pieces(file, account, "GBP"))

    async def pieces() -> AsyncIterator[bytes]:
        for piece in finished:
            yield piece

    async with Database() as database:
        started = time.perf_counter()
        async with database.transaction(organization) as db:
            await staged_repository.prepare(db)
            await staged_repository.copy(db, pieces())
            copied = time.perf_counter()
            batch_id = new_id()
            await staged_repository.keep_identities(db, organization, batch_id, 1, version=2, is_first=True)
            known = time.perf_counter()
            await imports.insert_staged(db, organization, batch_id)
        ended = time.perf_counter()
    steps = {"copy": copied - started, "identities": known - copied, "transactions": ended - known}
    return {"seconds": round(ended - started, 2), **{name: round(took, 2) for name, took in steps.items()}}


async def measure(path: Path, organization: str, account: str) -> dict[str, object]:
    from ai2.ingest import service
    from ai2.ingest.lines import LINES
    from ai2.ingest.loading import checker
    from ai2.kit.database import Database

    await checker.check(LINES.empty_table(), rows_in=0, currency="GBP", today=date(2026, 1, 1))
    started, steps = time.perf_counter(), list[tuple[float, float]]()
    async with Database() as database, database.transaction(UUID(organization)) as db:
        result = await service.import_file(
            db,
            organization_id=UUID(organization),
            account_id=UUID(account),
            file=path,
            file_name=path.name,
            source=service.Source.CLI,
            progress=lambda share: steps.append((share, round(time.perf_counter() - started, 2))),
        )
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "rows": result.rows.model_dump(by_alias=True),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        "steps": steps,
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["alone", path]:
            print(json.dumps(asyncio.run(alone(Path(path)))))
        case ["import", path, organization, account]:
            print(json.dumps(asyncio.run(measure(Path(path), organization, account))))
        case [rows]:
            main(int(rows))
        case _:
            main()
