"""Seasons: whether months of the year, or days of the week, differ by more than chance, and by how much.

A series is freed of its direction by a robust line (Theil 1950, Sen 1968). Whether what remains differs by season is
Kruskal and Wallis's test (1952) by its chi-squared approximation; how much of its movement the seasons explain is the
strength of Wang, Smith and Hyndman (2006): 1 is all of it, 0 nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median, pvariance

from ml.insights.statistics import slope

# Two of each month, and half a year of weeks: fewer repeat nothing.
LEAST_MONTHS, LEAST_WEEKS = 24, 26
CHANCE = 0.05


@dataclass(frozen=True)
class Season:
    """What a month of the year (1 to 12), or a day of the week (Monday is 1), usually is more or less than others.

    `index` is the same as a share of what is usual; none where a series is not above zero throughout.
    """

    season: int
    effect: float
    index: float | None
    values: int


@dataclass(frozen=True)
class Seasons:
    """What seasons do to a series; or the `reason` why that cannot be told."""

    seasons: tuple[Season, ...]
    strength: float | None
    p_value: float | None
    is_significant: bool | None
    values: int
    reason: str | None = None


def of_year(points: Sequence[tuple[date, float]]) -> Seasons:
    """Of a series by whole months that follow each other."""
    if len(points) < LEAST_MONTHS:
        return untold(len(points), f"a season needs {LEAST_MONTHS} whole months; there are {len(points)}")
    values = [value for _, value in points]
    line = _line(values)
    by_season: dict[int, list[tuple[float, float]]] = {}
    for (month, value), usual in zip(points, line, strict=True):
        by_season.setdefault(month.month, []).append((value, usual))
    return _told(by_season, is_positive=min(values) > 0 and min(line) > 0)


def of_week(weeks: Sequence[Sequence[float]]) -> Seasons:
    """Of whole weeks, each of seven days from Monday on; what is usual is the week's own mean."""
    moving = [week for week in weeks if any(week)]
    if len(moving) < LEAST_WEEKS:
        few = f"days of the week need {LEAST_WEEKS} weeks in which something moved; there are {len(moving)}"
        return untold(len(moving), few)
    by_day = {day + 1: [(week[day], sum(week) / 7) for week in moving] for day in range(7)}
    return _told(by_day, is_positive=min(sum(week) for week in moving) > 0, by_mean=True)


def untold(values: int, reason: str) -> Seasons:
    return Seasons((), None, None, None, values, reason)


def _line(values: Sequence[float]) -> list[float]:
    per_step = slope(values).per_month
    begin = median(value - per_step * at for at, value in enumerate(values))
    return [begin + per_step * at for at in range(len(values))]


def _told(
    by_season: Mapping[int, Sequence[tuple[float, float]]], *, is_positive: bool, by_mean: bool = False
) -> Seasons:
    """Of pairs of what was and what was usual. Days that mostly have nothing are told by their mean."""
    middle = _mean if by_mean else median
    off = {season: [was - usual for was, usual in pairs] for season, pairs in by_season.items()}
    effects = {season: middle(each) for season, each in off.items()}
    told = tuple(
        Season(season, effects[season], _index(by_season[season], by_mean=by_mean) if is_positive else None, len(each))
        for season, each in sorted(off.items())
    )
    every = [value for each in off.values() for value in each]
    rest = [value - effects[season] for season, each in off.items() for value in each]
    spread = pvariance(every)
    strength = max(0.0, 1 - pvariance(rest) / spread) if spread else 0.0
    p_value = kruskal_wallis(list(off.values()))
    return Seasons(told, round(strength, 4), round(p_value, 6), p_value < CHANCE, len(every))


def _index(pairs: Sequence[tuple[float, float]], *, by_mean: bool) -> float:
    if by_mean:
        return round(sum(was for was, _ in pairs) / sum(usual for _, usual in pairs), 4)
    return round(median(was / usual for was, usual in pairs), 4)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def kruskal_wallis(groups: Sequence[Sequence[float]]) -> float:
    """How likely chance alone makes groups differ as much, corrected for ties."""
    every = sorted(value for group in groups for value in group)
    count = len(every)
    ranks, ties, at = {}, 0, 0
    while at < count:
        same = at
        while same < count and every[same] == every[at]:
            same += 1
        ranks[every[at]] = (at + 1 + same) / 2
        ties += (same - at) ** 3 - (same - at)
        at = same
    untied = 1 - ties / (count**3 - count)
    if untied == 0:
        return 1.0
    spread = sum(sum(ranks[value] for value in group) ** 2 / len(group) for group in groups)
    statistic = (12 / (count * (count + 1)) * spread - 3 * (count + 1)) / untied
    return chi_squared_above(max(statistic, 0.0), len(groups) - 1)


def chi_squared_above(value: float, freedom: int) -> float:
    """How likely a chi-squared value of so many degrees of freedom is above this one (a finite series)."""
    half = value / 2
    begin = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    steps = [at + (0.5 if freedom % 2 else 0.0) for at in range(freedom // 2)]
    series = sum((float(half**step) / math.gamma(step + 1) for step in steps), 0.0)
    return min(begin + math.exp(-half) * series, 1.0)
