"""The monthly category report of 100,000 transactions, beside hledger, ledger and beancount on the same rows.

    python -m benchmarks.ledgers [rows]

The mark: ahead of all three, figures identical to the cent. One organization of one currency, three years, the default
chart of categories, a twentieth of the rows split in two. Ours is asked as an app asks: over the database, as its role,
marts built and ten rows written since. The others read their journals, which is how they are used; beancount is asked
again with the cache that it keeps beside its file. Each is run three times in turns, and the least counts.

The three are programs of their own, found on the path or installed for the moment, and only run: hledger and ledger are
packages of Debian, beancount and beanquery (`bean-query`) go into a virtual environment of their own in a temporary
folder. What is not there is said, and the others are measured.
"""

import asyncio
import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from benchmarks.books_of_many import fill, throwaway

ROWS, TURNS, UNTIL = 100_000, 3, date(2025, 12, 31)
START = date(2023, 1, 1)
# The names that beancount wants for what an account is.
ROOTS = {"income": "Income", "expense": "Expenses", "transfer": "Equity"}
# By month and category; a debit is positive.
Figures = dict[tuple[str, str], Decimal]
SPLIT = """
    with parts as (
        select transaction_id, category_id, trunc(amount / 3, 2) as first, amount from books.transactions
        where organization_id = %(owner)s and category_id is not null and abs(amount) >= 1
            and abs(hashtext(transaction_id::text)) %% 20 = 0
    ),

    other as (
        select category_id, coalesce(lead(category_id) over by_id, first_value(category_id) over by_id) as next_id
        from books.categories where organization_id = %(owner)s and parent_id is not null
        window by_id as (order by category_id)
    )

    update books.transactions as transaction
    set category_id = null, decided_by = 'user', splits = jsonb_build_array(
        jsonb_build_object('amount', parts.first::text, 'category_id', parts.category_id, 'tags', '[]'::jsonb),
        jsonb_build_object('amount', (parts.amount - parts.first)::text, 'category_id', other.next_id,
            'tags', '[]'::jsonb)
    )
    from parts inner join other using (category_id)
    where transaction.organization_id = %(owner)s and transaction.transaction_id = parts.transaction_id
"""


class Row(NamedTuple):
    """One leg: which transaction, its day, account, category and amount as the account has it."""

    transaction_id: UUID
    booked_on: date
    account: str
    category: str
    amount: Decimal


class Rival(NamedTuple):
    """A program: what it reads and how its report is asked for and read."""

    name: str
    command: list[str]
    read: Callable[[str], Iterator[tuple[str, str, Decimal]]]


def main(rows: int = ROWS) -> None:
    with throwaway(), tempfile.TemporaryDirectory(prefix="ai2-ledgers-") as folder:
        owner = fill(rows, organizations=1, until=UNTIL, foreign={})[0].organization_id
        asyncio.run(measure(owner, Path(folder)))


async def measure(owner: UUID, folder: Path) -> None:
    from ai2.kit.database import Database, Role
    from pipelines import dbt

    async with Database(Role.ADMIN) as admin:
        async with admin.transaction(owner) as db:
            await db.execute(SPLIT, {"owner": owner})
        dbt.invoke("run")
        async with admin.transaction(owner) as db:
            await db.execute(SINCE, {"owner": owner})
            await db.execute("analyze books.transactions")
            legs = [
                Row(**row)
                for row in await (await db.execute(LEGS, {"owner": owner, "roots": json.dumps(ROOTS)})).fetchall()
            ]
    print(f"{len({leg.transaction_id for leg in legs}):,} transactions, {len(legs):,} parts", flush=True)
    rivals = write(folder, legs)
    took: dict[str, list[float]] = {}
    figures: dict[str, Figures] = {}
    async with Database() as api:
        for _ in range(TURNS):
            started = time.perf_counter()
            figures["ours"] = await ours(api, owner)
            took.setdefault("ours", []).append(time.perf_counter() - started)
            for rival in rivals:
                started = time.perf_counter()
                text = subprocess.run(rival.command, check=True, capture_output=True, text=True).stdout
                took.setdefault(rival.name, []).append(time.perf_counter() - started)
                figures[rival.name] = collected(rival.read(text))
    told = collected((f"{leg.booked_on:%Y-%m}", leg.category, -leg.amount) for leg in legs)
    for name, own in figures.items():
        agrees = (
            "identical to the cent" if own == told else f"{len(set(own.items()) ^ set(told.items()))} figures DIFFER"
        )
        print(f"{name:24} {min(took[name]) * 1000:8.0f} ms   {len(own)} figures, {agrees}")


def collected(found: Any) -> Figures:
    """Sums by month and category, without those that are nothing."""
    sums: Figures = {}
    for month, category, amount in found:
        sums[month, category] = sums.get((month, category), Decimal(0)) + amount
    return {key: amount for key, amount in sums.items() if amount}


async def ours(database: Any, owner: UUID) -> Figures:
    """The report by the code that answers generate-report, kept as it is there."""
    from ai2.reports import service
    from ai2.reports.model import Asked

    asked = Asked(report="category_breakdown", start_date=START, end_date=UNTIL, group_by="month")
    async with database.transaction(owner) as db:
        report = await service.generate(db, owner, asked, created_by="benchmark")
    [table] = report.tables
    return {
        (cell.column, name_of(line.key)): cell.amount * (line.where.sign if line.where else 1)
        for line in table.lines
        if line.where
        for cell in (table.by_place[line.key, column.key] for column in table.columns if column.key != "total")
        if cell.amount
    }


def name_of(key: str) -> str:
    """A category as journals name it: what all three can read."""
    section, _, category = key.partition("-")
    return f"{ROOTS[section]}:C{category}"


def write(folder: Path, legs: list[Row]) -> list[Rival]:
    """The journals of those that are there, and how they are asked."""
    journal, beans = folder / "books.journal", folder / "books.beancount"
    entries = list(grouped(legs))
    journal.write_text("".join(in_journal(own) for own in entries))
    names = {name for leg in legs for name in (leg.account, leg.category)}
    opened = "".join(f"{START} open {name} GBP\n" for name in sorted(names))
    beans.write_text(opened + "".join(in_beancount(own) for own in entries))
    rivals = []
    if program := shutil.which("hledger"):
        asked = [program, "-f", str(journal), "balance", "--monthly", "--flat", "--no-total", "-O", "csv", "^Income",
                 "^Expenses", "^Equity"]  # fmt: skip
        rivals.append(Rival("hledger", asked, read_hledger))
    if program := shutil.which("ledger"):
        asked = [program, "-f", str(journal), "register", "--monthly", "--no-color", "--register-format",
                 "%(format_date(date, '%Y-%m')),%(account),%(quantity(display_amount))\n",
                 "^Income", "^Expenses", "^Equity"]  # fmt: skip
        rivals.append(Rival("ledger", asked, read_ledger))
    if program := beancount(folder):
        query = """
            select year, month, account, sum(number) as amount
            where account ~ '^(Income|Expenses|Equity)' group by year, month, account
        """
        asked = [program, "-f", "csv", str(beans), " ".join(query.split())]
        rivals.append(Rival("beancount, with cache", asked, read_beancount))
    for name in ("hledger", "ledger", "beancount"):
        if not any(rival.name.startswith(name) for rival in rivals):
            print(f"{name} is not installed here and is left out")
    return rivals


def beancount(folder: Path) -> str | None:
    """bean-query in an environment of its own; none where PyPI is not to be had."""
    if found := shutil.which("bean-query"):
        return found
    place = folder / "beancount"
    venv.create(place, with_pip=True)
    done = subprocess.run(
        [place / "bin" / "python", "-m", "pip", "install", "-q", "beancount==3.2.0", "beanquery"], check=False
    )
    program = place / "bin" / "bean-query"
    return str(program) if done.returncode == 0 and program.exists() else None


def grouped(legs: list[Row]) -> Iterator[list[Row]]:
    """The parts of each transaction together."""
    own: dict[UUID, list[Row]] = {}
    for leg in legs:
        own.setdefault(leg.transaction_id, []).append(leg)
    yield from own.values()


def in_journal(own: list[Row]) -> str:
    parts = "".join(f"    {leg.category}  {-leg.amount:.2f} GBP\n" for leg in own)
    return f"{own[0].booked_on} x\n{parts}    {own[0].account}  {sum(leg.amount for leg in own):.2f} GBP\n\n"


def in_beancount(own: list[Row]) -> str:
    """The same, as it wants it marked."""
    return in_journal(own).replace(" x\n", ' * "x"\n')


def read_hledger(text: str) -> Iterator[tuple[str, str, Decimal]]:
    head, *lines = csv.reader(io.StringIO(text))
    for account, *cells in lines:
        for month, cell in zip(head[1:], cells, strict=True):
            amount = cell.removesuffix(" GBP").strip()
            if amount not in ("", "0"):
                yield month, account, Decimal(amount)


def read_ledger(text: str) -> Iterator[tuple[str, str, Decimal]]:
    for line in text.splitlines():
        month, account, amount = line.split(",")
        yield month, account, Decimal(amount.strip())


def read_beancount(text: str) -> Iterator[tuple[str, str, Decimal]]:
    for row in csv.DictReader(io.StringIO(text)):
        cells = {name.strip(): value.strip() for name, value in row.items()}
        yield f"{int(cells['year'])}-{int(cells['month']):02}", cells["account"], Decimal(cells["amount"])


SINCE = """
    insert into books.transactions
        (organization_id, transaction_id, account_id, booked_on, amount, currency, description, category_id, decided_by)
    select organization_id, gen_random_uuid(), account_id, booked_on, -0.07, currency, 'Since', category_id, 'user'
    from books.transactions where organization_id = %(owner)s and category_id is not null
    order by booked_on desc, transaction_id limit 10
"""
# Parts as they lie in the rows, with no mart between.
LEGS = """
    select
        transaction.transaction_id, booked_on, 'Assets:A' || transaction.account_id as account, part.amount,
        (%(roots)s::jsonb ->> coalesce(category.kind, case when part.amount > 0 then 'income' else 'expense' end))
            || ':C' || coalesce(part.category_id::text, 'none') as category
    from books.transactions as transaction
    cross join lateral (
        select transaction.amount, transaction.category_id where splits is null
        union all
        select (told ->> 'amount')::numeric, (told ->> 'category_id')::uuid from jsonb_array_elements(splits) as told
    ) as part
    left join books.categories as category
        on category.organization_id = transaction.organization_id and category.category_id = part.category_id
    where transaction.organization_id = %(owner)s and deleted_at is null and status = 'posted'
    order by booked_on, transaction.transaction_id
"""

if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
