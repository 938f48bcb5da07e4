"""Budgets: a category and all below it, month by month, with what is left and an honest forecast."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import Budget, BudgetNotFound, BudgetOverlaps, Month, NewBudget, NoBudgetForTransfers
from ai2.books.categories import service as categories
from ai2.books.categories.service import BudgetsMeet, CategoryInUse
from ai2.books.transactions import service as transactions
from ai2.books.transactions.service import NewTransaction
from ai2.identity.organizations import Organization
from ai2.kit.database import Connection
from ai2.kit.errors import Invalid, Stale

TODAY = datetime.now(UTC).date()
THIS = TODAY.replace(day=1)


def back(number: int) -> date:
    """The first day of the month that lies so many before this one."""
    day = THIS
    for _ in range(number):
        day = (day - timedelta(days=1)).replace(day=1)
    return day


Spend = Callable[..., Awaitable[Any]]


class Plan:
    """An organization's food, with groceries below it, in pounds."""

    def __init__(self, db: Connection, organization_id: UUID, food: UUID, groceries: UUID) -> None:
        self.db, self.id, self.food, self.groceries = db, organization_id, food, groceries

    async def spend(self, on: date, amount: str, category: UUID | None = None, currency: str = "GBP") -> None:
        new = NewTransaction(
            booked_on=on, amount=Decimal(amount), currency=currency, description="x",
            category_id=category or self.groceries,
        )  # fmt: skip
        await transactions.create(self.db, self.id, new)

    async def budget(self, amount: str = "400.00", first: date | None = None, **more: Any) -> Budget:
        fields = {"category_id": self.food, "currency": "GBP", "first_month": first or back(3), **more}
        return await budgets.create(self.db, self.id, NewBudget(amount=Decimal(amount), **fields))

    async def month(self, month: date = THIS) -> Month:
        [found] = await budgets.standing(self.db, self.id, month)
        assert found.month
        return found.month


@pytest.fixture
async def plan(db: Connection, organization: Organization) -> Plan:
    own = organization.organization_id
    food = await categories.create(db, own, name="All food", kind="expense", parent_id=None)
    groceries = await categories.create(db, own, name="The groceries", kind=None, parent_id=food.category_id)
    return Plan(db, own, food.category_id, groceries.category_id)


class TestSpent:
    async def test_counts_what_lies_below_and_takes_refunds_off(self, plan: Plan) -> None:
        await plan.budget()
        await plan.spend(THIS, "-100.00")
        await plan.spend(THIS, "-20.00", plan.food)
        await plan.spend(THIS, "5.50")
        await plan.spend(back(1), "-70.00")
        found = await plan.month()
        assert (found.planned, found.spent, found.left) == (400, Decimal("114.50"), Decimal("285.50"))
        assert (await plan.month(back(1))).left == 330

    async def test_tells_what_other_currencies_took_and_does_not_count_it(self, plan: Plan) -> None:
        await plan.budget()
        await plan.spend(THIS, "-30.00", currency="EUR")
        found = await plan.month()
        assert (found.spent, found.other_currencies) == (0, {"EUR": Decimal(30)})

    async def test_of_income_what_came_in_counts(self, plan: Plan) -> None:
        sales = await categories.create(plan.db, plan.id, name="My sales", kind="income", parent_id=None)
        await plan.budget(category_id=sales.category_id)
        await plan.spend(THIS, "150.00", sales.category_id)
        assert (await plan.month()).spent == 150

    @pytest.mark.parametrize(("rolls", "carried", "left"), [(False, 0, 300), (True, 230, 530)])
    async def test_what_is_left_goes_over_only_where_it_shall(
        self, plan: Plan, rolls: bool, carried: int, left: int
    ) -> None:
        await plan.budget(first=back(2), is_rolled_over=rolls, overrides={back(1): Decimal(100)})
        await plan.spend(back(2), "-250.00")  # 150 left
        await plan.spend(back(1), "-20.00")  # 80 left of 100
        await plan.spend(back(3), "-999.00")  # before it began
        await plan.spend(THIS, "-100.00")
        found = await plan.month()
        assert (found.carried, found.left) == (carried, left)


class TestForecast:
    async def test_is_what_was_spent_and_what_earlier_months_took_after_this_day(self, plan: Plan) -> None:
        await plan.budget()
        await plan.spend(back(2), "-60.00")  # on a first: never after today's day
        late = (back(1) - timedelta(days=1)).replace(day=28) if TODAY.day < 28 else None
        if late:
            await plan.spend(late, "-30.00")
        await plan.spend(THIS, "-10.00")
        found = (await plan.month()).forecast
        assert (found.method, found.months) == ("mean_of_rest_of_month", 2)
        assert found.amount == Decimal(10) + (Decimal(15) if late else 0)
        ahead = (await plan.month((THIS + timedelta(days=40)).replace(day=1))).forecast
        assert (ahead.method, ahead.amount) == ("mean_of_months", Decimal(45) if late else Decimal(30))
        over = (await plan.month(back(2))).forecast
        assert (over.method, over.amount) == ("actual", Decimal(90) if late else Decimal(60))

    async def test_says_why_there_is_none(self, plan: Plan) -> None:
        await plan.budget()
        await plan.spend(back(1), "-60.00")
        found = (await plan.month()).forecast
        assert (found.amount, found.method, found.months) == (None, None, 1)
        assert "whole months of books" in (found.reason or "")


class TestRules:
    async def test_two_of_one_category_and_currency_have_no_month_in_common(self, plan: Plan) -> None:
        first = await plan.budget(last_month=back(1))
        with pytest.raises(BudgetOverlaps):
            await plan.budget(first=back(1))
        await plan.budget(currency="EUR")
        second = await plan.budget(first=THIS)
        with pytest.raises(BudgetOverlaps):
            await budgets.update(plan.db, plan.id, first.budget_id, {"last_month": None})
        await budgets.delete(plan.db, plan.id, second.budget_id)
        changed = await budgets.update(plan.db, plan.id, first.budget_id, {"last_month": None})
        assert changed.last_month is None
        with pytest.raises(BudgetNotFound):
            await budgets.get(plan.db, plan.id, second.budget_id)

    async def test_months_of_their_own_are_set_taken_away_and_end_with_the_budget(self, plan: Plan) -> None:
        made = await plan.budget(overrides={back(1): Decimal(1), THIS: Decimal(2)})

        async def change(**changes: Any) -> dict[date, Decimal]:
            return (await budgets.update(plan.db, plan.id, made.budget_id, changes)).overrides

        assert await change(overrides={back(1): None, back(2): Decimal(3)}) == {back(2): 3, THIS: 2}
        assert await change(last_month=back(1)) == {back(2): 3}
        with pytest.raises(Invalid):
            await change(overrides={THIS: Decimal(4)})

    async def test_refuses_transfers_stale_changes_and_cents_of_cents(
        self, plan: Plan, organization: Organization
    ) -> None:
        moved = await categories.create(plan.db, plan.id, name="Moved", kind="transfer", parent_id=None)
        with pytest.raises(NoBudgetForTransfers):
            await plan.budget(category_id=moved.category_id)
        with pytest.raises(Invalid):
            await plan.budget("1.005")
        made = await plan.budget()
        await budgets.update(plan.db, plan.id, made.budget_id, {"amount": Decimal(1)}, version=1)
        with pytest.raises(Stale):
            await budgets.update(plan.db, plan.id, made.budget_id, {"amount": Decimal(2)}, version=1)


class TestCategoriesGo:
    async def test_a_budget_goes_to_the_heir_of_its_category(self, plan: Plan) -> None:
        meals = await categories.create(plan.db, plan.id, name="Meals", kind="expense", parent_id=None)
        await plan.budget()
        await plan.spend(THIS, "-30.00", plan.food)
        with pytest.raises(CategoryInUse, match="1 budgets"):
            await categories.delete(plan.db, plan.id, plan.food)
        await categories.merge(plan.db, plan.id, plan.food, meals.category_id)
        [found] = await budgets.standing(plan.db, plan.id, THIS)
        assert (found.budget.category, found.budget.version) == ("Meals", 2)
        assert found.month
        assert found.month.spent == 30

    async def test_two_that_meet_are_nobodys_to_add_up(self, plan: Plan) -> None:
        await plan.budget()
        other = await plan.budget("50.00", category_id=plan.groceries)
        with pytest.raises(BudgetsMeet):
            await categories.delete(plan.db, plan.id, plan.groceries, reassign_to=plan.food)
        await budgets.update(plan.db, plan.id, other.budget_id, {"first_month": back(9), "last_month": back(4)})
        await categories.delete(plan.db, plan.id, plan.groceries, reassign_to=plan.food)
        assert (await budgets.get(plan.db, plan.id, other.budget_id)).category_id == plan.food
