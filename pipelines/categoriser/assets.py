"""The model everyone starts with, learning from those who allow it."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ai2 import flows
from ai2.kit.settings import settings
from pipelines.ingest.outcome import TRANSACTIONS
from pipelines.resources import Books

if TYPE_CHECKING:
    from ml.governance.retrain import Retrained

CATEGORISER = dg.AssetKey(["ml", "categoriser"])


@dg.asset(
    key=CATEGORISER,
    deps=[TRANSACTIONS],
    group_name="categoriser",
    kinds={"scikitlearn", "mlflow"},
    pool="training",
    description="A registered model; the alias `champion` says which version serves.",
)
def categoriser(books: Books) -> dg.MaterializeResult[None]:
    """Let serve what was tried long enough, then train a challenger and hold it to the gates."""
    return dg.MaterializeResult(metadata=described(books.of_all(flows.retrain)))


def described(trained: "Retrained") -> dict[str, Any]:
    """What is known of a training, in figures; no row of anyone's is in it."""
    return {
        "version": trained.version,
        "is_passed": trained.is_passed,
        "is_promoted": trained.is_promoted,
        "former_promoted": trained.former_promoted or "",
        "gates_failed": [gate["name"] for gate in trained.gates if gate["is_passed"] is False],
        **{name: value for name, value in trained.metrics.items() if "/" not in name},
        "shared_corrections": trained.shared_corrections,
        "mlflow": dg.MetadataValue.url(f"{settings().mlflow_url}/#/models/categoriser"),
    }
