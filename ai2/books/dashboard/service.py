"""The dashboard: what there is, what came in and went out, from totals that the writing transaction keeps."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.accounts.service import OpeningIs
from ai2.books.dashboard import repository
from ai2.books.transactions import listing
from ai2.books.transactions.service import Transaction
from ai2.kit.database import Connection
from ai2.kit.periods import Period

TOP = 10


@dataclass(frozen=True)
class AccountBalance:
    """What an account holds: its opening balance and everything booked since, the last write included.

    Where nobody, not even its bank, says what it held at first, `opening_is` is unknown and this is what moved.
    """

    account_id: UUID
    name: str
    currency: str
    balance: Decimal
    opening_is: OpeningIs
    last_booked_on: date | None


@dataclass(frozen=True)
class Flow:
    """Money of one currency that came in and went out; transfers between own accounts are neither."""

    currency: str
    income: Decimal
    expense: Decimal
    net: Decimal
    transactions: int


@dataclass(frozen=True)
class MonthFlow(Flow):
    """The flow of a month, named by its first day."""

    month: date


@dataclass(frozen=True)
class CategoryFlow(Flow):
    """The flow of a category; none stands for what has no category yet."""

    category_id: UUID | None
    category: str | None
    kind: str | None


@dataclass(frozen=True)
class MerchantFlow:
    """What went to a merchant, by the name it is known by in the books."""

    merchant: str
    currency: str
    expense: Decimal
    transactions: int


@dataclass(frozen=True)
class Dashboard:
    """The books at a glance, each currency apart."""

    period: Period
    balances: list[AccountBalance]
    totals: list[Flow]
    by_month: list[MonthFlow]
    by_category: list[CategoryFlow]
    top_merchants: list[MerchantFlow]
    uncategorized: int
    suggestions_to_review: int
    recent: list[Transaction]


async def dashboard(db: Connection, organization_id: UUID, period: Period, currency: str | None = None) -> Dashboard:
    """Everything of a period, and the balances and open work of now."""
    flows = await repository.flows(db, organization_id, period, currency)
    counts = await repository.open_work(db, organization_id)
    merchants = await repository.top_merchants(db, organization_id, period, currency, TOP)
    recent = await listing.page(
        db, organization_id, listing.Filter(currency=currency), sort="-date", cursor=None, limit=TOP
    )
    return Dashboard(
        period=period,
        balances=await balances(db, organization_id, currency),
        totals=_totals(flows),
        by_month=_by_month(flows),
        by_category=_by_category(flows),
        top_merchants=[MerchantFlow(**row) for row in merchants],
        uncategorized=counts["uncategorized"],
        suggestions_to_review=counts["suggestions"],
        recent=recent.items,
    )


async def balances(db: Connection, organization_id: UUID, currency: str | None = None) -> list[AccountBalance]:
    """What each account in use holds, the last write included."""
    return [AccountBalance(**row) for row in await repository.balances(db, organization_id, currency)]


def _totals(flows: list[DictRow]) -> list[Flow]:
    return sorted((Flow(**_sums(row)) for row in flows if row["of"] == "all"), key=lambda flow: flow.currency)


def _by_month(flows: list[DictRow]) -> list[MonthFlow]:
    found = [MonthFlow(**_sums(row), month=row["month"]) for row in flows if row["of"] == "month"]
    return sorted(found, key=lambda flow: (flow.month, flow.currency))


def _by_category(flows: list[DictRow]) -> list[CategoryFlow]:
    names = ("category_id", "category", "kind")
    found = [
        CategoryFlow(**_sums(row), **{name: row[name] for name in names}) for row in flows if row["of"] == "category"
    ]
    return sorted(found, key=lambda flow: (flow.currency, flow.net, str(flow.category_id)))


def _sums(row: DictRow) -> dict[str, Any]:
    income, expense = row["income"], row["expense"]
    return {
        "currency": row["currency"],
        "income": income,
        "expense": expense,
        "net": income - expense,
        "transactions": row["transactions"],
    }
