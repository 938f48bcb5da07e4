"""Names: how alike a supplier's name and a bank's merchant are, both as `ai2.kit.merchants` cleans them."""

from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from ai2.kit.merchants import LEGAL

SAME, LIKE, APART = 0.9, 0.72, 0.5
# Words that many firms have in their names, so that sharing one means nothing.
COMMON_TEXT = """
    the and of for a an at in store stores shop market online group holdings international europe uk usa services
    service company restaurant cafe coffee bar pub hotel taxi pizza kitchen bakery house bank city new royal garden
    global digital media solutions trading limited payment payments pay super food foods
"""
COMMON = frozenset(COMMON_TEXT.split())
SHORTEST = 3


@lru_cache(maxsize=200_000)
def likeness(supplier_key: str, merchant_key: str) -> float | None:
    """0 to 1; none where one of them says no name."""
    supplier, merchant = _words(supplier_key), _words(merchant_key)
    if not supplier or not merchant:
        return None
    ours, theirs = "".join(supplier), "".join(merchant)
    if ours == theirs:
        return 1.0
    whole = fuzz.token_sort_ratio(" ".join(supplier), " ".join(merchant)) / 100
    return max(whole, _joined(ours, theirs), _shared(supplier, merchant))


def _joined(ours: str, theirs: str) -> float:
    """Written together, spelt a little otherwise, or cut off by a bank's column."""
    short, long = sorted((ours, theirs), key=len)
    if len(short) >= 6 and long.startswith(short):
        return 0.95
    alike = JaroWinkler.similarity(ours, theirs)
    return alike if alike >= 0.92 else alike * 0.8


def _shared(supplier: list[str], merchant: list[str]) -> float:
    """One name has all the telling words of the other, or they begin with the same."""
    telling, other = ({word for word in words if word not in COMMON} for words in (supplier, merchant))
    fewer, more = sorted((telling, other), key=len)
    if not fewer:
        return 0.0
    found = sum(max((fuzz.ratio(word, each) / 100 for each in more), default=0) >= 0.86 for word in fewer)
    if found == len(fewer):
        return 0.93 if max(map(len, fewer)) > SHORTEST else 0.8
    first = supplier[0] == merchant[0] and supplier[0] in telling and len(supplier[0]) > SHORTEST
    return 0.78 if first or found / len(fewer) >= 0.5 else 0.0


def _words(key: str) -> list[str]:
    return [word for word in key.split() if word not in LEGAL and any(letter.isalpha() for letter in word)]
