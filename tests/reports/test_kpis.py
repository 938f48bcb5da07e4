"""Key figures: what a person works out from the books on paper, held against what they were, and never invented."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai2.books.accounts import service as accounts
from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import NewBudget
from ai2.books.categories import service as categories
from ai2.books.rates import service as rates
from ai2.kit.periods import Period, months
from ai2.reports.kpis import seasons, service
from ai2.reports.kpis.model import Figure, Insights, KeyFigures
from ai2.reports.kpis.series import merchant_figures
from ml.insights import service as ml_insights
from tests import seeds
from tests.bookkeeping import Books

TODAY = date(2026, 4, 2)
FEBRUARY = months(date(2026, 2, 1), 1)


async def told(books: Books, period: Period | None = FEBRUARY, currency: str | None = None) -> Insights:
    async with books.database.transaction(books.organization_id) as db:
        return await service.insights(db, books.organization_id, period=period, currency=currency, today=TODAY)


async def say_openings(books: Books) -> None:
    """What nobody said: that accounts held nothing at first."""
    async with books.database.transaction(books.organization_id) as db:
        for account_id in books.accounts.values():
            await accounts.update(db, books.organization_id, account_id, {"opening_on": date(2025, 7, 1)})


def of(found: Insights, currency: str = "GBP") -> tuple[KeyFigures, dict[str, Figure]]:
    [own] = [each for each in found.currencies if each.currency == currency]
    return own, {each.name: each for each in own.figures}


class TestFigures:
    async def test_as_on_paper(self, books: Books) -> None:
        """February: 25.05 on electronics, 9.99 unexplained; January: 2000 of wages, 850 of rent."""
        _, silent = of(await told(books))
        assert (silent["cash"].value, silent["cash"].reason) == (None, "nobody says what Savings GBP held at first")
        await say_openings(books)
        own, found = of(await told(books))
        values = {name: each.value for name, each in found.items()}
        assert values["income"] == 0
        assert values["expenses"] == Decimal("35.04")
        assert values["net_profit"] == Decimal("-35.04")
        assert (values["margin"], found["margin"].reason) == (None, "there was no income")
        assert values["average_expense"] == Decimal("11.68")  # of three
        assert values["uncategorised"] == Decimal("28.5")
        assert values["cash"] == Decimal("1214.96")
        assert (values["runway"], bool(found["runway"].reason)) == (None, True)
        assert found["expenses"].previous_period.value == 850
        assert found["expenses"].previous_period.change == Decimal("-814.96")
        assert found["expenses"].previous_period.change_pct == Decimal("-95.9")
        assert found["margin"].previous_period.value == Decimal("57.5")
        assert found["income"].previous_year.value == 0
        moved = {(each.kind, each.name): each.change for each in own.movers}
        assert moved["category", "Rent"] == -850
        assert moved["category", "Wages"] == -2000
        assert moved["category", "Not categorised"] == Decimal("9.99")

    async def test_currencies_apart_or_converted_by_each_days_rate(self, books: Books) -> None:
        await say_openings(books)
        assert of(await told(books), "EUR")[1]["expenses"].value == 120
        _, lost = of(await told(books, currency="GBP"))
        assert (lost["expenses"].value, bool(lost["expenses"].reason)) == (None, True)
        assert lost["cash"].value is None
        async with books.database.transaction(books.organization_id) as db:
            for day in (date(2026, 2, 14), date(2026, 2, 28), date(2026, 1, 31), date(2025, 2, 28)):
                await rates.set_own(db, books.organization_id, "EUR", "GBP", day, Decimal("0.85"), set_by="test")
        _, found = of(await told(books, currency="GBP"))
        assert found["expenses"].value == Decimal("137.04")
        assert found["cash"].value == Decimal("1112.96")

    async def test_against_the_budget_what_is_budgeted(self, books: Books) -> None:
        async with books.database.transaction(books.organization_id) as db:
            known = {each.name: each for each in await categories.list_all(db, books.organization_id)}
            electronics = known["Electronics"]
            for category_id, amount in ((electronics.category_id, "20"), (electronics.parent_id, "50")):
                assert category_id
                new = NewBudget(
                    category_id=category_id, currency="GBP", amount=Decimal(amount), first_month=FEBRUARY.start
                )
                await budgets.create(db, books.organization_id, new)
        _, found = of(await told(books))
        against = found["expenses"].budget
        # the group's budget contains the other one; rent has none
        assert (against.value, against.covered, against.change) == (50, Decimal("25.05"), Decimal("-24.95"))
        assert found["income"].budget.reason
        _, partly = of(await told(books, Period(date(2026, 2, 1), date(2026, 2, 20))))
        assert partly["expenses"].budget.reason == "budgets are of whole months"

    async def test_what_was_written_just_now_is_in(self, books: Books) -> None:
        before = of(await told(books))[1]["expenses"].value
        await books.book("Current GBP", "2026-02-27", "-5.00", "Rent")
        assert of(await told(books))[1]["expenses"].value == (before or 0) + 5


async def test_runway_and_burn_are_those_of_the_insights(books: Books) -> None:
    await say_openings(books)
    for month in range(8, 13):
        await books.book("Current GBP", f"2025-{month:02}-05", "-20.00", "Rent")
    async with books.database.transaction(books.organization_id) as db:
        runways = (await ml_insights.insights(db, books.organization_id, today=TODAY)).runways
    _, found = of(await told(books, Period(date(2026, 1, 1), date(2026, 3, 31))))
    expected = next(each for each in runways if each.currency == "GBP")
    assert expected.monthly_burn is not None
    assert found["monthly_burn"].value == expected.monthly_burn
    assert found["runway"].value == (expected.runway_months and Decimal(str(expected.runway_months)))
    assert found["cash"].value == expected.balance


async def test_merchants_add_up_to_the_books_whatever_the_days(books: Books) -> None:
    chance = random.Random(seeds.RUN)
    for _ in range(6):
        start = date(2026, 1, 1) + timedelta(days=chance.randrange(60))
        period = Period(start, start + timedelta(days=chance.randrange(45)))
        found = await told(books, period)
        async with books.database.transaction(books.organization_id) as db:
            rows = await merchant_figures(db, books.organization_id, {"now": period}, None)
        for each in found.currencies:
            values = {name: figure.value for name, figure in of(found, each.currency)[1].items()}
            for name, key in (("income", "income"), ("expenses", "expense")):
                own = [getattr(row, key).amount for row in rows if row.currency == each.currency]
                assert sum(own, Decimal(0)) == values[name], (seeds.RUN, period, name)


class TestSeasons:
    def test_a_season_is_found_and_noise_is_not(self) -> None:
        chance = random.Random(seeds.RUN)
        every = [date(2022 + at // 12, at % 12 + 1, 1) for at in range(36)]
        cold = [(each, 100 + 20 * abs(6.4 - each.month) + chance.random()) for each in every]
        found = seasons.of_year(cold)
        assert found.is_significant, seeds.RUN
        assert found.strength
        assert found.strength > 0.9
        assert max(found.seasons, key=lambda each: each.effect).season == 12
        false = sum(
            bool(seasons.of_year([(each, chance.random()) for each in every]).is_significant) for _ in range(200)
        )
        assert false <= 20, (seeds.RUN, "5 of 100 by chance")

    def test_the_test_is_that_of_the_books(self) -> None:
        from scipy.stats import kruskal

        chance = random.Random(seeds.RUN)
        groups = [[chance.randint(0, 9) for _ in range(4)] for _ in range(7)]
        assert seasons.kruskal_wallis(groups) == pytest.approx(kruskal(*groups).pvalue)

    def test_too_little_says_why(self) -> None:
        found = seasons.of_year([(date(2026, 1, 1), 1.0)])
        assert (found.strength, found.reason) == (None, "a season needs 24 whole months; there are 1")
        assert seasons.of_year([(date(2024, 1, 1), 5.0)] * 24).is_significant is False
        assert (
            seasons.of_week([[0.0] * 7] * 60).reason
            == "days of the week need 26 weeks in which something moved; there are 0"
        )
