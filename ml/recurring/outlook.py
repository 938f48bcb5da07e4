"""Outlook: when a series is due next and between which days, what was missed, and whether it has ended."""

import math
from dataclasses import dataclass
from typing import Literal

from ml.recurring.fitting import USUAL, Fit, ratio_of
from ml.recurring.schedules import Cadence, Schedule

State = Literal["active", "missed", "ended"]

# One in so many payments may lie outside the interval on each side.
OUTSIDE = 0.02
# After so many due dates without a payment a series has ended; of what comes seldom after this many days.
MISSES_TO_END: dict[Cadence, int] = {"weekly": 4, "fortnightly": 3, "four_weekly": 3, "semi_monthly": 4, "monthly": 3}
DAYS_TO_END = 75


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to come, by a schedule from which further due dates follow. Days are ordinals."""

    schedule: Schedule
    state: State
    next_due: int
    early: int
    late: int
    # due dates that passed without a payment: between others, and after the last
    skipped: tuple[int, ...]
    missed: tuple[int, ...]


def look(found: Fit, last: int, known_through: int) -> Outlook:
    """What is to come after a payment on the day `last`, where the account is known up to a day."""
    early, late = _room(found)
    schedule = found.schedule
    if schedule.kind == "floating":  # it goes on from the last payment
        schedule = Schedule(schedule.cadence, "floating", last, days=schedule.days)
        skipped: tuple[int, ...] = ()
    else:
        skipped = tuple(schedule.due(slot) for slot in found.skipped)
    after = last if schedule.kind == "floating" else max(last, found.schedule.due(found.slots[-1]))
    missed = []
    for due in schedule.after(after):
        if due + late >= known_through:
            break
        missed.append(due)
    return Outlook(schedule, _state(schedule, missed, known_through), due, early, late, skipped, tuple(missed))


def room_before_any(cadence: Cadence) -> int:
    """How many days early or late a payment may be of whose spread nothing is known yet."""
    return math.ceil(3 * USUAL[cadence])


def _state(schedule: Schedule, missed: list[int], known_through: int) -> State:
    if not missed:
        return "active"
    enough = MISSES_TO_END.get(schedule.cadence)
    has_ended = len(missed) >= enough if enough else known_through - missed[0] > DAYS_TO_END
    return "ended" if has_ended else "missed"


def _room(found: Fit) -> tuple[int, int]:
    """How many days early or late the next may be: what 96 in 100 of such a spread keep to, and all that was seen.

    Few payments show little of their spread, so that they are given more room.
    """
    number = len(found.late)
    spread = found.spread * (1 + 1.5 / number)
    reach = math.ceil(math.log(2 * OUTSIDE) / math.log(ratio_of(spread)) - 1)
    reach = max(reach, 1 if number < 12 else 0)
    if found.schedule.kind == "floating":
        reach = max(reach, math.ceil(USUAL[found.schedule.cadence]))
    most = max(int(found.schedule.period / 3), 1)
    seen_early, seen_late = -min(found.late), max(found.late)
    return min(max(reach, seen_early), most), min(max(reach, seen_late), most)
