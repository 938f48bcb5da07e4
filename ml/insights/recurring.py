"""What recurring payments recommend: rises of prices, subscriptions held twice, income that is late, bills not paid."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from ml.insights.model import Recommendation, Rows, Type
from ml.recurring.schedules import Cadence
from ml.recurring.service import Pattern

# A rise is news for half a year.
NEWS_DAYS = 183
A_YEAR: dict[Cadence, int] = {
    "weekly": 52, "fortnightly": 26, "four_weekly": 13, "semi_monthly": 24, "monthly": 12, "quarterly": 4,
    "half_yearly": 2, "yearly": 1,
}  # fmt: skip


def recommended(patterns: Sequence[Pattern], today: date) -> list[Recommendation]:
    """What patterns recommend. What a person dismissed, what ended and what was rejected recommends nothing."""
    going_on = [each for each in patterns if each.state in ("active", "missed") and each.type != "transfer"]
    return [*_dearer(going_on, today), *_twice(going_on), *_late(going_on)]


def _dearer(patterns: Sequence[Pattern], today: date) -> Iterator[Recommendation]:
    for each in patterns:
        recent = [change for change in each.price_changes if change.since >= today - timedelta(days=NEWS_DAYS)]
        if each.type != "expense" or not recent or each.cadence not in A_YEAR:
            continue
        before, after = recent[0].before, recent[-1].after
        more = (before - after) * A_YEAR[each.cadence]
        if more > 0:
            yield Recommendation(
                type="price_rise",
                reason=f"{each.merchant} takes {-after} {each.currency} {each.cadence} since {recent[-1].since}; "
                f"it was {-before}. That is so much more a year",
                amount=more,
                currency=each.currency,
                per="year",
                since=recent[0].since,
                rows=_rows(each),
            )


def _twice(patterns: Sequence[Pattern]) -> Iterator[Recommendation]:
    """Two patterns of one merchant and cadence at about the same price: the later may be there by mistake."""
    alike: dict[tuple[str, str, str | None], list[Pattern]] = defaultdict(list)
    for each in patterns:
        if each.type == "expense" and each.amount_kind != "variable" and each.merchant_key:
            alike[each.merchant_key, each.currency, each.cadence].append(each)
    for found in alike.values():
        by_price = sorted(found, key=lambda each: (each.amount, each.first_on))
        for one, other in pairwise(by_price):
            later = max(one, other, key=lambda each: each.first_on)
            if one.amount * Decimal("0.95") < other.amount or later.cadence not in A_YEAR:
                continue
            yield Recommendation(
                type="duplicate_subscription",
                reason=f"{later.merchant} is paid twice {later.cadence}: {-one.amount} and {-other.amount} "
                f"{later.currency}. One of them a year",
                amount=-later.amount * A_YEAR[later.cadence],
                currency=later.currency,
                per="year",
                since=later.first_on,
                rows=_rows(later),
            )


def _late(patterns: Sequence[Pattern]) -> Iterator[Recommendation]:
    for each in patterns:
        if each.state != "missed" or not each.missed:
            continue
        is_income = each.type == "income"
        kind: Type = "late_income" if is_income else "missed_payment"
        what = "did not come" if is_income else "was not paid"
        yield Recommendation(
            type=kind,
            reason=f"what {each.merchant} {'pays' if is_income else 'takes'} {each.cadence}, due on {each.missed[0]}, "
            f"{what} by {each.known_through}",
            amount=abs(each.amount) * len(each.missed),
            currency=each.currency,
            since=each.missed[0],
            rows=_rows(each),
        )


def _rows(pattern: Pattern) -> Rows:
    return Rows(link=f"/api/ai/recurring/{pattern.pattern_id}")
