"""Names: how alike a supplier's name and a bank's merchant are, both as `ai2.kit.merchants` cleans them."""

from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from ai2.kit.merchants import LEGAL

# The names are the same; one has all the telling words of the other, and more; they have nothing in common.
SAME, LIKE, APART = 0.9, 0.7, 0.5
# Words that many firms have in their names, so that sharing one means nothing.
COMMON_TEXT = """
    the and of for a an at in store stores shop shops market markets online direct group holdings international europe
    uk usa services service company restaurant cafe coffee bar pub inn tavern grill bistro trattoria pizzeria hotel taxi
    taxis pizza kitchen bakery tea room rooms house bank city new royal garden global digital media solutions trading
    limited payment payments pay super food foods supplies supply outfitters books hardware software cloud labs plumbing
    electrical print printing joinery building retail marketplace
"""
COMMON = frozenset(COMMON_TEXT.split())
SHORTEST, SPELT_ALIKE = 3, 0.86
# So many letters of a name that a bank cut off are the name's.
LEAST_CUT = 6


@lru_cache(maxsize=200_000)
def likeness(supplier_key: str, merchant_key: str) -> float | None:
    """0 to 1; none where one of them says no name."""
    supplier, merchant = _words(supplier_key), _words(merchant_key)
    if not supplier or not merchant:
        return None
    return max(_joined("".join(supplier), "".join(merchant)), _shared(_telling(supplier), _telling(merchant)))


def _joined(ours: str, theirs: str) -> float:
    """Written together: the same, cut off by a bank's column, or spelt a little otherwise."""
    short, long = sorted((ours, theirs), key=len)
    if short == long or (len(short) >= LEAST_CUT and long.startswith(short)):
        return 1.0 if len(short) * 2 >= len(long) else 0.8
    return 0.95 if JaroWinkler.similarity(ours, theirs) >= 0.94 else 0.0


def _shared(ours: list[str], theirs: list[str]) -> float:
    """The part of the telling words, by their letters, that both have."""
    fewer, more = sorted((ours, theirs), key=lambda words: sum(map(len, words)))
    found = [word for word in fewer if any(_is_word(word, other) for other in more)]
    whole, of_more = (sum(map(len, words)) for words in (fewer, more))
    if not found or max(map(len, found)) < SHORTEST:
        return 0.0
    if len(found) < len(fewer):
        return 0.6 * sum(map(len, found)) / whole
    return 0.95 if whole / of_more > 0.8 else 0.8


def _is_word(word: str, other: str) -> bool:
    return word == other or fuzz.ratio(word, other) / 100 >= SPELT_ALIKE


def _telling(words: list[str]) -> list[str]:
    return [word for word in words if word not in COMMON] or words


def _words(key: str) -> list[str]:
    return [word for word in key.split() if word not in LEGAL and any(letter.isalpha() for letter in word)]
