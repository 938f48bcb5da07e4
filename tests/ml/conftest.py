"""A small model, trained once a run on a tenth of the examples, and a registry of each test's own."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ai2.kit.settings import Settings
from ml import registry, serving
from ml.answers import Descriptor, Verdict
from ml.categoriser.decide import PublicCategoriser
from ml.categoriser.examples import build_examples
from ml.categoriser.model import Params, Trained, train
from ml.governance import retrain

SMALL = Params(buckets=2**15, epochs=4)
# Enough to be judged, in a second.
TINY = Params(buckets=2**13, epochs=2, jobs=1)


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
def fewer(few: pd.DataFrame) -> pd.DataFrame:
    """A fifth of the words and well-known merchants."""
    return few.iloc[::5].reset_index(drop=True)


@pytest.fixture(scope="session")
def trained(few: pd.DataFrame) -> Trained:
    return train(few, SMALL)


@pytest.fixture(scope="session")
def tiny(fewer: pd.DataFrame) -> Trained:
    return train(fewer, TINY)


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables with nothing in them: making them takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    from mlflow import MlflowClient

    MlflowClient(f"sqlite:///{path}").search_registered_models()
    return path


@pytest.fixture
def mlflow(
    use_registry: Callable[..., Path], tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A real MLflow over SQLite; its client fetches in this process, which has it imported."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(empty_mlflow, tmp_path / "mlflow.db")
    use_registry(f"sqlite:///{tmp_path}/mlflow.db")
    return registry._mlflow()


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

    def use(tracking_uri: str | None = None, home: Path = tmp_path, shadow_hours: int = 0) -> Path:
        settings = Settings(AI2_HOME=home, MLFLOW_TRACKING_URI=tracking_uri, AI_SHADOW_HOURS=shadow_hours)
        for module in (registry, serving, retrain):
            monkeypatch.setattr(module, "settings", lambda: settings)
        monkeypatch.setattr(serving, "_serving", serving._Serving())
        monkeypatch.setattr(serving, "_watch", lambda: None)
        return home

    return use
