"""Statistics of insights: what is unlike the others, what moves, how long money lasts; against scipy and by hand."""

import random
from datetime import date
from decimal import Decimal

import pytest
from scipy import stats

from ai2.books.dashboard.service import AccountBalance
from ai2.kit.ids import new_id
from ml.insights.runway import runways
from ml.insights.statistics import credible, mean_between, robust_z, slope
from ml.insights.trends import trends

MONTHS = [date(2025 + (each // 12), each % 12 + 1, 1) for each in range(14)]


def test_a_trend_is_what_scipy_says_it_is() -> None:
    chance = random.Random(7)
    for count in (6, 9, 12):
        values = [chance.gauss(10, 3) + each for each in range(count)]
        found = slope(values)
        assert found.per_month == pytest.approx(stats.theilslopes(values).slope)
        exact = stats.kendalltau(range(count), values, method="exact").pvalue
        assert found.p_value == pytest.approx(exact, abs=0.05)


def test_the_interval_of_a_mean_is_students() -> None:
    values = [3.0, 5.0, 4.0, 8.0, 1.0]
    mean, low, high = mean_between(values)
    expected = stats.t.interval(0.8, len(values) - 1, loc=mean, scale=stats.sem(values))
    assert (low, high) == pytest.approx(expected, abs=1e-3)


def test_robust_z_is_none_where_nothing_differs_and_bears_one_wild_month() -> None:
    assert robust_z(5, [3, 3, 3]) is None
    assert robust_z(20, [9, 10, 11, 500]) == pytest.approx((20 - 10.5) / (1.4826 * 1.0))


def test_of_many_findings_chance_is_taken_away() -> None:
    assert credible([0.001, 0.9, 0.04, 0.8], 0.1) == [True, False, True, False]
    assert credible([0.04] + [0.5] * 19, 0.1) == [False] * 20


def rows(amounts: list[str], kind: str = "expense", currency: str = "GBP") -> list[dict[str, object]]:
    category_id, side = new_id(), "money_in" if kind == "income" else "money_out"
    nothing = {"money_in": Decimal(0), "money_out": Decimal(0)}
    return [
        {**nothing, "month": month, "category_id": category_id, "category": "Power", "kind": kind, "currency": currency,
         side: Decimal(amount)}
        for month, amount in zip(MONTHS, amounts, strict=True)
    ]  # fmt: skip


STEADY = ["100", "104", "98", "101", "97", "103", "99", "102", "100", "96", "104", "101", "99"]


def test_a_month_unlike_the_others_is_told_and_one_like_them_is_not() -> None:
    found, reason = trends(rows([*STEADY, "250"]), MONTHS)
    assert reason is None
    [told] = found
    assert (told.type, told.amount, told.usual, told.change) == (
        "month",
        Decimal(250),
        Decimal("100.50"),
        Decimal("149.50"),
    )
    assert (told.last_year, told.months) == (Decimal(104), 12)
    assert told.statistic > 3
    assert trends(rows([*STEADY, "102"]), MONTHS) == ([], None)


def test_what_rises_month_by_month_is_told_with_its_slope() -> None:
    found, _ = trends(rows([str(100 + 10 * each) for each in range(14)], "income"), MONTHS)
    [told] = [each for each in found if each.type == "direction"]
    assert (told.statistic, told.change, told.method) == (10.0, Decimal("110.00"), "mann_kendall")
    assert told.p_value is not None
    assert told.p_value < 0.001


def test_too_few_months_say_why() -> None:
    found, reason = trends(rows([*STEADY, "250"]), MONTHS[:6])
    assert (found, reason) == ([], "a trend needs 7 whole months; the books have 6")


def held(balance: str, currency: str = "GBP", opening_is: str = "given") -> AccountBalance:
    return AccountBalance(new_id(), "Current", currency, Decimal(balance), opening_is, date(2026, 2, 28))  # type: ignore[arg-type]


def flows(nets: list[str], currency: str = "GBP") -> list[dict[str, object]]:
    return [
        {"month": month, "currency": currency, "net": Decimal(net)} for month, net in zip(MONTHS, nets, strict=False)
    ]


def test_a_runway_is_what_is_held_by_what_goes_out_each_currency_apart() -> None:
    months = MONTHS[:4]
    flow = [*flows(["-100", "-140", "-60", "-100"]), *flows(["50", "60", "40", "50"], "USD")]
    pounds, dollars = runways([held("600"), held("400"), held("9", "USD")], flow, months)
    assert (pounds.balance, pounds.monthly_burn, pounds.runway_months) == (Decimal(1000), Decimal("100.00"), 10.0)
    assert pounds.low_months is not None
    assert pounds.high_months is not None
    assert pounds.low_months < 10 < pounds.high_months
    assert (dollars.runway_months, dollars.reason) == (None, "more comes in than goes out")


@pytest.mark.parametrize(
    ("balance", "nets", "reason"),
    [
        (held("600", opening_is="unknown"), ["-1", "-2", "-3"], "nobody says what Current held at first"),
        (held("600"), ["-1", "-2"], "it needs 3 whole months in which money moved; there are 2"),
        (held("-5"), ["-1", "-2", "-3"], "nothing is held"),
    ],
)
def test_a_runway_that_cannot_be_known_is_null_and_says_why(
    balance: AccountBalance, nets: list[str], reason: str
) -> None:
    [found] = runways([balance], flows(nets), MONTHS[: len(nets)])
    assert (found.runway_months, found.reason) == (None, reason)
