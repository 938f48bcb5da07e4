"""Budgets: what an organization means to spend on a category in a month, what it spent, and what it will have spent.

A budget covers its category and all below it, in one currency. What counts is what the dashboard counts: posted, by
the bank's date, refunds taken off; of income categories what came in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.budgets import repository
from ai2.books.categories import service as categories
from ai2.books.moments import Moment
from ai2.books.rates.service import rounded
from ai2.kit import events
from ai2.kit.database import Connection
from ai2.kit.errors import Conflict, FieldError, Invalid, NotFound, Stale
from ai2.kit.ids import new_id
from ai2.kit.money import exact
from ai2.kit.periods import months

# A forecast looks at so many whole months before this one, and needs at least so many.
LOOK_BACK, LEAST = 6, 2
Method = Literal["actual", "mean_of_rest_of_month", "mean_of_months"]
Months = Mapping[date, Decimal | None]


class BudgetNotFound(NotFound):
    """There is no such budget; GET /api/core/budgets lists yours."""


class BudgetOverlaps(Conflict):
    """Another budget of this category and currency has some of these months; change that one, or let it end before."""


class NoBudgetForTransfers(Invalid):
    """Money between own accounts is neither spent nor earned; name another category."""


@dataclass(frozen=True)
class Budget:
    """A monthly amount from a month on, perhaps until another; `overrides` are months with one of their own."""

    budget_id: UUID
    category_id: UUID
    category: str
    kind: str
    currency: str
    amount: Decimal
    first_month: date
    last_month: date | None
    is_rolled_over: bool
    overrides: dict[date, Decimal]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Forecast:
    """What will be spent by the month's end, how that was found from how many months; or the reason why not."""

    amount: Decimal | None
    method: Method | None
    months: int
    reason: str | None


@dataclass(frozen=True)
class Month:
    """How a budget stands in a month: `planned` and what was `carried` over, less what was `spent`, is `left`."""

    month: date
    planned: Decimal
    carried: Decimal
    spent: Decimal
    left: Decimal
    forecast: Forecast
    other_currencies: dict[str, Decimal]


@dataclass(frozen=True)
class Standing:
    """A budget and a month of it; none where the budget does not reach there."""

    budget: Budget
    month: Month | None


@dataclass(frozen=True, kw_only=True)
class NewBudget:
    """A budget to write down."""

    category_id: UUID
    currency: str
    amount: Decimal
    first_month: date
    last_month: date | None = None
    is_rolled_over: bool = False
    overrides: Months = field(default_factory=dict)


async def create(db: Connection, organization_id: UUID, new: NewBudget) -> Budget:
    """Write a budget down. Of one category and currency two have no month in common."""
    category = await categories.get(db, organization_id, new.category_id)
    if category.kind == "transfer":
        raise NoBudgetForTransfers(errors=(FieldError("category_id", "is no category of transfers"),))
    budget_id = new_id()
    await _check(db, organization_id, budget_id, vars(new), new.overrides)
    await repository.insert(db, organization_id, **{**vars(new), "budget_id": budget_id, "overrides": None})
    await _override(db, organization_id, budget_id, new.currency, new.overrides)
    await events.emit(db, organization_id, "budget.created", {"budget_id": budget_id})
    return await get(db, organization_id, budget_id)


async def update(
    db: Connection, organization_id: UUID, budget_id: UUID, changes: dict[str, Any], *, version: int | None = None
) -> Budget:
    """Change what is named; of the months with an amount of their own those that are named, null takes one away."""
    await repository.lock(db, organization_id)
    budget = await get(db, organization_id, budget_id)
    if version not in (None, budget.version):
        raise Stale
    if not changes:
        return budget
    changed = {**vars(budget), **changes}
    await _check(db, organization_id, budget_id, changed, changes.get("overrides", {}))
    await repository.update(db, organization_id, budget_id, changed)
    await _override(db, organization_id, budget_id, budget.currency, changes.get("overrides", {}))
    await events.emit(db, organization_id, "budget.updated", {"budget_id": budget_id, "fields": sorted(changes)})
    return await get(db, organization_id, budget_id)


async def delete(db: Connection, organization_id: UUID, budget_id: UUID, *, version: int | None = None) -> None:
    await repository.lock(db, organization_id)
    budget = await get(db, organization_id, budget_id)
    if version not in (None, budget.version):
        raise Stale
    await repository.delete(db, organization_id, budget_id)
    await events.emit(db, organization_id, "budget.deleted", {"budget_id": budget_id})


async def get(db: Connection, organization_id: UUID, budget_id: UUID) -> Budget:
    found = await repository.budgets(db, organization_id, budget_id=budget_id)
    if not found:
        raise BudgetNotFound
    return _budget(found[0])


async def standing(
    db: Connection, organization_id: UUID, month: date, *, budget_id: UUID | None = None
) -> list[Standing]:
    """How budgets stand in a month: all that have it, by category; or this one, whether it has it or not."""
    found = await repository.budgets(db, organization_id, budget_id=budget_id, month=None if budget_id else month)
    if budget_id and not found:
        raise BudgetNotFound
    known = [_budget(row) for row in found]
    today = datetime.now(UTC).date()
    spent = await repository.spent(db, organization_id, [each.budget_id for each in known], month)
    past = await repository.past(
        db, organization_id, [each.budget_id for each in known], first=_back(today, LOOK_BACK), today=today
    )
    since = await repository.first_month(db, organization_id)
    return [Standing(each, _month(each, month, today, spent, past, since)) for each in known]


async def over(
    db: Connection, organization_id: UUID, first: date, last: date, *, known_at: Moment | None = None
) -> list[tuple[Budget, list[Month]]]:
    """How every budget stood in its months from one to another; those that have none of them are left out.

    As they are, or as all of it was known at a moment.
    """
    known = [_budget(row) for row in await repository.budgets(db, organization_id, known_at=known_at)]
    since = min([first, *(each.first_month for each in known if each.is_rolled_over)])
    spent = await repository.spent(
        db, organization_id, [each.budget_id for each in known], last, first=first, since=since, known_at=known_at
    )
    today, wanted = datetime.now(UTC).date(), _months_between(first, months(last, 1).end)
    found = [(each, [_month(each, month, today, spent, [], None) for month in wanted]) for each in known]
    return [(each, [month for month in own if month]) for each, own in found if any(own)]


async def covered(
    db: Connection, organization_id: UUID, ids: list[UUID], *, known_at: Moment | None = None
) -> dict[UUID, list[UUID]]:
    """The categories that each of these budgets covers, or covered: its own and all below it."""
    found: dict[UUID, list[UUID]] = {}
    for row in await repository.covered(db, organization_id, ids, known_at=known_at):
        found.setdefault(row["budget_id"], []).append(row["category_id"])
    return found


def _month(
    budget: Budget, month: date, today: date, spent: list[DictRow], past: list[DictRow], since: date | None
) -> Month | None:
    if month < budget.first_month or (budget.last_month and month > budget.last_month):
        return None
    own = [row for row in spent if row["budget_id"] == budget.budget_id]
    by_month = {row["month"]: row["spent"] for row in own if row["currency"] == budget.currency}
    planned, actual = _planned(budget, month), by_month.get(month, Decimal(0))
    carried = Decimal(0)
    if budget.is_rolled_over:
        before = _months_between(budget.first_month, month)
        carried = sum((_planned(budget, each) - by_month.get(each, Decimal(0)) for each in before), Decimal(0))
    rows = [row for row in past if row["budget_id"] == budget.budget_id]
    return Month(
        month=month,
        planned=planned,
        carried=carried,
        spent=actual,
        left=planned + carried - actual,
        forecast=_forecast(month, today, actual, rows, since, budget.currency),
        other_currencies={
            row["currency"]: row["spent"]
            for row in own
            if row["month"] == month and row["currency"] != budget.currency and row["spent"]
        },
    )


def _forecast(
    month: date, today: date, spent: Decimal, past: list[DictRow], since: date | None, currency: str
) -> Forecast:
    """A month that is over is what it was; the present one is what was spent, and the mean of what whole months before
    it brought after the same day; a later one is the mean of those months."""
    this_month = today.replace(day=1)
    if month < this_month:
        return Forecast(spent, "actual", 0, None)
    usable = [each for each in _months_between(_back(today, LOOK_BACK), this_month) if since and each >= since]
    if len(usable) < LEAST:
        return Forecast(None, None, len(usable), f"fewer than {LEAST} whole months of books before this one")
    column, begin = ("rest", spent) if month == this_month else ("whole", Decimal(0))
    total = sum((row[column] for row in past if row["month"] in usable), Decimal(0))
    amount = begin + total / len(usable)
    method: Method = "mean_of_rest_of_month" if month == this_month else "mean_of_months"
    return Forecast(rounded(amount, currency), method, len(usable), None)


def _planned(budget: Budget, month: date) -> Decimal:
    return budget.overrides.get(month, budget.amount)


def _months_between(first: date, end: date) -> list[date]:
    """The first days of the months from `first` up to, but not of, the month of `end`."""
    found = []
    while first < end:
        found.append(first)
        first = months(first, 1).end + timedelta(days=1)
    return found


def _back(day: date, number: int) -> date:
    """The first day of the month that lies so many months before."""
    index = day.year * 12 + day.month - 1 - number
    return date(index // 12, index % 12 + 1, 1)


async def _check(
    db: Connection, organization_id: UUID, budget_id: UUID, wanted: Mapping[str, Any], overrides: Months
) -> None:
    exact(wanted["amount"], wanted["currency"])
    first, last = wanted["first_month"], wanted["last_month"]
    if last and last < first:
        raise Invalid(errors=(FieldError("last_month", "is not before first_month"),))
    given = [month for month, amount in overrides.items() if amount is not None]
    if any(month < first or (last and month > last) for month in given):
        raise Invalid(errors=(FieldError("overrides", "are of months that the budget has"),))
    await repository.lock(db, organization_id)
    what = {"category_id": wanted["category_id"], "currency": wanted["currency"]}
    if await repository.overlaps(db, organization_id, budget_id, **what, first_month=first, last_month=last):
        raise BudgetOverlaps


async def _override(db: Connection, organization_id: UUID, budget_id: UUID, currency: str, overrides: Months) -> None:
    for amount in overrides.values():
        if amount is not None:
            exact(amount, currency)
    await repository.override(db, organization_id, budget_id, overrides)


def _budget(row: DictRow) -> Budget:
    overrides = {date.fromisoformat(month): Decimal(amount) for month, amount in row["overrides"].items()}
    return Budget(**{**row, "overrides": dict(sorted(overrides.items()))})
