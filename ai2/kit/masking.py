"""Masking: card and account numbers, IBANs, phone numbers and e-mail addresses in texts meant for logs and errors.

The last four digits stay, so that people know which card or account is meant. What is masked, and what is not, is
listed in docs/reference/masking.md. The books keep what the bank wrote; only what is said about it is masked.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

HIDDEN = "****"
KEPT = 4
# Identifiers and digests of ours look like numbers to the rules below. They stand alone, and their letters are not only
# at the ends, as those of a word that a card's number runs into.
_OURS = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?=[0-9a-f]*[a-f])(?![a-f]*[0-9]{12,19}[a-f]*(?![0-9A-Za-z]))(?:[0-9a-f]{8}){2,16})(?![0-9A-Za-z])"
)
_TELLING = re.compile(r"[\d@]")
_DAY = r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_INSTANT = re.compile(
    rf"(?<!\d){_DAY}(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{{1,9}})?)?(?:[+-]\d\d:?\d\d)?)?(?!\d)(?![ -]\d{{4}}(?!-))"
)
# Digits, with single spaces (of any width), dashes or dots-in-the-middle between them.
_GAP = "[ \u00a0\u2007\u2009\u202f\u2010\u2011\u2013-]"
_DIGITS = re.compile(rf"\d+(?:{_GAP}\d+)*")
_GROUP = re.compile(r"\d+")
_CARD_LENGTHS = range(13, 20)
# ISO 13616: how long each country's IBAN is.
_IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK FO FI GL NL SD", 19: "MK SI", 20: "AT BA EE KZ XK LT LU MN", 21: "HR LV LI CH",
    22: "BH BG CR GE DE IE ME RS GB VA", 23: "IL IQ SO TL AE OM", 24: "AD CZ MD PK RO SA SK ES SE TN VG DZ",
    25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MR MC SM BF", 28: "AL AZ BY CY DO GT HU LB PL SV NI HN SN CI CM",
    29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
_LENGTH = {country: length for length, countries in _IBAN_LENGTHS.items() for country in countries.split()}
_IBAN = re.compile(rf"(?=([A-Za-z]{{2}}{_GAP}?\d{_GAP}?\d(?:{_GAP}?[0-9A-Za-z]){{11,30}}))")
_EMAIL = re.compile(r"[\w.+%-]{1,64}@((?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24})")
_PHONE = re.compile(r"(?<![\w.+])\+\d(?:[ ()/-]{0,2}\d){7,14}(?!\w|[.,]\d)")
_UK = re.compile(r"(?<!\d)(\d{2}-\d{2}-\d{2})([ ,:/]{1,3})(\d{4})(\d{4})(?!\d)")
_US = re.compile(r"(?<!\d)(\d{9})([ ,:/|-]{1,3})(\d{4,17})(?!\d)")
_WORDS = (
    "account|acct|a/c|acc|iban|bban|routing|aba|sort ?code|card|pan|konto|kontonummer|kto|blz|karte|kartennummer|compte"
    "|carte|cuenta|tarjeta|conto|carta|conta|cart[aã]o|rekening|rekeningnummer|kaart|rachunek|karta|tili|kort"
)
_NAMED = re.compile(
    rf"(?<![A-Za-z])(?:{_WORDS})(?![A-Za-z])(?:[ .]{{0,2}}(?:number|num|no|nr|nummer|numéro|número|numero|ending))?"
    rf"[ .:#=_'\"]{{0,4}}((?:\d{_GAP}?){{5,33}}\d)(?![0-9A-Za-z])",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """The text with such numbers and addresses hidden. Masking twice changes nothing more."""
    if not _TELLING.search(text):
        return text
    hidden = list(_hidden(text))
    if not hidden:
        return text
    found, place = [], 0
    for start, end, instead in sorted(hidden, key=lambda part: (part[0], -part[1])):
        if start >= place:
            found += [text[place:start], instead]
            place = end
        else:  # what overlaps is hidden as far as it goes
            place = max(place, end)
    return "".join([*found, text[place:]])


def masked(value: Any) -> Any:
    """A value as it may be logged or answered: every text in it masked, whatever holds it."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {masked(name): masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(inner) for inner in value]
    return value


def _hidden(text: str) -> Iterator[tuple[int, int, str]]:
    """Where something is to be hidden, and what stands there instead."""
    ours = [found.span() for found in _OURS.finditer(text)]
    plain = _blanked(text, ours)
    if not _TELLING.search(plain):
        return
    yield from _emails(plain)
    yield from _ibans(plain)
    numbers = _blanked(plain, [found.span() for found in _INSTANT.finditer(plain)])
    yield from _cards(numbers)
    for found in _NAMED.finditer(numbers):
        yield found.start(1), found.end(1), _last(found[1])
    for found in _UK.finditer(numbers):
        yield found.start(), found.end(), HIDDEN + found[4]
    for found in _US.finditer(numbers):
        if _is_routing(found[1]):
            yield found.start(), found.end(), _last(found[3])
    for found in _PHONE.finditer(numbers):
        yield found.start(), found.end(), _last(found[0])


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """The text as long as it was, with these parts made into something that no rule knows."""
    letters = list(text)
    for start, end in spans:
        letters[start:end] = "\0" * (end - start)
    return "".join(letters)


def _emails(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _EMAIL.finditer(text):
        yield found.start(), found.end(), f"{HIDDEN}@{found[1]}"


def _ibans(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _IBAN.finditer(text):
        length, country = _LENGTH.get(found[1][:2].upper()), found[1][:2].upper()
        places = [place for place, letter in enumerate(found[1]) if letter.isalnum()]
        if length and len(places) >= length:
            written = found[1][: places[length - 1] + 1]
            if _is_iban("".join(letter for letter in written if letter.isalnum()).upper()):
                yield found.start(), found.start() + len(written), f"{country}{_last(written)}"


def _is_iban(iban: str) -> bool:
    """ISO 7064 mod 97-10: letters count from 10, the first four stand last, and the rest of the division is 1."""
    return iban.isascii() and int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


def _cards(text: str) -> Iterator[tuple[int, int, str]]:
    """Every run of groups of digits that is long enough and ends in its check digit."""
    for run in _DIGITS.finditer(text):
        groups = [(run.start() + found.start(), run.start() + found.end()) for found in _GROUP.finditer(run[0])]
        first = 0
        while first < len(groups):
            last = _card_from(text, groups, first)
            if last is None:
                first += 1
            else:
                start, end = groups[first][0], groups[last][1]
                yield start, end, _last(text[start:end])
                first = last + 1


def _card_from(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The last group of the longest number that begins with this group."""
    digits, best = "", None
    for last in range(first, len(groups)):
        digits += text[slice(*groups[last])]
        if len(digits) >= _CARD_LENGTHS.stop:
            break
        if len(digits) in _CARD_LENGTHS and _is_luhn(digits):
            best = last
    return best


def _is_luhn(digits: str) -> bool:
    """ISO 7812: every second digit from the right doubled, nines cast out; the sum ends in 0."""
    if not digits.isascii() or not digits.strip("0"):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _is_routing(digits: str) -> bool:
    """An American routing number: its digits, weighed 3, 7 and 1, end in 0."""
    return digits.strip("0") != "" and sum(int(d) * (3, 7, 1)[i % 3] for i, d in enumerate(digits)) % 10 == 0


def _last(text: str) -> str:
    return HIDDEN + "".join(letter for letter in text if letter.isalnum())[-KEPT:]
