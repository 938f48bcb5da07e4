"""Money moved by many at once: sums stay, no change is lost, and every total is the sum of its rows."""

import asyncio
import random
from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from ai2.identity.organizations import Organization
from ai2.kit.database import Database, rows
from tests.concurrency.conftest import WHOLE

CLIENTS = 50
ACCOUNTS = 100
TRANSFERS = 10_000 if WHOLE else 150
CHANGES = 2000 if WHOLE else 100
TRANSACTIONS = "/api/core/transactions"

SUMMED = """
select {day} as day, {key} as key, category_id, currency,
    coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
    -coalesce(sum(amount) filter (where amount < 0), 0) as money_out, count(*)::integer as transactions
from books.transactions where organization_id = %(organization_id)s and deleted_at is null and status = 'posted'
group by 1, 2, 3, 4
"""
KEPT = """
select {day} as day, {key} as key, category_id, currency, money_in, money_out, transactions from books.{table}
where organization_id = %(organization_id)s and (transactions <> 0 or money_in <> 0 or money_out <> 0)
"""
MONTH = "date_trunc('month', booked_on::timestamp)::date"
TOTALS = (
    ("daily_totals", "booked_on", "booked_on", "account_id"),
    ("monthly_totals", MONTH, "month", "account_id"),
    ("merchant_totals", MONTH, "month", "merchant_key"),
)


async def check_totals(database: Database, organization: Organization) -> None:
    """What is kept by day, month, merchant and category is what all rows come to."""
    known = {"organization_id": organization.organization_id}
    async with database.transaction(organization.organization_id) as db:
        for table, day_of_row, day, key in TOTALS:
            summed = await rows(db, SUMMED.format(day=day_of_row, key=key), known)
            kept = await rows(db, KEPT.format(table=table, day=day, key=key), known)
            assert {tuple(row.values()) for row in kept} == {tuple(row.values()) for row in summed}, table
            assert len(kept) == len(summed) > 0


async def make_accounts(client: httpx.AsyncClient) -> list[str]:
    made = [
        await client.post("/api/core/accounts", json={"name": f"Account {n}", "currency": "GBP"})
        for n in range(ACCOUNTS)
    ]
    return [each.json()["account_id"] for each in made]


async def everything(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await client.get(TRANSACTIONS, params={"limit": 1000, **({"cursor": cursor} if cursor else {})})
        found += page.json()["items"]
        cursor = page.json()["next_cursor"]
    return found


def entry(account_id: str, amount: Decimal, day: int, text: str) -> dict[str, str]:
    return {
        "date": f"2026-06-{day:02}", "amount": str(amount), "currency": "GBP", "description": text,
        "account_id": account_id,
    }  # fmt: skip


async def move(client: httpx.AsyncClient, chance: random.Random, accounts: list[str], number: int) -> None:
    """One transfer as an app books it: what went out, what came in, and that both are one."""
    from_account, to_account = chance.sample(accounts, 2)
    amount, day = Decimal(chance.randrange(1, 100_000)) / 100, chance.randrange(1, 29)
    sides = []
    for account_id, signed in ((from_account, -amount), (to_account, amount)):
        new = entry(account_id, signed, day, f"Transfer {number}")
        made = await patiently(client, "POST", TRANSACTIONS, json=new)
        assert made.status_code == 201, made.text
        sides.append(made.json()["transaction_id"])
    address, other = f"{TRANSACTIONS}/{sides[0]}/transfer", {"other_transaction_id": sides[1]}
    paired = await patiently(client, "PUT", address, json=other)
    if paired.status_code == 409:  # the rules saw another one of the same amount: a person parts them first
        for side in sides:
            parted = await patiently(client, "DELETE", f"{TRANSACTIONS}/{side}/transfer")
            assert parted.status_code in {204, 404, 409}
        paired = await patiently(client, "PUT", address, json=other)
    assert paired.status_code == 200, paired.text


async def patiently(client: httpx.AsyncClient, method: str, address: str, **more: Any) -> httpx.Response:
    """Ask again where there were too many at once, as Retry-After says; a key keeps it one request."""
    headers = {"Idempotency-Key": str(uuid4())}
    while (answer := await client.request(method, address, headers=headers, **more)).status_code == 503:
        await asyncio.sleep(0.5)
    return answer


async def change(client: httpx.AsyncClient, chance: random.Random, rows_: list[str], seen: Counter[str]) -> None:
    """Add one to a number kept in the notes, as an app does: read, change if unchanged since, else begin again."""
    transaction_id = chance.choice(rows_)
    while True:
        read = await patiently(client, "GET", f"{TRANSACTIONS}/{transaction_id}")
        count = int(read.json()["notes"] or 0) + 1
        headers = {"If-Match": read.headers["ETag"]}
        amount = str(Decimal(read.json()["amount"]) - 1)
        written = await client.patch(
            f"{TRANSACTIONS}/{transaction_id}", json={"notes": str(count), "amount": amount}, headers=headers
        )
        assert written.status_code in {200, 412, 503}, written.text
        if written.status_code == 200:
            seen[transaction_id] += 1
            return
        seen["stale"] += written.status_code == 412


@pytest.mark.timeout(2800)
async def test_many_move_money_and_nothing_is_lost(
    client: httpx.AsyncClient, database: Database, organization: Organization, chance: random.Random
) -> None:
    accounts = await make_accounts(client)
    contested = [
        (await client.post(TRANSACTIONS, json=entry(accounts[n], Decimal(-100), 29, "Contested"))).json()
        for n in range(3)
    ]
    ids, seen = [row["transaction_id"] for row in contested], Counter[str]()
    work = [lambda n=n: move(client, chance, accounts, n) for n in range(TRANSFERS)]
    work += [lambda: change(client, chance, ids, seen)] * CHANGES
    chance.shuffle(work)

    async def one_client() -> None:
        while work:
            await work.pop()()

    await asyncio.gather(*(one_client() for _ in range(CLIENTS)))
    found = await everything(client)
    moved = [row for row in found if row["description"] != "Contested"]
    assert len(moved) == TRANSFERS * 2
    assert sum(Decimal(row["amount"]) for row in moved) == 0
    assert {row["type"] for row in moved} == {"transfer"}
    for row in found:
        if row["transaction_id"] in ids:
            changes = seen[row["transaction_id"]]
            assert (int(row["notes"] or 0), Decimal(row["amount"])) == (changes, Decimal(-100) - changes)
    assert seen.total() - seen["stale"] == CHANGES
    assert seen["stale"] > 0, "they did meet"
    await check_totals(database, organization)
    balances = (await client.get("/api/core/dashboard", params={"period": "2026-06"})).json()["balances"]
    assert sum(Decimal(each["balance"]) for each in balances) == Decimal(-300) - CHANGES
    print(f"{TRANSFERS} transfers, {CHANGES} changes of 3 rows, {seen['stale']} of them begun again")


async def test_changes_of_different_fields_at_once_are_all_kept(client: httpx.AsyncClient) -> None:
    """A change that names one field leaves what another changes meanwhile."""
    account_id = (await make_accounts_of(client, 1))[0]
    for _ in range(20 if not WHOLE else 200):
        made = (await client.post(TRANSACTIONS, json=entry(account_id, Decimal(-5), 3, "Fields"))).json()
        row = f"{TRANSACTIONS}/{made['transaction_id']}"
        changes = {"notes": "seen", "tags": ["a"], "merchant": "Cafe", "reference": "R1", "description": "Other"}
        answers = await asyncio.gather(*(client.patch(row, json={name: value}) for name, value in changes.items()))
        assert {answer.status_code for answer in answers} == {200}
        now = (await client.get(row)).json()
        assert {name: now[name] for name in changes} == changes


async def test_who_waits_for_each_other_is_done_one_after_the_other(
    client: httpx.AsyncClient, pipeline: Database, organization: Organization
) -> None:
    """A change waits for a total whose writer waits for the change: PostgreSQL ends it, and it is done again."""
    account_id = (await make_accounts_of(client, 1))[0]
    made = (await client.post(TRANSACTIONS, json=entry(account_id, Decimal(-5), 3, "Both"))).json()
    row = f"{TRANSACTIONS}/{made['transaction_id']}"
    async with pipeline.transaction() as db:
        total = "update books.daily_totals set transactions = transactions where organization_id = %s"
        await db.execute(total, [organization.organization_id])
        change = asyncio.create_task(client.patch(row, json={"amount": "-6.00"}))
        await asyncio.sleep(0.4)
        same = "update books.transactions set notes = 'the other' where organization_id = %s and transaction_id = %s"
        await db.execute(same, [organization.organization_id, made["transaction_id"]])
    changed = await change
    assert (changed.status_code, changed.json()["amount"]) == (200, "-6.00"), changed.text
    assert changed.json()["notes"] == "the other"


@pytest.mark.parametrize(
    ("path", "new", "change"),
    [
        (TRANSACTIONS, {"date": "2026-11-02", "amount": "-1", "currency": "GBP", "description": "x"}, {"notes": "a"}),
        ("/api/core/accounts", {"name": "Main", "currency": "GBP"}, {"name": "Other"}),
        ("/api/core/categories", {"name": "Lunch", "kind": "expense"}, {"name": "Dinner"}),
        (
            "/api/core/rules",
            {"name": "a", "conditions": {"sign": "in"}, "actions": {"tags": ["b"]}},
            {"name": "b"},
        ),
    ],
)
async def test_of_many_who_read_the_same_version_one_changes_it(
    client: httpx.AsyncClient, path: str, new: dict[str, Any], change: dict[str, Any]
) -> None:
    made = await client.post(path, json=new)
    assert made.status_code == 201, made.text
    own = {"accounts": "account_id", "categories": "category_id", "rules": "rule_id"}
    row = f"{path}/{made.json()[own.get(path.rpartition('/')[2], 'transaction_id')]}"
    headers = {"If-Match": made.headers["ETag"]}
    answers = await asyncio.gather(*(client.patch(row, json=change, headers=headers) for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 7}


async def make_accounts_of(client: httpx.AsyncClient, number: int) -> list[str]:
    made = [await client.post("/api/core/accounts", json={"name": f"A {n}", "currency": "GBP"}) for n in range(number)]
    return [each.json()["account_id"] for each in made]


async def test_totals_are_the_sum_of_rows_whatever_is_written_at_once(
    client: httpx.AsyncClient, database: Database, organization: Organization, chance: random.Random
) -> None:
    """Entries, bulk entries, changes, deletions and imports by many, in one month of three accounts."""
    accounts = await make_accounts_of(client, 3)
    categories = [each["category_id"] for each in (await client.get("/api/core/categories?limit=1000")).json()["items"]]
    mine: list[UUID] = []

    def fresh() -> dict[str, Any]:
        day, cents = chance.randrange(1, 6), chance.randrange(-5000, 5000)
        made = entry(chance.choice(accounts), Decimal(cents) / 100, day, f"Shop {cents % 7}")
        return {**made, "category_id": chance.choice(categories[:4])} if chance.random() < 0.3 else made

    async def act(number: int) -> httpx.Response:
        what = chance.choice(["one", "many", "change", "delete", "import"]) if len(mine) > 5 else "one"
        if what == "one":
            answer = await patiently(client, "POST", TRANSACTIONS, json=fresh())
            mine.append(answer.json().get("transaction_id"))
        elif what == "many":
            items = [fresh() for _ in range(20)]
            answer = await patiently(client, "POST", f"{TRANSACTIONS}/bulk", json={"items": items})
        elif what == "import":
            lines = "".join(f"2026-06-{1 + n % 5:02},Tea {number},-{number}.{n:02}\n" for n in range(20))
            file = {"csv_data": "Date,Description,Amount\n" + lines, "account_id": chance.choice(accounts)}
            answer = await patiently(client, "POST", "/api/core/csv-import", json=file)
        elif what == "delete":
            row = f"{TRANSACTIONS}/{mine.pop(chance.randrange(len(mine)))}"
            answer = await patiently(client, "DELETE", row)
        else:
            changed = {"date": f"2026-06-{chance.randrange(1, 6):02}", "amount": str(chance.randrange(-99, 0))}
            answer = await patiently(client, "PATCH", f"{TRANSACTIONS}/{chance.choice(mine)}", json=changed)
        return answer

    at_once, number_of = asyncio.Semaphore(20), (3000 if WHOLE else 120)

    async def one(number: int) -> httpx.Response:
        async with at_once:
            return await act(number)

    answers = await asyncio.gather(*(one(number) for number in range(1, number_of)))
    wrong = [answer.text for answer in answers if answer.status_code not in {200, 201, 204, 404}]
    assert wrong == []
    await check_totals(database, organization)
