"""Books: the cases that need a database: pending rows that become posted, and transfers between own accounts.

Each case has an organization of its own.
"""

import asyncio
import base64
import csv
import io
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from ai2.kit.database import Database
from tests.conformance.outcome import Case, Outcome, cases

COLUMNS = ("Date", "Description", "Amount", "Counterparty account", "Reference", "Status")
TRANSACTIONS = """
    select transaction_id, account_id, booked_on, amount, description, status
    from books.transactions where account_id = %(account_id)s and deleted_at is null
"""
ROWS_OF = """
    select transaction_id, line_number from books.transactions
    where account_id = %(account_id)s and deleted_at is null order by line_number
"""
TRANSFERS = """
    select transfer_id, out_transaction_id, in_transaction_id, state from books.transfers where state <> 'rejected'
"""


def run(families: tuple[str, ...] = ("pending", "transfers")) -> Iterator[Outcome]:
    """Every case of both families, on a PostgreSQL that is gone afterwards."""
    found = [(family, case) for family in families for case in cases(family)]
    if not found:
        return
    home = Path(tempfile.mkdtemp(prefix="ai2-conformance-"))
    home.chmod(0o711)
    os.environ["AI2_HOME"] = str(home)
    from ai2.kit import postgres
    from ai2.kit.migrate import migrate

    try:
        with postgres.running(home, fsync="off", synchronous_commit="off", full_page_writes="off"):
            migrate()
            yield from asyncio.run(_all(found))
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _all(found: list[tuple[str, Case]]) -> list[Outcome]:
    from ai2.kit.database import Role

    async with Database(Role.API) as database, Database(Role.PIPELINE) as pipeline:
        return [await check(database, pipeline, family, case) for family, case in found]


async def check(database: Database, pipeline: Database, family: str, case: Case) -> Outcome:
    """One case of either family."""
    try:
        if family == "pending":
            return await pending(database, case)
        return await transfers(database, pipeline, case)
    except Exception as error:  # noqa: BLE001 - a case that cannot be run has failed
        return Outcome(family, case["name"], holds=False, said=repr(error))


async def pending(database: Database, case: Case) -> Outcome:
    """Files one after the other; after each, the books."""
    organization_id = await _organization(database)
    account_id = await _account(database, organization_id, {"name": "the account", **case["account"]})
    wrong: list[str] = []
    silent, former = 0, list[UUID | None]()
    for number, step in enumerate(case["steps"]):
        raw = base64.b64decode(step["base64"]) if "base64" in step else step["file"].encode()
        result = await _import(database, organization_id, account_id, raw, step)
        counts = result.rows.model_dump(by_alias=True)
        if "rows" in step and counts != step["rows"]:
            wrong.append(f"step {number}: expected {step['rows']}, found {counts}")
        rows = await _ask(database, organization_id, TRANSACTIONS, account_id=account_id)
        matched, missing, surplus = _matched(rows, step["books"], former)
        former = matched
        silent += len(surplus)
        if missing or surplus:
            wrong.append(f"step {number}: not there {missing}, there besides {surplus}")
    return Outcome("pending", case["name"], not wrong, silent, "; ".join(wrong))


def _matched(
    rows: list[dict[str, Any]], books: list[dict[str, Any]], former: list[UUID | None]
) -> tuple[list[UUID | None], list[dict[str, Any]], list[str]]:
    """The id of each expected transaction; those that are not there; and those that are there besides."""
    left = list(rows)
    ids: list[UUID | None] = [None] * len(books)
    missing = []
    # Those that have to be the same transaction as before are looked for first.
    for place in sorted(range(len(books)), key=lambda place: "same_as" not in books[place]):
        entry = books[place]
        wanted = former[entry["same_as"]] if "same_as" in entry else None
        found = next((row for row in left if _is(row, entry, wanted)), None)
        if found is None:
            missing.append(entry)
        else:
            left.remove(found)
            ids[place] = found["transaction_id"]
    return ids, missing, [f"{row['booked_on']} {row['amount']} {row['status']}" for row in left]


def _is(row: dict[str, Any], entry: dict[str, Any], wanted: UUID | None) -> bool:
    return (
        row["booked_on"] == date.fromisoformat(entry["date"])
        and row["amount"] == Decimal(entry["amount"])
        and row["status"] == entry["status"]
        and entry.get("description") in (None, row["description"])
        and wanted in (None, row["transaction_id"])
    )


async def transfers(database: Database, pipeline: Database, case: Case) -> Outcome:
    """Several accounts' transactions, one file an account; and the pairs that were made of them."""
    organization_id = await _organization(database)
    async with _quoted(pipeline, case.get("rates", [])):
        found = await _found(database, organization_id, case)
    expected = {(pair["out"], pair["in"], pair["state"]) for pair in case["pairs"]}
    silent = sum(state == "paired" for _, _, state in found - expected)
    said = "" if found == expected else f"expected {sorted(expected)}, found {sorted(found)}"
    return Outcome("transfers", case["name"], found == expected, silent, said)


async def _found(database: Database, organization_id: UUID, case: Case) -> set[tuple[str, str, str]]:
    """The pairs that are made of a case's transactions, and what they are."""
    ids: dict[str, UUID] = {}
    account_ids: dict[str, UUID] = {}
    for account in case["accounts"]:
        account_id = await _account(database, organization_id, account)
        account_ids[account["name"]] = account_id
        own = [row for row in case["transactions"] if row["account"] == account["name"]]
        if own:
            await _import(database, organization_id, account_id, _table(own), {})
            rows = await _ask(database, organization_id, ROWS_OF, account_id=account_id)
            ids |= {row["id"]: one["transaction_id"] for row, one in zip(own, rows, strict=True)}
    await _reject(database, organization_id, case.get("rejected", []), ids)
    name_of = {transaction_id: name for name, transaction_id in ids.items()}
    return {
        (name_of[row["out_transaction_id"]], name_of[row["in_transaction_id"]], _state(row["state"]))
        for row in await _ask(database, organization_id, TRANSFERS)
    }


def _state(state: str) -> str:
    return "review" if state == "suggested" else state


def _table(rows: list[dict[str, Any]]) -> bytes:
    """A file of which nothing is in doubt."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        more = (row.get("counterparty") or "", row.get("reference") or "", row.get("status", "posted"))
        writer.writerow((row["date"], row.get("description", ""), row["amount"], *more))
    return table.getvalue().encode()


async def _reject(database: Database, organization_id: UUID, pairs: list[list[str]], ids: dict[str, UUID]) -> None:
    """A person takes pairs apart; then all is looked at again."""
    from ai2.books.transfers import service as books

    if not pairs:
        return
    wanted = [{ids[one], ids[other]} for one, other in pairs]
    for row in await _ask(database, organization_id, TRANSFERS):
        if {row["out_transaction_id"], row["in_transaction_id"]} in wanted:
            async with database.transaction(organization_id) as db:
                await books.reject(db, organization_id, row["transfer_id"])
    async with database.transaction(organization_id) as db:
        await books.pair(db, organization_id, transaction_ids=list(ids.values()))


@asynccontextmanager
async def _quoted(pipeline: Database, rates: list[dict[str, Any]]) -> AsyncIterator[None]:
    """Reference rates, which are kept as so many units for a euro. They are everybody's: they go with their case."""
    insert = """
        insert into books.exchange_rates (currency, quoted_on, per_euro) values (%(currency)s, %(day)s, %(rate)s)
    """
    if any(rate["base"] != "EUR" for rate in rates):
        raise ValueError("rates are quoted against the euro")
    days = [date.fromisoformat(rate["date"]) for rate in rates]
    async with pipeline.transaction() as db:
        for rate, day in zip(rates, days, strict=True):
            await db.execute(insert, {"currency": rate["quote"], "day": day, "rate": Decimal(rate["rate"])})
    try:
        yield
    finally:
        async with pipeline.transaction() as db:
            await db.execute("delete from books.exchange_rates where quoted_on = any(%s)", [days])


async def _organization(database: Database) -> UUID:
    from ai2.books.categories import service as categories
    from ai2.identity import organizations
    from ai2.kit.ids import new_id

    async with database.transaction() as db:
        found = await organizations.create(db, name=f"Conformance {new_id()}", base_currency="GBP", country="GB")
        await categories.create_defaults(db, found.organization_id)
    return found.organization_id


async def _account(database: Database, organization_id: UUID, account: dict[str, Any]) -> UUID:
    from ai2.books.accounts import service as accounts

    named = {name: account[name] for name in ("name", "currency", "kind", "number") if account.get(name)}
    async with database.transaction(organization_id) as db:
        return (await accounts.create(db, organization_id, **named)).account_id


async def _import(database: Database, organization_id: UUID, account_id: UUID, raw: bytes, step: dict[str, Any]) -> Any:
    from ai2.ingest import service
    from ai2.ingest.service import ImportOptions, Source

    async with database.transaction(organization_id) as db:
        return await service.import_file(
            db,
            organization_id=organization_id,
            account_id=account_id,
            file=io.BytesIO(raw),
            file_name=step.get("file_name", "statement.csv"),
            options=ImportOptions(**{"positive_is": "in", **step.get("options", {})}),
            source=Source.CLI,
        )


async def _ask(database: Database, organization_id: UUID, query: str, **parameters: Any) -> list[dict[str, Any]]:
    async with database.transaction(organization_id) as db:
        return await (await db.execute(query, parameters)).fetchall()  # type: ignore[arg-type]
