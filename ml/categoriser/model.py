"""The model: built unfitted, trained by a pure function, measured on merchants it has never seen."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import Pipeline

from ml.categoriser.features import tokens
from ml.categoriser.linear import LinearCategoriser, Lines
from ml.knowledge.labels import primaries

# Applied alone from here on: of what is at least so sure, well over nine in ten are right.
APPLY = 0.9
# Worth a person's look from here on.
REVIEW = 0.4


@dataclass(frozen=True)
class Params:
    """What can be turned. `buckets` features by hash; `alpha` the ridge penalty; `epochs` passes over the examples."""

    buckets: int = 2**16
    alpha: float = 2e-6
    epochs: int = 3
    jobs: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Metrics:
    """Measured on the split `test`: brands and well-known merchants that the measured model never saw.

    Shares between 0 and 1. Applied is what the model alone is sure enough of (APPLY); `calibration_error` is the
    mean gap between confidence and share right, over ten bins weighted by rows.
    """

    rows: int
    primary_accuracy: float
    detailed_accuracy: float
    brands_primary_accuracy: float
    brands_detailed_accuracy: float
    applied_coverage: float
    applied_precision: float
    calibration_error: float


def build_pipeline(params: Params = Params()) -> Pipeline:
    """Unfitted: rendered lines in (`features.render`), a score for each detailed category out."""
    return Pipeline(
        [
            ("lines", Lines()),
            (
                "hash",
                HashingVectorizer(
                    analyzer=tokens,
                    n_features=params.buckets,
                    alternate_sign=False,
                    norm=None,
                    dtype=np.float32,
                ),
            ),
            ("weigh", TfidfTransformer(sublinear_tf=True)),
            (
                "classify",
                LinearCategoriser(alpha=params.alpha, epochs=params.epochs, jobs=params.jobs, seed=params.seed),
            ),
        ]
    )


@dataclass(frozen=True)
class Trained:
    """What training gives: the pipeline fitted on everything, how sure its probabilities are, and the measurement.

    `metrics` are those of a twin that never saw the split `test`; what serves has seen it, too.
    """

    pipeline: Pipeline
    metrics: Metrics


def train(frame: pd.DataFrame, params: Params = Params()) -> Trained:
    """Fit on `line`, `detailed` and `weight`, calibrate and measure on the splits of those names."""
    twin = _fit(frame[frame["split"] == "train"], params)
    knots = calibrate(twin, frame[frame["split"] == "calibration"])
    twin["classify"].knots_ = knots
    metrics = evaluate(twin, frame[frame["split"] == "test"])
    pipeline = _fit(frame, params)
    pipeline["classify"].knots_ = knots
    return Trained(pipeline, metrics)


def _fit(frame: pd.DataFrame, params: Params) -> Pipeline:
    pipeline = build_pipeline(params)
    return pipeline.fit(frame["line"], frame["detailed"].to_numpy(), classify__sample_weight=frame["weight"].to_numpy())


def calibrate(pipeline: Pipeline, frame: pd.DataFrame) -> NDArray[np.float64]:
    """How often the primary category is right (second row) at a given probability of it (first row), increasing."""
    probability, is_right, _ = _judge(pipeline, frame)
    fitted = IsotonicRegression(y_min=0.0, y_max=0.99, out_of_bounds="clip").fit(probability, is_right)
    return np.vstack([fitted.X_thresholds_, fitted.y_thresholds_])


def evaluate(pipeline: Pipeline, frame: pd.DataFrame) -> Metrics:
    """Measure a calibrated pipeline on labelled examples that it has not seen."""
    probability, is_right, is_exact = _judge(pipeline, frame)
    sure = np.interp(probability, *pipeline["classify"].knots_)
    is_brand = ((frame["source"] == "brands") & ~frame["is_mauled"]).to_numpy()
    is_applied = sure >= APPLY
    return Metrics(
        rows=len(frame),
        primary_accuracy=_share(is_right),
        detailed_accuracy=_share(is_exact),
        brands_primary_accuracy=_share(is_right[is_brand]),
        brands_detailed_accuracy=_share(is_exact[is_brand]),
        applied_coverage=_share(is_applied),
        applied_precision=_share(is_right[is_applied]),
        calibration_error=_calibration_error(sure, is_right),
    )


def _judge(pipeline: Pipeline, frame: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Probability of the likeliest primary, whether it is right, and whether the detailed one within it is."""
    probabilities = pipeline.predict_proba(frame["line"])
    answer = likeliest(probabilities, pipeline.classes_)
    truth = frame["detailed"].to_numpy()
    detailed = pipeline.classes_[answer.detailed]
    of = primaries()
    is_right = np.array([of[a] == of[b] for a, b in zip(detailed, truth, strict=True)])
    return answer.probability, is_right, detailed == truth


@dataclass(frozen=True)
class Likeliest:
    """For each row the index of the detailed category that is likeliest within the likeliest primary one."""

    detailed: NDArray[np.intp]
    probability: NDArray[np.floating[Any]]


def likeliest(probabilities: NDArray[np.floating[Any]], classes: NDArray[Any]) -> Likeliest:
    """The primary first: ten kinds of shop at 9 % each are a shop, not the restaurant at 10 %."""
    of = primaries()
    names = sorted({of[c] for c in classes})
    belongs = np.array([names.index(of[c]) for c in classes])
    by_primary = probabilities @ np.eye(len(names), dtype=probabilities.dtype)[belongs]
    best = by_primary.argmax(axis=1)
    within = np.where(belongs[None, :] == best[:, None], probabilities, -1.0)
    return Likeliest(within.argmax(axis=1), by_primary.max(axis=1))


def _share(which: NDArray[Any]) -> float:
    return round(float(np.mean(which)), 4) if len(which) else 0.0


def _calibration_error(sure: NDArray[Any], is_right: NDArray[Any]) -> float:
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [abs(sure[bins == b].mean() - is_right[bins == b].mean()) * np.mean(bins == b) for b in set(bins.tolist())]
    return round(float(sum(gaps)), 4)


def metrics_of(metrics: Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(metrics).items()}
