"""Transactions: what is written is what is read, and what may not be is refused by name."""

from decimal import Decimal

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.categories import service as categories
from ai2.books.categories.service import CategoryNotFound
from ai2.books.transactions import decisions
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import OtherCurrency, TransactionNotFound
from ai2.kit.database import act_for, one, rows
from ai2.kit.errors import Stale
from ai2.kit.ids import new_id
from ai2.kit.money import AmountOutOfRange, InexactAmount


async def test_keeps_large_amounts_exact(book) -> None:
    written = await book("1234567890123456.78")
    assert written.amount == Decimal("1234567890123456.78")


@pytest.mark.parametrize(
    ("amount", "refusal"), [("0.001", InexactAmount), ("1E+16", AmountOutOfRange), ("NaN", AmountOutOfRange)]
)
async def test_refuses_amounts_that_the_currency_cannot_have(book, amount, refusal) -> None:
    with pytest.raises(refusal):
        await book(amount)


@pytest.mark.parametrize(("amount", "expected"), [("-1.00", "expense"), ("1.00", "income")])
async def test_type_follows_the_sign(book, amount, expected) -> None:
    assert (await book(amount)).type == expected


async def test_type_is_transfer_where_the_category_is_of_that_kind(book) -> None:
    written = await book("-50.00", category="TRANSFER_OUT_SAVINGS")
    assert written.type == "transfer"


@pytest.mark.parametrize("category", [None, "groceries", "TRANSFER_OUT_SAVINGS"])
async def test_what_is_written_is_given_back_as_it_is_read(book, db, organization, category) -> None:
    written = await book("-50.00", category=category)
    assert written == await transactions.get(db, organization.organization_id, written.transaction_id)


async def test_a_category_that_a_person_names_is_theirs(book) -> None:
    written = await book(category="groceries")
    assert (written.decided_by, written.confidence) == ("user", 1)


async def test_refuses_another_currency_than_the_accounts(book) -> None:
    with pytest.raises(OtherCurrency):
        await book(currency="EUR")


async def test_without_an_account_goes_to_one_kept_for_it(book, db, organization) -> None:
    first, second = await book(account_id=None), await book(account_id=None)
    account = await accounts.get(db, organization.organization_id, first.account_id)
    assert first.account_id == second.account_id
    assert account.name == "Entered by hand (GBP)"


async def test_deleted_is_gone_for_readers_and_kept_in_the_books(book, db, organization) -> None:
    written = await book()
    await transactions.delete(db, organization.organization_id, written.transaction_id)
    with pytest.raises(TransactionNotFound):
        await transactions.get(db, organization.organization_id, written.transaction_id)
    kept = await one(
        db, "select deleted_at from books.transactions where transaction_id = %(id)s", {"id": written.transaction_id}
    )
    assert kept is not None
    assert kept["deleted_at"] is not None


async def test_a_change_keeps_the_former_version(book, db, organization) -> None:
    written = await book()
    changed = await transactions.update(
        db, organization.organization_id, written.transaction_id, {"amount": Decimal("-13")}
    )
    kept = await rows(
        db,
        "select version, amount from books.transaction_versions where transaction_id = %(id)s",
        {"id": written.transaction_id},
    )
    assert (changed.version, changed.amount) == (2, Decimal("-13.00"))
    assert [(row["version"], row["amount"]) for row in kept] == [(1, Decimal("-12.50"))]


async def test_refuses_a_change_to_what_changed_meanwhile(book, db, organization) -> None:
    written = await book()
    await transactions.update(db, organization.organization_id, written.transaction_id, {"notes": "first"}, version=1)
    with pytest.raises(Stale):
        await transactions.update(
            db, organization.organization_id, written.transaction_id, {"notes": "second"}, version=1
        )


async def test_a_stranger_finds_nothing(book, db, stranger) -> None:
    written = await book()
    await act_for(db, stranger.organization_id)
    with pytest.raises(TransactionNotFound):
        await transactions.get(db, stranger.organization_id, written.transaction_id)


async def test_a_strangers_category_is_none_of_mine(book, database, stranger) -> None:
    async with database.transaction(stranger.organization_id) as theirs:
        category = (await categories.list_all(theirs, stranger.organization_id))[0]
    with pytest.raises(CategoryNotFound):
        await book(category_id=category.category_id)


async def _suggest(db, transaction, category, decided_by="model") -> None:
    await db.execute("drop table if exists pg_temp.decided")
    await db.execute(
        "create temporary table decided on commit drop as select %s::uuid as transaction_id, %s::uuid as category_id,"
        " %s::text as decided_by, '7'::text as decided_version, 0.9::numeric as confidence",
        [transaction.transaction_id, category.category_id, decided_by],
    )


async def test_a_machine_decides_what_no_person_did(book, db, organization) -> None:
    written = await book()
    coffee = await categories.find(db, organization.organization_id, "FOOD_AND_DRINK_COFFEE")
    await _suggest(db, written, coffee)
    assert await decisions.apply_decided(db, organization.organization_id) == 1
    assert await decisions.apply_decided(db, organization.organization_id) == 0  # again changes nothing
    read = await transactions.get(db, organization.organization_id, written.transaction_id)
    assert (read.category, read.decided_by, read.decided_version) == (coffee.name, "model", "7")


async def test_people_win(book, db, organization) -> None:
    written = await book(category="FOOD_AND_DRINK_GROCERIES")
    coffee = await categories.find(db, organization.organization_id, "FOOD_AND_DRINK_COFFEE")
    await _suggest(db, written, coffee)
    assert await decisions.apply_decided(db, organization.organization_id) == 0
    changed, _ = await decisions.decide_for_merchant(
        db,
        organization.organization_id,
        written.merchant_key,
        money_in=False,
        category_id=coffee.category_id,
        version="1",
    )
    assert changed == 0


async def test_a_decision_reaches_the_merchants_others_of_the_same_sign(book, db, organization) -> None:
    other, refund, person = await book("-3.00"), await book("3.00"), await book(category="FOOD_AND_DRINK_GROCERIES")
    coffee = await categories.find(db, organization.organization_id, "FOOD_AND_DRINK_COFFEE")
    await decisions.decide_for_merchant(
        db,
        organization.organization_id,
        other.merchant_key,
        money_in=False,
        category_id=coffee.category_id,
        version="1",
    )
    read = [await transactions.get(db, organization.organization_id, t.transaction_id) for t in (other, refund, person)]
    assert [t.decided_by for t in read] == ["merchant", None, "user"]


async def test_an_unknown_id_is_not_found(db, organization) -> None:
    with pytest.raises(TransactionNotFound):
        await transactions.get(db, organization.organization_id, new_id())
