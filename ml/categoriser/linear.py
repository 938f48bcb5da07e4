"""The steps of the pipeline that scikit-learn has not: lines as they come, and a classifier that can be continued."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import SGDClassifier

Floats = NDArray[np.float32]


class Lines(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Rendered lines as a flat sequence: a list stays one, a table's only column becomes one."""

    def fit(self, lines: Any, _: Any = None) -> Self:
        return self

    def transform(self, lines: Any) -> Any:
        return lines if isinstance(lines, list) else np.asarray(lines, dtype=object).ravel()

    def __sklearn_is_fitted__(self) -> bool:
        return True


class LinearCategoriser(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic one-against-rest, trained by stochastic gradient descent on `jobs` threads; the same for one `seed`.

    scikit-learn's own keeps its weights by class in double precision, and multiplying one row with them copies them
    all (30 ms); here they lie by feature, in half the space.
    """

    def __init__(self, alpha: float = 3e-6, epochs: int = 5, jobs: int = 2, seed: int = 0) -> None:
        self.alpha = alpha
        self.epochs = epochs
        self.jobs = jobs
        self.seed = seed

    def fit(self, features: csr_matrix, labels: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> Self:
        descent = SGDClassifier(
            loss="log_loss",
            alpha=self.alpha,
            max_iter=self.epochs,
            tol=None,
            n_jobs=self.jobs,
            random_state=self.seed,
        )
        return self._take(descent.fit(features, labels, sample_weight=sample_weight))

    def refine(self, features: csr_matrix, labels: NDArray[Any], sample_weight: NDArray[Any]) -> Self:
        """Go once more over examples, with new ones among them, from where the last fit ended; then forget the way."""
        descent = self.__dict__.pop("_descent")
        self._take(descent.partial_fit(features, labels, sample_weight=sample_weight))
        del self._descent
        return self

    def _take(self, descent: SGDClassifier) -> Self:
        self._descent = descent
        self.classes_ = descent.classes_
        self.weights_ = np.ascontiguousarray(descent.coef_.T, dtype=np.float32)
        self.bias_ = descent.intercept_.astype(np.float32)
        return self

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_descent", None)
        return state

    def decision_function(self, features: csr_matrix) -> Floats:
        """A score for each row and class, in the order of `classes_`."""
        scores: Floats = features @ self.weights_ + self.bias_
        return scores

    def predict_proba(self, features: csr_matrix) -> Floats:
        scores = self.decision_function(features)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def predict(self, features: csr_matrix) -> NDArray[Any]:
        return self.classes_[self.decision_function(features).argmax(axis=1)]  # type: ignore[no-any-return]
