"""Weights: what each sign is worth, in natural logarithms of odds, and from where on a match is sure.

A logistic regression over the candidates of generated months, rounded: `python -m benchmarks.receipts --tune` prints
them anew, from other seeds than those that the benchmark measures by. A pair's score is the sum of its signs, and its
confidence the logistic of that.
"""

import math
from collections.abc import Mapping

WEIGHTS: Mapping[str, float] = {
    "base": -2.5,
    # the amount: of the same one, how much rarer than chance it is
    "rare": 1.0,
    "tip": -0.5,
    "rate": -0.5,
    "rate_off": -1.0,
    "no_currency": -0.7,
    # the days between the receipt's and the bank's: squares of days from the usual one, or weeks beyond
    "days": 1.0,
    "late": -2.0,
    "weeks": -0.4,
    "no_day": -1.0,
    "said_day": 2.5,
    "other_day": -2.5,
    # the name
    "alias": 4.5,
    "same_name": 4.0,
    "like_name": 2.0,
    "other_name": -2.0,
    # a number of the order or the invoice in the bank's text
    "number": 6.0,
    "other_amount": -6.0,
}
# Applied alone from this score on, where whatever else could be is worse by the margin; put to review from OFFERED on.
SURE, MARGIN, OFFERED = 3.0, 2.0, -1.5
# The reading of the total that a match alone may rest on.
SURE_TOTAL = 0.6


def score(signs: Mapping[str, float]) -> float:
    return WEIGHTS["base"] + sum(WEIGHTS[name] * value for name, value in signs.items())


def confidence(points: float) -> float:
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, points)))), 3)
