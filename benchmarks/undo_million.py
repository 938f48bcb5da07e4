"""How long an import of 1,000,000 rows takes to undo, all of it in one transaction.

    python -m benchmarks.undo_million [rows]

The mark (2 cores): at most 20 s for 1,000,000 rows. The file is generated; PostgreSQL is the embedded one, in a
folder of its own, with the settings of production. Printed: the seconds of the import and of the undo, those that
PostgreSQL was busy, what the undo reported, and the slowest statements.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import psutil

ROWS = 1_000_000
DAYS = 3_650
SHOPS = 5_000
TOWNS = ("LONDON", "LEEDS", "YORK", "BATH", "HULL")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        file = Path(home) / "statement.csv"
        write(file, rows)
        with postgres.running(Path(home), log_min_duration_statement="300ms"):
            migrate()
            asyncio.run(measure(file))
        slow = [line for line in (Path(home) / "postgres.log").read_text().splitlines() if "duration:" in line]
        print("\n".join(" ".join(line.split())[:150] for line in slow[-12:]))


def write(file: Path, rows: int) -> None:
    """A statement of ten years: the same for the same number of rows."""
    chance, first = random.Random(7), date(2015, 1, 1)  # noqa: S311 - a benchmark's data
    with file.open("w") as out:
        out.write("Date,Description,Amount\n")
        for row in range(rows):
            day = first + timedelta(days=row * DAYS // rows)
            amount = chance.randrange(-50_000, 20_000) / 100
            shop = int(SHOPS * chance.random() ** 3)  # few shops have most of the rows
            out.write(f"{day},SHOP {shop:04} {TOWNS[shop % len(TOWNS)]},{amount:.2f}\n")


async def measure(file: Path) -> None:
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.ingest import service
    from ai2.ingest.mending.undo import undo
    from ai2.kit.database import Database

    async with Database() as database:
        async with database.transaction() as db:
            owner: UUID = (await organizations.create(db, name="Council", base_currency="GBP")).organization_id
            await categories.create_defaults(db, owner)
            account = await accounts.create(db, owner, name="Cards", currency="GBP")
        started = time.perf_counter()
        async with database.transaction(owner) as db:
            result = await service.import_file(
                db,
                organization_id=owner,
                account_id=account.account_id,
                file=file,
                file_name=file.name,
                options=service.ImportOptions(positive_is="in"),
            )
        print(f"import {time.perf_counter() - started:.1f} s", result.rows.model_dump(by_alias=True), flush=True)
        started = time.perf_counter()
        async with database.transaction(owner) as db:
            server = psutil.Process(db.info.backend_pid)
            before = server.cpu_times()
            report = await undo(db, owner, result.batch_id, undone_by="system")  # type: ignore[arg-type]
        used = server.cpu_times()
        busy_s = used.user + used.system - before.user - before.system
        print(f"undo {time.perf_counter() - started:.1f} s, PostgreSQL busy for {busy_s:.1f} s", report, flush=True)


if __name__ == "__main__":
    main()
