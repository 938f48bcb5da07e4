"""Movers: categories and merchants that came to much more, or much less, than in the period before."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal
from urllib.parse import quote
from uuid import UUID

from ai2.kit.periods import Period
from ai2.reports.definitions.given import UNCATEGORISED, Category
from ai2.reports.kpis.model import Mover
from ai2.reports.kpis.series import MerchantFigure
from ai2.reports.ledger.facts import NOTHING, Facts, Sum
from ai2.reports.tables import share

SHOWN = 5
LIST = "/api/core/transactions"
# Each has these figures in now and before, by what it is.
Figures = Mapping[str, Mapping[str, Sum]]
Of = Literal["income", "expense"]
NOW, BEFORE = "now", "previous_period"


def by_category(facts: Facts, categories: Mapping[UUID, Category], period: Period) -> list[Mover]:
    """Up and down, in each of income and expenses; what has no category is one."""
    found: list[Mover] = []
    for of, sign in (("income", -1), ("expense", 1)):
        sums: dict[UUID | None, dict[str, Sum]] = {}
        for place, by_column in facts.sums.items():
            if place.section == of:
                own = sums.setdefault(place.category_id, {})
                for key in (NOW, BEFORE):
                    own[key] = own.get(key, NOTHING) + by_column.get(key, NOTHING).times(sign)
        for category_id, each in sums.items():
            known = categories.get(category_id) if category_id else None
            link = f"category_id={category_id}" if category_id else "uncategorized=true"
            name = known.name if known else UNCATEGORISED
            found += _mover("category", of, name, category_id, each, link_of(link, period, facts.currency))  # type: ignore[arg-type]
    return _largest(found)


def by_merchant(
    figures: Iterable[MerchantFigure], names: Mapping[str, str], period: Period, currency: str
) -> list[Mover]:
    """The same of merchants; rows that name none are of nobody."""
    found: list[Mover] = []
    sums: dict[tuple[Of, str], dict[str, Sum]] = {}
    for each in figures:
        if each.merchant_key and each.currency == currency:
            sums.setdefault(("income", each.merchant_key), {})[each.key] = each.income
            sums.setdefault(("expense", each.merchant_key), {})[each.key] = each.expense
    for (of, key), own in sums.items():
        link = link_of(f"merchant={quote(key)}", period, currency)
        found += _mover("merchant", of, names.get(key, key), None, own, link)
    return _largest(found)


def _mover(
    kind: Literal["category", "merchant"],
    of: Of,
    name: str,
    category_id: UUID | None,
    own: Mapping[str, Sum],
    link: str,
) -> list[Mover]:
    now, before = own.get(NOW, NOTHING).amount, own.get(BEFORE, NOTHING).amount
    if now is None or before is None or now == before:
        return []
    pct = share(now - before, abs(before)) if before else None
    return [Mover(kind, of, name, category_id, now, before, now - before, pct, link)]


def _largest(found: Sequence[Mover]) -> list[Mover]:
    """Of what rose and of what fell those that did most, income and expenses apart."""
    shown: list[Mover] = []
    for of in ("income", "expense"):
        for is_up in (True, False):
            own = [each for each in found if each.of == of and (each.change > 0) == is_up]
            shown += sorted(own, key=lambda each: (-abs(each.change), each.name, str(each.category_id)))[:SHOWN]
    return shown


def link_of(of: str, period: Period, currency: str) -> str:
    return f"{LIST}?{of}&start_date={period.start}&end_date={period.end}&currency={currency}"


def largest_payer(figures: Iterable[MerchantFigure], currency: str, key: str) -> tuple[str | None, Decimal | None]:
    """Who gave most in a period, and how much."""
    known = [
        (each.income.amount, each.merchant_key)
        for each in figures
        if each.key == key and each.currency == currency and each.merchant_key and each.income.amount
    ]
    amount, name = max(known, default=(None, None))
    return (name, amount) if amount is not None and amount > 0 else (None, None)
