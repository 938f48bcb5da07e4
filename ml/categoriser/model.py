"""The model: built unfitted, trained by a pure function, measured on merchants it has never seen."""

from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import Pipeline

from ml.categoriser import transformer
from ml.categoriser.features import tokens
from ml.categoriser.linear import LinearCategoriser, Lines
from ml.knowledge.labels import primaries

# Applied alone from here on: of what is at least so sure, well over nine in ten are right.
APPLY = 0.9
# Worth a person's look from here on.
REVIEW = 0.4
# Fewer rows calibrate nothing.
FEWEST = 200


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
    # with the transformer member beside it, on the same brands
    transformer_brands_primary_accuracy: float = 0.0


def build_pipeline(params: Params) -> Pipeline:
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
    """What training gives: the pipeline that serves, its measurement, and the pipeline that was measured.

    `measured` is the pipeline as it was before it went once more over everything, the measuring merchants too.
    """

    pipeline: Pipeline
    metrics: Metrics
    measured: Pipeline


def train(frame: pd.DataFrame, params: Params | None = None) -> Trained:
    """Fit on `line`, `detailed` and `weight` of the split `train`, calibrate, measure, then learn the other splits."""
    pipeline, features = fit(frame, params)
    classifier: LinearCategoriser = pipeline["classify"]
    is_test = (frame["split"] == "test").to_numpy()
    metrics = replace(
        _measure(classifier, features[is_test], frame[is_test]),
        transformer_brands_primary_accuracy=_share(_with_transformer(classifier, features, frame, "test").is_right),
    )
    measured = deepcopy(pipeline)
    classifier.refine(features, frame["detailed"].to_numpy(), frame["weight"].to_numpy())
    return Trained(pipeline, metrics, measured)


def fit(frame: pd.DataFrame, params: Params | None = None) -> tuple[Pipeline, csr_matrix]:
    """Fitted on `train` and calibrated on `calibration`, the other splits unseen; and the features of all rows."""
    pipeline = build_pipeline(params or Params())
    hashed = pipeline[:2].transform(frame["line"])
    labels, weights = frame["detailed"].to_numpy(), frame["weight"].to_numpy()
    is_train, is_held = ((frame["split"] == split).to_numpy() for split in ("train", "calibration"))
    features = pipeline["weigh"].fit(hashed[is_train]).transform(hashed)
    classifier: LinearCategoriser = pipeline["classify"]
    classifier.fit(features[is_train], labels[is_train], weights[is_train])
    classifier.knots_ = calibrate(classifier, features[is_held], labels[is_held])
    classifier.blended_knots_ = _with_transformer(classifier, features, frame, "calibration").knots(classifier.knots_)
    return pipeline, features


def evaluate(pipeline: Pipeline, frame: pd.DataFrame) -> Metrics:
    """Measure a pipeline on labelled examples that it has not seen."""
    return _measure(pipeline["classify"], pipeline[:-1].transform(frame["line"]), frame)


def calibrate(classifier: LinearCategoriser, features: csr_matrix, labels: NDArray[Any]) -> NDArray[np.float64]:
    """How often the primary category is right (second row) at a given probability of it (first row), increasing."""
    probability, is_right, _ = _judge(classifier, features, labels)
    return _increasing(probability, is_right)


def _increasing(probability: NDArray[Any], is_right: NDArray[Any]) -> NDArray[np.float64]:
    fitted = IsotonicRegression(y_min=0.0, y_max=0.99, out_of_bounds="clip").fit(probability, is_right)
    return np.vstack([fitted.X_thresholds_, fitted.y_thresholds_])


@dataclass(frozen=True)
class _Judged:
    """Probability of the likeliest primary and whether it is right."""

    probability: NDArray[Any]
    is_right: NDArray[Any]

    def knots(self, otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
        return _increasing(self.probability, self.is_right) if len(self.is_right) >= FEWEST else otherwise


def _with_transformer(classifier: LinearCategoriser, features: csr_matrix, frame: pd.DataFrame, split: str) -> _Judged:
    """The model with the transformer member beside it, on the held-out brands whose embeddings are shipped."""
    embedded = transformer.head().embedded
    is_asked = (frame["split"] == split) & (frame["source"] == "brands") & ~frame["is_mauled"].astype(bool)
    keys = frame["line"].str.replace(r"\S+=\S+ ", "", regex=True)
    rows = np.flatnonzero(is_asked & keys.isin(embedded))
    if not len(rows):
        return _Judged(np.zeros(0), np.zeros(0, dtype=bool))
    told = np.stack([embedded[key] for key in keys.iloc[rows]])
    beliefs = transformer.reweighed(
        classifier.predict_proba(features[rows]), tuple(map(str, classifier.classes_)), told
    )
    answer = likeliest(beliefs, classifier.classes_)
    of = primaries()
    truth = frame["detailed"].iloc[rows]
    is_right = [of[a] == of[b] for a, b in zip(classifier.classes_[answer.detailed], truth, strict=True)]
    return _Judged(answer.probability, np.array(is_right, dtype=bool))


def _measure(classifier: LinearCategoriser, features: csr_matrix, frame: pd.DataFrame) -> Metrics:
    probability, is_right, is_exact = _judge(classifier, features, frame["detailed"].to_numpy())
    sure = np.interp(probability, *classifier.knots_)
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


def _judge(
    classifier: LinearCategoriser, features: csr_matrix, truth: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Probability of the likeliest primary, whether it is right, and whether the detailed one within it is."""
    answer = likeliest(classifier.predict_proba(features), classifier.classes_)
    detailed = classifier.classes_[answer.detailed]
    of = primaries()
    is_right = np.array([of[a] == of[b] for a, b in zip(detailed, truth, strict=True)], dtype=bool)
    return answer.probability, is_right, detailed == truth


@dataclass(frozen=True)
class Likeliest:
    """For each row the index of the detailed category that is likeliest within the likeliest primary one."""

    detailed: NDArray[np.intp]
    probability: NDArray[np.floating[Any]]


def likeliest(probabilities: NDArray[np.floating[Any]], classes: NDArray[Any]) -> Likeliest:
    """The primary first: ten kinds of shop at 9 % each are a shop, not the restaurant at 10 %."""
    belongs = _primary_places(tuple(classes))
    by_primary = probabilities @ np.eye(belongs.max() + 1, dtype=probabilities.dtype)[belongs]
    best = by_primary.argmax(axis=1)
    within = np.where(belongs[None, :] == best[:, None], probabilities, -1.0)
    return Likeliest(within.argmax(axis=1), by_primary.max(axis=1))


@cache
def _primary_places(classes: tuple[str, ...]) -> NDArray[np.intp]:
    """For each class the place of its primary among those that there are."""
    names = sorted({primaries()[name] for name in classes})
    return np.array([names.index(primaries()[name]) for name in classes])


def _share(which: NDArray[Any]) -> float:
    return round(float(np.mean(which)), 4) if len(which) else 0.0


def _calibration_error(sure: NDArray[Any], is_right: NDArray[Any]) -> float:
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = [abs(sure[bins == b].mean() - is_right[bins == b].mean()) * np.mean(bins == b) for b in set(bins.tolist())]
    return round(float(sum(gaps)), 4)


def metrics_of(metrics: Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in asdict(metrics).items()}
