"""Statistics of a few monthly sums: whether a month is unlike the others, whether they rise, in plain Python."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

# The normal consistent scale of a median absolute deviation.
SCALE = 1.4826
# Student's t that a value in ten passes, by degrees of freedom (a mean's 80 % interval lies between minus it and it).
T_10 = {
    1: 3.078, 2: 1.886, 3: 1.638, 4: 1.533, 5: 1.476, 6: 1.440, 7: 1.415, 8: 1.397, 9: 1.383, 10: 1.372, 11: 1.363,
}  # fmt: skip


@dataclass(frozen=True)
class Slope:
    """By how much a month differs from the one before, in the median (Sen 1968), and how likely chance alone makes
    as much of a trend (Mann 1945, Kendall 1975; two-sided, corrected for ties)."""

    per_month: float
    p_value: float


def robust_z(value: float, others: Sequence[float]) -> float | None:
    """How many robust standard deviations a value lies from the median of others; none where these do not differ."""
    middle = median(others)
    deviation = SCALE * median(abs(each - middle) for each in others)
    if deviation == 0:
        return None
    return (value - middle) / deviation


def slope(values: Sequence[float]) -> Slope:
    """The trend of values that follow each other; of fewer than four nothing is said."""
    count = len(values)
    pairs = [(values[later] - values[at], later - at) for at in range(count) for later in range(at + 1, count)]
    if count < 4:
        return Slope(0.0, 1.0)
    balance = sum((difference > 0) - (difference < 0) for difference, _ in pairs)
    ties = [values.count(value) for value in set(values)]
    variance = count * (count - 1) * (2 * count + 5) - sum(tied * (tied - 1) * (2 * tied + 5) for tied in ties)
    per_month = median(difference / apart for difference, apart in pairs)
    if variance <= 0 or balance == 0:
        return Slope(per_month, 1.0)
    z = (abs(balance) - 1) / math.sqrt(variance / 18)
    return Slope(per_month, 2 * (1 - NormalDist().cdf(z)))


def credible(p_values: Sequence[float], rate: float) -> list[bool]:
    """Which of many findings stand, when so large a part of them may be chance (Benjamini and Hochberg 1995)."""
    ordered = sorted(range(len(p_values)), key=lambda at: p_values[at])
    last = max((rank for rank, at in enumerate(ordered, 1) if p_values[at] <= rate * rank / len(p_values)), default=0)
    standing = set(ordered[:last])
    return [at in standing for at in range(len(p_values))]


def mean_between(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of 3 to 12 values and its 80 % interval by Student's t."""
    count = len(values)
    mean = sum(values) / count
    deviation = math.sqrt(sum((each - mean) ** 2 for each in values) / (count - 1))
    reach = T_10[count - 1] * deviation / math.sqrt(count)
    return mean, mean - reach, mean + reach
