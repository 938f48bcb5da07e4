"""Gates: what a challenger is held to before it may serve, each with its figures. Pure, and every number is here.

Challenger and champion answer the same rows, which neither has learnt. The difference of their shares of right
answers has an interval by a paired bootstrap: whole merchants are drawn, 10,000 times, by a fixed seed. Where a side
has no rows its gate is not judged, says so, and the others decide; with no champion the absolute gates decide alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.categoriser.model import APPLY
from ml.governance.intervals import wilson
from ml.governance.judging import GROUPS
from ml.governance.rows import ENOUGH

CONFIDENCE = 0.95
DRAWS = 10_000
# A category may fall by so much; and a group by so much, where the interval says that it fell at all.
CATEGORY_FALL, GROUP_FALL = 0.05, 0.02
# Of what the model would apply alone so much must be right at least, and of its answers so much may flip at most.
APPLIED_PRECISION, FLIPS = 0.95, 0.02


@dataclass(frozen=True)
class Gate:
    """One gate. `is_passed` is none where there was nothing to judge by; `is_absolute`: it needs no champion."""

    name: str
    is_passed: bool | None
    rule: str
    is_absolute: bool = False
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """How much more of the rows the challenger gets right than the champion, and the interval of that."""

    rows: int
    difference: float
    low: float
    high: float


def gates(
    challenger: pd.DataFrame,
    champion: pd.DataFrame | None,
    flips: Mapping[str, float],
    *,
    is_taken_back: bool = False,
    comparable_from: str | None = None,
) -> list[Gate]:
    """Every gate. Both frames are `judging.judged` of the same rows.

    Of those later in time only those from `comparable_from` on count: neither model has learnt them.
    """
    absolute = [
        above_the_commonest(challenger),
        right_where_alone(challenger),
        steady(flips),
        not_taken_back(is_taken_back),
    ]
    if champion is None:
        return absolute
    is_later = challenger["is_later"] & (challenger["decided_on"] >= (comparable_from or ""))
    is_measured = is_later | challenger["is_unseen"] | challenger["is_random"]
    ours, theirs = challenger[is_measured], champion[is_measured]
    return [
        *absolute,
        better(challenger[is_later], champion[is_later], "better_later_in_time", "later in time"),
        better(
            challenger[challenger["is_unseen"]],
            champion[champion["is_unseen"]],
            "better_on_unseen_merchants",
            "of merchants never seen",
        ),
        no_category_falls(ours, theirs),
        *(no_group_falls(ours, theirs, group) for group in GROUPS),
    ]


def are_passed(found: Sequence[Gate], *, has_champion: bool) -> bool:
    """Whether a challenger may serve. The first champion answers for itself: perturbed texts flip no former answers."""
    held_to = found if has_champion else [gate for gate in found if gate.name in FIRST]
    return all(gate.is_passed is not False for gate in held_to) and any(gate.is_passed for gate in held_to)


FIRST = frozenset({"above_the_commonest", "right_where_alone", "not_taken_back"})


def above_the_commonest(found: pd.DataFrame) -> Gate:
    """It knows more than the name of the commonest category."""
    unseen = found[found["is_unseen"]]
    rule = (
        f"on merchants never seen, the lower end of the {CONFIDENCE:.0%} interval of its accuracy lies above the share "
        "of the commonest category"
    )
    if len(unseen) < ENOUGH:
        return Gate("above_the_commonest", None, rule, is_absolute=True, figures={"rows": len(unseen)})
    commonest = float(unseen["category"].value_counts(normalize=True).iloc[0])
    low, _ = wilson(int(unseen["is_right"].sum()), len(unseen))
    figures = {"rows": len(unseen), "low": low, "commonest": round(commonest, 4)}
    return Gate("above_the_commonest", low > commonest, rule, is_absolute=True, figures=figures)


def right_where_alone(found: pd.DataFrame) -> Gate:
    """What it would apply without asking is right."""
    rule = (
        f"of what it is at least {APPLY:.0%} sure of, on merchants never seen, {APPLIED_PRECISION:.0%} is right; "
        f"refused where the {CONFIDENCE:.0%} interval lies below"
    )
    alone = found[found["is_unseen"] & (found["sure"] >= APPLY)]
    if len(alone) < ENOUGH:
        return Gate("right_where_alone", None, rule, is_absolute=True, figures={"rows": len(alone)})
    right = int(alone["is_right"].sum())
    low, high = wilson(right, len(alone))
    figures = {"rows": len(alone), "precision": round(right / len(alone), 4), "low": low, "high": high}
    return Gate("right_where_alone", high >= APPLIED_PRECISION, rule, is_absolute=True, figures=figures)


def steady(flips: Mapping[str, float]) -> Gate:
    """The same text written otherwise gets the same answer."""
    rule = f"of the answers to perturbed descriptors at most {FLIPS:.0%} differ, for each kind of perturbation"
    figures = {kind: round(share, 4) for kind, share in flips.items()}
    is_passed = all(share <= FLIPS for share in flips.values()) if flips else None
    return Gate("steady_when_perturbed", is_passed, rule, is_absolute=True, figures=figures)


def not_taken_back(is_taken_back: bool) -> Gate:
    rule = "it is not the same data, code and parameters as a model that was rolled back"
    return Gate("not_taken_back", not is_taken_back, rule, is_absolute=True)


def better(ours: pd.DataFrame, theirs: pd.DataFrame, name: str, where: str) -> Gate:
    """More answers are right, and not by chance."""
    rule = (
        f"on rows {where} more answers are right than the champion's: the whole {CONFIDENCE:.0%} interval of the "
        "difference lies above zero"
    )
    if len(ours) < ENOUGH:
        return Gate(name, None, rule, figures={"rows": len(ours), "why": "too few rows to judge by"})
    found = difference(ours, theirs)
    figures = {**asdict(found), "challenger": _share(ours), "champion": _share(theirs)}
    return Gate(name, found.low > 0, rule, figures=figures)


def no_category_falls(ours: pd.DataFrame, theirs: pd.DataFrame) -> Gate:
    """None is sold for the others."""
    rule = f"no primary category with at least {ENOUGH} rows falls by more than {CATEGORY_FALL * 100:.0f} points"
    cells = pd.DataFrame({"category": ours["category"], "ours": ours["is_right"], "theirs": theirs["is_right"]})
    by = cells.groupby("category").agg(rows=("ours", "size"), ours=("ours", "mean"), theirs=("theirs", "mean"))
    by = by[by["rows"] >= ENOUGH]
    changes = (by["ours"] - by["theirs"]).round(4)
    fallen = {str(name): float(change) for name, change in changes[changes < -CATEGORY_FALL].items()}
    worst = {"worst": str(changes.idxmin()), "change": float(changes.min())} if len(changes) else {}
    figures = {"categories": len(by), "fallen": fallen, **worst}
    return Gate("no_category_falls", not fallen if len(by) else None, rule, figures=figures)


def no_group_falls(ours: pd.DataFrame, theirs: pd.DataFrame, group: str) -> Gate:
    """Nobody pays for what others gain."""
    rule = (
        f"no {group.replace('_', ' ')} with at least {ENOUGH} rows falls by more than {GROUP_FALL * 100:.0f} points "
        f"with the whole interval of its change below zero ({CONFIDENCE:.0%} over all of them together)"
    )
    counts = ours.loc[ours[group] != "", group].value_counts()
    names = sorted(counts[counts >= ENOUGH].index)
    if not names:
        return Gate(f"no_{group}_falls", None, rule, figures={"groups": 0, "why": "no rows that have one"})
    confidence = 1 - (1 - CONFIDENCE) / len(names)
    found = {
        str(name): difference(ours[ours[group] == name], theirs[ours[group] == name], confidence) for name in names
    }
    fallen = {name: asdict(each) for name, each in found.items() if each.difference < -GROUP_FALL and each.high < 0}
    worst = min(found, key=lambda name: found[name].difference)
    figures = {"groups": len(names), "fallen": fallen, "worst": worst, **asdict(found[worst])}
    return Gate(f"no_{group}_falls", not fallen, rule, figures=figures)


def difference(ours: pd.DataFrame, theirs: pd.DataFrame, confidence: float = CONFIDENCE, seed: int = 0) -> Difference:
    """The paired difference of two shares of right answers, and its interval.

    Merchants whose rows and differences are equal are drawn together, by how many there are: the same distribution,
    in a thousandth of the work.
    """
    change = ours["is_right"].to_numpy(dtype=int) - theirs["is_right"].to_numpy(dtype=int)
    clusters = pd.DataFrame({"change": change, "cluster": ours["cluster"].to_numpy()}).groupby("cluster")["change"]
    merchants = clusters.agg(["sum", "size"]).value_counts()
    sums, sizes = (np.array(merchants.index.get_level_values(level), dtype=float) for level in (0, 1))
    drawn = _drawn(merchants.to_numpy(), seed)
    shares = (drawn @ sums) / (drawn @ sizes)
    edge = (1 - confidence) / 2
    low, high = np.quantile(shares, [edge, 1 - edge])
    return Difference(len(change), round(float(change.mean()), 4), round(float(low), 5), round(float(high), 5))


def _drawn(counts: NDArray[Any], seed: int) -> NDArray[np.float64]:
    total = int(counts.sum())
    return np.random.default_rng(seed).multinomial(total, counts / total, size=DRAWS).astype(float)


def _share(found: pd.DataFrame) -> float:
    return round(float(found["is_right"].mean()), 4)
