"""Rules for passwords: length is what makes one strong; what attackers try first is refused, however long."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ai2.identity.passwords import lists
from ai2.kit.errors import FieldError, Invalid
from ai2.kit.settings import settings

LENGTH = 10
LENGTH_MAX = 1000  # argon2 takes longer the longer it is
ADDED = 6  # so many digits or signs around a common password do not hide it
LEFT = 6  # so much must be left once names are taken out
# Signs that people write for letters; 1 stands for two.
DISGUISES = [str.maketrans("0134578@$!+", letters) for letters in ("oieastbasit", "oleastbasit")]

HAS_LENGTH = f"has {LENGTH} to {LENGTH_MAX} characters"
NOT_YOURS = "is not made of your name, your e-mail address or your organization's name: take several other words"
NOT_COMMON = "is none that is tried first: take several words that do not belong together"
NOT_BREACHED = "is none that is known from a breach: take another, and change it wherever else you use it"


async def check(password: str, *, about: Iterable[str | None] = (), field: str = "password") -> None:
    """Refuse a password that is too short or easily guessed. `about` is whose it is: address, name, organization."""
    expected = objection(password, [text for text in about if text])
    file = settings().breached_passwords_file
    if not expected and file and await lists.is_breached(file, {password, normal(password)}):
        expected = NOT_BREACHED
    if expected:
        raise Invalid(errors=(FieldError(field, expected),))


def objection(password: str, about: Iterable[str]) -> str | None:
    """What is expected of the password and does not hold, without asking the file of breaches."""
    if not LENGTH <= len(password) <= LENGTH_MAX:
        return HAS_LENGTH
    plain = normal(password)
    if _is_made_of(plain, about):
        return NOT_YOURS
    return NOT_COMMON if _is_simple(plain) or any(map(lists.is_common, _disguised(plain))) else None


def normal(password: str) -> str:
    """As it is compared: whoever types capitals or another width of letters types the same password."""
    return unicodedata.normalize("NFKC", password).casefold().strip()


def _is_made_of(plain: str, about: Iterable[str]) -> bool:
    """Whether little is left once the words about its owner are taken out."""
    rest = plain
    for word in sorted(set(_words(about)), key=len, reverse=True):
        rest = rest.replace(word, " ")
    return rest != plain and len(re.sub(r"[\W_]", "", rest)) < LEFT


def _words(about: Iterable[str]) -> Iterator[str]:
    for text in about:
        yield from (word for word in re.split(r"[\W_]+", normal(text)) if len(word) >= 3)


def _is_simple(plain: str) -> bool:
    """Few different characters, a row of neighbours (`abcdefghij`), or something short again and again."""
    steps = {ord(right) - ord(left) for left, right in pairwise(plain)}
    return len(set(plain)) < 4 or steps in ({1}, {-1}) or len(_unit(plain)) < LEFT


def _unit(plain: str) -> str:
    """What the password repeats, or itself."""
    return plain[: (plain + plain).find(plain, 1)]


def _disguised(plain: str) -> Iterator[str]:
    """What the password may be under what was done to it to make it pass."""
    for text in {plain, _unit(plain)}:
        yield from _undone(text)
        bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)
        added = text.replace(bare, "", 1) if bare else text
        if bare and (len(added) <= ADDED or lists.is_common(added)):
            yield from _undone(bare)


def _undone(text: str) -> Iterator[str]:
    yield text
    yield from (text.translate(letters) for letters in DISGUISES)
