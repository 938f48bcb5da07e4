"""Kin: the same merchant written otherwise, and what only looks so."""

import pytest

from ai2.kit.merchants import merchant_key
from ml.own.kin import ALIKE, SAME, kins_of, likeness


@pytest.mark.parametrize(
    ("one", "other"),
    [("AMZN MKTP US*1A2", "AMZN MKTP US*9Z8"), ("ACME 4B7 TOOLS", "ACME TOOLS 9C1")],
)
def test_other_codes_are_the_same_merchant(one: str, other: str) -> None:
    assert likeness(merchant_key(one), merchant_key(other)) == SAME


@pytest.mark.parametrize(
    ("one", "other"),
    [("AMZN MKTP US*1A2", "AMAZON.COM*3B4"), ("TESCO PFS 6119", "TESCO 2484")],
)
def test_abbreviations_and_branches_are_alike(one: str, other: str) -> None:
    assert ALIKE <= likeness(merchant_key(one), merchant_key(other)) < SAME


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CITY FUEL", "CITY COUNCIL"),
        ("SHELL KINGS 587", "SHELL BEACH CAFE"),
        ("CHEQUE 000101", "CHEQUE 000102"),  # two cheques have nothing in common but being cheques
        ("MARKET SERVICES", "MARKET GROUP"),
    ],
)
def test_a_word_in_common_is_not_enough(one: str, other: str) -> None:
    assert likeness(merchant_key(one), merchant_key(other)) < ALIKE


def test_an_abbreviation_and_the_name_are_found_by_the_same() -> None:
    asked = kins_of(merchant_key("AMAZON.COM*3B4"), "AMAZON.COM*3B4")
    assert set(asked) & set(kins_of(merchant_key("AMZN MKTP US*1A2"), "AMZN MKTP US*1A2"))
