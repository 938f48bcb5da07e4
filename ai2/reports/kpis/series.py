"""Series: what something came to month by month, read from the ledger as the reports read it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from ai2.books.accounts import service as accounts
from ai2.books.accounts.service import Account
from ai2.books.categories import service as categories
from ai2.books.rates import service as rates
from ai2.kit.database import Connection
from ai2.kit.merchants import merchant_key
from ai2.kit.periods import Period, months
from ai2.reports.kpis import repository
from ai2.reports.kpis.days import every_month
from ai2.reports.ledger import facts as ledger
from ai2.reports.ledger import repository as ledger_repository
from ai2.reports.ledger.facts import NOTHING, Sum
from ai2.reports.model import Column, Section, Where

Of = Literal["income", "expense", "net", "balance"]
INCOME, EXPENSE = Where(sign=-1, sections=("income",)), Where(sections=("expense",))
NET = Where(sign=-1, sections=("income", "expense"))
MERCHANTS_OF: tuple[Of, ...] = ("expense", "income")
LEDGER, MERCHANTS = "marts.live_ledger_months", "books.merchant_totals"


@dataclass(frozen=True)
class Point:
    """What a month came to; null where it cannot be had. Of a month that is not over, or cut short, not `is_whole`."""

    month: date
    amount: Decimal | None
    is_whole: bool
    reason: str | None = None


@dataclass(frozen=True)
class Series:
    """Points of one thing in one currency, month by month."""

    of: Of
    label: str
    currency: str
    points: tuple[Point, ...]
    computed_by: str
    category_id: UUID | None = None
    account_id: UUID | None = None
    merchant: str | None = None

    def whole(self) -> list[tuple[date, Decimal]]:
        """The last whole months that are known and follow each other."""
        found: list[tuple[date, Decimal]] = []
        for point in self.points:
            if point.is_whole and point.amount is not None:
                found.append((point.month, point.amount))
            elif point.is_whole:
                found.clear()
        return found


async def of_books(
    db: Connection, organization_id: UUID, period: Period, whole: Sequence[date], currency: str | None
) -> list[Series]:
    """Income, expenses and what is left of them."""
    columns = _flows(period)
    found = await ledger.facts(db, organization_id, columns, currency=currency)
    lines: tuple[tuple[Of, str, Where], ...] = (
        ("income", "Income", INCOME), ("expense", "Expenses", EXPENSE), ("net", "Net", NET),
    )  # fmt: skip
    return [
        _series(of, label, each.currency, columns, each.on(where), whole)
        for each in found
        for of, label, where in lines
    ]


async def of_category(
    db: Connection,
    organization_id: UUID,
    category_id: UUID,
    period: Period,
    whole: Sequence[date],
    currency: str | None,
) -> list[Series]:
    """A category's own entries, those of categories below it aside."""
    category = await categories.get(db, organization_id, category_id)
    section: Section = "transfer" if category.kind == "transfer" else category.kind
    of: Of = "expense" if section == "expense" else "income" if section == "income" else "net"
    where = Where(
        sign=1 if section == "expense" else -1, sections=(section,), has_category=True, category_id=category_id
    )
    columns = _flows(period)
    found = await ledger.facts(db, organization_id, columns, currency=currency)
    series = [_series(of, category.name, each.currency, columns, each.on(where), whole) for each in found]
    return [replace(each, category_id=category_id) for each in series if _moves(each)]


async def of_account(
    db: Connection, organization_id: UUID, account_id: UUID, period: Period, whole: Sequence[date], currency: str | None
) -> list[Series]:
    """What an account held at the end of each month."""
    account = await accounts.get(db, organization_id, account_id)
    columns = [Column(f"{each.start:%Y-%m}", "", None, each.end, "balance") for each in every_month(period)]
    found = await ledger.facts(db, organization_id, columns, currency=currency, account_ids=(account_id,))
    where = Where(sections=("account",), account_id=account_id, is_balance=True)
    figures = {each.currency: each.on(where) for each in found}
    own = currency or account.currency
    series = _series("balance", account.name, own, columns, figures.get(own, {}), whole)
    points = series.points if account.opening_is != "unknown" else tuple(_unknown(account, series.points))
    return [replace(series, points=points, account_id=account_id)]


async def of_merchant(
    db: Connection, organization_id: UUID, merchant: str, period: Period, whole: Sequence[date], currency: str | None
) -> list[Series]:
    """What was spent at a merchant, and what came from it."""
    keys = sorted({merchant.lower(), merchant_key(merchant)})
    periods = {f"{each.start:%Y-%m}": each for each in every_month(period)}
    found = await merchant_figures(db, organization_id, periods, currency, keys)
    columns = _flows(period)
    return [
        replace(
            _series(of, merchant, each, columns, _of_merchant(found, each, of), whole),
            merchant=merchant, computed_by=MERCHANTS,
        )
        for each in sorted({row.currency for row in found})
        for of in MERCHANTS_OF
        if any(getattr(row, of).amount != 0 for row in found if row.currency == each)
    ]  # fmt: skip


@dataclass(frozen=True)
class MerchantFigure:
    """What a merchant gave and took in a period."""

    key: str
    merchant_key: str
    currency: str
    income: Sum
    expense: Sum


async def merchant_figures(
    db: Connection,
    organization_id: UUID,
    periods: Mapping[str, Period],
    currency: str | None,
    keys: Sequence[str] | None = None,
) -> list[MerchantFigure]:
    """Of all merchants, or some: each currency apart, or everything in one."""
    if currency is None:
        found = await repository.merchants(db, organization_id, periods, keys)
        return [_figure({**row, "unconverted": 0}, None) for row in found]
    columns = [Column(key, key, each.start, each.end) for key, each in periods.items()]
    wanted = await ledger_repository.foreign_days(db, organization_id, columns, into=currency, accounts=())
    known = await rates.converter(db, organization_id, currency, wanted)
    reason = next((each.reason for each in known.values() if each.reason), None)
    if not wanted:
        found = await repository.merchants(db, organization_id, periods, keys)
        return [_figure({**row, "unconverted": 0}, None) for row in found if row["currency"] == currency]
    found = await repository.converted_merchants(db, organization_id, periods, into=currency, rates=known, keys=keys)
    return [_figure(row, reason) for row in found]


def _figure(row: Mapping[str, object], reason: str | None) -> MerchantFigure:
    values: dict[str, Sum] = {}
    for name in ("income", "expense"):
        amount = None if row["unconverted"] else row[name]
        values[name] = Sum(amount, 0, reason if amount is None else None)  # type: ignore[arg-type]
    return MerchantFigure(str(row["key"]), str(row["merchant_key"]), str(row["currency"]), **values)


def _of_merchant(found: Iterable[MerchantFigure], currency: str, of: str) -> dict[str, Sum]:
    values: dict[str, Sum] = {}
    for each in found:
        if each.currency == currency:
            values[each.key] = values.get(each.key, NOTHING) + getattr(each, of)
    return values


def _flows(period: Period) -> list[Column]:
    return [Column(f"{each.start:%Y-%m}", "", each.start, each.end) for each in every_month(period)]


def _series(
    of: Of, label: str, currency: str, columns: Sequence[Column], figures: Mapping[str, Sum], whole: Sequence[date]
) -> Series:
    known = set(whole)
    points = []
    for column in columns:
        found = figures.get(column.key, NOTHING)
        month = months(column.end, 1)
        is_whole = month.start in known and column.end == month.end and column.start in (None, month.start)
        points.append(Point(month.start, found.amount, is_whole, found.reason if found.amount is None else None))
    return Series(of, label, currency, tuple(points), LEDGER)


def _moves(series: Series) -> bool:
    return any(each.amount != 0 for each in series.points)


def _unknown(account: Account, points: Iterable[Point]) -> Iterable[Point]:
    reason = f"nobody says what {account.name} held at first; give it an opening balance"
    return (replace(each, amount=None, reason=reason) for each in points)
