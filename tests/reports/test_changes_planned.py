"""Changes of what was planned and taxed: cells move by what is told, also where nobody wrote a transaction."""

from decimal import Decimal

import pytest

from ai2.reports.model import Asked
from tests.bookkeeping import Books
from tests.reports import test_as_of_planned as plans
from tests.reports import test_as_of_taxed as taxes
from tests.reports.reading import made
from tests.reports.test_as_of import QUARTER, Change
from tests.reports.test_changes import assert_adds_up, moved

planned, registered = plans.planned, taxes.registered
BESIDE = Asked(report="custom", dimensions=("category",), measures=("expense", "net"), compare_to="budget", **QUARTER)  # type: ignore[arg-type]
BUDGETED = (*plans.ASKED, BESIDE)


@pytest.mark.parametrize("change", plans.CHANGES, ids=lambda change: change.__name__)
async def test_of_budgets_add_up_after(planned: Books, change: Change) -> None:
    reports = [await made(planned, asked) for asked in BUDGETED]
    async with planned.database.transaction(planned.organization_id) as db:
        await change(planned, db)
    told = [await assert_adds_up(planned, report) for report in reports]
    assert any(each.is_changed for each in told) or change is plans.acts.fiscal_year


# What moved is told in the columns that the report has, however years are cut now.
@pytest.mark.parametrize("change", taxes.CHANGES[:-1], ids=lambda change: change.__name__)
async def test_of_taxes_add_up_after(registered: Books, change: Change) -> None:
    reports = [await made(registered, asked) for asked in taxes.ASKED]
    async with registered.database.transaction(registered.organization_id) as db:
        await change(registered, db)
    for report in reports:
        await assert_adds_up(registered, report)


async def test_add_up_after_all_of_them(planned: Books) -> None:
    reports = [await made(planned, asked) for asked in BUDGETED]
    for change in (plans.spent_before, plans.amount, plans.acts.split, plans.moved_below_another, plans.deleted):
        async with planned.database.transaction(planned.organization_id) as db:
            await change(planned, db)
    await planned.book("Current GBP", "2026-03-05", "-5.00", "Electronics")
    for report in reports:
        await assert_adds_up(planned, report)


async def test_of_a_budget_say_that_it_was_planned_otherwise(planned: Books) -> None:
    report = await made(planned, plans.BUDGET)
    async with planned.database.transaction(planned.organization_id) as db:
        await plans.amount(planned, db)
    told, rows = await moved(planned, report)
    assert rows == []
    [cause] = told.causes
    assert cause.kind == "budget"
    assert {each.difference for each in cause.effects} == {Decimal("20.00"), Decimal("40.00")}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (taxes.role, "profile"),
        (taxes.said_no, "confirmation"),
        (taxes.receipt_taken_away, "receipt"),
        (taxes.rate, "rate"),
        (taxes.means_another_code, "category"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
async def test_of_taxes_say_what_it_was(registered: Books, change: Change, kind: str) -> None:
    reports = [await made(registered, asked) for asked in taxes.ASKED]
    async with registered.database.transaction(registered.organization_id) as db:
        await change(registered, db)
    told = [(await moved(registered, report))[0] for report in reports]
    assert {cause.kind for each in told for cause in each.causes} == {kind}
    assert all(cause.transactions for each in told for cause in each.causes)
