"""Detection: what of a merchant's payments is recurring, and why the rest is not. Pure, and the same for everyone.

A group is what one merchant took, or gave, in one account and currency. It may be one series, several side by side
(two subscriptions), or one among purchases; so first the whole is tried, then ever finer clusters of equal amounts.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ml.recurring import amounts as prices
from ml.recurring import fitting
from ml.recurring.amounts import Amounts
from ml.recurring.fitting import Fit
from ml.recurring.kinds import Kind
from ml.recurring.schedules import Cadence

VERSION = "recurring-1"

# Before anything is known of its days: the log-odds of a series by what is paid for, and where a mandate was given.
PRIOR: dict[Kind, float] = {"bill": 1.0, "agreed": -0.5, "unknown": -4.0, "habit": -5.0}
MANDATED = 4.0
# From here on it is recurring; the confidence is the logistic of a part of the log-odds: they count as independent
# what is not quite so.
LEAST = 1.0
TEMPER, SURE = 0.45, 0.99
# However well they fit, few payments prove little.
AT_MOST = {2: 0.75, 3: 0.85, 4: 0.9, 5: 0.93}
# How far amounts may swing from one payment to the next, as a share: paid more often they must be steadier.
SWING: dict[Kind, tuple[float, float]] = {
    "bill": (0.45, 1.1), "agreed": (0.2, 0.5), "unknown": (0.1, 0.35), "habit": (0.02, 0.08),
}  # fmt: skip
# With purchases among them they swing more than the series does; beyond this there is no use in looking closer.
SURELY_UNEVEN: dict[Kind, float] = {"bill": 2.5, "agreed": 1.2, "unknown": 0.6, "habit": 0.2}
OFTEN: frozenset[Cadence] = frozenset({"weekly", "fortnightly", "four_weekly", "semi_monthly"})
LEAST_KEPT = 0.6
# Payments a day or two apart over more days than these are no bill that was paid in parts.
SHOPPING_DAYS = 14
# What is no known bill keeps to its days closer than this share of its period, or is a habit.
LOOSE, LOOSE_DAYS = 0.035, (2.5, 6.0)
# Others of the group may lie beside a series: so many for each of its own.
MOST_EXTRAS = 0.34
# Amounts are cut into clusters where the next is larger by these shares, the coarsest first.
CUTS = (0.7, 0.35, 0.15, 0.05)
MOST_CLUSTERS = 60
# A series goes on at another price where the next begins this many periods after, at a price so many times the other.
JOINED = (0.5, 2.6)
MOST_DEARER = 1.7

Reason = Literal["too_few", "too_often", "no_rhythm", "amounts_vary", "skipped_often", "habit", "unproven"]
Told = tuple[Reason, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Payments of one merchant in the order of their days; amounts without their sign, in ten-thousandths."""

    days: Sequence[int]
    amounts: Sequence[int]
    kind: Kind = "unknown"
    # its texts speak of a direct debit, a standing order or a subscription
    is_mandated: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """A series that recurs: which payments of the group are of it (their places), its schedule and amounts."""

    members: tuple[int, ...]
    fit: Fit
    amounts: Amounts
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why the group's best candidate, or what is left of the group, is not recurring."""

    code: Reason
    reason: str
    fit: Fit | None = None
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found in a group; `rejected` where nothing was."""

    patterns: tuple[Pattern, ...]
    rejected: Rejected | None


def judge(group: Group) -> Judged:
    """Every series of a group, the surest first, and why there is none where there is none."""
    whole, refused = _try(group, range(len(group.days)))
    if whole and _is_alone(whole, len(group.days)):
        return Judged((whole,), None)
    taken: set[int] = set()
    found: list[Pattern] = []
    for cluster in _clusters(group):
        places = [place for place in cluster if place not in taken]
        if len(places) < 2 or (not found and len(places) == len(group.days)):
            continue
        pattern, _ = _try(group, places, is_part=len(places) < len(group.days))
        if pattern:
            found.append(pattern)
            taken |= set(pattern.members)
    patterns = _joined(group, found)
    if whole and not _tells_more(patterns, whole):
        patterns = [whole]
    return Judged(tuple(patterns), None if patterns else refused)


def follow(group: Group, cadence: Cadence | None) -> Pattern | None:
    """The group's payments as a person says that they are: recurring, whatever speaks against it."""
    found = fitting.fit(group.days, cadence)
    if found is None:
        return None
    of_members = prices.judge([group.amounts[place] for place in found.members])
    return Pattern(found.members, found, of_members, 1.0, ("a person said so",))


def _is_alone(pattern: Pattern, number: int) -> bool:
    return pattern.fit.extras <= 0.15 * number and pattern.amounts.kind != "variable"


def _tells_more(parts: Sequence[Pattern], whole: Pattern) -> bool:
    """Whether the parts explain what the whole does not: agreed prices where it has uneven sums, or far more of it."""
    number = sum(len(part.members) for part in parts)
    if whole.amounts.kind == "variable" and all(part.amounts.kind != "variable" for part in parts):
        return number >= 0.8 * len(whole.members)
    return number > 1.25 * len(whole.members)


def _try(group: Group, places: Sequence[int], *, is_part: bool = False) -> tuple[Pattern | None, Rejected | None]:
    """One candidate: the payments at these places of the group."""
    days = [group.days[place] for place in places]
    told = _at_first_sight(group, days, places)
    found = None if told else fitting.fit(days)
    if found is None:
        return None, Rejected(*(told or _without_rhythm(days)))
    members = tuple(places[place] for place in found.members)
    found = replace(found, members=members)
    of_members = prices.judge([group.amounts[place] for place in members])
    odds = _odds(group, found, of_members, is_part=is_part)
    refused = _refused(group, found, of_members, odds, is_part=is_part)
    if refused:
        return None, refused
    sure = _confidence(odds, len(members))
    return Pattern(members, found, of_members, sure, _reasons(group, found, of_members)), None


def _at_first_sight(group: Group, days: Sequence[int], places: Sequence[int]) -> Told | None:
    """Why a candidate is none, by what costs little to see."""
    gap = fitting.middle_gap(days)
    if gap is None:
        if days[-1] - days[0] <= SHOPPING_DAYS:
            return "too_few", "there is one payment, or all were at once"
        return "too_often", "payments are a day or two apart: these are purchases"
    if gap < fitting.LEAST_GAP:
        return "too_often", f"most payments are {gap:g} days apart or fewer: these are purchases"
    swing = prices.swing([group.amounts[place] for place in places])
    return _uneven(group, swing) if swing > SURELY_UNEVEN[group.kind] else None


def _odds(group: Group, found: Fit, of_members: Amounts, *, is_part: bool) -> float:
    """The log-odds that a candidate recurs."""
    pairs = len(found.members) - 1
    odds = PRIOR[group.kind] + found.evidence + (MANDATED if group.is_mandated else 0.0)
    if of_members.kind != "variable":
        odds += min(1.0 * pairs * of_members.repeats, 5.0)
    elif of_members.swing <= 0.1:
        odds += min(0.25 * pairs, 2.0)
    else:
        odds -= min(6 * max(of_members.swing - 0.35, 0.0), 3.0)
    # of many purchases some look like a series by chance: the more there are, the more clusters were tried
    return odds - (0.5 + math.log(len(group.days) / len(found.members)) if is_part else 0.0)


def _refused(group: Group, found: Fit, of_members: Amounts, odds: float, *, is_part: bool) -> Rejected | None:
    """Why a candidate is none, however its days fall."""
    told = _too_few(group, found, is_part=is_part) or _off_its_days(group, found) or _at_odds(group, found, of_members)
    if told is None and odds < LEAST:
        number = len(found.members)
        told = "unproven", f"{number} payments, {found.schedule.described()}, are not enough to tell"
    return Rejected(*told, found, min(_confidence(odds, len(found.members)), 0.49)) if told else None


def _too_few(group: Group, found: Fit, *, is_part: bool) -> Told | None:
    if len(found.members) > 2:
        return None
    gap = group.days[found.members[1]] - group.days[found.members[0]]
    if is_part:
        return "too_few", "two like payments among others prove nothing"
    if found.schedule.cadence in OFTEN:
        return "too_few", f"two payments {gap} days apart prove nothing"
    is_same = group.amounts[found.members[0]] == group.amounts[found.members[1]]
    if group.kind == "bill" or group.is_mandated or (group.kind == "agreed" and is_same):
        return None
    return "too_few", f"two payments {gap} days apart prove nothing, and it is no known bill"


def _off_its_days(group: Group, found: Fit) -> Told | None:
    number = len(found.members)
    if found.share_kept < LEAST_KEPT:
        slots = found.slots[-1] - found.slots[0] + 1
        return "skipped_often", f"{slots - number} of {slots} due dates were skipped"
    if found.extras > MOST_EXTRAS * number:
        return "no_rhythm", f"{found.extras} payments lie beside the {number} that would be {found.schedule.cadence}"
    if not _is_supported(group) and found.spread > _loosest(found):
        return "no_rhythm", f"{found.schedule.described()}, but {found.spread:.0f} days off each time"
    return None


def _at_odds(group: Group, found: Fit, of_members: Amounts) -> Told | None:
    kind = "bill" if group.is_mandated and group.kind != "habit" else group.kind
    most = SWING[kind][0 if found.schedule.cadence in OFTEN else 1]
    is_uneven = of_members.kind == "variable" and of_members.swing > most
    return _uneven(group, of_members.swing) if is_uneven else None


def _is_supported(group: Group) -> bool:
    """Whether something else than its days says that it comes by itself."""
    return group.kind in ("bill", "agreed") or group.is_mandated


def _uneven(group: Group, swing: float) -> Told:
    return "habit" if group.kind == "habit" else "amounts_vary", f"amounts swing by {swing:.0%} each time"


def _loosest(found: Fit) -> float:
    """How many days off, on average, what is no known bill may be."""
    least, most = LOOSE_DAYS
    return min(max(LOOSE * found.schedule.period, least), most)


def _without_rhythm(days: Sequence[int]) -> Told:
    gap = fitting.middle_gap(days) or 0
    if len(days) == 2:
        return "too_few", f"two payments {gap:g} days apart fit no cadence"
    return "no_rhythm", f"the gaps, {gap:g} days in the middle, fit no cadence"


def _confidence(odds: float, number: int) -> float:
    likely = 1 / (1 + math.exp(-TEMPER * max(min(odds, 40.0), -40.0)))
    return round(min(likely, AT_MOST.get(number, SURE)), 4)


def _reasons(group: Group, found: Fit, of_members: Amounts) -> tuple[str, ...]:
    number, skipped = len(found.members), len(found.skipped)
    told = [f"{number} payments, {found.schedule.described()}"]
    if of_members.kind == "fixed":
        told.append("always the same amount" if of_members.repeats == 1 else "nearly always the same amount")
    elif of_members.kind == "stepped":
        told.append("the same amount until its price changed")
    else:
        told.append(f"amounts that swing by {of_members.swing:.0%}")
    if skipped:
        told.append(f"{skipped} due {'date was' if skipped == 1 else 'dates were'} skipped")
    if group.kind in ("bill", "agreed"):
        told.append("what is paid for comes by itself" if group.kind == "bill" else "what is paid for is often agreed")
    if group.is_mandated:
        told.append("the bank's text speaks of a mandate")
    return tuple(told)


def _clusters(group: Group) -> Iterator[list[int]]:
    """Places of payments of like amounts, coarse clusters first, amounts that return exactly last; none twice."""
    order = sorted(range(len(group.amounts)), key=group.amounts.__getitem__)
    seen: set[tuple[int, int]] = set()
    for cut in CUTS:
        start = 0
        for end in range(1, len(order) + 1):
            is_end = end == len(order) or group.amounts[order[end]] > group.amounts[order[end - 1]] * (1 + cut)
            if not is_end:
                continue
            if end - start >= 2 and (start, end) not in seen:
                seen.add((start, end))
                yield sorted(order[start:end])
            start = end
    counted = Counter(group.amounts)
    for amount, times in counted.most_common(MOST_CLUSTERS):
        if times < 2:
            return
        yield [place for place, each in enumerate(group.amounts) if each == amount]


def _joined(group: Group, found: list[Pattern]) -> list[Pattern]:
    """Series that are one: where one ends the other goes on in its rhythm, at a price that is not quite another's."""
    left = sorted(found, key=lambda pattern: group.days[pattern.members[0]])
    done: list[Pattern] = []
    while left:
        pattern = left.pop(0)
        following = next((other for other in left if _goes_on(group, pattern, other)), None)
        merged = None
        if following:
            places = sorted((*pattern.members, *following.members))
            merged, _ = _try(group, places)
        if following and merged and len(merged.members) == len(pattern.members) + len(following.members):
            left.remove(following)
            left.insert(0, merged)
        else:
            done.append(pattern)
    return sorted(done, key=lambda pattern: -pattern.confidence)


def _goes_on(group: Group, one: Pattern, other: Pattern) -> bool:
    if one.fit.schedule.cadence != other.fit.schedule.cadence:
        return False
    gap = group.days[other.members[0]] - group.days[one.members[-1]]
    ratio = group.amounts[other.members[0]] / group.amounts[one.members[-1]]
    least, most = (periods * one.fit.schedule.period for periods in JOINED)
    return least <= gap <= most and 1 / MOST_DEARER <= ratio <= MOST_DEARER
