"""Keys of a column are those of its rows, whatever is done to be quick."""

import csv
import gzip
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ai2.kit import merchants
from ai2.kit.merchant_keys import MerchantKeys, merchant_keys
from ai2.kit.merchants import merchant_key
from ai2.kit.places import AMBIGUOUS_TOWNS, COUNTRIES, STATES, TOWNS

# Every word that a rule reads, so that no rule is forgotten where texts are taken together.
RULES = " ".join(rule.pattern for rule in vars(merchants).values() if isinstance(rule, re.Pattern))
WORDS = sorted({*re.findall("[a-z]+", re.sub(r"\\[a-z]", " ", RULES)), *merchants.LEGAL, *merchants.KEY_TAILS})
PLACES = sorted(TOWNS | AMBIGUOUS_TOWNS | COUNTRIES | STATES)
NAMES = [
    "tesco stores",
    "amzn mktp us",
    "uber",
    "bet365",
    "motel 6",
    "7-eleven",
    "1-800-flowers.com",
    "h&m",
    "Café Nero",
]
BETWEEN = [
    " ",
    "  ",
    "",
    "-",
    "/",
    ".",
    "*",
    " *",
    "#",
    " #",
    ", ",
    "'",
    ": ",
    "**",
    "$",
    "£ ",
    "@",
    "+",
    "(",
    "²",
    "é",
    "１",
]
SHAPES = [
    "#",
    "##",
    "###",
    "####",
    "#####",
    "#######",
    "##########",
    "##/##",
    "#/#",
    "##-##",
    "##.##.####",
    "####-##-##",
]
SHAPES += [
    "## JAN",
    "##MAR##",
    "##:##",
    "1-800-###",
    "1-800-flowers",
    "###-###-####",
    "+1-###-#######",
    "1### AB",
    "#co*",
]
SHAPES += ["#K#B#XY#", "M##TW#TN#", "xxxx####", "tesco####", "card ####", "ref A####", "NW# #AB", "S###########"]

DIGITS = st.text("0123456789", min_size=16, max_size=16)
PIECE = st.one_of(st.sampled_from(WORDS), st.sampled_from(PLACES), st.sampled_from(NAMES), st.sampled_from(SHAPES))
TEXTS = st.lists(st.tuples(PIECE, st.sampled_from(BETWEEN)), min_size=1, max_size=5)
COLUMNS = st.tuples(TEXTS, st.lists(DIGITS, min_size=1, max_size=4), st.sampled_from([str.upper, str.lower, str]))


def filled(pieces: list[tuple[str, str]], digits: str) -> str:
    """A text of these pieces, with these digits, one after the other, for the #."""
    places = iter(digits * 10)
    return "".join(next(places) if sign == "#" else sign for sign in "".join(map("".join, pieces)))


def column(texts: list[str]) -> list[str]:
    found: list[str] = merchant_keys(pa.array(texts, pa.string()), pa.nulls(len(texts), pa.string())).to_pylist()
    return found


@given(COLUMNS)
@settings(max_examples=400, deadline=None)
def test_a_column_has_the_keys_of_its_rows(drawn) -> None:
    pieces, digits, case = drawn
    texts = [case(filled(pieces, each)) for each in digits]
    assert column(texts) == [merchant_key(text) for text in texts]


@given(st.text(max_size=40), st.text("\x01\x02\x0309 ax-/", max_size=12))
@example("\x01\x01\x01", "")
@settings(max_examples=200, deadline=None)
def test_any_text_has_its_key(text: str, more: str) -> None:
    texts = [text, more, text + more, f"TESCO {more} 1234"]
    assert column(texts) == [merchant_key(each) for each in texts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PAID 03/04 ACME", "PAID 45/67 ACME"),  # a date, and none
        ("ACME 1-800-555-1234", "ACME 7-801-555-1234"),
        ("1800GOT JUNK", "1900GOT JUNK"),
        ("2CO*ACME", "3CO*ACME"),
        ("800-5551234 ACME", "100-5551234 ACME"),
        ("MOTEL 6 #123", "MOTEL 8 #456"),
        ("BET365 12345", "BET366 12345"),
        ("CHEQUE 100234", "CHEQUE 100235"),
        ("AMZN MKTP US*2K4B81XY3", "AMZN MKTP US*2K4B81XYS"),
        ("SHOP **123LONDON1", "SHOP **123LEEDSXX1"),  # the first digits go with the stars
    ],
)
def test_digits_that_a_rule_reads_stay_apart(one: str, other: str) -> None:
    assert column([one, other]) == [merchant_key(one), merchant_key(other)]


def test_the_file_s_own_name_counts_unless_it_is_blank() -> None:
    descriptions = pa.array(["TESCO STORES 2503"] * 4)
    named = pa.array(["Lidl", None, "", " \x1c\u2003"])
    assert merchant_keys(descriptions, named).to_pylist() == ["lidl", "tesco", "tesco", "tesco"]


def test_pieces_of_a_column_have_the_same_keys_as_the_whole() -> None:
    texts = pa.array([f"UBER *TRIP {number} LEEDS" for number in range(5000)] + ["MOTEL 6", "", "ACME CO"])
    none = pa.nulls(len(texts), pa.string())
    keys = MerchantKeys()
    pieces = [keys.of(texts.slice(at, 700), none.slice(at, 700)) for at in range(0, len(texts), 700)]
    assert pa.chunked_array(pieces).to_pylist() == merchant_keys(texts, none).to_pylist()
    assert merchant_keys(texts[:0], none[:0]).to_pylist() == []


def test_real_descriptors_have_the_keys_of_their_rows(data: Path) -> None:
    with gzip.open(data / "purchases/council_cards_2013_2016.csv.gz", "rt", encoding="utf-8") as file:
        texts = list({row["merchant"] for row in csv.DictReader(file)})
    with gzip.open(data / "merchants/name_suggestion_index.csv.gz", "rt", encoding="utf-8") as file:
        names = sorted({row["name"] for row in csv.DictReader(file)})[::7]
    for form in ("{} {}", "CARD PAYMENT TO {} {} LONDON GB ON 03 APR", "SQ *{} #{} OAKLAND CA", "{}{}"):
        texts += [form.format(name, (7919 * place) % 10 ** (place % 7 + 1)) for place, name in enumerate(names)]
    assert column(texts) == [merchant_key(text) for text in texts]
