"""Triggers: by age, by corrections, by a drift of what is decided or overridden; each alone, none without reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ml.governance.triggers import Facts, Heard, Limits, found, next_scheduled, stability

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
LIMITS = Limits(days=7, corrections=500, drift=0.25)
QUIET = Facts(
    trained_at=NOW - timedelta(days=3),
    corrections=499,
    before={"FOOD_AND_DRINK": 500, "TRAVEL": 300, "": 200},
    now={"FOOD_AND_DRINK": 480, "TRAVEL": 330, "": 190},
    heard_before=Heard(100, 10),
    heard_now=Heard(100, 14),
)
MOVED = {"FOOD_AND_DRINK": 300, "TRAVEL": 150, "": 550}


def due(facts: Facts) -> set[str]:
    return {each.trigger for each in found(facts, LIMITS, NOW) if each.is_due}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (QUIET, set()),
        (replace(QUIET, trained_at=NOW - timedelta(days=7)), {"schedule"}),
        (replace(QUIET, trained_at=None), {"schedule"}),
        (replace(QUIET, corrections=500), {"corrections"}),
        (replace(QUIET, now=MOVED), {"drift_of_decisions"}),
        (replace(QUIET, now={name: times // 10 for name, times in MOVED.items()}), set()),  # too few to tell
        (replace(QUIET, before=None), set()),  # the first days after a promotion
        (replace(QUIET, heard_now=Heard(100, 30)), {"drift_of_overrides"}),
        (replace(QUIET, heard_now=Heard(49, 49)), set()),
        (replace(QUIET, heard_now=Heard(100, 16)), set()),  # may be chance
        (replace(QUIET, now=MOVED, trained_at=NOW - timedelta(days=1)), set()),  # a training just saw it
    ],
)
def test_each_trigger_is_due_alone(facts: Facts, expected: set[str]) -> None:
    assert due(facts) == expected


def test_what_was_never_said_before_is_a_drift_and_no_error() -> None:
    """Siddiqi's index of two mixes, by hand: (0.5 - 0.9) ln(0.5/0.9) + (0.5 - 0.1) ln(0.5/0.1)."""
    assert stability({"A": 900, "B": 100}, {"A": 500, "B": 500}) == pytest.approx(0.8789, abs=1e-4)
    assert stability({"A": 1000}, {"A": 1000}) == 0
    assert (stability({"A": 1000}, {"B": 1000}) or 0) > 10


@pytest.mark.parametrize(
    ("trained_at", "expected"),
    [
        (datetime(2026, 5, 18, 2, tzinfo=UTC), datetime(2026, 5, 25, 2, tzinfo=UTC)),
        (datetime(2026, 5, 18, 9, tzinfo=UTC), datetime(2026, 5, 26, 2, tzinfo=UTC)),
        (datetime(2026, 1, 1, 9, tzinfo=UTC), datetime(2026, 5, 21, 2, tzinfo=UTC)),
        (None, datetime(2026, 5, 21, 2, tzinfo=UTC)),
    ],
)
def test_the_next_training_by_schedule_is_at_night(trained_at: datetime | None, expected: datetime) -> None:
    assert next_scheduled(trained_at, 7, NOW) == expected
