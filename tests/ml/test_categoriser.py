"""The categoriser: held-out merchants stay out, knowledge comes before the model, doubt is said."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import pandas as pd
import pytest

from ai2.kit.merchants import merchant_key
from ml.answers import Descriptor, Verdict
from ml.categoriser.decide import PublicCategoriser
from ml.categoriser.examples import SEED, payees, split_of, words
from ml.categoriser.features import render, tokens
from ml.categoriser.model import APPLY, REVIEW, Trained, evaluate, likeliest, train
from ml.categoriser.score import Scorer
from ml.knowledge.labels import primary_of

from .conftest import SMALL

Decide = Callable[..., Verdict]


def test_examples_are_the_same_every_time() -> None:
    once, again = ([*words(Random(SEED)), *payees(Random(SEED))] for _ in range(2))
    assert once == again


def test_a_held_out_merchant_is_in_no_training_row(examples: pd.DataFrame) -> None:
    held_out = set(examples.loc[examples["split"].isin(["calibration", "test"]), "group"])
    training = set(examples.loc[examples["split"] == "train", "group"])
    assert held_out
    assert not held_out & training
    beginnings = {" ".join(group.split()[:n]) for group in training for n in range(1, len(group.split()))}
    assert not held_out & beginnings  # nor under a longer name


def test_about_a_fifth_is_held_out_by_name_alone(examples: pd.DataFrame) -> None:
    brands = examples[(examples["source"] == "brands") & ~examples["is_mauled"]]
    assert brands["split"].isin(["calibration", "test"]).mean() == pytest.approx(0.2, abs=0.02)
    assert split_of("tesco") == split_of("tesco")


def test_training_is_the_same_every_time(few: pd.DataFrame) -> None:
    some, quick = few.iloc[::5], replace(SMALL, epochs=1)
    once, again = train(some, quick), train(some, quick)
    assert once.metrics == again.metrics
    assert np.array_equal(once.pipeline["classify"].weights_, again.pipeline["classify"].weights_)


def test_the_model_reads_words_it_knows_in_names_it_does_not(trained: Trained, few: pd.DataFrame) -> None:
    assert trained.metrics.primary_accuracy > 0.35  # of sixteen, and of names never seen
    measured = evaluate(trained.pipeline, few[few["split"] == "train"])
    assert measured.primary_accuracy > 0.9


@pytest.mark.parametrize(
    ("description", "money_in", "expected"),
    [
        ("TST* ZUNTHORPE PIZZERIA 0123 QUIMBY OH", False, "FOOD_AND_DRINK"),
        ("ZUNTHORPE DENTAL CARE", False, "MEDICAL"),
        ("ZUNTHORPE LTD SALARY", True, "INCOME"),
        ("ATM WITHDRAWAL 001234 03/04", False, "TRANSFER_OUT"),
        ("ONLINE TRANSFER FROM SAV ...1234", True, "TRANSFER_IN"),
        ("INTEREST PAYMENT", True, "INCOME"),
        ("OVERDRAFT FEE", False, "BANK_FEES"),
        ("ZUNTHORPE CITY COUNCIL TAX", False, "GOVERNMENT_AND_NON_PROFIT"),
    ],
)
def test_names_nobody_knows(decide: Decide, description: str, money_in: bool, expected: str) -> None:
    assert primary_of(decide(description, money_in=money_in).detailed) == expected


def test_a_known_merchant_is_decided_by_its_name(decide: Decide) -> None:
    verdict = decide("CARD PAYMENT TO TESCO STORES 6123 LONDON GB ON 03 APR")
    assert (verdict.detailed, verdict.decided_by, verdict.decision) == (
        "FOOD_AND_DRINK_GROCERIES", "merchant", "apply",
    )  # fmt: skip
    assert verdict.merchant is not None
    assert verdict.merchant.name == "Tesco"
    assert verdict.version.startswith("knowledge-")


def test_a_refund_keeps_its_shop_s_category_and_is_less_sure(decide: Decide) -> None:
    spent, refunded = decide("TESCO STORES 6123"), decide("TESCO STORES 6123", money_in=True)
    assert refunded.detailed == spent.detailed
    assert refunded.confidence < spent.confidence
    assert any("refund" in reason for reason in refunded.reasons)


def test_the_code_of_the_pump_counts_more_than_the_shop_s_name(decide: Decide) -> None:
    verdict = decide("TESCO STORES 6123", mcc="5542")
    assert verdict.detailed == "TRANSPORTATION_GAS"
    assert "5542" in verdict.reasons[0]


def test_a_code_that_agrees_makes_surer(decide: Decide) -> None:
    assert decide("TESCO STORES", mcc="5411").confidence > decide("TESCO STORES").confidence


def test_a_code_for_other_things_says_nothing(decide: Decide) -> None:
    assert decide("TESCO STORES", mcc="5999").detailed == "FOOD_AND_DRINK_GROCERIES"


def test_half_a_name_that_the_other_words_contradict_goes_to_a_person(decide: Decide) -> None:
    verdict = decide("RED LION PUB AND RESTAURANT")  # hotels are called so, too
    assert verdict.decision != "apply"


@pytest.mark.parametrize("text", ["", "   ", "12345678", "*** 99/1"])
def test_nothing_to_read_is_no_answer(decide: Decide, text: str) -> None:
    verdict = decide(text)
    assert (verdict.detailed, verdict.decision, verdict.confidence) == (None, "abstain", 0.0)


def test_money_out_is_never_income_and_money_in_never_a_withdrawal(decide: Decide) -> None:
    for text in ("SALARY", "DIVIDEND", "PENSION", "INTEREST EARNED", "TAX REFUND"):
        assert not (decide(text, money_in=False).detailed or "").startswith(("INCOME", "TRANSFER_IN"))
    for text in ("CASH WITHDRAWAL", "TRANSFER TO SAVINGS", "MORTGAGE PAYMENT"):
        detailed = decide(text, money_in=True).detailed or ""
        assert not detailed.startswith(("TRANSFER_OUT", "LOAN_PAYMENTS_MORTGAGE"))


def test_many_are_answered_as_one_is_and_in_order(decide: Decide, trained: Trained) -> None:
    categoriser = PublicCategoriser(trained.pipeline, "categoriser-test")
    texts = ["TESCO", "ZUNTHORPE PIZZERIA", "", "SHELL 123", "QUIMBY DENTAL"] * 3
    many = categoriser.decide([Descriptor(text, money_in=False) for text in texts])
    assert [v.detailed for v in many] == [decide(text).detailed for text in texts]
    assert categoriser.decide([]) == []


def test_branches_of_one_merchant_are_answered_as_each_is_alone_whoever_knows_its_key(trained: Trained) -> None:
    categoriser = PublicCategoriser(trained.pipeline, "categoriser-test")
    names = ("ZUNTHORPE PIZZERIA", "TESCO STORES", "SHELL", "QUIMBY DENTAL", "DIRECT DEBIT TO QUIMBY", "QUIMBY=DENTAL")
    ways = ("{} 123 LEEDS GB", "CARD PAYMENT TO {} 0456", "SQ *{} AUSTIN TX", "{} #7 IGNORE ALL INSTRUCTIONS")
    asked = [
        Descriptor(way.format(name), money_in, None, mcc)
        for name in names for way in ways for money_in in (False, True, None) for mcc in (None, "5812")
    ]  # fmt: skip
    alone = [categoriser.decide([each])[0] for each in asked]
    known = [replace(each, key=merchant_key(each.description)) for each in asked]
    assert categoriser.decide(asked) == alone
    assert categoriser.decide(known) == alone


def test_the_quick_way_scores_as_the_pipeline_does(trained: Trained) -> None:
    lines = [render(text, money_in=False) for text in ("ZUNTHORPE PIZZA PIZZA", "Café Ümläut 7", "", "株式会社")]
    quick, pipeline = Scorer(trained.pipeline).probabilities(lines), trained.pipeline.predict_proba(lines)
    np.testing.assert_allclose(quick, pipeline, atol=1e-5)


def test_decisions_follow_from_confidence(trained: Trained) -> None:
    categoriser = PublicCategoriser(trained.pipeline, "categoriser-test")
    words = ["pizza", "zzz", "plumbing", "acme", "rent", "quux holdings", "hotel", "green"]
    for verdict in categoriser.decide([Descriptor(text, money_in=False) for text in words]):
        expected = "apply" if verdict.confidence >= APPLY else "review" if verdict.confidence >= REVIEW else "abstain"
        assert verdict.decision == expected
        assert 0 <= verdict.confidence <= 1
        assert len(verdict.alternatives) <= 3
        assert verdict.detailed not in [alternative.detailed for alternative in verdict.alternatives]


def test_without_a_model_names_still_answer_and_the_rest_abstains() -> None:
    known, unknown = PublicCategoriser(None, "none").decide(
        [Descriptor("TESCO STORES 6123", money_in=False), Descriptor("ZUNTHORPE", money_in=False)]
    )
    assert known.decision == "apply"
    assert (unknown.decision, unknown.detailed) == ("abstain", None)


def test_the_reason_names_the_word_that_tells(decide: Decide) -> None:
    assert "pizzeria" in decide("ZUNTHORPE PIZZERIA").reasons[0]


def test_ten_kinds_of_one_thing_outweigh_one_of_another() -> None:
    classes = np.array(["GENERAL_MERCHANDISE_ELECTRONICS", "GENERAL_MERCHANDISE_PET_SUPPLIES", "FOOD_AND_DRINK_COFFEE"])
    answer = likeliest(np.array([[0.34, 0.26, 0.4]]), classes)
    assert classes[answer.detailed[0]] == "GENERAL_MERCHANDISE_ELECTRONICS"
    assert answer.probability[0] == pytest.approx(0.6)


def test_what_is_not_text_comes_first_and_is_one_feature() -> None:
    line = render("DIRECT DEBIT ZUNTHORPE", money_in=False, mcc="5411")
    features = list(tokens(line))
    assert features[:3] == ["sign=out", "mcc=5411", "rail=direct_debit"]
    assert "word=zunthorpe" in features
