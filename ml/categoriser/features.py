"""What the model sees of a transaction: words and parts of words of the cleaned descriptor, sign, merchant code."""

import re
import unicodedata
from collections.abc import Iterable

from ai2.kit.merchants import merchant_text

# Parts of 2 to 4 characters catch what is written together, cut off or misspelt.
SHORTEST_PART, LONGEST_PART = 2, 4
_RAIL = re.compile(
    r"\b(direct debit|standing order|faster payments?|bank giro|bacs|cash|atm|cheque|check|transfer|xfer|payroll|"
    r"interest|fee|charge|refund|zelle|venmo|wire|deposit|withdrawal|autopay|ppd|des|epay|salary|dividend)\b"
)


def render(description: str, *, money_in: bool | None, merchant: str | None = None, mcc: str | None = None) -> str:
    """A transaction as one line for `tokens`: what is known besides the text comes first, as words with an `=`."""
    named = merchant if merchant and merchant.strip() else description
    known = [] if money_in is None else ["sign=in" if money_in else "sign=out"]
    if mcc:
        known.append(f"mcc={mcc}")
    plain = unicodedata.normalize("NFKC", description).casefold()
    known += [f"rail={word}" for word in dict.fromkeys(_RAIL.findall(plain))]
    return " ".join([*known, *merchant_text(named).replace("=", " ").split()])


def tokens(line: str) -> Iterable[str]:
    """The features of a rendered line."""
    words = []
    for word in line.split():
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
    for one, other in zip(words, words[1:], strict=False):
        yield f"pair={one} {other}"
