"""How long dbt takes for the marts: all of them from nothing, and what 10,000 new rows touch.

    python -m benchmarks.marts [rows]

The marks (2 cores), dbt's own start included: from nothing, tests aside, at most 60 s for 1,000,000 rows and 11 min
for 10,000,000; after 10,000 new rows in all organizations' last month, with the tests of what was touched, at most
45 s. The books are those of `books_of_many`. Also printed: a second such build with every test, as at night; the
ledger's months of an organization with a fifth of all rows, right after a build and with 10,000 of its rows touched
since; the slowest models and tests, and how busy the machine was.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.books_of_many import ROWS, fill, throwaway

NEW = 10_000
# Like rows that are there already, of whom and where chance says.
ADD = f"""
    insert into books.transactions (
        organization_id, transaction_id, account_id, booked_on, amount, currency, description, merchant, merchant_key,
        category_id, decided_by, decided_version, confidence, decided_at
    )
    select
        organization_id, gen_random_uuid(), account_id, booked_on, amount - 0.01, currency, description, merchant,
        merchant_key, category_id, decided_by, decided_version, confidence, decided_at
    from (
        select * from books.transactions
        where booked_on > (select max(booked_on) - 31 from books.transactions)
        order by hashtext(transaction_id::text) limit {NEW}
    ) as like_it
"""
TOUCH = f"""
    update books.transactions set notes = 'touched' where (organization_id, transaction_id) in (
        select organization_id, transaction_id from books.transactions where organization_id = %s
        order by booked_on desc, transaction_id limit {NEW}
    )
"""
MONTHS = """
    select section, category_id, sum(amount) from marts.live_ledger_months
    where organization_id = %s and month >= '2000-01-01' group by section, category_id
"""


def main(rows: int = ROWS) -> None:
    with throwaway():
        from pipelines import dbt

        owner = fill(rows)[0]
        dbt.manifest()  # parsed before anyone waits, as `ai2 up` does
        with told("from nothing, tests aside"):
            run("run", *dbt.tests_cover("touched"))
        live("right after the build", owner.organization_id)
        write(ADD)
        with told(f"{NEW:,} new rows, tests of what was touched"):
            run("build", "--exclude-resource-type", "unit_test", *dbt.tests_cover("touched"))
        write(TOUCH, owner.organization_id)
        live(f"{NEW:,} rows touched since", owner.organization_id)
        with told("these rows, and every test"):
            run("build", "--exclude-resource-type", "unit_test", *dbt.tests_cover("everything"))


@contextmanager
def told(what: str) -> Iterator[None]:
    """Says how long it took, and what took longest."""
    load, began = os.getloadavg()[0], time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.1f} s (load {load:.1f} to {os.getloadavg()[0]:.1f})", flush=True)
    for each in slowest(4):
        print(f"    {each['execution_time']:6.1f} s  {each['unique_id'].split('.')[2]}", flush=True)


def run(*words: str) -> None:
    """dbt in a process of its own, as Dagster starts it."""
    from pipelines import dbt

    folder = str(dbt.PROJECT)
    program = str(Path(sys.executable).with_name("dbt"))
    places = ("--project-dir", folder, "--profiles-dir", folder)
    subprocess.run([program, "--quiet", *words, *places], env={**os.environ, **dbt.environment()}, check=True)


def slowest(number: int) -> list[dict[str, Any]]:
    from pipelines import dbt

    results = json.loads((dbt.work_folder() / "target" / "run_results.json").read_text())["results"]
    return sorted(results, key=lambda each: -each["execution_time"])[:number]


def write(query: str, *organization_id: UUID) -> None:
    import psycopg

    from ai2.kit.database import Role, connection_parameters

    with psycopg.connect(**connection_parameters(Role.ADMIN, "ai2"), autocommit=True) as db:
        db.execute(query, organization_id)
        db.execute("analyze books.transactions")


def live(when: str, organization_id: UUID) -> None:
    """The ledger's months as a report reads them."""
    import psycopg

    from ai2.kit.database import Role, connection_parameters

    taken_ms = []
    with psycopg.connect(**connection_parameters(Role.API)) as db:
        db.execute("select set_config('app.organization_id', %s, false)", [str(organization_id)])
        for _ in range(9):
            began = time.perf_counter()
            db.execute(MONTHS, [organization_id]).fetchall()
            taken_ms.append((time.perf_counter() - began) * 1000)
    print(f"the months of the largest, {when}: first {taken_ms[0]:.0f} ms, p50 {statistics.median(taken_ms):.0f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
