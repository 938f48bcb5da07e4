"""Trends: categories whose last month is unlike the ones before, or that rise or fall month by month."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import NormalDist, median
from typing import Literal
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.rates.service import rounded
from ml.insights.statistics import credible, robust_z, slope

LEAST_MONTHS, TRAILING = 6, 12
# So many robust deviations and so large a part more or less are worth telling; of findings so many may be chance.
UNLIKE, WORTH, BY_CHANCE = 3.0, 0.2, 0.1


@dataclass(frozen=True)
class Category:
    """A category in a currency; none stands for what has no category yet."""

    category_id: UUID | None
    category: str | None
    kind: str | None
    currency: str


@dataclass(frozen=True)
class Trend:
    """What a category came to in a month, and what it usually comes to; or by how much it rises or falls a month.

    Amounts are what was spent, or of income what came in. `statistic` is named in `method`.
    """

    category_id: UUID | None
    category: str | None
    kind: str | None
    currency: str
    type: Literal["month", "direction"]
    method: Literal["robust_z", "mann_kendall"]
    statistic: float
    p_value: float | None
    months: int
    month: date
    amount: Decimal
    usual: Decimal
    change: Decimal
    change_share: float | None
    last_year: Decimal | None


def trends(rows: Sequence[DictRow], months: Sequence[date]) -> tuple[list[Trend], str | None]:
    """What stands out in the last of these whole months, and how categories move; or why nothing can be said.

    `rows` are sums by category, currency and month, `months` all from the first that the books have.
    """
    if len(months) < LEAST_MONTHS + 1:
        return [], f"a trend needs {LEAST_MONTHS + 1} whole months; the books have {len(months)}"
    series = _series(rows, months)
    unlike = [each for category, values in series.items() if (each := _month(category, values, months))]
    moving = list(_directions(series, months))
    return sorted([*unlike, *moving], key=lambda each: (each.currency, -abs(each.change), str(each.category_id))), None


def _series(rows: Sequence[DictRow], months: Sequence[date]) -> dict[Category, list[Decimal]]:
    """What each category came to in each month; nothing is a zero that is true: the month is over."""
    at = {month: place for place, month in enumerate(months)}
    found: dict[Category, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * len(months))
    for row in rows:
        if row["month"] in at:
            category = Category(row["category_id"], row["category"], row["kind"], row["currency"])
            amount = row["money_in"] - row["money_out"]
            found[category][at[row["month"]]] = amount if row["kind"] == "income" else -amount
    return dict(found)


def _month(category: Category, values: Sequence[Decimal], months: Sequence[date]) -> Trend | None:
    last, before = values[-1], [float(each) for each in values[-1 - TRAILING : -1]]
    if sum(each != 0 for each in before) < LEAST_MONTHS:
        return None
    usual = rounded(Decimal(repr(median(before))), category.currency)
    z = robust_z(float(last), before)
    if z is None or abs(z) < UNLIKE or abs(last - usual) < abs(usual) * Decimal(str(WORTH)):
        return None
    return Trend(
        **vars(category),
        type="month",
        method="robust_z",
        statistic=round(z, 3),
        p_value=round(2 * (1 - NormalDist().cdf(abs(z))), 6),
        months=len(before),
        month=months[-1],
        amount=last,
        usual=usual,
        change=last - usual,
        change_share=_share(last - usual, usual),
        last_year=_last_year(values),
    )


def _directions(series: dict[Category, list[Decimal]], months: Sequence[date]) -> Iterator[Trend]:
    """Categories that rise or fall; looking at many, some would by chance, and the surest are told."""
    looked_at = {
        category: values[-TRAILING:]
        for category, values in series.items()
        if sum(each != 0 for each in values[-TRAILING:]) >= LEAST_MONTHS + 2
    }
    slopes = {category: slope([float(each) for each in values]) for category, values in looked_at.items()}
    stands = credible([each.p_value for each in slopes.values()], BY_CHANCE)
    for (category, found), is_credible in zip(slopes.items(), stands, strict=True):
        values = looked_at[category]
        usual = rounded(Decimal(repr(median(map(float, values)))), category.currency)
        change = rounded(Decimal(repr(found.per_month)) * (len(values) - 1), category.currency)
        if not is_credible or abs(change) < abs(usual) * Decimal(str(WORTH)):
            continue
        yield Trend(
            **vars(category),
            type="direction",
            method="mann_kendall",
            statistic=round(found.per_month, 4),
            p_value=round(found.p_value, 6),
            months=len(values),
            month=months[-1],
            amount=values[-1],
            usual=usual,
            change=change,
            change_share=_share(change, usual),
            last_year=_last_year(series[category]),
        )


def _last_year(values: Sequence[Decimal]) -> Decimal | None:
    """The same month a year before, where the books reach there."""
    return values[-1 - TRAILING] if len(values) > TRAILING else None


def _share(change: Decimal, usual: Decimal) -> float | None:
    return round(float(change / abs(usual)), 4) if usual else None
