"""How long the council's purchase cards (131,618 rows) take to import, and what memory, in a process of its own.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.import_council

The mark (2 cores): at most 15 s and 600 MB with everything that a fresh process has to import; again at most
8 s, and no new row. PostgreSQL is the embedded one, in a folder of its own, with the settings of production.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

FILE = "purchases/council_cards_2013_2016.csv.gz"


def main() -> None:
    data = Path(os.environ["AI2_TEST_DATA"]) / FILE
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            account = asyncio.run(_account())
            for run in ("first", "again"):
                command = [sys.executable, "-m", "benchmarks.import_council", str(data), *account]
                started = time.perf_counter()
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                print(run, f"{time.perf_counter() - started:.1f} s", done.stdout.strip())


async def _account() -> tuple[str, str]:
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.kit.database import Database

    async with Database() as database, database.transaction() as db:
        owner = await organizations.create(db, name="Council", base_currency="GBP")
        await categories.create_defaults(db, owner.organization_id)
        made = await accounts.create(db, owner.organization_id, name="Cards", currency="GBP", kind="card")
    return str(owner.organization_id), str(made.account_id)


async def measure(path: Path, organization: str, account: str) -> None:
    started = time.perf_counter()
    from ai2.ingest import service
    from ai2.kit.database import Database

    steps: list[tuple[float, float]] = []
    async with Database() as database, database.transaction(UUID(organization)) as db:
        result = await service.import_file(
            db,
            organization_id=UUID(organization),
            account_id=UUID(account),
            file=path,
            file_name=path.name,
            options=service.ImportOptions(positive_is="out"),
            source=service.Source.CLI,
            progress=lambda share: steps.append((share, round(time.perf_counter() - started, 2))),
        )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    found = {"rows": result.rows.model_dump(by_alias=True), "peak_mb": peak_mb, "steps": steps}
    print(json.dumps({**found, "cpu_s": round(time.process_time(), 1)}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(measure(Path(sys.argv[1]), *sys.argv[2:]))
    else:
        main()
