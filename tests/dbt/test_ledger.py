"""The ledger: whatever changes, its months are what the entries sum to, and everything in it is in balance."""

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.transfers import service as transfers
from ai2.kit.database import Database
from pipelines import dbt
from tests.bookkeeping import Books

SEED = random.randrange(1_000_000)
MONTHS = """
    select month::text, account_id, currency, section, category_id, amount, entries
    from {} order by month, account_id, currency, section, category_id
"""
# The same from the tables themselves, in words that share nothing with dbt's.
TRUTH = """(
    with standing as (select * from books.transactions where deleted_at is null and status = 'posted'),
    legs as (
        select booked_on, account_id, currency, 'account' as section, null::uuid as category_id, amount from standing
        union all
        select booked_on, account_id, currency, null, category_id, -amount from standing where splits is null
        union all
        select booked_on, account_id, currency, null, (part ->> 'category_id')::uuid, -(part ->> 'amount')::numeric
        from standing, jsonb_array_elements(splits) as part where splits is not null
    )
    select
        to_char(legs.booked_on, 'YYYY-MM-01') as month, account_id, legs.currency,
        coalesce(section, kind, case when amount < 0 then 'income' else 'expense' end) as section,
        category_id, sum(amount) as amount, count(*) as entries
    from legs left join books.categories using (category_id) group by 1, 2, 3, 4, 5
) as truth"""
CHANGES = {
    "moved in time": "booked_on = '2026-01-01'::date + (random() * 80)::integer",
    "moved to another account": """account_id = (
        select account_id from books.accounts where currency = t.currency and account_id <> t.account_id
        order by random() limit 1)""",
    "of another amount": "amount = amount + round((random() * 9 - 4)::numeric, 2), splits = null",
    "of another category": """splits = null, decided_by = 'user',
        category_id = (select category_id from books.categories where archived_at is null order by random() limit 1)""",
    "of no category": "splits = null, decided_by = null, category_id = null",
    "split": """decided_by = null, category_id = null, splits = jsonb_build_array(
        jsonb_build_object('amount', (amount - 1)::text, 'category_id',
            (select category_id from books.categories order by random() limit 1), 'notes', null, 'tags', '[]'::jsonb),
        jsonb_build_object('amount', '1', 'category_id', null, 'notes', null, 'tags', '[]'::jsonb))""",
    "deleted": "deleted_at = now()",
    "brought back": "deleted_at = null",
    "only announced": "status = 'pending'",
    "booked": "status = 'posted'",
}
RENAME = """
    update books.categories set name = name || '!' where category_id in (
        select category_id from books.transactions where category_id is not null
        union select (part ->> 'category_id')::uuid
        from books.transactions, jsonb_array_elements(splits) as part where splits is not null
    ) and random() < 0.5
"""


async def change(books: Books, chance: random.Random) -> list[str]:
    """Several random changes, some of them to a transaction that was changed before."""
    done = chance.choices(list(CHANGES), k=8)
    async with books.database.transaction(books.organization_id) as db:
        await db.execute(f"select setseed({chance.random()})")
        for each in done:
            query = f"""
                update books.transactions as t set {CHANGES[each]} where transaction_id in (
                    select transaction_id from books.transactions order by random() limit 2
                ) and (account_id, currency) in (
                    select account_id, currency from books.accounts where name like '% GBP'
                )
            """
            await db.execute(query)
        if chance.random() < 0.5:
            await db.execute(RENAME)
    return done


async def test_the_months_follow_every_change(books: Books, other_books: Books, build: Any) -> None:
    chance = random.Random(SEED)
    build()
    for turn in range(3):
        what = f"seed {SEED}, turn {turn}: {await change(books, chance)}"
        for live in (await change(books, chance), await change(books, chance)):
            truth = await books.read(MONTHS.format(TRUTH))
            assert await books.read(MONTHS.format("marts.live_ledger_months")) == truth, f"{what}, {live}"
        build()
        assert await books.read(MONTHS.format("marts.fct_ledger_months")) == truth, what
    before = await books.read("select * from marts.fct_daily_balances order by account_id, currency, booked_on")
    build("--full-refresh")
    after = await books.read("select * from marts.fct_daily_balances order by account_id, currency, booked_on")
    assert before == after, f"seed {SEED}"
    dbt.invoke("test")


async def pair(books: Books, out: Any, into: Any) -> None:
    async with books.database.transaction(books.organization_id) as db:
        await transfers.pair_by_person(db, books.organization_id, out.transaction_id, into.transaction_id)


async def test_linked_transfers_leave_nothing_in_between(books: Books, build: Any) -> None:
    """One changed into euros, and one of which a pound was kept back."""
    await pair(
        books,
        await books.book("Current GBP", "2026-02-20", "-100.00"),
        await books.book("Travel EUR", "2026-02-22", "118.40"),
    )
    await pair(
        books,
        await books.book("Current GBP", "2026-02-20", "-50.00"),
        await books.book("Savings GBP", "2026-02-21", "49.00"),
    )
    build()
    sums = """
        select entry.section, entry.currency, sum(entry.amount)
        from intermediate.int_ledger__entries as entry
        inner join published.transfers as transfer
            on entry.transaction_id in (transfer.out_transaction_id, transfer.in_transaction_id)
        where transfer.state = 'paired' and entry.section <> 'account' and transfer.decided_by = 'user'
        group by 1, 2 having sum(entry.amount) <> 0 order by 1, 2
    """
    assert await books.read(sums) == [
        ("exchange", "EUR", Decimal("-118.40")),
        ("exchange", "GBP", Decimal("100.00")),
        ("kept_back", "GBP", Decimal("1.00")),
    ]
    total = "select currency, sum(amount) from intermediate.int_ledger__entries group by 1 having sum(amount) <> 0"
    assert not await books.read(total)
    opened = "select section, amount from intermediate.int_ledger__entries where source = 'opened' order by 1"
    assert await books.read(opened) == [("account", Decimal("100.00")), ("opening", Decimal("-100.00"))]
    lost = """
        select ledger_account from intermediate.int_ledger__entries
        except select code from marts.dim_ledger_accounts
    """
    assert not await books.read(lost)


async def test_the_chart_follows_names_kinds_and_places_and_keeps_its_codes(books: Books, build: Any) -> None:
    build()
    chart = """
        select code, name, path, type, is_archived from marts.dim_ledger_accounts
        where name in ('Travel EUR', 'Visa', 'Rent', 'Rent and utilities', 'Premises') or path like 'Premises%'
    """
    before = {row[0]: row[1:] for row in await books.read(chart)}
    async with books.database.transaction(books.organization_id) as db:
        rent = await categories.find(db, books.organization_id, "Rent")
        group = await categories.find(db, books.organization_id, "Rent and utilities")
        deep = await categories.create(db, books.organization_id, name="Garage", kind=None, parent_id=rent.category_id)
        await categories.update(db, books.organization_id, group.category_id, name="Premises", parent_id=None)
        await accounts.update(db, books.organization_id, books.accounts["Travel EUR"], {"name": "Visa", "kind": "card"})
    build()
    after = {row[0]: row[1:] for row in await books.read(chart)}
    visa = f"account:{books.accounts['Travel EUR']}"
    assert before[visa] == ("Travel EUR", "Travel EUR", "asset", False)
    assert after[visa] == ("Visa", "Visa", "liability", False)
    assert after[f"category:{deep.category_id}"][1] == "Premises: Rent: Garage"
    assert before.keys() <= after.keys()


async def test_what_was_not_touched_is_tested_at_night(books: Books, pipeline: Database, build: Any) -> None:
    """A month goes wrong that the last build did not touch, and then one that it did."""
    build()
    await books.book("Current GBP", "2026-02-20", "-1.00")
    build()
    wrong = "update marts.fct_ledger_months set section = 'nonsense' where organization_id = %s and month = %s"
    words = ("test", "--select", "accepted_values_fct_ledger_months_section__account__income__expense__transfer")
    async with pipeline.transaction() as db:
        await db.execute(wrong, [books.organization_id, date(2026, 1, 1)])
    dbt.invoke(*words, *dbt.tests_cover("touched"))
    with pytest.raises(dbt.BuildFailed):
        dbt.invoke(*words)
    async with pipeline.transaction() as db:
        await db.execute(wrong, [books.organization_id, date(2026, 2, 1)])
    with pytest.raises(dbt.BuildFailed):
        dbt.invoke(*words, *dbt.tests_cover("touched"))
    dbt.invoke("run", "--select", "fct_ledger_months", "--full-refresh")
