"""Fitting: which schedule the days of payments keep to, and how much that speaks for one.

Everything is weighed as log-odds: how much likelier these days are if they follow the schedule than if they fell
anywhere. Lateness is a two-sided geometric distribution, whose only figure is how many days late or early it is on
average; three in a hundred may fall on any day at all.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ml.recurring import schedules
from ml.recurring.schedules import DAYS, LAST_DAY, LAST_WEEK, MONTHS, Cadence, Schedule

# Fewer days than this between most of them is shopping, not a bill.
LEAST_GAP = 5
# Nearer than this to the one before it, a payment says nothing of the rhythm: paid in two parts, or twice.
SAME = 2
# Between which multiples of a cadence's days the middle gap lies.
SHORTEST, LONGEST = 0.72, 1.4
# A payment so many days off is another one, and how many days off one is expected to be before any was seen.
WINDOW: dict[Cadence, int] = {
    "weekly": 2, "fortnightly": 3, "four_weekly": 5, "semi_monthly": 4, "monthly": 7, "quarterly": 16,
    "half_yearly": 22, "yearly": 28,
}  # fmt: skip
USUAL: dict[Cadence, float] = {
    "weekly": 0.4, "fortnightly": 0.5, "four_weekly": 0.7, "semi_monthly": 0.7, "monthly": 0.8, "quarterly": 2.5,
    "half_yearly": 3, "yearly": 3.5,
}  # fmt: skip
# By how many days floating ones may go: between these the period of a month, a quarter, half a year, a year.
FLOATING: tuple[tuple[Cadence, int, int], ...] = (
    ("four_weekly", 26, 29), ("monthly", 29, 36), ("quarterly", 80, 103), ("half_yearly", 168, 200),
    ("yearly", 350, 381),
)  # fmt: skip
ANYWHERE = 0.03
# A due date that is kept is likelier by this in a schedule than by chance; one that is skipped is this much less so.
# Habits keep to their rhythm too, so that it proves only so much.
KEPT, MOST_KEPT, SKIPPED, EXTRA = 0.43, 3.0, -2.2, -1.2
# What each further thing that was fitted to the days costs.
COSTS = {"interval": 0.7, "month_day": 1.0, "month_weekday": 2.0, "floating": 2.2}
SHIFTED, TWO_DAYS = 0.4, 1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A schedule, and which of the payments keep to it: their places in the list, their slots and how late each was."""

    schedule: Schedule
    members: tuple[int, ...]
    slots: tuple[int, ...]
    late: tuple[int, ...]
    extras: int
    # log-odds, from the days alone
    evidence: float
    # how many days early or late one is on average
    spread: float

    @property
    def skipped(self) -> list[int]:
        """The slots between the first and the last that nobody kept."""
        kept = set(self.slots)
        return [slot for slot in range(self.slots[0], self.slots[-1]) if slot not in kept]

    @property
    def share_kept(self) -> float:
        return len(self.slots) / (self.slots[-1] - self.slots[0] + 1)


def middle_gap(days: Sequence[int]) -> float | None:
    """The median of the days between payments, leaving out what was paid at once; none where all was."""
    gaps = [later - day for day, later in pairwise(days) if later - day > SAME]
    return median(gaps) if gaps else None


def is_rhythmic(days: Sequence[int], gap: float) -> bool:
    """Whether most gaps are the middle one, or twice it: a look that costs little."""
    gaps = [later - day for day, later in pairwise(days) if later - day > SAME]
    if len(gaps) < 4:
        return True
    near = sum(abs(each - gap) <= 0.3 * gap or abs(each - 2 * gap) <= 0.3 * gap for each in gaps)
    return near >= 0.5 * len(gaps)


def fit(days: Sequence[int], only: Cadence | None = None) -> Fit | None:
    """The schedule that these days, in their order, speak most for; none where no cadence comes near."""
    gap = middle_gap(days)
    if gap is None or (only is None and (gap < LEAST_GAP or not is_rhythmic(days, gap))):
        return None
    best: Fit | None = None
    for schedule in _calendar(days, gap, only):
        best = _better(best, _kept(days, schedule))
    if best is not None and best.schedule.kind == "month_day" and best.spread < 4 and any(best.late):
        for schedule in _shifted(days, best.schedule):
            best = _better(best, _kept(days, schedule))
    for schedule in _floating(days, gap, only):
        best = _better(best, _floated(days, schedule))
    return best


def _better(one: Fit | None, other: Fit | None) -> Fit | None:
    if one is None or other is None:
        return one or other
    return other if other.evidence > one.evidence + 1e-9 else one


def _calendar(days: Sequence[int], gap: float, only: Cadence | None) -> Iterator[Schedule]:
    for cadence, period in DAYS.items():
        if (only or cadence) != cadence or (only is None and not SHORTEST * period <= gap <= LONGEST * period):
            continue
        if cadence == "semi_monthly":
            yield from _twice_a_month(days)
        elif cadence in MONTHS:
            yield from _on_days(days, cadence)
            yield from _on_weekdays(days, cadence)
        else:
            length = int(period)
            yield Schedule(cadence, "interval", days[0] + _phase(days, length), days=length)


def _phase(days: Sequence[int], length: int) -> int:
    """How many days after the first the rhythm begins that most of them keep to, neighbours counting half."""
    counted = Counter((day - days[0]) % length for day in days)
    weight = {
        phase: counted[phase] + 0.5 * (counted[(phase - 1) % length] + counted[(phase + 1) % length])
        for phase in counted
    }
    best = max(weight, key=lambda phase: (weight[phase], -phase))
    return best if best <= length // 2 else best - length


def _on_days(days: Sequence[int], cadence: Cadence) -> Iterator[Schedule]:
    months = [schedules.month_of(day) for day in days]
    places = [day - schedules.first_of(month) + 1 for day, month in zip(days, months, strict=True)]
    for on in _likely_days(places):
        # the first of a month is nearer to the end of the one before than to its own
        pairs = zip(months, places, strict=True)
        meant = [month + (place > on + 15) - (place < on - 15) for month, place in pairs]
        yield _of_months(meant, cadence, (on,))


def _likely_days(places: Sequence[int]) -> list[int]:
    """Days of the month to be tried: the most frequent, the middle one on the circle, and the last."""
    counted = Counter(places)
    frequent = max(counted, key=lambda place: (counted[place], place))
    turned = [(place - frequent + 15) % 30 for place in places]
    middle = int(median(turned)) - 15 + frequent
    middle = middle - 30 if middle > LAST_DAY else middle + 30 if middle < 1 else middle
    likely = [frequent, middle]
    if 2 * sum(place >= 26 or place <= 3 for place in places) > len(places):
        likely.append(LAST_DAY)
    return list(dict.fromkeys(likely))


def _of_months(months: Sequence[int], cadence: Cadence, on: tuple[int, ...]) -> Schedule:
    step = MONTHS[cadence]
    place = Counter(month % step for month in months).most_common(1)[0][0]
    start = next((month for month in months if month % step == place), months[0])
    return Schedule(cadence, "month_day", start, months=step, on=on)


def _shifted(days: Sequence[int], found: Schedule) -> Iterator[Schedule]:
    """The same, moved off weekends; the day that is moved to hides the one that was meant."""
    for on in {found.on, *((place,) for place in (found.on[0] - 1, found.on[0] + 1) if 1 <= place <= LAST_DAY)}:
        if len(found.on) > 1 and on != found.on:
            continue
        for shift in ("next", "previous"):
            yield Schedule(found.cadence, "month_day", found.start, months=found.months, on=on, shift=shift)


def _on_weekdays(days: Sequence[int], cadence: Cadence) -> Iterator[Schedule]:
    if len(days) < 4:
        return
    weekday, times = Counter((day - 1) % 7 for day in days).most_common(1)[0]
    if times < 0.8 * len(days):
        return
    those = [day for day in days if (day - 1) % 7 == weekday]
    nths = Counter((schedules.day_in_month(day) - 1) // 7 + 1 for day in those)
    is_last = sum(schedules.day_in_month(day + 7) <= 7 for day in those) >= 0.8 * len(those)
    nth = LAST_WEEK if is_last else nths.most_common(1)[0][0]
    step = MONTHS[cadence]
    place = Counter(schedules.month_of(day) % step for day in those).most_common(1)[0][0]
    start = next(month for day in those if (month := schedules.month_of(day)) % step == place)
    yield Schedule(cadence, "month_weekday", start, months=step, on=(nth,), weekday=weekday)


def _twice_a_month(days: Sequence[int]) -> Iterator[Schedule]:
    if len(days) < 4:
        return
    counted = Counter(schedules.day_in_month(day) for day in days)
    one = max(counted, key=lambda place: (counted[place], place))
    far = {place: times for place, times in counted.items() if 10 <= abs(place - one) <= 20}
    pairs = {(15, LAST_DAY), (1, 15)}
    if far:
        pairs.add(tuple(sorted((one, max(far, key=lambda place: (far[place], place))))))  # type: ignore[arg-type]
    for pair in sorted(pairs):
        yield Schedule("semi_monthly", "month_day", schedules.month_of(days[0]), months=1, on=pair)


def _floating(days: Sequence[int], gap: float, only: Cadence | None) -> Iterator[Schedule]:
    for cadence, least, most in FLOATING:
        if cadence == only or (only is None and least <= gap < most):
            yield Schedule(cadence, "floating", days[0], days=round(gap))
            return


def _kept(days: Sequence[int], schedule: Schedule) -> Fit | None:
    """Which payments keep to a calendar: of two in a slot the nearer one."""
    window, first = WINDOW[schedule.cadence], schedule.slot_of(days[0]) - 1
    dues = schedule.dues(first, days[-1])
    nearest = dict[int, tuple[int, int]]()
    for place, day in enumerate(days):
        at = min(bisect_left(dues, day), len(dues) - 1)
        if at and day - dues[at - 1] < dues[at] - day:
            at -= 1
        late = day - dues[at]
        if abs(late) <= window and (at not in nearest or abs(late) < abs(nearest[at][1])):
            nearest[at] = (place, late)
    if len(nearest) < 2:
        return None
    kept = sorted(nearest)
    members, late_by = tuple(nearest[at][0] for at in kept), tuple(nearest[at][1] for at in kept)
    return _weighed(schedule, members, tuple(first + at for at in kept), late_by, len(days) - len(kept))


def _floated(days: Sequence[int], schedule: Schedule) -> Fit | None:
    """Which payments come about so long after the one before."""
    members, slots, late = [0], [0], [0]
    for place, day in enumerate(days[1:], 1):
        gap = day - days[members[-1]]
        times = round(gap / schedule.days)
        if times:
            members.append(place)
            slots.append(slots[-1] + times)
            late.append(gap - times * schedule.days)
    if len(members) < 2:
        return None
    return _weighed(schedule, tuple(members), tuple(slots), tuple(late), len(days) - len(members))


def _weighed(
    schedule: Schedule, members: tuple[int, ...], slots: tuple[int, ...], late: tuple[int, ...], extras: int
) -> Fit:
    number, window = len(members), WINDOW[schedule.cadence]
    spread = (sum(min(abs(each), window) for each in late) + 2 * USUAL[schedule.cadence]) / (number + 2)
    ratio = ratio_of(spread)
    peak = (1 - ratio) / (1 + ratio) * schedule.period * (1 - ANYWHERE)
    # the days that were needed to know the schedule at all prove nothing
    free = 2 if schedule.kind == "floating" else 1
    from_days = sum(math.log(peak * ratio ** abs(each) + ANYWHERE) for each in late) * (number - free) / number
    skipped = slots[-1] - slots[0] + 1 - number
    cost = COSTS[schedule.kind] + (SHIFTED if schedule.shift != "none" else 0) + TWO_DAYS * (len(schedule.on) - 1)
    evidence = from_days + min(KEPT * (number - 1), MOST_KEPT) + SKIPPED * skipped + EXTRA * extras - max(cost, 0.0)
    return Fit(schedule, members, slots, late, extras, evidence, spread)


def ratio_of(spread: float) -> float:
    """The ratio of a two-sided geometric distribution whose mean of |x| this is: 2 r / (1 - r^2) solved for r."""
    return (math.sqrt(1 + spread * spread) - 1) / spread
