"""What it takes to write 1,000,000 transactions into a file, from the database to the encrypted blob.

    python -m benchmarks.exports [rows] [format ...]

One organization has all the rows (benchmarks.books_of_many). Each format is written in a process of its own, as the
worker does it, manifest and SHA-256 included; memory is the most that the process had. The mark: 300 MB.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from uuid import UUID

from benchmarks.books_of_many import fill, throwaway

ROWS, FORMATS, MOST_MB = 1_000_000, ("csv", "parquet"), 300


def main(rows: int, formats: tuple[str, ...]) -> None:
    with throwaway():
        [owner] = fill(rows, organizations=1)
        for wanted in formats:
            command = [sys.executable, "-m", "benchmarks.exports", "--write", str(owner.organization_id), wanted]
            told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            is_met = "met" if told["peak_mb"] <= MOST_MB else "short"
            print(f"{rows:,} rows as {wanted} (mark {MOST_MB} MB: {is_met})", json.dumps(told), flush=True)


async def write(organization_id: UUID, wanted: str) -> dict[str, object]:
    from ai2.identity.principal import Principal, Role
    from ai2.kit import queue
    from ai2.kit.database import Database
    from ai2.reports.exports import service, writing
    from ai2.reports.exports.asked import Asked

    async with Database() as database:
        async with database.transaction(organization_id) as db:
            asked = Asked(what="transactions", format=wanted)  # type: ignore[arg-type]
            export = await service.ask(db, Principal(organization_id, Role.OWNER), asked)
            job = await queue.get(db, organization_id, export.export_id)
        started, worked = time.perf_counter(), time.process_time()
        written = await writing.write(database, job, lambda _: None)
        seconds, work = time.perf_counter() - started, time.process_time() - worked
        async with database.transaction(organization_id) as db:
            manifest = await service.manifest(db, organization_id, export.export_id)
    assert manifest["reconciled"]["agrees"]
    return {
        "seconds": round(seconds, 1),
        "work_seconds": round(work, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        **written,
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--write", whose, wanted]:
            print(json.dumps(asyncio.run(write(UUID(whose), wanted))))
        case [rows, *formats]:
            main(int(rows), tuple(formats) or FORMATS)
        case _:
            main(ROWS, FORMATS)
