"""Splits: parts that sum to their whole, whoever changes what; each counts in its category, and the whole once."""

import asyncio
import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.dashboard.service import dashboard
from ai2.books.transactions import bulk, decisions, history, listing, splits
from ai2.books.transactions import service as transactions
from ai2.books.transactions.bulk import SomeSplit, Wanted
from ai2.books.transactions.listing import Filter
from ai2.books.transactions.service import IsSplit, NewTransaction
from ai2.books.transactions.splits import PairedIsNotSplit, Part, SplitCategoryNotFound, SplitsDoNotHold
from ai2.books.transfers import service as transfers
from ai2.books.transfers.service import SplitIsNoTransfer
from ai2.kit.database import rows
from ai2.kit.errors import Conflict, Stale
from ai2.kit.ids import new_id
from ai2.kit.periods import Period
from tests.books.test_totals import months_hold
from tests.seeds import seeds

MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
KEPT = """
    select {day} as day, {key} as key, category_id, currency, money_in, money_out, transactions, further, turned
    from books.{table} where (money_in, money_out, transactions, further, turned) <> (0, 0, 0, 0, 0)
"""
# Worked out from the rows by another way than the triggers': part by part, each with its number.
SUMS = """
    with part as (
        select transaction.*, coalesce((told.part ->> 'amount')::numeric, transaction.amount) as part_amount,
            case when told.part is null then transaction.category_id else (told.part ->> 'category_id')::uuid
            end as part_category, coalesce(told.place, 1) as place,
            count(*) over (partition by transaction.transaction_id) as parts
        from books.transactions as transaction
        left join lateral jsonb_array_elements(transaction.splits) with ordinality as told (part, place) on true
        where deleted_at is null and status = 'posted'
    ),
    counted as (
        select part.*, category.kind = 'transfer' as is_transfer from part
        left join books.categories as category on category.category_id = part.part_category
    )
    select {day} as day, {key} as key, part_category as category_id, currency,
        coalesce(sum(part_amount) filter (where part_amount > 0), 0) as money_in,
        coalesce(-sum(part_amount) filter (where part_amount < 0), 0) as money_out, count(*)::integer as transactions,
        count(*) filter (where place <> (
            select place from counted as first where first.transaction_id = counted.transaction_id
            order by coalesce(is_transfer, false), place limit 1
        ))::integer as further,
        coalesce(sum(abs(part_amount)) filter (where parts > 1 and (part_amount > 0) <> (amount > 0)), 0) as turned
    from counted group by 1, 2, 3, 4
"""
MONTH = "date_trunc('month', booked_on)::date"


def plain(row: dict[str, Any]) -> str:
    return repr([str(value.normalize() + 0) if isinstance(value, Decimal) else value for value in row.values()])


async def totals_hold(db) -> None:
    for table, name, day, key in (
        ("daily_totals", "booked_on", "booked_on", "account_id"),
        ("monthly_totals", "month", MONTH, "account_id"),
        ("merchant_totals", "month", MONTH, "merchant_key"),
    ):
        kept = await rows(db, KEPT.format(table=table, day=name, key=key))
        assert sorted(map(plain, kept)) == sorted(map(plain, await rows(db, SUMS.format(day=day, key=key))))
    await months_hold(db)
    wrong = """
        select from books.transactions where splits is not null and amount <> (
            select sum((part ->> 'amount')::numeric) from jsonb_array_elements(splits) as part
        )
    """
    assert await rows(db, wrong) == []


def parts(*told: tuple[str, str]) -> list[Part]:
    return [Part(amount=Decimal(amount), category=category) for amount, category in told]


@pytest.fixture
def split(db, organization):
    async def do(written, *told: tuple[str, str], **more: Any):
        return await splits.put(db, organization.organization_id, written.transaction_id, parts(*told), **more)

    return do


async def test_a_part_counts_in_its_category_and_the_whole_once(book, split, db, organization) -> None:
    """A receipt with a refund on it and cash back from the till."""
    made = await split(
        await book("-50.00"), ("-45.00", "groceries"), ("15.00", "Electronics"), ("-20.00", "To savings")
    )
    assert (made.category_id, made.decided_by, made.confidence, made.type) == (None, "user", 1, "expense")
    assert [(part["amount"], part["category"]) for part in made.splits] == [
        ("-45.00", "Groceries"), ("15.00", "Electronics"), ("-20.00", "To savings"),
    ]  # fmt: skip
    shown = await dashboard(db, organization.organization_id, MARCH)
    assert [(f.income, f.expense, f.transactions) for f in shown.totals] == [(Decimal(15), Decimal(45), 1)]
    assert {c.category: (c.income, c.expense, c.transactions) for c in shown.by_category} == {
        "Groceries": (0, 45, 1), "Electronics": (15, 0, 1), "To savings": (0, 20, 1),
    }  # fmt: skip
    assert (shown.uncategorized, shown.balances[0].balance) == (0, Decimal(50))
    assert shown.top_merchants[0].transactions == 1
    [day] = await accounts.balances(db, organization.organization_id, made.account_id)
    assert (day.money_in, day.money_out) == (0, 50)  # the account saw one payment
    await totals_hold(db)


async def test_the_list_finds_it_by_each_of_its_categories(book, split, db, organization) -> None:
    whole = await book("-5.00", "2026-03-06", category="Electronics")
    made = await split(await book("-50.00"), ("-45.00", "groceries"), ("-5.00", "Electronics"))
    await book("-1.00")
    electronics = await categories.find(db, organization.organization_id, "Electronics")
    of_it = Filter(category_id=electronics.category_id)
    for sort, expected in (("-date", [whole, made]), ("amount", [made, whole])):
        found, cursor = [], None
        for _ in range(2):  # page by page
            page = await listing.page(db, organization.organization_id, of_it, sort=sort, cursor=cursor, limit=1)
            found, cursor = [*found, *page.items], page.next_cursor
        assert [one.transaction_id for one in found] == [one.transaction_id for one in expected]
    assert await listing.total(db, organization.organization_id, of_it) == 2
    assert await listing.total(db, organization.organization_id, Filter(uncategorized=True)) == 1
    assert await listing.total(db, organization.organization_id, Filter(uncategorized=False)) == 2


@pytest.mark.parametrize(
    ("told", "told_of"),
    [
        ([("-40.00", "groceries"), ("-5.00", "Electronics")], "sum to 5.00 GBP more"),
        ([("-40.00", "groceries"), ("-15.00", "Electronics")], "sum to 5.00 GBP less"),
        ([("-45.005", "groceries"), ("-4.995", "Electronics")], None),
        ([("-50.00", "groceries"), ("0", "Electronics")], None),
        ([("-50.00", "groceries")], None),
        ([("-0.50", "groceries")] * 101, None),
    ],
)
async def test_refuses_what_does_not_sum_and_says_by_how_much(book, split, told, told_of) -> None:
    written = await book("-50.00")
    with pytest.raises(SplitsDoNotHold) as refused:
        await split(written, *told)
    assert told_of is None or told_of in refused.value.detail


async def test_names_every_category_that_is_not_there(book, split) -> None:
    with pytest.raises(SplitCategoryNotFound) as refused:
        await split(await book("-50.00"), ("-40.00", "groceries"), ("-5.00", "Nonsense"), ("-5.00", "None such"))
    assert [error.field for error in refused.value.errors] == ["splits.1.category", "splits.2.category"]


async def test_the_whole_is_not_changed_behind_its_parts(book, split, db, organization) -> None:
    made = await split(await book("-50.00"), ("-45.00", "groceries"), ("-5.00", "Electronics"))
    who, transaction_id = organization.organization_id, made.transaction_id
    for change in ({"amount": Decimal(-51)}, {"category_id": None}):
        with pytest.raises(IsSplit):
            await transactions.update(db, who, transaction_id, change)
        with pytest.raises(SomeSplit):
            await bulk.update(db, who, [Wanted(transaction_id, "items.0")], change)
    with pytest.raises(IsSplit):
        await decisions.decide(db, who, transaction_id, UUID(made.splits[0]["category_id"]))
    with pytest.raises(Stale):
        await splits.put(db, who, transaction_id, [], version=made.version + 1)
    noted = await transactions.update(db, who, transaction_id, {"notes": "seen", "amount": Decimal("-50")})
    assert (noted.notes, noted.splits) == ("seen", made.splits)


async def test_history_shows_the_splits_and_their_end(book, split, db, organization) -> None:
    written = await book("-50.00", category="groceries")
    made = await split(written, ("-45.00", "groceries"), ("-5.00", "Electronics"))
    again = await split(written, ("-45.00", "groceries"), ("-5.00", "Electronics"))
    assert again.version == made.version  # the same again is no change
    whole = await split(written)
    assert (whole.splits, whole.decided_by, whole.category_id) == ([], None, None)
    versions, _ = await history.page(db, organization.organization_id, written.transaction_id, limit=9)
    changed = [{change.field: change.after for change in version.changes} for version in versions]
    assert changed[0]["splits"] == []
    assert [part["category"] for part in changed[1]["splits"]] == ["Groceries", "Electronics"]
    await totals_hold(db)


async def test_a_transfer_is_not_split_and_a_split_is_no_transfer(book, split, db, organization) -> None:
    who = organization.organization_id
    savings = await accounts.create(db, who, name="Rainy day", currency="GBP", kind="savings")
    made = await split(await book("-70.00", description="TRANSFER TO RAINY DAY"), ("-60", "groceries"), ("-10", "Rent"))
    into = await book("70.00", description="TRANSFER FROM CURRENT", account_id=savings.account_id)
    assert (await transactions.get(db, who, into.transaction_id)).type == "income"
    with pytest.raises(SplitIsNoTransfer):
        await transfers.pair_by_person(db, who, made.transaction_id, into.transaction_id)
    await split(made)
    await transfers.pair_by_person(db, who, made.transaction_id, into.transaction_id)
    with pytest.raises(PairedIsNotSplit):
        await split(made, ("-60", "groceries"), ("-10", "Rent"))


async def test_a_category_hands_its_parts_on(book, split, db, organization) -> None:
    who = organization.organization_id
    written = await book("-50.00")
    made = await split(written, ("-45.00", "groceries"), ("-5.00", "Electronics"))
    groceries, electronics = (UUID(part["category_id"]) for part in made.splits)
    with pytest.raises(Conflict, match="1 transactions"):
        await categories.delete(db, who, groceries)
    await categories.merge(db, who, groceries, electronics)
    moved = await transactions.get(db, who, written.transaction_id)
    assert [part["category"] for part in moved.splits] == ["Electronics", "Electronics"]
    assert [part["amount"] for part in moved.splits] == ["-45.00", "-5.00"]
    await totals_hold(db)


async def test_what_a_bank_says_later_of_the_amount_stands_beside_the_parts(book, split, db, organization) -> None:
    """No machine decides what the difference was for; back at the first amount nothing is left of it."""
    made = await split(await book("-50.00"), ("-45.00", "groceries"), ("-5.00", "Electronics"))
    for amount, rest in (("-52.50", ["-2.50"]), ("-49.00", ["1.00"]), ("-50.00", [])):
        await db.execute("update books.transactions set amount = %s where splits is not null", [Decimal(amount)])
        found = await transactions.get(db, organization.organization_id, made.transaction_id)
        assert [part["amount"] for part in found.splits if part["category_id"] is None] == rest
        shown = await dashboard(db, organization.organization_id, MARCH)
        assert shown.uncategorized == len(rest)
        await totals_hold(db)


async def test_parts_that_are_given_back_sum_to_the_amount_of_now(book, split, db, organization) -> None:
    """As when a rule is undone that decided the whole before its bank corrected the amount."""
    made = await split(await book("-50.00"), ("-45.00", "groceries"), ("-5.00", "Electronics"))
    await db.execute("update books.transactions set category_id = %s", [made.splits[0]["category_id"]])
    await db.execute("update books.transactions set amount = -52.50")
    former = "select splits from books.transaction_versions where splits is not null order by version desc limit 1"
    await db.execute(f"update books.transactions set category_id = null, splits = ({former})")
    found = await transactions.get(db, organization.organization_id, made.transaction_id)
    assert [part["amount"] for part in found.splits] == ["-45.00", "-5.00", "-2.50"]
    await totals_hold(db)


@pytest.mark.parametrize("seed", seeds("test_totals_hold_after_any_changes_of_many_at_once", 2))
async def test_totals_hold_after_any_changes_of_many_at_once(book, database, account, organization, db, seed) -> None:
    """Several people at the same transactions: whatever was refused, and whoever was last, the totals are the rows'."""
    print(f"seed {seed}")
    who = organization.organization_id
    choose = random.Random(seed)
    names = ["groceries", "Electronics", "Wages", "To savings", "Rent"]
    ids = [(await categories.find(db, who, name)).category_id for name in names]
    async with database.transaction(who) as own:
        cash = await accounts.create(own, who, name=f"Cash {new_id()}", currency="GBP", kind="cash")
        alive = [
            (
                await transactions.create(
                    own,
                    who,
                    NewTransaction(
                        booked_on=date(2026, 3, 1),
                        amount=Decimal(choose.randint(-999, 999)),
                        currency="GBP",
                        description="TESCO STORES 3297",
                        account_id=cash.account_id,
                    ),
                )
            ).transaction_id
            for _ in range(6)
        ]

    async def act(own, transaction_id: UUID, kind: float) -> None:
        if kind < 0.5:
            amount = (await transactions.get(own, who, transaction_id)).amount
            some = [Decimal(choose.choice([-700, -3, 2, 250])) for _ in range(choose.randint(1, 3))]
            told = [*some, amount - sum(some)]
            made = [Part(amount=each, category_id=choose.choice(ids)) for each in told if each]
            await splits.put(own, who, transaction_id, made if choose.random() < 0.8 else [])
        elif kind < 0.85:
            changes = {
                "amount": Decimal(choose.randint(-999, 999)),
                "booked_on": date(2026, 3, 1) + timedelta(days=choose.randrange(60)),
                "category_id": choose.choice([None, *ids]),
                "description": choose.choice(["TESCO STORES 3297", "ARGOS 12"]),
            }
            some_changes = dict(choose.sample(sorted(changes.items()), choose.randint(1, 2)))
            await transactions.update(own, who, transaction_id, some_changes)
        elif kind < 0.95:
            amounts = "update books.transactions set amount = amount + %s where transaction_id = %s"
            await own.execute(amounts, [choose.randint(-9, 9), transaction_id])
        else:
            await transactions.delete(own, who, transaction_id)

    async def person() -> None:
        for _ in range(12):
            try:
                async with database.transaction(who) as own:
                    await act(own, choose.choice(alive), choose.random())
            except (Conflict, SplitsDoNotHold, transactions.TransactionNotFound):
                pass  # refused: nothing was written

    await asyncio.gather(*(person() for _ in range(3)))
    async with database.transaction(who) as own:
        await totals_hold(own)
