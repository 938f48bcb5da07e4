"""How well months ahead are forecast: the council's cost centres (at most 35 months each), by rolling origin.

    AI2_TEST_DATA=<folder of real files> python -m benchmarks.cashflow

Everything that was tuned was tuned on months before April 2016; what is told here is forecast from April 2016 on, up
to three months ahead, from each month again, by what was known then. AutoETS takes part where statsforecast is
installed (`pip install ai2[forecast]`). The marks: the 80 % interval holds 75 to 85 %, and the misses (MASE) are below
seasonal naive's and no larger than AutoETS's.
"""

import csv
import gzip
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from ml.cashflow.candidates import Candidate
from ml.cashflow.intervals import LEVELS
from ml.cashflow.outlook import look, of_rehearsal
from ml.cashflow.panel import YEAR, Floats, Panel, lengths, mean
from ml.cashflow.rehearsal import Rehearsal, rehearse

FILE = "purchases/council_cards_2013_2016.csv.gz"
# Two months before have three rows in all.
FIRST, MONTHS, HORIZON = date(2014, 4, 1), 33, 3
TUNED_UNTIL = 24
SMALL, POOLS = 30, 20


def main() -> None:
    values = monthly(Path(os.environ["AI2_TEST_DATA"]) / FILE)
    panel = Panel(values, FIRST.month - 1, np.zeros(len(values), dtype=bool))
    print(f"{len(values)} cost centres, {MONTHS} months from {FIRST}")
    started = time.perf_counter()
    rehearsal = rehearse(panel, range(10, MONTHS), HORIZON, more=auto_ets())
    print(f"rehearsed {len(rehearsal.origins)} origins in {time.perf_counter() - started:.0f} s")
    for least in (13, 24):
        told(f"begun at least {least} months before, not still for a year", measured(panel, rehearsal, least))
    small_pools(panel)
    all_together(panel)


def monthly(path: Path) -> Floats:
    """Spending by cost centre (in order of its name) and month: nan before its first, zero where nothing was spent."""
    found: dict[str, Floats] = defaultdict(lambda: np.zeros(MONTHS))
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            day = date.fromisoformat(row["date"])
            month = (day.year - FIRST.year) * YEAR + day.month - FIRST.month
            if row["cost_centre"] and month >= 0:
                found[row["cost_centre"]][month] += float(row["amount_gbp"])
    values = np.stack([found[name] for name in sorted(found)]).round(2)
    values = values[(values != 0).any(axis=1)]
    begun = np.cumsum(values != 0, axis=1) > 0
    return np.where(begun, values, np.nan)


def auto_ets() -> Mapping[str, Candidate]:
    if find_spec("statsforecast") is None:
        print("statsforecast is not installed: AutoETS does not take part")
        return {}
    import warnings

    from statsforecast.models import AutoETS

    warnings.filterwarnings("ignore", module="statsforecast")

    def forecast(history: Floats, horizon: int) -> Floats:
        said = np.zeros((len(history), horizon))
        for row, series in enumerate(history):
            known = series[~np.isnan(series)]
            if len(known) >= 6:
                said[row] = _of_one(AutoETS, known, horizon)
        return said

    return {"auto_ets": forecast}


def _of_one(model: type, known: Floats, horizon: int) -> Floats:
    """By the season of a year where there are two; AutoETS gives up on some."""
    for season in (YEAR, 1) if len(known) >= 2 * YEAR else (1,):
        try:
            said: Floats = model(season_length=season).forecast(known, horizon)["mean"]
        except Exception:  # noqa: BLE001, S112 - whatever it gave up for
            continue
        if np.isfinite(said).all():
            return said
    return np.full(horizon, known.mean())


Measured = dict[str, list[list[Floats]]]


def measured(panel: Panel, rehearsal: Rehearsal, least: int) -> Measured:
    """Misses by candidate, and what the intervals held, each by months ahead."""
    found: Measured = defaultdict(lambda: [[] for _ in range(HORIZON)])
    names = [name for name in rehearsal.names if name != "auto_ets"]
    ours = Rehearsal(
        tuple(names), rehearsal.origins, rehearsal.said[[rehearsal.names.index(name) for name in names]],
        rehearsal.came, rehearsal.scale,
    )  # fmt: skip
    for origin in range(TUNED_UNTIL, MONTHS):
        at = rehearsal.origins.index(origin)
        past = panel.values[:, :origin]
        yearly = mean(np.abs(past[:, YEAR:] - past[:, :-YEAR]))
        outlook = of_rehearsal(panel, ours, origin, is_tested=False)
        rows = (lengths(past) >= least) & (np.abs(np.nan_to_num(past[:, -YEAR:])).sum(axis=1) > 0)
        rows &= np.nan_to_num(rehearsal.scale[:, at]) > 0
        came, scale = rehearsal.came[rows, at], rehearsal.scale[rows, at]
        said = {**dict(zip(rehearsal.names, rehearsal.said[:, rows, at], strict=True)), "chosen": outlook.points[rows]}
        if "auto_ets" in rehearsal.names:
            said["chosen, ets too"] = of_rehearsal(panel, rehearsal, origin, is_tested=False).points[rows]
        for ahead in range(min(HORIZON, MONTHS - origin)):
            for name, each in said.items():
                missed = np.abs(each[:, ahead] - came[:, ahead])
                found[f"{name}"][ahead].append(missed / scale)
                with np.errstate(divide="ignore", invalid="ignore"):
                    found[f"{name} yearly"][ahead].append(np.where(yearly[rows] > 0, missed / yearly[rows], np.nan))
                found[f"{name} money"][ahead].append(missed)
            for level, ends in outlook.ends.items():
                lower, upper = ends[rows, ahead].T
                inside = (came[:, ahead] >= lower - 1e-6) & (came[:, ahead] <= upper + 1e-6)
                found[f"held {level:.0%}"][ahead].append(inside.astype(float))
                found[f"width {level:.0%}"][ahead].append((upper - lower) / scale)
            found["spent"][ahead].append(np.abs(came[:, ahead]))
    return found


def told(title: str, found: Measured) -> None:
    by_ahead = {name: [np.concatenate(each) for each in steps] for name, steps in found.items()}
    spent = [each.sum() for each in by_ahead["spent"]]
    print(f"\n{title}: {sum(len(each) for each in by_ahead['chosen'])} forecasts")
    print(f"{'':20}{'MASE, 1 2 3 months ahead':>30}{'all':>8}{'by last year':>14}{'% of money':>12}")
    for name in [name for name in by_ahead if f"{name} money" in by_ahead]:
        steps = [float(np.nanmean(each)) for each in by_ahead[name]]
        yearly = np.nanmean(np.concatenate(by_ahead[f"{name} yearly"]))
        money = sum(each.sum() for each in by_ahead[f"{name} money"]) / sum(spent)
        told_steps = "".join(f"{step:10.3f}" for step in steps)
        print(f"{name:20}{told_steps}{np.nanmean(np.concatenate(by_ahead[name])):8.3f}{yearly:14.3f}{money:12.1%}")
    for level in LEVELS:
        held = [each.mean() for each in by_ahead[f"held {level:.0%}"]]
        width = np.median(np.concatenate(by_ahead[f"width {level:.0%}"]))
        whole = np.concatenate(by_ahead[f"held {level:.0%}"]).mean()
        print(f"{level:.0%} interval holds {', '.join(f'{each:.1%}' for each in held)}; all {whole:.1%}; "
              f"median width {width:.2f} of a month's change")  # fmt: skip


def small_pools(panel: Panel) -> None:
    """The same for organizations of 30 series that know nothing of each other."""
    old = np.flatnonzero(lengths(panel.values[:, :TUNED_UNTIL]) >= 13)
    rng = np.random.default_rng(20261128)
    found: Measured = defaultdict(lambda: [[] for _ in range(HORIZON)])
    for _ in range(POOLS):
        rows = rng.choice(old, SMALL, replace=False)
        small = Panel(panel.values[rows], panel.calendar, panel.is_positive[rows])
        rehearsal = rehearse(small, range(10, MONTHS), HORIZON, refit_every=3)
        for name, steps in measured(small, rehearsal, 13).items():
            for ahead, step in enumerate(steps):
                found[name][ahead].extend(step)
    told(f"{POOLS} pools of {SMALL} cost centres, each alone (seed 20261128)", found)


def all_together(panel: Panel) -> None:
    """The sum of all, rehearsed as a sum; and how long an organization of this kind takes."""
    largest = np.argsort(-np.nansum(np.abs(panel.values), axis=1))[:SMALL]
    values = panel.values[largest]
    sums = np.ones((1, SMALL))
    held: dict[float, list[bool]] = {level: [] for level in LEVELS}
    for origin in range(TUNED_UNTIL, MONTHS):
        small = Panel(values[:, :origin], panel.calendar, panel.is_positive[largest])
        outlook = look(small, HORIZON, sums=sums)
        for level, ends in outlook.ends.items():
            for ahead in range(min(HORIZON, MONTHS - origin)):
                lower, upper = ends[-1, ahead]
                held[level].append(bool(lower <= np.nansum(values[:, origin + ahead]) <= upper))
    for level, each in held.items():
        print(f"\nthe sum of the {SMALL} largest: the {level:.0%} interval held {sum(each)} of {len(each)}", end="")
    started = time.perf_counter()
    look(Panel(values, panel.calendar, panel.is_positive[largest]), YEAR, sums=sums)
    print(f"\n{SMALL} series, {MONTHS} months, 12 ahead, with the back-test: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
