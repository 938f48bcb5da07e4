"""Budgets beside what came of them, over some months: as the budgets themselves say."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from ai2.books.budgets import service as budgets
from ai2.kit.database import Connection
from ai2.reports.kpis.model import Budgeted
from ai2.reports.model import Column, Table


async def budgeted(
    db: Connection, organization_id: UUID, first: date, last: date, currency: str | None = None
) -> list[Budgeted]:
    """Every budget that has one of these months."""
    found = [
        (budget, own)
        for budget, own in await budgets.over(db, organization_id, first, last)
        if currency in (None, budget.currency)
    ]
    covered = await budgets.covered(db, organization_id, [budget.budget_id for budget, _ in found])
    within = {
        (budget.currency, each)
        for budget, _ in found
        for each in covered.get(budget.budget_id, [])
        if each != budget.category_id
    }
    return [
        Budgeted(
            category=budget.category,
            is_income=budget.kind == "income",
            currency=budget.currency,
            planned=sum((month.planned for month in own), Decimal(0)),
            carried=own[0].carried,
            actual=sum((month.spent for month in own), Decimal(0)),
            is_within=(budget.currency, budget.category_id) in within,
        )
        for budget, own in found
    ]


def of_table(table: Table) -> list[Budgeted]:
    """The same of a budget report: of all of its days, or of its last column."""
    column = _column(table.columns)
    lines = [line for line in table.lines if line.key.startswith("budget-")]
    found = []
    for line in lines:
        planned, carried, actual = (
            table.by_place[line.key, key].amount
            for key in (f"{column.key}_planned", f"{column.key}_carried", column.key)
        )
        if planned is not None and carried is not None and actual is not None:
            is_income = line.where is not None and line.where.sign < 0
            found.append(
                Budgeted(
                    category=line.label, is_income=is_income, currency=table.currency,
                    planned=planned, carried=carried, actual=actual,
                )
            )  # fmt: skip
    return found


def _column(columns: Sequence[Column]) -> Column:
    own = [column for column in columns if column.role == "period"]
    return next((column for column in own if column.key == "total"), own[-1])
