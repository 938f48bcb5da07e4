"""Accounts: one currency each, found by name without regard to case, holding what was booked."""

from datetime import date
from decimal import Decimal

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import AccountHasTransactions, AccountNameTaken, AccountNotFound
from ai2.kit.errors import Stale
from ai2.kit.money import InexactAmount, UnknownCurrency


async def test_names_differ_by_more_than_case(account, db, organization) -> None:
    with pytest.raises(AccountNameTaken):
        await accounts.create(db, organization.organization_id, name="CURRENT", currency="GBP")
    assert await accounts.find(db, organization.organization_id, "current") == account


@pytest.mark.parametrize(
    ("currency", "balance", "refusal"), [("XXQ", "0", UnknownCurrency), ("JPY", "0.5", InexactAmount)]
)
async def test_refuses_what_the_currency_cannot_be(db, organization, currency, balance, refusal) -> None:
    with pytest.raises(refusal):
        await accounts.create(
            db, organization.organization_id, name="Odd", currency=currency, opening_balance=Decimal(balance)
        )


async def test_the_currency_stays_once_there_are_transactions(account, book, db, organization) -> None:
    changed = await accounts.update(db, organization.organization_id, account.account_id, {"currency": "EUR"})
    assert changed.currency == "EUR"  # it may change before
    await book(currency="EUR")
    with pytest.raises(AccountHasTransactions):
        await accounts.update(db, organization.organization_id, account.account_id, {"currency": "GBP"})


async def test_refuses_a_stale_change(account, db, organization) -> None:
    await accounts.update(db, organization.organization_id, account.account_id, {"name": "Main"}, version=1)
    with pytest.raises(Stale):
        await accounts.update(db, organization.organization_id, account.account_id, {"name": "Other"}, version=1)


async def test_says_what_it_held_each_day(account, book, db, organization) -> None:
    await book("-30.00", "2026-03-01")
    await book("20.00", "2026-03-03")
    await book("-5.00", "2026-03-03")
    days = await accounts.balances(db, organization.organization_id, account.account_id, start=date(2026, 3, 2))
    assert [(d.booked_on, d.money_in, d.money_out, d.balance) for d in days] == [
        (date(2026, 3, 3), Decimal("20.00"), Decimal("5.00"), Decimal("85.00"))
    ]


async def test_archived_accounts_are_listed_only_when_asked_for(account, db, organization) -> None:
    await accounts.archive(db, organization.organization_id, account.account_id)
    assert await accounts.list_all(db, organization.organization_id) == []
    assert len(await accounts.list_all(db, organization.organization_id, archived=True)) == 1


async def test_a_strangers_account_is_not_found(account, database, stranger) -> None:
    async with database.transaction(stranger.organization_id) as theirs:
        with pytest.raises(AccountNotFound):
            await accounts.get(theirs, stranger.organization_id, account.account_id)
