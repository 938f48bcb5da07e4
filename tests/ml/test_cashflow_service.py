"""The forecast of an organization: what counts, whose it is, what adds up, and what it says of too little."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import AccountNotFound
from ai2.books.categories import service as categories
from ai2.books.rates import service as rates
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection, Database, number
from ai2.kit.errors import Invalid
from ml.cashflow import service
from ml.cashflow.span import after
from ml.cashflow.telling import CurrencyForecast
from ml.recurring import finding
from ml.recurring import service as recurring

TODAY = date(2026, 11, 10)
FIRST = date(2024, 11, 1)
Book = Callable[..., Awaitable[UUID]]


@pytest.fixture
async def book(db: Connection, organization: Organization) -> Book:
    """Books a transaction of the organization's main account, unless told otherwise."""
    owner = organization.organization_id
    main = await accounts.create(db, owner, name="Main", currency="GBP", opening_balance=Decimal("1000.00"))
    kinds = {
        kind: (await categories.create(db, owner, name=f"Of {kind}", kind=kind, parent_id=None)).category_id
        for kind in ("income", "expense", "transfer")
    }

    async def act(on: date, amount: str, *, kind: str | None = None, **more: Any) -> UUID:
        kind = kind or ("income" if Decimal(amount) > 0 else "expense")
        known = {"currency": "GBP", "description": "x", "account_id": main.account_id, "category_id": kinds[kind]}
        new = NewTransaction(booked_on=on, amount=Decimal(amount), **{**known, **more})
        return (await transactions.create(db, owner, new)).transaction_id

    return act


async def two_years(book: Book) -> None:
    """Pay on the 1st, rent on the 28th, and shopping in between that varies."""
    for month in range(24):
        first = after(FIRST, month)
        await book(first, "2000.00")
        await book(first.replace(day=28), "-800.00")
        await book(first.replace(day=15), str(-100 - 10 * (month % 3)))


async def pounds(db: Connection, organization: Organization, months: int = 3, **more: Any) -> CurrencyForecast:
    found = await service.forecast(db, organization.organization_id, months, today=TODAY, **more)
    [currency] = found.currencies
    return currency


async def test_what_always_came_comes_again_and_net_and_balances_add_up(
    db: Connection, organization: Organization, book: Book
) -> None:
    await two_years(book)
    found = await service.forecast(db, organization.organization_id, 12, today=TODAY)
    assert (found.history_from, found.history_months, found.first_month) == (FIRST, 24, date(2026, 11, 1))
    [told] = found.currencies
    assert len(told.months) == 12
    balance = told.balance
    assert balance is not None
    for month in told.months:
        assert abs(month.income.amount - 2000) <= 1
        assert abs(month.expense.amount - 910) <= 25
        assert month.net.amount == month.income.amount - month.expense.amount
        balance += month.net.amount + month.transfers
        assert month.balance is not None
        assert month.balance.amount == balance
        for each in (month.income, month.expense, month.net, month.balance):
            assert None not in (each.low_80, each.high_80, each.low_95, each.high_95)
            assert each.low_95 <= each.low_80 <= each.amount <= each.high_80 <= each.high_95  # type: ignore[operator]
    widths = [month.balance.high_80 - month.balance.low_80 for month in told.months if month.balance]  # type: ignore[operator]
    assert widths[11] > widths[0]


async def test_parts_add_up_to_the_whole(db: Connection, organization: Organization, book: Book) -> None:
    await two_years(book)
    other = await accounts.create(db, organization.organization_id, name="Other", currency="GBP")
    for month in range(24):
        await book(after(FIRST, month), f"-{50 + month % 5}.00", account_id=other.account_id, category_id=None)
    told = await pounds(db, organization)
    for at, month in enumerate(told.months):
        by_category = [each.months[at].expense for each in told.categories]
        by_account = [each.months[at].expense for each in told.accounts]
        for parts in (by_category, by_account):
            assert abs(sum(each.amount for each in parts if each) - month.expense.amount) <= Decimal("0.02")


async def test_the_month_that_has_begun_holds_what_was_booked_of_it(
    db: Connection, organization: Organization, book: Book
) -> None:
    await two_years(book)
    before = (await pounds(db, organization)).months[0]
    await book(date(2026, 11, 1), "2000.00")
    await book(date(2026, 11, 9), "-600.00")
    after_it = (await pounds(db, organization)).months[0]
    assert after_it.is_begun
    # of the rent all is still to come: it always comes on the 28th
    assert abs(after_it.expense.amount - 600 - before.expense.amount) <= 25
    assert after_it.expense.low_95 is not None
    assert after_it.expense.low_95 >= 600
    assert abs(after_it.income.amount - 2000) <= 1


async def test_pending_and_deleted_rows_and_own_transfers_are_no_flow(
    db: Connection, organization: Organization, book: Book
) -> None:
    await two_years(book)
    before = await pounds(db, organization)
    pending: list[UUID] = []
    for month in range(0, 24, 2):
        on = after(FIRST, month).replace(day=10)
        pending.append(await book(on, "-5000.00"))
        await transactions.delete(db, organization.organization_id, await book(on, "-4000.00"))
        await book(on, "-30.00", kind="transfer")
        await book(after(on, 1), "-30.00", kind="transfer")
    await db.execute("update books.transactions set status = 'pending' where transaction_id = any(%s)", [pending])
    told = await pounds(db, organization)
    for month, former in zip(told.months, before.months, strict=True):
        assert abs(month.expense.amount - former.expense.amount) <= 25
        assert abs(month.transfers + 30) <= 1
    assert told.balance is not None
    assert before.balance is not None
    assert told.balance == before.balance - 24 * 30


async def test_what_recurs_is_expected_when_it_is_due_and_is_a_part_of_its_category(
    db: Connection, organization: Organization, book: Book
) -> None:
    """A bill of each quarter, beside what varies: in its months it is in the forecast, in others it is not."""
    owner = organization.organization_id
    for month in range(24):
        first = after(FIRST, month)
        await book(first.replace(day=15), str(-100 - 7 * (month % 4)), description="Corner shop")
        if month % 3 == 0:
            await book(first.replace(day=20), "-900.00", description="NORTHERN WATER BILL", merchant="Northern Water")
    plain = await pounds(db, organization, 6)
    await finding.find(db, owner, is_all=True, today=TODAY)
    assert [each.merchant for each in await recurring.upcoming(db, owner, date(2026, 12, 1), since=TODAY)]
    told = await pounds(db, organization, 6)
    for at, each in enumerate(told.months):
        assert abs(each.expense.amount - (1010 if at % 3 == 0 else 110)) <= 60, each.month
        [of_category] = [category.months[at].expense for category in told.categories]
        assert of_category is not None
        assert abs(of_category.amount - each.expense.amount) <= Decimal("0.02")
    assert told.months != plain.months


async def test_each_currency_is_apart_and_is_converted_where_asked(
    db: Connection, organization: Organization, book: Book
) -> None:
    await two_years(book)
    euros = await accounts.create(db, organization.organization_id, name="Euros", currency="EUR")
    for month in range(24):
        on = after(FIRST, month)
        await book(on, "-100.00", account_id=euros.account_id, currency="EUR")
        await rates.set_own(db, organization.organization_id, "EUR", "GBP", on, Decimal("0.80"), set_by="test")
    owner = organization.organization_id
    found = await service.forecast(db, owner, today=TODAY)
    assert [each.currency for each in found.currencies] == ["EUR", "GBP"]
    assert abs(found.currencies[0].months[1].expense.amount - 100) <= 1
    [of_euros] = (await service.forecast(db, owner, currency="EUR", today=TODAY)).currencies
    assert of_euros.months == found.currencies[0].months
    [both] = (await service.forecast(db, owner, convert_to="GBP", today=TODAY)).currencies
    assert abs(both.months[1].expense.amount - (910 + 80)) <= 25
    unknown = await service.forecast(db, owner, convert_to="USD", today=TODAY)
    assert unknown.currencies == []
    assert unknown.reason is not None
    assert "rate" in unknown.reason


async def test_of_fewer_than_three_whole_months_nothing_is_forecast_and_of_few_intervals_are_wide(
    db: Connection, organization: Organization, book: Book
) -> None:
    nothing = await service.forecast(db, organization.organization_id, today=TODAY)
    assert nothing.currencies == []
    assert nothing.reason is not None
    for month in (8, 9, 10):
        await book(date(2026, month, 1), f"-{100 + month}.00")
        found = await service.forecast(db, organization.organization_id, today=TODAY)
        assert bool(found.currencies) == (month == 10)
        assert (found.reason is None) == (month == 10)
    [told] = found.currencies
    assert any("3 whole months" in note for note in told.notes)


async def test_the_rest_of_a_last_month_that_is_not_imported_yet_is_left_out(
    db: Connection, organization: Organization, book: Book
) -> None:
    """The books end on 12 September, where others went on to the 28th: September is forecast, not learnt from."""
    await two_years(book)
    for on in (date(2026, 9, 15), date(2026, 9, 28)):
        await db.execute("delete from books.transactions where booked_on = %s or booked_on >= '2026-10-01'", [on])
    found = await service.forecast(db, organization.organization_id, today=TODAY)
    assert found.first_month == date(2026, 9, 1)
    assert found.history_months == 22
    assert found.currencies[0].months[0].is_begun


async def test_an_account_is_told_alone_and_a_strangers_is_not_there(
    db: Connection, database: Database, organization: Organization, stranger: Organization, book: Book
) -> None:
    await two_years(book)
    [main] = await accounts.list_all(db, organization.organization_id)
    told = await pounds(db, organization, account_id=main.account_id)
    assert told.months == (await pounds(db, organization)).accounts[0].months
    async with database.transaction(stranger.organization_id) as theirs:
        with pytest.raises(AccountNotFound):
            await service.forecast(theirs, stranger.organization_id, account_id=main.account_id, today=TODAY)
        assert (await service.forecast(theirs, stranger.organization_id, today=TODAY)).currencies == []


async def test_what_was_learnt_is_kept_until_a_past_month_changes(
    db: Connection, organization: Organization, book: Book
) -> None:
    await two_years(book)
    owner = organization.organization_id
    first = await service.forecast(db, owner, today=TODAY)
    again = await service.forecast(db, owner, today=TODAY)
    assert again.computed_at.replace(microsecond=0) - first.computed_at.replace(microsecond=0) < timedelta(seconds=2)
    assert again.currencies == first.currencies
    await db.execute("update ml.forecast_rehearsals set computed_at = '2026-01-01'")
    await book(date(2026, 11, 3), "-10.00")
    assert (await service.forecast(db, owner, today=TODAY)).computed_at.year == 2026
    assert (await service.forecast(db, owner, today=TODAY)).computed_at.month == 1
    await book(date(2026, 10, 3), "-500.00")
    changed = await service.forecast(db, owner, today=TODAY)
    assert changed.computed_at.month != 1
    assert await number(db, "select count(*) from ml.forecast_rehearsals") == 1


async def test_the_back_test_stands_beside_every_forecast(
    db: Connection, organization: Organization, book: Book
) -> None:
    await two_years(book)
    told = await pounds(db, organization)
    by_flow = {each.flow: each for each in told.backtest}
    assert set(by_flow) == {"income", "expense", "net"}
    spent = by_flow["expense"]
    assert spent.method in spent.misses
    assert {"seasonal_naive", "boosting", "smoothing"} <= spent.misses.keys()
    assert spent.origins >= 12
    assert spent.held_80 is not None
    rehearsed = await service.rehearse(db, organization.organization_id, today=TODAY)
    assert rehearsed is not None
    assert rehearsed.misses["chosen"][1] >= 4


@pytest.mark.parametrize("months", [0, 13])
async def test_more_than_a_year_or_nothing_is_refused(db: Connection, organization: Organization, months: int) -> None:
    with pytest.raises(Invalid):
        await service.forecast(db, organization.organization_id, months)
