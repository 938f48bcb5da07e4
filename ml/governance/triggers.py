"""Triggers: whether the model that all share is due to be trained anew, and why. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import hypot, log
from typing import Literal

from ml.governance.intervals import wilson

Trigger = Literal["schedule", "corrections", "drift_of_decisions", "drift_of_overrides"]
# Nobody waits at this hour (UTC); and how often the sensor looks.
AT_NIGHT = time(2)
# A window of so many days against as many after the promotion; with fewer decisions there is no telling.
WINDOW_DAYS, ENOUGH_DECISIONS, ENOUGH_HEARD = 14, 500, 50
# What drifts goes on drifting until a newer model serves: no second training for it within so many days.
REST_DAYS = 2
# What is overridden more, in points, with the interval of the difference above none.
OVERRIDES_RISE = 0.05
# Where a share is none, so that its logarithm is one: half a row in a thousand.
LEAST_SHARE = 0.0005


@dataclass(frozen=True)
class Heard:
    """How many decisions people looked at, and how many of these they put elsewhere."""

    heard: int
    overridden: int


@dataclass(frozen=True)
class Facts:
    """What is known: when the last training was, what was shared since, and what is decided now and was at first.

    `before` and `now` count decisions by primary category, an empty one for none. None: there is no telling yet.
    """

    trained_at: datetime | None
    corrections: int
    before: Mapping[str, int] | None = None
    now: Mapping[str, int] | None = None
    heard_before: Heard | None = None
    heard_now: Heard | None = None


@dataclass(frozen=True)
class Limits:
    """What a deployment has set."""

    days: int
    corrections: int
    drift: float


@dataclass(frozen=True)
class Found:
    """A trigger, how far it is and from where on it is due. `value` is none where there is no telling."""

    trigger: Trigger
    value: float | None
    limit: float
    is_due: bool


def found(facts: Facts, limits: Limits, now: datetime) -> list[Found]:
    """Every trigger as it stands."""
    days = (now - facts.trained_at) / timedelta(days=1) if facts.trained_at else None
    drift = stability(facts.before, facts.now)
    overrides, is_more = overridden_more(facts.heard_before, facts.heard_now)
    is_rested = days is None or days >= REST_DAYS
    is_drifting = drift is not None and drift >= limits.drift
    return [
        Found(
            "schedule", round(days, 2) if days is not None else None, limits.days, days is None or days >= limits.days
        ),
        Found("corrections", facts.corrections, limits.corrections, facts.corrections >= limits.corrections),
        Found("drift_of_decisions", drift, limits.drift, is_drifting and is_rested),
        Found("drift_of_overrides", overrides, OVERRIDES_RISE, is_more and is_rested),
    ]


def next_scheduled(trained_at: datetime | None, days: int, now: datetime) -> datetime:
    """The night on which a training is due by schedule: the first at or after its day, and never a past one."""
    due = max(trained_at + timedelta(days=days), now) if trained_at else now
    night = datetime.combine(due.date(), AT_NIGHT, due.tzinfo)
    return night if night >= due else night + timedelta(days=1)


def stability(before: Mapping[str, int] | None, now: Mapping[str, int] | None) -> float | None:
    """The population stability index of two mixes; below 0.1 they are as good as the same, from 0.25 on they are not.

    None where one of them has too few rows. What nothing is said of is a part of the mix like any category.
    """
    if not before or not now or min(sum(before.values()), sum(now.values())) < ENOUGH_DECISIONS:
        return None
    index = 0.0
    for name in before.keys() | now.keys():
        was, is_now = (max(counts.get(name, 0) / sum(counts.values()), LEAST_SHARE) for counts in (before, now))
        index += (is_now - was) * log(is_now / was)
    return round(index, 4)


def overridden_more(before: Heard | None, now: Heard | None) -> tuple[float | None, bool]:
    """By how much the share of overridden decisions rose, and whether that is much, and no chance."""
    if before is None or now is None or min(before.heard, now.heard) < ENOUGH_HEARD:
        return None, False
    was, is_now = before.overridden / before.heard, now.overridden / now.heard
    low, high = wilson(now.overridden, now.heard)[0], wilson(before.overridden, before.heard)[1]
    least = is_now - was - hypot(is_now - low, high - was)  # the interval's lower end (Newcombe 1998)
    return round(is_now - was, 4), is_now - was >= OVERRIDES_RISE and least > 0
