"""What the model sees of a transaction: words and parts of words of the cleaned descriptor, sign, merchant code."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from ai2.kit.merchants import merchant_key

# Parts of 2 to 4 characters catch what is written together, cut off or misspelt.
SHORTEST_PART, LONGEST_PART = 2, 4
_RAIL = re.compile(
    r"\b(direct debit|standing order|faster payments?|bank giro|bacs|cash|atm|cheque|check|transfer|xfer|payroll|"
    r"interest|fee|charge|refund|zelle|venmo|wire|deposit|withdrawal|autopay|ppd|des|epay|salary|dividend)\b"
)
# What a merchant key leaves out because it does not tell two merchants apart, and yet says what is sold.
_KIND = re.compile(r"\b(supermarket|superstore)s?\b")


def render(
    description: str,
    *,
    money_in: bool | None,
    merchant: str | None = None,
    mcc: str | None = None,
    key: str | None = None,
) -> str:
    """A transaction as one line for `tokens`; `key` is its merchant key, where that is known already."""
    plain = unicodedata.normalize("NFKC", description).casefold()
    text = merchant_key(description, merchant) if key is None else key
    kinds = [kind for kind in dict.fromkeys(_KIND.findall(plain)) if kind not in text]
    return line(" ".join([text, *kinds]), _RAIL.findall(plain), money_in=money_in, mcc=mcc)


def line(text: str, rails: Iterable[str], *, money_in: bool | None, mcc: str | None) -> str:
    """What is known besides the cleaned text comes first, as words with an `=`."""
    known = [] if money_in is None else ["sign=in" if money_in else "sign=out"]
    if mcc:
        known.append(f"mcc={mcc}")
    known += [f"rail={rail.replace(' ', '_').removesuffix('s')}" for rail in dict.fromkeys(rails)]
    return " ".join([*known, text.replace("=", " ")])


def tokens(rendered: str) -> Iterable[str]:
    """The features of a rendered line."""
    known, words = split_line(rendered)
    yield from known
    for word in words:
        yield from parts(word)
    yield from between(words)


def split_line(rendered: str) -> tuple[list[str], list[str]]:
    """What is known besides the text, and the words of the text."""
    known: list[str] = []
    words: list[str] = []
    for word in rendered.split():
        (known if "=" in word else words).append(word)
    return known, words


def parts(word: str) -> Iterator[str]:
    """A word, and every piece of it; where it begins and ends is a part of the piece."""
    yield f"word={word}"
    padded = f" {word} "
    for length in range(SHORTEST_PART, LONGEST_PART + 1):
        for start in range(len(padded) - length + 1):
            yield padded[start : start + length]


def between(words: Sequence[str]) -> Iterator[str]:
    """What a line says by the order of its words: the first, the last, and each two neighbours."""
    if words:
        yield f"first={words[0]}"
        yield f"last={words[-1]}"
    for one, other in pairwise(words):
        yield f"pair={one} {other}"
