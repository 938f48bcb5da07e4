"""The model of an organization's own categories: labels of its own, attributes that tell, and honest doubt."""

import random
from dataclasses import astuple, replace

import numpy as np
import pandas as pd
import pytest

from ml.own.contexts import LABEL_BITS
from ml.own.counts import Counts
from ml.own.model import OwnModel, fit
from ml.own.trust import AIMED, WANTED, least_share, threshold

SHOPS = ("northwind foods", "acme tools", "blue bottle", "city fuel", "paper mill", "harbour travel")


def history(rows: int, seed: int = 20260301) -> pd.DataFrame:
    """A school's cards: who shops decides what it is for, except that one cost centre eats what others cook with."""
    print("seed", seed)
    chance = random.Random(seed)
    made = []
    for number in range(rows):
        shop, centre = chance.choice(SHOPS), chance.choice(("kitchen", "workshop", "office"))
        label = "Lunches" if shop == "northwind foods" and centre == "office" else f"Own {shop.split()[0]}"
        if chance.random() < 0.02:
            label = "Sundry"
        made.append(
            {
                "description": f"{shop.upper()} {chance.randrange(1000, 9999)}",
                "amount": -round(chance.uniform(5, 80), 2),
                "date": pd.Timestamp("2025-01-01") + pd.Timedelta(days=number // 10),
                "label": label,
                "Cost centre": centre,
                "Voucher": f"V{number}",
                "Empty": "",
            }
        )
    return pd.DataFrame(made)


@pytest.fixture(scope="module")
def model() -> OwnModel:
    return fit(history(1500))


def test_an_attribute_tells_what_the_merchant_does_not(model: OwnModel) -> None:
    asked = pd.DataFrame(
        {
            "description": ["NORTHWIND FOODS 1234"] * 2,
            "amount": [-20, -20],
            "date": [pd.Timestamp("2025-09-15")] * 2,
            "Cost centre": ["office", "kitchen"],
        }
    )
    assert list(model.predict(asked).labels) == ["Lunches", "Own northwind"]


def test_a_reference_that_is_always_new_and_an_empty_column_are_no_attributes(model: OwnModel) -> None:
    assert model.attributes == ("Cost centre",)


def test_what_is_applied_alone_is_right_and_most_of_a_clear_history_is(model: OwnModel) -> None:
    later = history(600, seed=7).assign(date=pd.Timestamp("2025-09-20"))
    labels, _, applied = model.predict(later)
    assert applied.mean() > 0.5
    assert (labels[applied] == later["label"].to_numpy()[applied]).mean() >= 0.95


def test_a_little_history_applies_nothing_alone() -> None:
    model = fit(history(120))
    labels, _, applied = model.predict(history(50, seed=3))
    assert not applied.any()
    assert (labels == history(50, seed=3)["label"].to_numpy()).mean() > 0.6


def test_a_merchant_that_is_new_is_not_decided_alone_where_new_ones_are_not_proven(model: OwnModel) -> None:
    asked = pd.DataFrame({"description": ["QUIMBY HATS"], "amount": [-20], "date": [pd.Timestamp("2025-09-15")]})
    assert not model.predict(asked).applied[0]


def test_what_was_learnt_since_counts_at_once(model: OwnModel) -> None:
    asked = pd.DataFrame({"description": ["QUIMBY HATS"], "amount": [-20], "date": [pd.Timestamp("2025-09-15")]})
    taught = pd.concat([asked.assign(label="Own paper")] * 3)
    assert model.learn(taught).predict(asked).labels[0] == "Own paper"


def test_a_label_that_is_newer_than_the_fit_is_learnt_too(model: OwnModel) -> None:
    asked = pd.DataFrame({"description": ["QUIMBY HATS"], "amount": [-20], "date": [pd.Timestamp("2025-09-15")]})
    learnt = model.learn(pd.concat([asked.assign(label="Own hats")] * 3))
    assert learnt.predict(asked).labels[0] == "Own hats"
    assert model.predict(asked).labels[0] != "Own hats"


def test_what_is_counted_month_by_month_is_what_is_counted_at_once() -> None:
    chance = np.random.default_rng(3)
    contexts = (chance.integers(1, 9, (400, 2)) + np.array([0, 100])).astype(np.uint64) << np.uint64(LABEL_BITS)
    labels, days = chance.integers(0, 4, 400), np.sort(chance.integers(0, 90, 400)).astype(np.int32)
    weights = chance.choice([1, 3], 400).astype(np.float32)
    at_once = Counts.of(contexts, labels, days, weights)
    early, late = (
        Counts.of(contexts[part], labels[part], days[part], weights[part]) for part in (slice(0, 250), slice(250, None))
    )
    for one, other in zip(astuple(early.plus(late)), astuple(at_once), strict=True):
        assert np.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_of_a_context_the_last_choice_is_known_whatever_is_usual() -> None:
    contexts = np.full((9, 1), 1 << LABEL_BITS, np.uint64)
    counts = Counts.of(contexts, np.array([0] * 8 + [1]), np.zeros(9, np.int32))
    told = counts.tell(contexts[:1], np.zeros(1, np.int32))
    usual, last = told.features[told.label == 0][0], told.features[told.label == 1][0]
    assert usual[1] > last[1]
    assert last[5] > usual[5]


def test_the_same_history_gives_the_same_answers() -> None:
    frame, asked = history(420), history(40, seed=5)
    one, other = (fit(frame).predict(asked) for _ in range(2))
    assert list(one.labels) == list(other.labels)
    assert np.array_equal(one.confidence, other.confidence)


def test_trees_kept_as_arrays_answer_as_the_grown_ones(model: OwnModel) -> None:
    from ml.own.trees import LEAST_IN_LEAF, grow

    random_numbers = np.random.default_rng(11)
    features = random_numbers.normal(size=(40 * LEAST_IN_LEAF, 4)).astype(np.float32)
    features[random_numbers.random(features.shape) < 0.2] = np.nan
    is_right = np.nan_to_num(features[:, 0]) > np.nan_to_num(features[:, 1])
    scores = grow(features, is_right).scores(features)
    assert ((scores > 0) == is_right).mean() > 0.95


def test_a_threshold_needs_a_past_that_proves_it() -> None:
    confidences = np.linspace(1, 0, 2000).astype(np.float32)
    is_right = np.arange(2000) < 1000
    found = threshold(confidences, is_right)
    assert found is not None
    assert is_right[confidences >= found].mean() >= WANTED
    assert threshold(confidences[:40], is_right[:40]) is None
    assert WANTED < AIMED
    assert least_share(84, 84) < AIMED < least_share(85, 85)


def test_a_model_without_a_proven_past_decides_nothing_alone(model: OwnModel) -> None:
    unproven = replace(model, trust=replace(model.trust, seen=replace(model.trust.seen, threshold=None)))
    assert not unproven.predict(history(20)).applied.any()
