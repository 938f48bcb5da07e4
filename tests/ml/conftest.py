"""A small model, trained once a run on a tenth of the examples, and a registry of each test's own."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ai2.kit.settings import Settings
from ml import registry
from ml.answers import Descriptor, Verdict
from ml.categoriser.decide import PublicCategoriser
from ml.categoriser.examples import build_examples
from ml.categoriser.model import Params, Trained, train

SMALL = Params(buckets=2**15, epochs=4)


@pytest.fixture(scope="session")
def examples() -> pd.DataFrame:
    return build_examples()


@pytest.fixture(scope="session")
def few(examples: pd.DataFrame) -> pd.DataFrame:
    """Every plain word, and the best-known merchants of each split."""
    is_word = (examples["source"] == "words") & (examples["weight"] >= 1)
    is_known = (examples["source"] == "known") & ~examples["is_mauled"]
    return examples[is_word | is_known | (examples["source"] == "payees")].reset_index(drop=True)


@pytest.fixture(scope="session")
def trained(few: pd.DataFrame) -> Trained:
    return train(few, SMALL)


@pytest.fixture(scope="session")
def decide(trained: Trained) -> Callable[..., Verdict]:
    """A verdict for one descriptor; `money_in` is false unless said."""
    categoriser = PublicCategoriser(trained.pipeline, "categoriser-test")

    def ask(
        description: str, *, money_in: bool | None = False, merchant: str | None = None, mcc: str | None = None
    ) -> Verdict:
        return categoriser.decide([Descriptor(description, money_in, merchant, mcc)])[0]

    return ask


@pytest.fixture
def use_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Let the registry live in a fresh folder, with the MLflow that is named or none; nothing serves at first."""

    def use(tracking_uri: str | None = None, home: Path = tmp_path) -> Path:
        settings = Settings(AI2_HOME=home, MLFLOW_TRACKING_URI=tracking_uri)
        monkeypatch.setattr(registry, "settings", lambda: settings)
        monkeypatch.setattr(registry, "_serving", registry._Serving())
        monkeypatch.setattr(registry, "_watch", lambda: None)
        return home

    return use
