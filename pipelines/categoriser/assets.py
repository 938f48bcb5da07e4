"""The model everyone starts with, learning from those who allow it."""

from dataclasses import asdict

import dagster as dg

from ai2 import flows
from pipelines.ingest.outcome import TRANSACTIONS
from pipelines.resources import Books

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
    """Train a challenger; it serves if it is no worse than the champion."""
    return dg.MaterializeResult(metadata=asdict(books.of_all(flows.retrain)))
