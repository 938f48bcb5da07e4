"""How long a bank feed's answers take into the books: a first sync of 10,000 transactions, and what it says later.

    python -m benchmarks.feeds [transactions]

An answer as Plaid's, with the members that a real one has; PostgreSQL is the embedded one, with production's settings,
and the libraries are loaded, as the worker's are. The mark (2 cores): 3 s for the first.
"""

import asyncio
import io
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.import_million import SHOPS, TOWNS

TRANSACTIONS = 10_000


def main(transactions: int = TRANSACTIONS) -> None:
    with tempfile.TemporaryDirectory(prefix="ai2-benchmark-") as home:
        Path(home).chmod(0o711)
        os.environ["AI2_HOME"] = home
        from ai2.kit import postgres
        from ai2.kit.migrate import migrate

        with postgres.running(Path(home)):
            migrate()
            asyncio.run(measure(transactions))


async def measure(transactions: int) -> None:
    from ai2.books.accounts import service as accounts
    from ai2.identity import organizations
    from ai2.ingest import service
    from ai2.ingest.lines import LINES
    from ai2.ingest.loading import checker
    from ai2.kit.database import Database

    await checker.check(LINES.empty_table(), rows_in=0, currency="GBP", today=date(2026, 1, 1))
    rows = [row(number, transactions) for number in range(transactions)]
    later = [{**each, "name": f"{each['name']} GB", "amount": round(each["amount"] + 1, 2)} for each in rows[::10]]
    answers = {
        "first": answer(added=rows),
        "the same once more": answer(added=rows),
        "a tenth changed": answer(modified=later),
        "a twentieth taken back": answer(removed=rows[5::20]),
    }
    async with Database() as database:
        async with database.transaction() as db:
            owner = (await organizations.create(db, name="Feeds", base_currency="GBP")).organization_id
            account = await accounts.create(db, owner, name="Current", currency="GBP")
            await accounts.create(db, owner, name="Savings", currency="GBP")
        for name, content in answers.items():
            started = time.perf_counter()
            async with database.transaction(owner) as db:
                done = await service.import_file(
                    db, organization_id=owner, account_id=account.account_id, file=io.BytesIO(content),
                    file_name="answer.json", source=service.Source.CONNECTION,
                )  # fmt: skip
            print(f"{name}: {time.perf_counter() - started:.2f} s, {done.rows.model_dump_json(by_alias=True)}")


def row(number: int, of: int) -> dict[str, Any]:
    chance = random.Random(number)  # noqa: S311 - nothing secret
    shop = chance.choice(SHOPS)
    day = (date(2024, 1, 1) + timedelta(days=number * 730 // of)).isoformat()
    return {
        "account_id": "BxBXxLj1m4HMXBm9WZZmCWVbPjX16EHwv99vp", "account_owner": None,
        "amount": chance.randint(100, 20_000) / 100, "authorized_date": day, "authorized_datetime": None,
        "category": None, "category_id": None, "check_number": None, "counterparties": [
            {"confidence_level": "VERY_HIGH", "entity_id": f"e{number}", "name": shop.title(), "type": "merchant"}
        ],
        "date": day, "datetime": None, "iso_currency_code": "GBP", "location": {"city": chance.choice(TOWNS)},
        "merchant_entity_id": f"e{number}", "merchant_name": shop.title(),
        "name": f"{shop} {chance.choice(TOWNS)} {chance.randint(1, 60_000)}", "payment_channel": "in store",
        "payment_meta": {"payee": None, "reference_number": None}, "pending": False, "pending_transaction_id": None,
        "personal_finance_category": {"confidence_level": "HIGH", "detailed": "X", "primary": "GENERAL_MERCHANDISE"},
        "transaction_id": f"lPNjeW1nR6CDn5okmGQ6hEpMo4lLNo{number}", "transaction_type": "place",
        "unofficial_currency_code": None, "website": None,
    }  # fmt: skip


def answer(*, added: Sequence[Any] = (), modified: Sequence[Any] = (), removed: Sequence[dict[str, Any]] = ()) -> bytes:
    named = [{name: each[name] for name in ("transaction_id", "account_id")} for each in removed]
    return json.dumps({"added": list(added), "modified": list(modified), "removed": named}).encode()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
