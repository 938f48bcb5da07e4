"""The marts give the figures a person would write on paper, and follow every change."""

from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.dashboard import service as dashboard
from ai2.books.transactions import service as transactions
from ai2.books.transactions import splits
from ai2.books.transactions.splits import Part
from ai2.identity.organizations import Organization
from ai2.kit.database import Database, Role, connection_parameters
from ai2.kit.periods import read_period
from pipelines import dbt
from tests.bookkeeping import Books

CASH_FLOW = """
    select month::text, account, flow.currency, income, expense, net, transfers_in, transfers_out, change, transactions
    from marts.{} as flow inner join marts.dim_accounts using (organization_id, account_id)
    order by month, account
"""
SPENDING = """
    select month::text, category, currency, paid, refunded, spent, transactions
    from marts.{} order by month, category
"""
BALANCES = """
    select balance.booked_on::text, holds_until::text, balance.opening_balance, money_in, money_out, closing_balance
    from marts.{} as balance inner join published.accounts using (organization_id, account_id)
    where accounts.name = 'Current GBP' order by booked_on
"""
# Every mart, the view of the same as of this moment, and what is compared.
MARTS = {
    "fct_transactions": "live_transactions",
    "fct_daily_balances": "live_daily_balances",
    "rpt_monthly_cash_flow": "live_monthly_cash_flow",
    "rpt_category_spending": "live_category_spending",
    "fct_ledger_months": "live_ledger_months",
}


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


async def everything(books: Books) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of every mart and live view."""
    names = [*MARTS, *MARTS.values()]
    return {name: sorted(await books.read(f"select * from marts.{name}"), key=str) for name in names}


async def test_the_cash_flow_is_what_adds_up_by_hand(books: Books, other_books: Books, build: Any) -> None:
    build()

    assert await books.read(CASH_FLOW.format("rpt_monthly_cash_flow")) == [
        ("2026-01-01", "Current GBP", "GBP", *money("2000", "850", "1150", "0", "0", "1150"), 2),
        ("2026-02-01", "Current GBP", "GBP", *money("15.05", "50.09", "-35.04", "0", "500", "-535.04"), 4),
        ("2026-02-01", "Savings GBP", "GBP", *money("0", "0", "0", "500", "0", "500"), 1),
        ("2026-02-01", "Travel EUR", "EUR", *money("0", "120", "-120", "0", "0", "-120"), 1),
    ]
    assert await other_books.read(CASH_FLOW.format("rpt_monthly_cash_flow")) == [
        ("2026-02-01", "Current GBP", "GBP", *money("0", "77", "-77", "0", "0", "-77"), 1),
    ]


async def test_spending_counts_refunds_and_leaves_out_transfers(books: Books, build: Any) -> None:
    build()

    assert await books.read(SPENDING.format("rpt_category_spending")) == [
        ("2026-01-01", "Rent", "GBP", *money("850", "0", "850"), 1),
        ("2026-02-01", "Electronics", "GBP", *money("40.10", "15.05", "25.05"), 2),
        ("2026-02-01", "Hotels and lodging", "EUR", *money("120", "0", "120"), 1),
        ("2026-02-01", None, "GBP", *money("9.99", "0", "9.99"), 1),
    ]


async def test_a_balance_starts_at_the_opening_and_runs(books: Books, build: Any) -> None:
    build()

    assert await books.read(BALANCES.format("fct_daily_balances")) == [
        ("2026-01-30", "2026-01-30", *money("100", "2000", "0", "2100")),
        ("2026-01-31", "2026-01-31", *money("2100", "0", "850", "1250")),
        ("2026-02-01", "2026-02-13", *money("1250", "0", "540.10", "709.90")),
        ("2026-02-14", None, *money("709.90", "15.05", "9.99", "714.96")),
    ]


async def test_a_balance_follows_from_what_the_bank_stated_first(books: Books, build: Any) -> None:
    """Nobody said what the savings account held at first; its bank does, and then corrects itself after a build."""
    savings = BALANCES.replace("Current GBP", "Savings GBP")
    for held, opening in (("700", "200"), ("701", "201")):
        async with books.database.transaction(books.organization_id) as db:
            anchored_on = (books.accounts["Savings GBP"], date(2026, 2, 3), Decimal(held))
            await accounts.anchor(db, books.organization_id, *anchored_on)
        expected = [("2026-02-01", None, *money(opening, "500", "0", held))]
        assert await books.read(savings.format("live_daily_balances")) == expected
        build()
        assert await books.read(savings.format("fct_daily_balances")) == expected
    async with books.database.transaction(books.organization_id) as db:
        [day] = await accounts.balances(db, books.organization_id, books.accounts["Savings GBP"])
        period = read_period("2026", date(2026, 12, 31))
        shown = await dashboard.dashboard(db, books.organization_id, period)
    assert day.balance == Decimal(701)
    assert {(one.name, one.balance) for one in shown.balances} >= {("Savings GBP", Decimal(701))}


async def test_a_transaction_shows_its_account_and_category(books: Books, build: Any) -> None:
    build()

    query = "select account, amount, currency, type, category, category_group, decided_by from marts.fct_transactions"
    rows = await books.read(query)
    assert len(rows) == 8
    assert ("Current GBP", Decimal("-500.00"), "GBP", "transfer", "To savings", "Transfers out", "user") in rows
    assert ("Current GBP", Decimal("-9.99"), "GBP", "expense", None, None, None) in rows


async def change_everything(books: Books) -> None:
    """Move, recategorise, delete, add, rename: each of them touches figures in its own way."""
    organization_id = books.organization_id
    async with books.database.transaction(organization_id) as db:
        known = await books.read("select amount::text, transaction_id from published.transactions")
        by_amount = dict(known)
        rent = await categories.find(db, organization_id, "Rent")
        parent_id = rent.parent_id
        await categories.update(db, organization_id, rent.category_id, name="Office rent", parent_id=parent_id)
        await transactions.update(
            db, organization_id, by_amount["-40.10"], {"booked_on": date(2026, 1, 15), "amount": Decimal("-41.00")}
        )
        await transactions.update(db, organization_id, by_amount["-9.99"], {"category_id": rent.category_id})
        await transactions.delete(db, organization_id, by_amount["-120.00"])
        told = {"-600": "Office rent", "-300": "Electronics", "50": "Wages"}
        parts = [Part(amount=Decimal(amount), category=category) for amount, category in told.items()]
        await splits.put(db, organization_id, by_amount["-850.00"], parts)
    await books.book("Current GBP", "2026-02-20", "-1.00")


async def test_live_views_follow_at_once_and_the_next_build_agrees(books: Books, build: Any) -> None:
    build()
    await change_everything(books)

    before = await everything(books)
    assert await books.read(CASH_FLOW.format("live_monthly_cash_flow")) == [
        ("2026-01-01", "Current GBP", "GBP", *money("2050", "941", "1109", "0", "0", "1109"), 3),
        ("2026-02-01", "Current GBP", "GBP", *money("15.05", "10.99", "4.06", "0", "500", "-495.94"), 4),
        ("2026-02-01", "Savings GBP", "GBP", *money("0", "0", "0", "500", "0", "500"), 1),
    ]
    assert await books.read(SPENDING.format("live_category_spending")) == [
        ("2026-01-01", "Electronics", "GBP", *money("341", "0", "341"), 2),
        ("2026-01-01", "Office rent", "GBP", *money("600", "0", "600"), 1),
        ("2026-02-01", "Electronics", "GBP", *money("0", "15.05", "-15.05"), 1),
        ("2026-02-01", "Office rent", "GBP", *money("9.99", "0", "9.99"), 1),
        ("2026-02-01", None, "GBP", *money("1", "0", "1"), 1),
    ]
    build()
    after = await everything(books)
    for mart, live in MARTS.items():
        assert before[mart] != after[mart], mart
        assert before[live] == after[live] == after[mart], mart


async def test_an_incremental_build_equals_a_full_one(books: Books, other_books: Books, build: Any) -> None:
    build()
    await change_everything(books)
    build()
    incremental = await everything(books), await everything(other_books)

    build("--full-refresh")

    assert (await everything(books), await everything(other_books)) == incremental


async def test_a_row_that_commits_after_the_build_is_not_lost(books: Books, build: Any) -> None:
    insert = """
        insert into books.transactions
            (organization_id, transaction_id, account_id, booked_on, amount, currency, description)
        values (%s, gen_random_uuid(), %s, '2026-03-01', -3.33, 'GBP', 'Late')
    """
    with psycopg.connect(**connection_parameters(Role.API)) as slow:
        slow.execute("select set_config('app.organization_id', %s, true)", [str(books.organization_id)])
        slow.execute(insert, [books.organization_id, books.accounts["Current GBP"]])
        build()
        await books.book("Current GBP", "2026-04-02", "-4.44")  # a later transaction, committed before
        build()
        slow.commit()

    late = "select count(*) from marts.{} where booked_on >= '2026-03-01'"
    assert await books.read(late.format("fct_transactions")) == [(1,)]
    assert await books.read(late.format("live_transactions")) == [(2,)]
    build()
    assert await books.read(late.format("fct_transactions")) == [(2,)]


async def test_a_reader_sees_its_own_organization_only(
    books: Books, other_books: Books, database: Database, build: Any
) -> None:
    build()
    seen = await everything(books)

    for name, rows in seen.items():
        assert rows, name
        assert {row[0] for row in rows} == {books.organization_id}, name
    async with database.transaction() as db:
        for name in seen:
            assert not await (await db.execute(f"select 1 from marts.{name}")).fetchall(), name


async def test_a_reader_cannot_write(books: Books, build: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await books.read("delete from marts.fct_transactions returning 1")


async def test_a_full_refresh_keeps_policies_and_views(books: Books, build: Any) -> None:
    build()
    identities = """
        select relname, pg_class.oid, (select count(*) from pg_policy where polrelid = pg_class.oid)
        from pg_class where relnamespace = 'marts'::regnamespace and relkind in ('r', 'v') order by 1
    """
    before = await books.read(identities)

    build("--full-refresh")

    assert await books.read(identities) == before


async def test_a_build_that_sees_nothing_fails(books: Books, pipeline: Database, build: Any) -> None:
    build()
    async with pipeline.transaction() as db:
        query = "delete from marts.fct_transactions where organization_id = %s"
        await db.execute(query, [books.organization_id])

    with pytest.raises(dbt.BuildFailed):
        dbt.invoke("test", "--select", "test_name:covers_every_organization")
    build("--full-refresh")
    dbt.invoke("test", "--select", "test_name:covers_every_organization")


async def test_every_figure_agrees_with_the_books_in_every_way_we_know(
    books: Books, other_books: Books, organization: Organization, build: Any
) -> None:
    build()
    await change_everything(books)

    dbt.invoke("test")
