"""Totals: whatever is done to transactions, the kept totals equal what a sum over them gives."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai2.books.categories import service as categories
from ai2.books.dashboard.service import dashboard
from ai2.books.transactions import service as transactions
from ai2.kit.database import rows
from ai2.kit.periods import Period
from tests.seeds import seeds

MONTH = "date_trunc('month', booked_on)::date"
KEPT = """
    select {day} as day, {key} as key, category_id, currency, money_in, money_out, transactions
    from books.{table} where transactions > 0
"""
SUMS = """
    select {day} as day, {key} as key, category_id, currency,
        coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
        coalesce(-sum(amount) filter (where amount < 0), 0) as money_out, count(*)::integer as transactions
    from books.transactions where deleted_at is null group by 1, 2, 3, 4
"""


async def _compare(db) -> None:
    kept_totals = (
        ("daily_totals", "booked_on", "booked_on", "account_id"),
        ("monthly_totals", "month", MONTH, "account_id"),
        ("merchant_totals", "month", MONTH, "merchant_key"),
    )
    for table, name, day, key in kept_totals:
        kept = KEPT.format(table=table, day=name, key=key)
        expected = await rows(db, SUMS.format(day=day, key=key))
        found = await rows(db, kept)
        assert sorted(map(repr, map(_plain, found))) == sorted(map(repr, map(_plain, expected)))


OF_MONTHS = """
    with counted as (
        select total.*, category.kind is distinct from 'transfer' as is_flow from books.{source} as total
        left join books.categories as category using (organization_id, category_id)
    )
    {summed} except all {kept} union all ({kept} except all {summed})
"""
ACCOUNT_MONTHS = {
    "source": "monthly_totals",
    "summed": """(
        select month, account_id, currency, sum(money_in), sum(money_out), sum(transactions),
            coalesce(sum(transactions) filter (where category_id is null), 0),
            coalesce(sum(money_in) filter (where is_flow), 0), coalesce(sum(money_out) filter (where is_flow), 0),
            coalesce(sum(transactions - further) filter (where is_flow), 0)
        from counted group by 1, 2, 3 having sum(transactions) > 0
    )""",
    "kept": """(
        select month, account_id, currency, money_in, money_out, transactions, undecided, flow_in, flow_out,
            flow_transactions
        from books.account_months where (money_in, money_out, transactions, undecided) <> (0, 0, 0, 0)
    )""",
}
MERCHANT_MONTHS = {
    "source": "merchant_totals",
    "summed": """(
        select month, merchant_key, currency, sum(money_out), sum(transactions - further)
        from counted where is_flow and merchant_key <> '' group by 1, 2, 3
        having sum(transactions) > 0
    )""",
    "kept": """(
        select month, merchant_key, currency, money_out, transactions from books.merchant_months
        where (money_out, transactions) <> (0, 0)
    )""",
}


async def months_hold(db) -> None:
    """What is kept of a month, all categories together, is what its categories come to."""
    for kind in (ACCOUNT_MONTHS, MERCHANT_MONTHS):
        assert await rows(db, OF_MONTHS.format(**kind)) == []


def _plain(row):
    return [str(value.normalize() + 0) if isinstance(value, Decimal) else value for value in row.values()]


@pytest.mark.parametrize("seed", seeds("test_totals_equal_sums_after_any_changes", 3))
async def test_totals_equal_sums_after_any_changes(book, db, organization, seed) -> None:
    print(f"seed {seed}")
    choose = random.Random(seed)
    ids = [c.category_id for c in (await categories.list_all(db, organization.organization_id))[20:23]]
    alive = [(await book(str(choose.randint(-999, 999)))).transaction_id for _ in range(8)]
    for _ in range(20):
        changes = {
            "amount": Decimal(choose.randint(-999, 999)),
            "booked_on": date(2026, 3, 1) + timedelta(days=choose.randrange(60)),
            "category_id": choose.choice([None, *ids]),
            "description": choose.choice(["TESCO STORES 3297", "ARGOS 12", "SHELL"]),
        }
        if len(alive) > 2 and choose.random() < 0.2:
            await transactions.delete(db, organization.organization_id, alive.pop())
        some = dict(choose.sample(sorted(changes.items()), choose.randint(1, 4)))
        await transactions.update(db, organization.organization_id, choose.choice(alive), some)
    await _compare(db)
    await months_hold(db)


FLOWS_BY_HAND = """
    select
        transaction.currency, coalesce(sum(amount) filter (where amount > 0), 0) as income,
        coalesce(-sum(amount) filter (where amount < 0), 0) as expense, count(*)::integer as transactions
    from books.transactions as transaction left join books.categories as category using (organization_id, category_id)
    where deleted_at is null and booked_on between %(start)s and %(end)s and category.kind is distinct from 'transfer'
    group by transaction.currency
"""
NAMES = ("currency", "income", "expense", "transactions")
MERCHANTS_BY_HAND = """
    select
        merchant_key as merchant, -sum(amount) filter (where amount < 0) as expense, count(*)::integer as transactions
    from books.transactions as transaction left join books.categories as category using (organization_id, category_id)
    where deleted_at is null and date_trunc('month', booked_on) between date_trunc('month', %(start)s::date) and %(end)s
        and category.kind is distinct from 'transfer'
    group by 1 having sum(amount) filter (where amount < 0) < 0 order by expense desc, merchant limit 10
"""


@pytest.mark.parametrize("seed", seeds("test_any_period_is_told_as_its_rows_are", 3))
async def test_any_period_is_told_as_its_rows_are(book, db, organization, seed) -> None:
    """Flows by whole months more or less some days, and who was paid most by those who lead a month."""
    print(f"seed {seed}")
    choose, first = random.Random(seed), date(2025, 11, 15)
    for _ in range(60):
        day = first + timedelta(days=choose.randrange(130))
        name = f"SHOP {''.join(choose.sample('ABCDEFGHIJKLMNOPQR', 3))}"
        category = choose.choice([None, "RENT_AND_UTILITIES_RENT", "TRANSFER_OUT_SAVINGS"])
        amount = choose.choice([-1, -1, -1, 1]) * choose.randint(1, 300)
        await book(str(amount), str(day), description=choose.choice(["TESCO", "ARGOS", name]), category=category)
    for _ in range(15):
        start = first + timedelta(days=choose.randrange(120))
        period = Period(start, start + timedelta(days=choose.choice([0, choose.randrange(130)])))
        shown = await dashboard(db, organization.organization_id, period)
        by_hand = await rows(db, FLOWS_BY_HAND, vars(period))
        told = [row for row in map(vars, shown.totals) if row["transactions"]]
        assert [{name: row[name] for name in NAMES} for row in told] == by_hand
        assert sum(month.net for month in shown.by_month) == sum(flow.net for flow in shown.totals)
        assert sum(each.transactions for each in shown.by_category) >= sum(flow.transactions for flow in shown.totals)
        of_merchants = await rows(db, MERCHANTS_BY_HAND, vars(period))
        assert [(m.merchant, m.expense, m.transactions) for m in shown.top_merchants] == [
            tuple(row.values()) for row in of_merchants
        ]


async def test_dashboard_by_hand(book, db, organization) -> None:
    await book("2500.00", "2026-01-31", description="SALARY ACME", category="INCOME_WAGES")
    await book("-800.00", "2026-02-01", description="RENT", category="RENT_AND_UTILITIES_RENT")
    await book("-60.00", "2026-02-15", description="TO SAVINGS", category="TRANSFER_OUT_SAVINGS")
    await book("-4.20", "2026-02-15", description="TESCO STORES 3297")
    await book("-9.99", "2025-12-31", description="BEFORE")
    shown = await dashboard(db, organization.organization_id, Period(date(2026, 1, 1), date(2026, 12, 31)))
    assert [(a.name, a.balance) for a in shown.balances] == [("Current", Decimal("1725.81"))]
    assert [(f.income, f.expense, f.net, f.transactions) for f in shown.totals] == [
        (Decimal("2500.00"), Decimal("804.20"), Decimal("1695.80"), 3)
    ]
    assert [(m.month, m.net) for m in shown.by_month] == [
        (date(2026, 1, 1), Decimal("2500.00")),
        (date(2026, 2, 1), Decimal("-804.20")),
    ]
    assert [(c.category, c.expense) for c in shown.by_category if c.kind is None] == [(None, Decimal("4.20"))]
    assert [m.expense for m in shown.top_merchants] == [Decimal("800.00"), Decimal("4.20")]
    assert shown.uncategorized == 2
    assert len(shown.recent) == 5


async def test_dashboard_of_a_stranger_is_empty(book, database, stranger) -> None:
    await book()
    async with database.transaction(stranger.organization_id) as theirs:
        shown = await dashboard(theirs, stranger.organization_id, Period(date(2026, 1, 1), date(2026, 12, 31)))
    assert (shown.balances, shown.totals, shown.recent, shown.uncategorized) == ([], [], [], 0)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-01-01", "2026-03-31", 90),  # whole months
        ("2026-01-02", "2026-03-30", 88),  # edges on both sides
        ("2026-01-31", "2026-02-01", 2),  # no whole month
        ("2026-03-02", "2026-03-02", 1),
        ("2026-02-01", "2026-02-28", 28),
    ],
)
async def test_dashboard_counts_just_the_days_of_its_period(book, db, organization, start, end, days) -> None:
    for offset in range(120):
        await book("-1.00", str(date(2025, 12, 15) + timedelta(days=offset)))
    shown = await dashboard(
        db, organization.organization_id, Period(date.fromisoformat(start), date.fromisoformat(end))
    )
    assert [flow.expense for flow in shown.totals] == [Decimal(days)]
