"""What the model sees of a transaction: words and parts of words of the cleaned descriptor, sign, merchant code."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from ai2.kit.merchants import merchant_text

# Parts of 2 to 4 characters catch what is written together, cut off or misspelt.
SHORTEST_PART, LONGEST_PART = 2, 4
_RAIL = re.compile(
    r"\b(direct debit|standing order|faster payments?|bank giro|bacs|cash|atm|cheque|check|transfer|xfer|payroll|"
    r"interest|fee|charge|refund|zelle|venmo|wire|deposit|withdrawal|autopay|ppd|des|epay|salary|dividend)\b"
)


def render(description: str, *, money_in: bool | None, merchant: str | None = None, mcc: str | None = None) -> str:
    """A transaction as one line for `tokens`."""
    named = merchant if merchant and merchant.strip() else description
    plain = unicodedata.normalize("NFKC", description).casefold()
    return line(merchant_text(named), _RAIL.findall(plain), money_in=money_in, mcc=mcc)


def line(text: str, rails: Iterable[str], *, money_in: bool | None, mcc: str | None) -> str:
    """What is known besides the cleaned text comes first, as words with an `=`."""
    known = [] if money_in is None else ["sign=in" if money_in else "sign=out"]
    if mcc:
        known.append(f"mcc={mcc}")
    known += [f"rail={rail.replace(' ', '_').removesuffix('s')}" for rail in dict.fromkeys(rails)]
    return " ".join([*known, text.replace("=", " ")])


def tokens(rendered: str) -> Iterable[str]:
    """The features of a rendered line."""
    words = []
    for word in rendered.split():
        if "=" in word:
            yield word
        else:
            words.append(word)
    if not words:
        return
    yield f"first={words[0]}"
    yield f"last={words[-1]}"
    for word in words:
        yield f"word={word}"
        padded = f" {word} "
        for length in range(SHORTEST_PART, LONGEST_PART + 1):
            for start in range(len(padded) - length + 1):
                yield padded[start : start + length]
    for one, other in pairwise(words):
        yield f"pair={one} {other}"
