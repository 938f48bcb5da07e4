"""Masking: what leaves are words of merchants; names, numbers and payments between people stay."""

import pytest

from ml.answers import Descriptor
from ml.llm.masking import masked

SHOWN = [
    ("CARD PAYMENT TO FIGMA.COM SAN FRANCISCO CA 4155551234", "figma"),
    ("SQ *SILVER LANTERN COFFEE 0123 OAKLAND CA", "silver lantern coffee"),
    ("ZAPIER", "zapier"),
    ("POS PURCHASE 4471 BRIGHTWATER POTTERY STUDIO 12/03", "brightwater pottery studio"),
]
STRIPPED = [
    ("JOHN SMITH PLUMBING SERVICES 07700900123", {"plumbing", "services"}),
    ("JOE'S DINER GB33BUKB20201555555555", {"diner"}),
    ("CARD PAYMENT TO HELEN'S PHYSIOTHERAPY CLINIC REF HX99812", {"physiotherapy", "clinic"}),
]
STAYS = [
    "ZELLE TO MARIA GARCIA",
    "VENMO PAYMENT 1029384",
    "FASTER PAYMENT TO BRIGHTWATER POTTERY",  # it may be a person's trading name
    "FPO AMY BROWN",
    "AMY BROWN",
    "PRIYA RAGHUNATHAN",
    "ZORBLAX QUIMBY",  # two words that nobody knows are as good as a name
    "RAGHUNATHAN P",
    "MR J DOE",
    "CARD PAYMENT TO JOHN SMITH",
    "CASH APP*SAM TAYLOR",
    "STANDING ORDER BRIGHTWATER STUDIO",
    "RENT FOR MARCH",
    "TRANSFER FROM SAVINGS",
    "john.smith@example.com",
    "0044 7700 900123",
    "",
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_a_merchant_s_words_are_shown(text: str, shown: str) -> None:
    assert masked(Descriptor(text, money_in=False)) == shown


@pytest.mark.parametrize(("text", "words"), STRIPPED)
def test_names_and_numbers_are_taken_out(text: str, words: set[str]) -> None:
    found = masked(Descriptor(text, money_in=False))
    assert found is not None
    assert set(found.split()) == words


@pytest.mark.parametrize("text", STAYS)
@pytest.mark.parametrize("money_in", [False, True])
def test_what_may_be_between_people_stays(text: str, money_in: bool) -> None:
    assert masked(Descriptor(text, money_in)) is None
