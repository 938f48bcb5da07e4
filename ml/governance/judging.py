"""Judging: what a model says to each measured row, and its figures. Pure; shares lie between 0 and 1.

A row is judged by its primary category. `cluster` is its merchant: rows of one merchant are no independent evidence.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.categoriser.model import APPLY, likeliest
from ml.governance.rows import ENOUGH
from ml.knowledge.labels import primaries

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SIDES = {"unseen": "is_unseen", "time": "is_later", "random": "is_random"}
GROUPS = ("country", "currency", "amount_band")
KEPT = ["group", "decided_on", *SIDES.values(), *GROUPS]
# Rows through a model at once: 20,000 rows of 104 probabilities are 8 MB.
CHUNK = 20_000
COVERAGES = tuple(round(0.05 * step, 2) for step in range(1, 21))


def measured_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are on any side of a measurement."""
    return frame[frame[list(SIDES.values())].any(axis=1)].reset_index(drop=True)


def judged(pipeline: "Pipeline", frame: pd.DataFrame) -> pd.DataFrame:
    """Each row of `measured_rows` with category, cluster, is_right, is_exact and sure (as calibrated)."""
    lines, places = np.unique(frame["line"].to_numpy(dtype=object), return_inverse=True)
    said, sure = answers(pipeline, lines.tolist())
    said, sure = said[places], sure[places]
    of = primaries()
    truth = frame["detailed"].map(of)
    return frame[KEPT].assign(
        cluster=frame["group"].where(frame["group"] != "", frame["line"]),
        category=truth,
        is_right=(pd.Series(said).map(of) == truth).to_numpy(),
        is_exact=said == frame["detailed"].to_numpy(dtype=object),
        sure=sure,
    )


def answers(pipeline: "Pipeline", lines: list[str]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The model's detailed category for each rendered line, and how sure it is of the primary one."""
    classifier = pipeline["classify"]
    said, sure = [np.empty(0, dtype=object)], [np.empty(0)]
    for start in range(0, len(lines), CHUNK):
        best = likeliest(pipeline.predict_proba(lines[start : start + CHUNK]), classifier.classes_)
        said.append(classifier.classes_[best.detailed].astype(object))
        sure.append(np.interp(best.probability, *classifier.knots_))
    return np.concatenate(said), np.concatenate(sure)


def report(found: pd.DataFrame) -> dict[str, Any]:
    """Figures by side: overall, by category and group (small ones left out), calibration, coverage and precision."""
    return {side: _of_side(found[found[column]]) for side, column in SIDES.items() if found[column].any()}


def _of_side(found: pd.DataFrame) -> dict[str, Any]:
    applied = found[found["sure"] >= APPLY]
    return {
        "rows": len(found),
        "merchants": int(found["cluster"].nunique()),
        "primary_accuracy": _share(found["is_right"]),
        "detailed_accuracy": _share(found["is_exact"]),
        "applied_coverage": round(len(applied) / len(found), 4),
        "applied_precision": _share(applied["is_right"]) if len(applied) else None,
        "calibration_error": _calibration_error(found),
        "calibration": calibration(found),
        "coverage_precision": coverage_precision(found),
        "by_category": _by(found, "category"),
        **{f"by_{group}": _by(found[found[group] != ""], group) for group in GROUPS},
    }


def metrics(figures: dict[str, Any]) -> dict[str, float]:
    """The report as MLflow's flat numbers: `unseen_primary_accuracy`, `unseen_category/TRAVEL`, `unseen_country/GB`."""
    flat: dict[str, float] = {}
    for side, of in figures.items():
        flat |= {f"{side}_{name}": float(value) for name, value in of.items() if isinstance(value, int | float)}
        for group in ("category", *GROUPS):
            for name, cell in of[f"by_{group}"].items():
                flat[f"{side}_{group}/{_plain(name)}"] = cell["accuracy"]
    return flat


def calibration(found: pd.DataFrame) -> list[dict[str, float]]:
    """Ten bins of confidence: how sure on average, how many are right, of how many rows."""
    bins = np.minimum((found["sure"].to_numpy() * 10).astype(int), 9)
    cells = found.groupby(bins).agg(sure=("sure", "mean"), right=("is_right", "mean"), rows=("is_right", "size"))
    return [
        {"sure": round(float(cell.sure), 4), "right": round(float(cell.right), 4), "rows": int(cell.rows)}
        for cell in _records(cells)
    ]


def coverage_precision(found: pd.DataFrame) -> list[dict[str, float]]:
    """Of the surest 5 %, 10 %, ... of the rows, how many are right."""
    right = found.sort_values("sure", ascending=False, kind="stable")["is_right"].to_numpy()
    told = []
    for coverage in COVERAGES:
        first = right[: max(1, round(coverage * len(right)))]
        told.append({"coverage": coverage, "precision": round(float(first.mean()), 4)})
    return told


def _calibration_error(found: pd.DataFrame) -> float:
    gaps = [abs(cell["sure"] - cell["right"]) * cell["rows"] for cell in calibration(found)]
    return round(sum(gaps) / len(found), 4)


def _by(found: pd.DataFrame, group: str) -> dict[str, dict[str, float]]:
    cells = found.groupby(group).agg(accuracy=("is_right", "mean"), rows=("is_right", "size"))
    return {
        str(cell.Index): {"accuracy": round(float(cell.accuracy), 4), "rows": int(cell.rows)}
        for cell in _records(cells[cells["rows"] >= ENOUGH])
    }


def _records(cells: pd.DataFrame) -> Iterator[Any]:
    """The rows, of which pandas does not say what types they have."""
    yield from cells.itertuples()


def _share(which: "pd.Series[bool]") -> float:
    return round(float(which.mean()), 4)


def _plain(name: str) -> str:
    """As MLflow allows names: 10-100 and 1000+ among them."""
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)
