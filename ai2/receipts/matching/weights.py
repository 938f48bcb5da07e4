"""Weights: what each sign is worth, in natural logarithms of odds, and from where on a match is sure.

A logistic regression over the candidates of generated months, rounded: `python -m benchmarks.receipts --tune` prints
them anew, from other seeds than those that the benchmark measures by. A pair's score is the sum of its signs, and its
confidence the logistic of that.
"""

import math
from collections.abc import Mapping

WEIGHTS: Mapping[str, float] = {
    "base": 3.1,
    # the amount: how much rarer than chance it is, just this one, or as near to it
    "rare": 0.6,
    "near": -0.5,
    "tip": -4.8,
    "usual_tip": 4.0,
    "rate": -0.6,
    "rate_off": -0.6,
    "no_currency": -0.2,
    # the days on which banks book from the receipt's to the bank's: how many from the usual one, or weeks beyond
    "off": -0.6,
    "squared": -0.4,
    "early": -1.6,
    "late": -5.6,
    "weeks": -0.3,
    "no_day": -0.5,
    "seen": -1.7,
    "said_day": 1.9,
    "other_day": -3.7,
    # the name
    "alias": 2.5,
    "same_name": 1.1,
    "like_name": 0.3,
    "other_name": -2.2,
    # a number of the order or the invoice in the bank's text
    "number": 4.4,
    "other_amount": -6.0,
}
# Applied alone from this score on, where whatever else could be is worse by the margin; put to review from OFFERED on.
SURE, MARGIN, OFFERED = 1.0, 0.5, -1.5
# The reading of the total that a match alone may rest on.
SURE_TOTAL = 0.6


def score(signs: Mapping[str, float]) -> float:
    return WEIGHTS["base"] + sum(WEIGHTS[name] * value for name, value in signs.items())


def confidence(points: float) -> float:
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, points)))), 3)
