"""Retraining: who contributes, what is measured on what, and when a challenger serves."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ml import registry
from ml.categoriser import examples as made
from ml.categoriser import retrain
from ml.categoriser.features import line

from .conftest import SMALL


@pytest.fixture
def _few_examples(monkeypatch: pytest.MonkeyPatch, few: pd.DataFrame) -> None:
    monkeypatch.setattr(made, "build_examples", lambda: few)


def correction(key: str, detailed: str, *, money_in: bool = False) -> dict[str, object]:
    return {"merchant_key": key, "money_in": money_in, "detailed": detailed}


@pytest.mark.usefixtures("_few_examples")
def test_the_first_model_serves_and_says_how_good_it_is(use_registry: Callable[..., Path]) -> None:
    use_registry()
    done = retrain.train_challenger([], SMALL)
    about = registry.about_champion()
    assert done.is_promoted
    assert about is not None
    assert about.version == done.version
    assert about.metrics == done.metrics
    assert about.data["measured_on"].startswith("test:")
    assert "TESCO" not in str(about).upper()


@pytest.mark.usefixtures("_few_examples")
def test_a_worse_challenger_is_registered_but_does_not_serve(
    use_registry: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_registry()
    first = retrain.train_challenger([], SMALL)
    monkeypatch.setattr(retrain, "is_no_worse", lambda *_: False)
    second = retrain.train_challenger([correction("zunthorpe", "TRAVEL_LODGING")], SMALL)
    assert not second.is_promoted
    assert second.version != first.version
    assert registry.champion().version == f"categoriser-{first.version}"


@pytest.mark.parametrize(
    ("accuracy", "precision", "expected"),
    [
        (0.60, 0.95, True),
        (0.59, 0.94, True),  # within two standard errors
        (0.55, 0.99, False),
        (0.70, 0.90, False),  # knows more, and is wrong more often where it acts alone
    ],
)
def test_no_worse_means_on_both_figures(accuracy: float, precision: float, expected: bool) -> None:
    challenger = {"primary_accuracy": accuracy, "applied_precision": precision}
    champion = {"primary_accuracy": 0.60, "applied_precision": 0.95}
    assert retrain.is_no_worse(challenger, champion) is expected


def test_shared_corrections_become_training_rows_only(few: pd.DataFrame) -> None:
    held_out = str(few.loc[few["split"] == "test", "group"].iloc[0])
    frame = retrain.with_corrections(
        few, [correction("zunthorpe", "TRAVEL_LODGING"), correction(held_out, "TRAVEL_LODGING")]
    )
    added = frame.iloc[len(few) :]
    assert list(added["line"]) == [line("zunthorpe", (), money_in=False, mcc=None), f"sign=out {held_out}"]
    assert list(added["split"]) == ["train", "kin"]  # what measures is not given away by somebody's correction
    assert retrain.with_corrections(few, []) is few


def test_the_data_is_described_by_counts_and_a_digest(few: pd.DataFrame) -> None:
    described = retrain.describe(few)
    assert described["rows"] == sum(described["rows_by_split"].values()) == len(few)
    assert described == retrain.describe(few.copy())
    assert described["sha256"] != retrain.describe(few.iloc[1:])["sha256"]
