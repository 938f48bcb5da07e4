"""Outlook: a panel's months ahead, by the candidate that each series chose, with intervals, and how that went before.

Sums (net of in and out, say) are rehearsed as sums: at each month of the past the parts' forecasts are added up and
held against what came, so that their interval knows how far the parts' misses cancel. So are running sums, by which
balances go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.cashflow import choice, intervals
from ml.cashflow.intervals import LEVELS
from ml.cashflow.panel import YEAR, Floats, Panel, scales
from ml.cashflow.rehearsal import Rehearsal, rehearse

# So many origins are rehearsed, and the boosted model learns anew at every sixth.
ORIGINS, REFIT_EVERY = 18, 6
# Intervals are tested at so many of the last origins, so many months ahead.
TESTED, TESTED_AHEAD = 6, 3
# By which power of the months ahead ends grow where too few misses are known: as sums of what is independent do; and
# those of single months slower.
RUNNING_GROWS, MONTHS_GROW = 0.5, 0.25
# A series of mostly empty months is of another kind.
MOSTLY = 0.5


@dataclass(frozen=True)
class Parts:
    """Rows that add up to another: they are adjusted to its forecast, most where they are least sure."""

    whole: int
    parts: Sequence[int]


@dataclass(frozen=True)
class Tested:
    """How forecasts of a series went at months of the past, up to three months ahead.

    Misses are in units of how much the series changes from month to month; the shares say how often an interval, made
    of what was known then, held what came.
    """

    origins: int
    misses: dict[str, float]
    chosen_misses: float | None
    held: dict[float, float | None]
    tried: int


@dataclass(frozen=True)
class Outlook:
    """Rows are the panel's series, then the sums. `ends` and `running_ends` are rows x months ahead x 2, by level."""

    chosen: tuple[str, ...]
    points: Floats
    ends: dict[float, Floats]
    running_ends: dict[float, Floats]
    tested: list[Tested]


@dataclass(frozen=True)
class _Said:
    """What was forecast by the candidates that were chosen at each origin, sums too: rows x origins x ahead."""

    points: Floats
    came: Floats
    scale: Floats


def look(panel: Panel, horizon: int, *, sums: Floats | None = None, parts: Sequence[Parts] = ()) -> Outlook:
    """The months after the panel's last. `sums` is sums x series: by what each series counts."""
    rehearsal = rehearse(panel, origins_of(panel.months), horizon, refit_every=REFIT_EVERY)
    return of_rehearsal(panel, rehearsal, panel.months, sums=sums, parts=parts)


def origins_of(months: int) -> range:
    """The months from which so long a history is rehearsed, and last the one after it."""
    return range(max(min(6, months // 2), months - ORIGINS, 1), months + 1)


def of_rehearsal(
    panel: Panel,
    rehearsal: Rehearsal,
    origin: int,
    *,
    sums: Floats | None = None,
    parts: Sequence[Parts] = (),
    is_tested: bool = True,
) -> Outlook:
    """The outlook from an origin that was rehearsed, by nothing that came later."""
    weights = sums if sums is not None else np.zeros((0, len(panel.values)))
    at = rehearsal.origins.index(origin)
    # each by what had been known when it was made, or the misses would be too small
    chosen = np.stack([choice.choose(rehearsal, each) for each in rehearsal.origins[: at + 1]], axis=1)
    said = _said(panel, rehearsal, chosen, weights, parts)
    points, known, steps = said.points[:, at], rehearsal.known_at(origin), rehearsal.said.shape[-1]
    ends, running = (
        _ends(panel, said, known, origin, weights, steps, is_running=is_running) for is_running in (False, True)
    )
    floor = _floors(panel, len(weights))
    return Outlook(
        chosen=tuple(rehearsal.names[each] for each in chosen[:, at]),
        points=points,
        ends={level: np.maximum(points[:, :, None] + each, floor) for level, each in ends.items()},
        running_ends={level: np.cumsum(points, axis=1)[:, :, None] + each for level, each in running.items()},
        tested=_tested(panel, rehearsal, origin, weights, said) if is_tested else [],
    )


def _floors(panel: Panel, sums: int) -> Floats:
    positive = np.concatenate([panel.is_positive, np.zeros(sums, dtype=bool)])
    return np.where(positive, 0.0, -np.inf)[:, None, None]


def _said(panel: Panel, rehearsal: Rehearsal, chosen: NDArray[np.int64], sums: Floats, parts: Sequence[Parts]) -> _Said:
    rows, origins = np.arange(chosen.shape[0])[:, None], np.arange(chosen.shape[1])[None]
    points = np.full(rehearsal.came.shape, np.nan)
    points[:, : chosen.shape[1]] = rehearsal.said[chosen, rows, origins]
    for each in parts:
        _adjust(points, rehearsal.scale, each)
    whole = added(panel.values, sums)
    scale = [scales(whole[:, :origin]) for origin in rehearsal.origins]
    known = np.isfinite(rehearsal.came)
    added_up = np.einsum("sn,noh->soh", sums, np.where(known, rehearsal.came, 0))
    is_known = np.einsum("sn,noh->soh", np.abs(sums), known.astype(float)) > 0
    return _Said(
        points=np.concatenate([points, np.einsum("sn,noh->soh", sums, points)]),
        came=np.concatenate([rehearsal.came, np.where(is_known, added_up, np.nan)]),
        scale=np.concatenate([rehearsal.scale, np.stack(scale, axis=1)]),
    )


def added(values: Floats, sums: Floats) -> Floats:
    """Sums of series; one that has not begun adds nothing, and before all of them there is nothing."""
    begun = np.abs(sums) @ (~np.isnan(values)).astype(float) > 0
    return np.where(begun, sums @ np.nan_to_num(values), np.nan)


def _adjust(points: Floats, scale: Floats, wanted: Parts) -> None:
    """Spread what the parts' forecasts lack of the whole's by the square of their scales, and none below zero."""
    rows = list(wanted.parts)
    if not rows:
        return
    whole, own = points[wanted.whole], points[rows]
    square = np.nan_to_num(scale[rows]) ** 2 + 1e-12
    own = np.maximum(own + (whole - own.sum(axis=0)) * (square / square.sum(axis=0))[:, :, None], 0)
    total = own.sum(axis=0)
    points[rows] = own * np.where(total > 0, whole / np.where(total > 0, total, 1), 0)


def _ends(
    panel: Panel, said: _Said, known: NDArray[np.bool_], origin: int, sums: Floats, steps: int, *, is_running: bool
) -> dict[float, Floats]:
    """How far the ends lie from the points of each month, or of sums from the origin on, by level."""
    past = np.concatenate([panel.values, added(panel.values, sums)])[:, :origin]
    scale, group = scales(past), _groups(past)
    missed = np.where(known[None], said.came - said.points, np.nan)
    scores = (np.cumsum(missed, axis=2) if is_running else missed) / said.scale[:, :, None]
    growth = RUNNING_GROWS if is_running else MONTHS_GROW
    ends = {level: np.full((len(scores), steps, 2), np.nan) for level in LEVELS}
    for step in range(steps):
        enough = np.isfinite(scores[:, :, step]).sum() >= intervals.LEAST
        # too few misses are known so far ahead: the last ones that are, grown
        found = intervals.around(scores[:, :, step], group) if enough or not step else None
        for level, each in ends.items():
            each[:, step] = found[level] if found else each[:, step - 1] * ((step + 1) / step) ** growth
    return {level: each * scale[:, None, None] for level, each in ends.items()}


def _groups(past: Floats) -> NDArray[np.int64]:
    year = past[:, -YEAR:]
    known = (~np.isnan(year)).sum(axis=1)
    empty = (year == 0).sum(axis=1) / np.maximum(known, 1)
    return np.where(empty == 1, -1, empty > MOSTLY).astype(np.int64)


def _tested(panel: Panel, rehearsal: Rehearsal, origin: int, sums: Floats, said: _Said) -> list[Tested]:
    """What the misses were, and how often intervals made at the last origins, of what was known then, were right."""
    known = rehearsal.known_at(origin)
    ahead = min(TESTED_AHEAD, known.shape[1])
    of_each = np.abs(rehearsal.said - rehearsal.came[None]) / rehearsal.scale[None, :, :, None]
    of_each = np.where(known[None, None], of_each, np.nan)[..., :ahead]
    missed = np.where(known[None], said.came - said.points, np.nan)[..., :ahead]
    of_chosen = np.abs(missed) / said.scale[:, :, None]
    held = {level: np.full((len(said.points), 0), np.nan) for level in LEVELS}
    for past in [each for each in rehearsal.origins if each < origin][-TESTED:]:
        ends = _ends(panel, said, rehearsal.known_at(past), past, sums, ahead, is_running=False)
        at = rehearsal.origins.index(past)
        for level in LEVELS:
            held[level] = np.concatenate([held[level], _is_held(missed[:, at], ends[level])], axis=1)
    return [
        Tested(
            origins=int(np.isfinite(of_chosen[row]).any(axis=1).sum()),
            misses=_by_candidate(rehearsal.names, of_each[:, row]) if row < len(rehearsal.scale) else {},
            chosen_misses=_mean(of_chosen[row]),
            held={level: _mean(held[level][row]) for level in LEVELS},
            tried=int(np.isfinite(held[LEVELS[0]][row]).sum()),
        )
        for row in range(len(said.points))
    ]


def _is_held(missed: Floats, ends: Floats) -> Floats:
    slack = 1e-9 + 1e-9 * np.abs(missed)
    inside = (missed >= ends[..., 0] - slack) & (missed <= ends[..., 1] + slack)
    return np.where(np.isfinite(missed) & np.isfinite(ends).all(axis=-1), inside, np.nan)


def _by_candidate(names: Sequence[str], misses: Floats) -> dict[str, float]:
    found = {name: _mean(each) for name, each in zip(names, misses, strict=True)}
    return {name: each for name, each in found.items() if each is not None}


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
