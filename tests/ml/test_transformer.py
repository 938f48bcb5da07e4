"""The transformer member weighs what shops sell, touches nothing else, and was never shown what measures it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ml.answers import Descriptor
from ml.categoriser import transformer
from ml.categoriser.decide import PublicCategoriser
from ml.categoriser.examples import split_of
from ml.categoriser.model import Trained
from ml.knowledge.labels import primary_of

CLASSES = ("FOOD_AND_DRINK_COFFEE", "FOOD_AND_DRINK_GROCERIES", "INCOME_WAGES", "TRAVEL_LODGING")


def test_the_head_says_more_of_unseen_brands_than_chance(examples: pd.DataFrame) -> None:
    head = transformer.head()
    brands = examples[(examples["source"] == "brands") & ~examples["is_mauled"] & (examples["split"] == "test")]
    keys = brands["line"].str.replace(r"\S+=\S+ ", "", regex=True)
    known = keys.isin(head.embedded)
    said = head.probabilities(np.stack([head.embedded[key] for key in keys[known]]))
    truth = brands.loc[known, "detailed"].map(primary_of)
    assert known.sum() > 1000
    assert (np.array(head.primaries)[said.argmax(axis=1)] == truth).mean() > 0.5


def test_what_is_shipped_beside_the_head_is_held_out_from_it() -> None:
    shipped = list(transformer.head().embedded)
    assert sum(split_of(key) == "train" for key in shipped) < 0.35 * len(shipped)  # other spellings of held-out brands


def test_it_weighs_shops_anew_and_leaves_wages_alone() -> None:
    beliefs = np.array([[0.2, 0.2, 0.3, 0.3]], dtype=np.float32)
    key = next(iter(transformer.head().embedded))
    anew = transformer.reweighed(beliefs, CLASSES, transformer.head().embedded[key][None, :])
    assert anew.sum() == pytest.approx(1, abs=1e-4)
    assert anew[0, 2] == pytest.approx(0.3, abs=1e-5)
    assert anew[0, 0] == pytest.approx(anew[0, 1])  # within a primary category it says nothing
    assert not np.allclose(anew, beliefs)


def test_it_is_asked_only_where_the_rest_is_not_sure(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, decide: Callable[..., object]
) -> None:
    asked: list[str] = []
    some = next(iter(transformer.head().embedded.values()))

    def embed(keys: list[str]) -> np.ndarray:
        asked.extend(keys)
        return np.stack([some] * len(keys))

    monkeypatch.setattr(transformer, "embed", embed)
    categoriser = PublicCategoriser(trained.pipeline, "t", with_transformer=True)
    texts = ("TESCO STORES 3217", "OVERDRAFT FEE", "ZUNTHORPE QUIMBY", "123456 99/1")
    verdicts = categoriser.decide([Descriptor(text, money_in=False) for text in texts])
    assert asked == ["zunthorpe quimby"]
    assert verdicts[3].detailed is None
    assert decide("TESCO STORES 3217") == verdicts[0]
