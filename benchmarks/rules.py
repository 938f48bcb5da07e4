"""How long 100 rules take on 100,000 rows: what they would change, and bringing one to the history and back.

    python -m benchmarks.rules [rows]

The mark (2 cores): at most 2 s for 100 rules on 100,000 rows, database to database, shown or run. Of the rules a
third are words, a third regular expressions, and a third texts with amounts, signs and accounts; 5,000 different
descriptions, and for the worst case one for every row. PostgreSQL is the embedded one with the settings of production.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

ROWS, RULES, SHOPS, DAYS = 100_000, 100, 5_000, 730


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            for shops in (SHOPS, rows):
                file = Path(home) / f"{shops}.csv"
                write(file, rows, shops)
                asyncio.run(measure(file, rows, shops))


def write(file: Path, rows: int, shops: int) -> None:
    """A statement of two years: the same for the same numbers."""
    chance, first = random.Random(7), date(2024, 1, 1)  # noqa: S311 - a benchmark's data
    with file.open("w") as out:
        out.write("Date,Description,Amount\n")
        for row in range(rows):
            shop = row if shops == rows else int(shops * chance.random() ** 3)  # few shops have most of the rows
            amount = chance.randrange(-50_000, 20_000) / 100
            out.write(f"{first + timedelta(days=row * DAYS // rows)},CARD 4417 SHOP {shop:06} LONDON,{amount:.2f}\n")


async def measure(file: Path, rows: int, shops: int) -> None:
    from ai2.books.accounts import service as accounts
    from ai2.books.categories import service as categories
    from ai2.books.rules import runs as rule_runs
    from ai2.books.rules.runs_repository import Scope
    from ai2.identity import organizations
    from ai2.ingest import service
    from ai2.kit.database import Database

    print(f"{rows:,} rows, {shops:,} descriptions, {RULES} rules", flush=True)
    async with Database() as database:
        async with database.transaction() as db:
            owner = (await organizations.create(db, name="Council", base_currency="GBP")).organization_id
            await categories.create_defaults(db, owner)
            account = await accounts.create(db, owner, name="Cards", currency="GBP")
        async with database.transaction(owner) as db:
            options = service.ImportOptions(positive_is="in")
            known: dict[str, Any] = {"organization_id": owner, "account_id": account.account_id, "options": options}
            await service.import_file(db, file=file, file_name=file.name, **known)
            last = await make_rules(db, owner, account.account_id)
        for run in ("shown, first", "shown, again"):
            async with database.transaction(owner) as db:
                shown = await timed(run, rule_runs.preview(db, owner, scope=Scope(), limit=100))
        print("  ", {"matched": shown.matched, "changed": shown.changed, "fields": shown.fields}, flush=True)
        async with database.transaction(owner) as db:
            done = await timed("applied", rule_runs.apply(db, owner, last, scope=Scope(), applied_by="user:benchmark"))
        print("  ", {"rows_changed": done.rows_changed}, flush=True)
        async with database.transaction(owner) as db:
            await timed("undone", rule_runs.undo(db, owner, done.application_id, undone_by="user:benchmark"))


async def timed(name: str, work: Awaitable[Any]) -> Any:
    started, cpu = time.perf_counter(), time.process_time()
    done = await work
    print(f"  {name}: {time.perf_counter() - started:.2f} s (cpu {time.process_time() - cpu:.2f} s)", flush=True)
    return done


async def make_rules(db: Any, owner: UUID, account_id: UUID) -> UUID:
    """99 rules of which each holds for few rows, and a last one that takes most of the others: its id."""
    from ai2.books.categories import service as categories
    from ai2.books.rules import service as rules
    from ai2.books.rules.matching import Actions, Conditions, TextTest

    ids = [category.category_id for category in await categories.list_all(db, owner)]
    for number in range(RULES - 1):
        kind, shop = number % 3, f"{number * 7:06}"
        test = (
            TextTest("matches", rf"shop {shop}\b.*(london|leeds)") if kind == 1 else TextTest("contains", f"op {shop}")
        )
        more: dict[str, Any] = {"min_amount": Decimal(5), "sign": "out", "account_id": account_id} if kind == 2 else {}
        await rules.create(
            db, owner, name=f"Shop {shop}", conditions=Conditions(description=test, **more),
            actions=Actions(category_id=ids[number % len(ids)], tags=(f"shop-{number}",)),
        )  # fmt: skip
    rest = await rules.create(
        db, owner, name="The rest", conditions=Conditions(description=TextTest("contains", "london"), sign="out"),
        actions=Actions(category_id=ids[0]),
    )  # fmt: skip
    return rest.rule_id


if __name__ == "__main__":
    main()
