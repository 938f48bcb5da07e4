"""What recurring payments recommend: rises of prices, subscriptions held twice, income that is late, bills not paid."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from ml.insights.model import Recommendation, Rows, Type
from ml.recurring.schedules import Cadence
from ml.recurring.service import Pattern

# A rise is news for half a year.
NEWS_DAYS = 183
# Two prices are about one where the lesser is more than so much of the other.
ALIKE = Decimal("0.95")
A_YEAR: dict[Cadence, int] = {
    "weekly": 52, "fortnightly": 26, "four_weekly": 13, "semi_monthly": 24, "monthly": 12, "quarterly": 4,
    "half_yearly": 2, "yearly": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A recommendation, and the patterns whose payments are behind it."""

    recommendation: Recommendation
    pattern_ids: tuple[UUID, ...]

    def with_rows(self, transaction_ids: list[UUID]) -> Recommendation:
        rows = replace(self.recommendation.rows, transaction_ids=transaction_ids)
        return replace(self.recommendation, rows=rows)


def recommended(patterns: Sequence[Pattern], today: date) -> list[Found]:
    """What patterns recommend. What a person dismissed, what ended and what was rejected recommends nothing."""
    going_on = [each for each in patterns if each.state in ("active", "missed") and each.type != "transfer"]
    return [*_dearer(going_on, today), *_twice(going_on), *_late(going_on)]


def _dearer(patterns: Sequence[Pattern], today: date) -> Iterator[Found]:
    for each in patterns:
        recent = [change for change in each.price_changes if change.since >= today - timedelta(days=NEWS_DAYS)]
        if each.type != "expense" or not recent or each.cadence not in A_YEAR:
            continue
        before, after = recent[0].before, recent[-1].after
        more = (before - after) * A_YEAR[each.cadence]
        if more > 0:
            yield _found(
                each,
                "price_rise",
                f"{each.merchant} takes {-after} {each.currency} {each.cadence} since {recent[-1].since}; "
                f"it was {-before}. That is so much more a year",
                more,
                since=recent[0].since,
                per="year",
            )


def _twice(patterns: Sequence[Pattern]) -> Iterator[Found]:
    """Patterns of one merchant and cadence at about the same price: all but the first may be there by mistake."""
    alike: dict[tuple[str, str, str | None], list[Pattern]] = defaultdict(list)
    for each in patterns:
        if each.type == "expense" and each.amount_kind != "variable" and each.merchant_key:
            alike[each.merchant_key, each.currency, each.cadence].append(each)
    for found in alike.values():
        by_age = sorted(found, key=lambda each: (each.first_on, each.amount))
        for place, later in enumerate(by_age):
            former = next((each for each in by_age[:place] if _is_beside(each, later)), None)
            if former is None or later.cadence not in A_YEAR:
                continue
            yield _found(
                later,
                "duplicate_subscription",
                f"{later.merchant} is paid twice {later.cadence}: {-former.amount} and {-later.amount} "
                f"{later.currency}. One of them a year",
                -later.amount * A_YEAR[later.cadence],
                since=later.first_on,
                per="year",
                beside=(former.pattern_id,),
            )


def _is_beside(former: Pattern, later: Pattern) -> bool:
    """Whether both were paid at the same time, at about one price: one that took over from another is not beside it."""
    least, most = sorted((-former.amount, -later.amount))
    return least > most * ALIKE and later.first_on <= former.last_on


def _late(patterns: Sequence[Pattern]) -> Iterator[Found]:
    for each in patterns:
        if each.state != "missed" or not each.missed:
            continue
        is_income = each.type == "income"
        what = "did not come" if is_income else "was not paid"
        yield _found(
            each,
            "late_income" if is_income else "missed_payment",
            f"what {each.merchant} {'pays' if is_income else 'takes'} {each.cadence}, due on {each.missed[0]}, "
            f"{what} by {each.known_through}",
            abs(each.amount) * len(each.missed),
            since=each.missed[0],
        )


def _found(
    pattern: Pattern,
    kind: Type,
    reason: str,
    amount: Decimal,
    *,
    since: date,
    per: Literal["year"] | None = None,
    beside: tuple[UUID, ...] = (),
) -> Found:
    rows = Rows(link=f"/api/ai/recurring/{pattern.pattern_id}")
    told = Recommendation(kind, reason, amount, pattern.currency, rows, per=per, since=since)
    return Found(told, (pattern.pattern_id, *beside))
