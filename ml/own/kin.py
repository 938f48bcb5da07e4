"""Kin: merchants that are written differently and are probably the same, or branches of one."""

from functools import lru_cache

from ai2.kit.merchants import KEY_TAILS
from ml.knowledge.merchants import BRANCH, merchants

# From here on two are alike enough to be shown to a person; the same words with other codes are taken as the same.
ALIKE, SAME = 0.6, 1.0
# Words that many merchants share say little of who it is.
_COMMON = KEY_TAILS | {
    *("mktp", "mktplce", "marketplace", "market", "pay", "payment", "services", "service", "group", "com", "www"),
    *("uk", "us", "usa", "eu", "gb", "ltd", "pos", "the", "of", "and"),
}
# Words that name nobody: two cheques have nothing in common but being cheques.
_NOBODY = {
    *(
        "check",
        "cheque",
        "chq",
        "chk",
        "paid",
        "transfer",
        "xfer",
        "cash",
        "atm",
        "withdrawal",
        "deposit",
        "fee",
        "fees",
    ),
    *("interest", "refund", "bill", "invoice", "salary", "wages", "wire", "charge", "charges", "credit", "debit"),
}
_PLAIN = str.maketrans("", "", "aeiou")


def skeleton(word: str) -> str:
    """What an abbreviation leaves of a word: AMZN of amazon, SBRY of sainsbury. The migration says the same in SQL."""
    return word[:1] + word[1:].translate(_PLAIN)


def kin_of(merchant_key: str) -> str:
    """By this the kin of a merchant are found, some that are none among them."""
    return skeleton(merchant_key.split(" ", 1)[0])


@lru_cache(maxsize=1024)  # it is asked for to read what is known, and again to understand it
def kins_of(merchant_key: str, description: str = "") -> tuple[str, ...]:
    """All by which its kin are found: its own, and that of the brand which it is known to be; none of no name."""
    if not merchant_key:
        return ()
    own = kin_of(merchant_key)
    found = merchants().find(description or merchant_key)
    named = kin_of(" ".join(found.name.lower().split())) if found and found.confidence >= BRANCH else own
    return tuple(dict.fromkeys([own, named]))


def likeness(one: str, other: str) -> float:
    """How alike two merchant keys are, 0 to 1: 1 where they differ in nothing but codes."""
    if one == other:
        return SAME
    these, those = _words(one), _words(other)
    if not _names(these) or not _names(those):
        return 0.0
    if these == those:
        return SAME
    shared = sum(_weight(word) for word in these if _is_among(word, those))
    shared += sum(_weight(word) for word in those if _is_among(word, these))
    return shared / sum(map(_weight, [*these, *those]))


def _words(key: str) -> list[str]:
    """The words that are names; a code has digits in it."""
    return [word for word in key.split() if word.isalpha()]


def _names(words: list[str]) -> list[str]:
    return [word for word in words if word not in _NOBODY and _weight(word) == 1]


def _weight(word: str) -> float:
    return 0.2 if word in _COMMON or len(word) < 3 else 1.0


def _is_among(word: str, words: list[str]) -> bool:
    return any(word == other or (len(word) > 2 and skeleton(word) == skeleton(other)) for other in words)
