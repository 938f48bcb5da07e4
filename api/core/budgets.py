"""Budgets: planned amounts by category and month, and how they stand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from ai2.books.budgets import service as budgets
from ai2.books.budgets.service import Method, NewBudget, Standing
from ai2.kit.database import Connection
from ai2.kit.money import exact
from api.etags import IfMatch, mark
from api.pages import WholeQuery, cut
from api.schemas import Amount, AmountIn, Body, Change, Currency, Instant, ListOf, OfCurrency, changes, read_day
from api.unit import Caller, Db, Unit

router = APIRouter(prefix="/api/core/budgets", tags=["budgets"], route_class=Unit)

# Nobody plans beyond; sums over all months stay well below what an amount may be.
FIRST, LAST, MOST = "1970-01", "2100-12", Decimal(10) ** 12
PATTERN = r"^\d{4}-(0[1-9]|1[0-2])$"


def _read_month(value: Any) -> date:
    if isinstance(value, str) and len(value) == len("2026-11") and FIRST <= value <= LAST:
        return read_day(f"{value}-01")
    raise ValueError(f"is a month, YYYY-MM, from {FIRST} to {LAST}")


def _named(value: Any) -> Any:
    return f"{value:%Y-%m}" if isinstance(value, date) else value


MonthIn = Annotated[
    date,
    BeforeValidator(_read_month),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["2026-11"]}),
]
MonthOut = Annotated[
    str, BeforeValidator(_named), WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["2026-11"]})
]
Planned = Annotated[AmountIn, Field(ge=0, lt=MOST)]


class BudgetNew(Body):
    """A budget to write down: it covers its category and all categories below it."""

    category_id: UUID
    currency: Currency = Field(description="What is spent in other currencies does not count, and is told.")
    amount: Planned = Field(description="For each month.")
    first_month: MonthIn
    last_month: MonthIn | None = Field(default=None, description="null: until you change it.")
    rollover: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="Whether what is left of a month, or was overspent, goes over to the next."
    )
    overrides: dict[MonthIn, Planned] = Field(
        default_factory=dict, max_length=240, description="Months with an amount of their own."
    )


class BudgetChange(Change):
    """What to change; what is not named stays. The category and the currency stay in any case."""

    amount: Planned = Field(default=Decimal(0))
    first_month: MonthIn = Field(default=date.min)  # never used: only named fields are
    last_month: MonthIn | None = None
    rollover: Annotated[bool, Field(strict=True)] = False
    overrides: dict[MonthIn, Planned | None] = Field(
        default_factory=dict, max_length=240, description="Months that are not named keep theirs; null takes it away."
    )


class MonthQuery(Body):
    """Which month."""

    month: MonthIn | None = Field(default=None, description="By default this one, in UTC.")


class BudgetQuery(WholeQuery):
    """Which month, and which page."""

    month: MonthIn | None = Field(default=None, description="By default this one, in UTC.")


class ForecastOut(OfCurrency):
    """What will have been spent at the month's end."""

    amount: Amount | None = Field(description="null where that cannot be said; the reason says why.")
    method: Method | None = Field(
        description="actual: the month is over. mean_of_rest_of_month: what was spent, and the mean of what earlier "
        "months took after this day. mean_of_months: the mean of earlier months."
    )
    months: int = Field(description="From how many whole months, six at most.")
    reason: str | None


class ElsewhereOut(OfCurrency):
    """What was spent in another currency, and does not count."""

    spent: Amount


class BudgetMonthOut(OfCurrency):
    """How a budget stands in a month: planned and carried, less spent, is left."""

    month: MonthOut
    as_of: Instant
    computed_by: str = "books.totals"
    planned: Amount
    carried: Amount = Field(description="From the months before, with rollover; negative where overspent.")
    spent: Amount = Field(description="Refunds taken off. Of an income category: what came in.")
    left: Amount
    forecast: ForecastOut
    other_currencies: list[ElsewhereOut]


class BudgetOut(OfCurrency):
    """A budget, and how it stands."""

    budget_id: UUID
    category_id: UUID
    category: str
    amount: Amount
    first_month: MonthOut
    last_month: MonthOut | None
    rollover: bool
    overrides: dict[MonthOut, Amount]
    version: int
    created_at: Instant
    updated_at: Instant
    standing: BudgetMonthOut | None = Field(description="In the month asked for; null where the budget has not got it.")


class Budgets(ListOf):
    """The budgets of a month, by category."""

    month: MonthOut
    items: list[BudgetOut]


@router.get("", response_model=Budgets)
async def list_budgets(db: Db, who: Caller, wanted: Annotated[BudgetQuery, Query()]) -> dict[str, Any]:
    """The budgets of a month and how they stand; a transaction posted a moment ago is in it."""
    month = wanted.month or datetime.now(UTC).date().replace(day=1)
    found = [_shown(each) for each in await budgets.standing(db, who.organization_id, month)]
    return {"month": month, **cut(found, wanted, lambda each: each["budget_id"])}


@router.post("", status_code=201, response_model=BudgetOut)
async def create_budget(new: BudgetNew, db: Db, who: Caller, response: Response) -> dict[str, Any]:
    """Write a budget down."""
    given = {**dict(new), "is_rolled_over": new.rollover}
    del given["rollover"]
    made = await budgets.create(db, who.organization_id, NewBudget(**given))
    return await _one(db, who.organization_id, made.budget_id, None, response)


@router.get("/{budget_id}", response_model=BudgetOut)
async def get_budget(
    budget_id: UUID, db: Db, who: Caller, wanted: Annotated[MonthQuery, Query()], response: Response
) -> dict[str, Any]:
    """One budget, and how it stands in a month."""
    return await _one(db, who.organization_id, budget_id, wanted.month, response)


@router.patch("/{budget_id}", response_model=BudgetOut)
async def update_budget(
    budget_id: UUID, change: BudgetChange, db: Db, who: Caller, response: Response, version: IfMatch
) -> dict[str, Any]:
    """Change a budget."""
    wanted = changes(change)
    if "rollover" in wanted:
        wanted["is_rolled_over"] = wanted.pop("rollover")
    await budgets.update(db, who.organization_id, budget_id, wanted, version=version)
    return await _one(db, who.organization_id, budget_id, None, response)


@router.delete("/{budget_id}", status_code=204)
async def delete_budget(budget_id: UUID, db: Db, who: Caller, version: IfMatch) -> Response:
    """Delete a budget."""
    await budgets.delete(db, who.organization_id, budget_id, version=version)
    return Response(status_code=204)


async def _one(
    db: Connection, organization_id: UUID, budget_id: UUID, month: date | None, response: Response
) -> dict[str, Any]:
    wanted = month or datetime.now(UTC).date().replace(day=1)
    [found] = await budgets.standing(db, organization_id, wanted, budget_id=budget_id)
    mark(response, found.budget.version)
    return _shown(found)


def _shown(found: Standing) -> dict[str, Any]:
    """Each amount beside its currency."""
    budget, month = vars(found.budget), found.month
    currency = found.budget.currency
    shown = month and {
        **vars(month),
        "as_of": datetime.now(UTC),
        "currency": currency,
        "forecast": {**vars(month.forecast), "currency": currency},
        "other_currencies": [{"currency": each, "spent": spent} for each, spent in month.other_currencies.items()],
    }
    overrides = {f"{each:%Y-%m}": exact(amount, currency) for each, amount in found.budget.overrides.items()}
    return {**budget, "rollover": found.budget.is_rolled_over, "overrides": overrides, "standing": shown}
