"""Rehearsal: what each candidate would have said at months of the past, told only what was known then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.cashflow import boosting
from ml.cashflow.candidates import PLAIN, Candidate
from ml.cashflow.panel import YEAR, Floats, Panel, lengths, scales

BOOSTING, BLEND = "boosting", "blend"
BLENDED = (BOOSTING, "median_of_year")
# A series of fewer months than this does not yet know by itself which share of a month comes late.
ALIKE = 6


@dataclass(frozen=True)
class Rehearsal:
    """`said` is candidates x series x origins x months ahead; `came` has no candidates, and nan for what is to come.

    An origin is the first month that is not known. `scale` is that of each series at each origin.
    """

    names: tuple[str, ...]
    origins: tuple[int, ...]
    said: Floats
    came: Floats
    scale: Floats

    def known_at(self, origin: int) -> np.ndarray:
        """Which (origins x months ahead) had come before a month."""
        ahead = np.arange(self.came.shape[-1])
        at: np.ndarray = np.array(self.origins)[:, None] + ahead[None] < origin
        return at


def rehearse(
    panel: Panel,
    origins: Sequence[int],
    horizon: int,
    *,
    more: Mapping[str, Candidate] | None = None,
    refit_every: int = 1,
) -> Rehearsal:
    """Let the candidates, and `more` of them, say what comes from each origin on."""
    told = say(panel, origins, horizon, more=more, refit_every=refit_every)
    return recall(panel, tuple(told), origins, np.stack(list(told.values())))


def say(
    panel: Panel,
    origins: Sequence[int],
    horizon: int,
    *,
    more: Mapping[str, Candidate] | None = None,
    refit_every: int = 1,
) -> dict[str, Floats]:
    """What each candidate says, series x origins x months ahead, of whole months: this is what takes long.

    The boosted model learns anew at every so manieth origin and the last; in between it keeps what it learnt before.
    """
    model, said = None, []
    for turn, origin in enumerate(origins):
        history, ahead = panel.before(origin, horizon)
        if turn % refit_every == 0 or origin == origins[-1]:
            model = boosting.fit(history, horizon, panel.calendar)
        told = {name: candidate(history, horizon) for name, candidate in {**PLAIN, **(more or {})}.items()}
        told[BOOSTING] = boosting.predict(model, history, horizon, panel.calendar)
        told[BLEND] = np.mean([told[name] for name in BLENDED], axis=0)
        said.append({name: each + ahead for name, each in told.items()})
    return {name: np.stack([each[name] for each in said], axis=1) for name in said[0]}


def recall(panel: Panel, names: Sequence[str], origins: Sequence[int], said: Floats) -> Rehearsal:
    """What was said, held against what came. What a month that had begun had come to was known."""
    horizon = said.shape[-1]
    if panel.begun is not None:
        said = said.copy()
        for at, origin in enumerate(origins):
            said[:, :, at, 0] = panel.begun[:, origin] + said[:, :, at, 0] * _left(panel, panel.begun, origin)
    return Rehearsal(
        names=tuple(names),
        origins=tuple(origins),
        said=np.where(panel.is_positive[None, :, None, None], np.maximum(said, 0), said),
        came=np.stack([_came(panel, origin, horizon) for origin in origins], axis=1),
        scale=np.stack([_judged(panel.values[:, :origin]) for origin in origins], axis=1),
    )


def _left(panel: Panel, begun: Floats, origin: int) -> Floats:
    """Which share of a month usually comes after the day: of each series, as far as it has a past, else of all."""
    past = slice(max(origin - YEAR, 0), origin)
    whole = np.nan_to_num(panel.values[:, past])
    later = whole - np.nan_to_num(begun[:, past])
    every = whole[panel.is_positive].sum()
    of_all = later[panel.is_positive].sum() / every if every > 0 else 0.0
    missing = np.maximum(ALIKE - lengths(panel.values[:, past]), 0)
    doubt = missing * whole.mean(axis=1) if origin else np.zeros(len(whole))
    weight = whole.sum(axis=1) + doubt
    own = np.where(weight > 0, (later.sum(axis=1) + doubt * of_all) / np.where(weight > 0, weight, 1), of_all)
    return np.clip(np.where(panel.is_positive, own, of_all), 0, 1)


def _judged(past: Floats) -> Floats:
    """The scale of each series that is old enough to judge a forecast by; nan of the others."""
    least = boosting.LEAST_MONTHS if past.shape[1] >= YEAR else 2
    return np.where(lengths(past) >= least, scales(past), np.nan)


def _came(panel: Panel, origin: int, horizon: int) -> Floats:
    came = np.full((len(panel.values), horizon), np.nan)
    known = panel.values[:, origin : origin + horizon]
    came[:, : known.shape[1]] = known
    return came
