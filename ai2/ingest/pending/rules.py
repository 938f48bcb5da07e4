"""Pending rules: which booked line completes which announced one, how sure that is, and what is left to a person.

Pure: the same lines give the same links. docs/reference/pending.md has the table of tiers for users.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from ai2.ingest.loading.normalise import normalise

# Days from the announcement to the booking. A bank may date the booking by the purchase, a day earlier by its clock.
EARLIEST, LATEST, LATEST_HOLD, LATEST_BY_ID = -1, 10, 30, 60
TIP = Decimal("1.30")
DRIFT = Decimal("0.03")
# An amount that only asks whether the card is good.
PROBE = Decimal(1)
SIMILAR = 0.35
# Two candidates that differ by less are equally good, and none is taken.
MARGIN = 0.05

RESTAURANTS = re.compile(
    r"\b(?:restaurants?|ristorante|restaurante|restauracja|bistro|brasserie|cafe|caffe|coffee|diner|grill|pub|bar|pizza"
    r"|pizzeria|trattoria|osteria|taverna|tavern|kitchen|sushi|ramen|steak\w*|burger|bbq|brewery|taproom|eatery|gasthaus"
    r"|gasthof|wirtshaus|taxi|cab|uber|lyft|salon|barbers?|hair)\b"
)
FUEL = re.compile(
    r"\b(?:shell|esso|bp|texaco|exxon|exxonmobil|mobil|chevron|aral|total|totalenergies|repsol|cepsa|galp|eni|agip|q8|omv"
    r"|orlen|lukoil|circle k|conoco|phillips 66|valero|sunoco|speedway|arco|76|marathon|gulf|jet|avia|okq8|preem|neste"
    r"|petrol|petroleum|fuel|gas|gasoline|filling|service station|tankstelle|station service|carburant|gasolinera"
    r"|distributore|pay at pump|pump|charging|supercharger|ionity|chargepoint)\b"
)
STAYS = re.compile(
    r"\b(?:hotels?|hostel|motel|inn|resort|suites|lodge|hilton|marriott|hyatt|ibis|novotel|accor|sheraton|westin"
    r"|radisson|premier inn|travelodge|holiday inn|airbnb|booking|pension|albergo|hertz|avis|europcar|sixt|enterprise"
    r"|alamo|budget|thrifty|dollar rent|car (?:rental|hire)|rent a car|autovermietung|mietwagen|location de voitures"
    r"|cruises?)\b"
)
# Merchant category codes of ISO 18245: eating, drinking, taxis, hair; fuel and charging; lodging, cruises, car hire.
RESTAURANT_CODES = frozenset({"5811", "5812", "5813", "5814", "4121", "7230", "7298"})
FUEL_CODES = frozenset({"5541", "5542", "5552", "5983"})
STAY_CODES = frozenset({"4411", "7011", "7012", "7512", "7513", "7519"})


@dataclass(frozen=True)
class Announced:
    """A pending transaction as its line said; `is_gone` where the bank took it back or a person deleted it."""

    id: UUID
    booked_on: date
    amount: Decimal
    description: str
    merchant_key: str
    mcc: str | None = None
    provider_id: str | None = None
    is_gone: bool = False


@dataclass(frozen=True)
class Booked:
    """A posted line that is in the books not yet."""

    id: int
    booked_on: date
    amount: Decimal
    description: str
    merchant_key: str
    mcc: str | None = None
    provider_id: str | None = None
    pending_id: str | None = None


@dataclass(frozen=True)
class Link:
    """That booked line completes this announced one, by this rule, this sure."""

    line: int
    transaction_id: UUID
    tier: str
    confidence: float


@dataclass(frozen=True)
class Chosen:
    """What completes what; and what may, of which a person chooses: announced to lines."""

    links: tuple[Link, ...]
    unsure: dict[UUID, list[int]]


def choose(announced: Sequence[Announced], booked: Sequence[Booked]) -> Chosen:
    """Link lines to the announced ones, the surest rule first; each is linked once or not at all."""
    left = _Left(list(announced), list(booked))
    links = [*_by_id(left)]
    for tier, confidence, key in _SAME:
        links += _in_order(left, tier, confidence, key)
    links += _mutual_best(left)
    return Chosen(tuple(links), _unsure(left))


class _Left:
    """What is not linked yet."""

    def __init__(self, announced: list[Announced], booked: list[Booked]) -> None:
        # what is still announced comes before what was gone
        self.announced = {each.id: each for each in sorted(announced, key=lambda a: (a.is_gone, a.booked_on))}
        self.booked = {each.id: each for each in sorted(booked, key=lambda b: (b.booked_on, b.id))}

    def take(self, one: Announced, other: Booked, tier: str, confidence: float) -> Link:
        del self.announced[one.id], self.booked[other.id]
        return Link(other.id, one.id, tier, confidence)


def days(one: Announced, other: Booked) -> int:
    return (other.booked_on - one.booked_on).days


def _same_way(one: Announced, other: Booked) -> bool:
    """Both in or both out; a probe of nothing goes either way."""
    return one.amount * other.amount > 0 or one.amount == 0


def _by_id(left: _Left) -> Iterator[Link]:
    """By the provider's id, whatever became of amount and text; ids that stand twice say nothing."""
    known = _once((each.provider_id, each) for each in left.announced.values())
    named = [(line.pending_id, line) for line in left.booked.values()]
    named += [(line.provider_id, line) for line in left.booked.values()]
    for name, line in _once(dict.fromkeys(named)).items():
        one = known.get(name)
        is_free = one is not None and one.id in left.announced and line.id in left.booked
        if one and is_free and _same_way(one, line) and abs(days(one, line)) <= LATEST_BY_ID:
            yield left.take(one, line, "id", 1.0)


Item = TypeVar("Item")


def _once(named: Iterable[tuple[str | None, Item]]) -> dict[str, Item]:
    pairs = [(name, item) for name, item in named if name]
    counts = Counter(name for name, _ in pairs)
    return {name: item for name, item in pairs if counts[name] == 1}


def _in_order(left: _Left, tier: str, confidence: float, key: Callable[[Announced | Booked], Hashable]) -> list[Link]:
    """Link what is equal in order of dates: of equal rows it does not matter which is which, but none is left over.

    Each booked line takes the earliest announced one that it can still be, which links as many as can be.
    """
    waiting: dict[Hashable, list[Announced]] = defaultdict(list)
    for one in left.announced.values():
        waiting[key(one)].append(one)
    links = []
    for line in list(left.booked.values()):
        found = next((one for one in waiting.get(key(line), ()) if EARLIEST <= days(one, line) <= LATEST), None)
        if found and (wanted := key(line)):
            waiting[wanted].remove(found)
            links.append(left.take(found, line, tier, confidence))
    return links


def _text(each: Announced | Booked) -> Hashable:
    return each.amount, normalise(each.description)


def _merchant(each: Announced | Booked) -> Hashable:
    return each.merchant_key and (each.amount, each.merchant_key)


_SAME = (("exact", 0.99, _text), ("merchant", 0.95, _merchant))


def equal(announced: Sequence[Announced], others: Sequence[Booked]) -> list[tuple[Any, Any]]:
    """The ids of those that are the same but for the date: what is announced again, or was booked before it came."""
    left = _Left(list(announced), list(others))
    links = [link for tier, confidence, key in _SAME for link in _in_order(left, tier, confidence, key)]
    return [(link.transaction_id, link.line) for link in links]


def _mutual_best(left: _Left) -> Iterator[Link]:
    """Link what is each other's best, clearly; then what that leaves, until nothing more is clear."""
    while True:
        found = list(_clear(list(_judged(left, judge))))
        if not found:
            return
        for one, line, tier, confidence in found:
            yield left.take(one, line, tier, confidence)


Judgement = tuple[Announced, Booked, str, float]


def _judged(left: _Left, by: Callable[[Announced, Booked], tuple[str, float] | None]) -> Iterator[Judgement]:
    """Every pair that may be one, found by amount or by the merchant's first word."""
    by_amount, by_word = defaultdict(list), defaultdict(list)
    for line in left.booked.values():
        by_amount[line.amount].append(line)
        by_word[_first_word(line)].append(line)
    for one in left.announced.values():
        near = {line.id: line for line in (*by_amount.get(one.amount, ()), *by_word.get(_first_word(one), ()))}
        for line in near.values():
            if verdict := by(one, line):
                yield one, line, *verdict


def _clear(judged: list[Judgement]) -> Iterator[Judgement]:
    """The pairs that are the best of both their sides, and clearly. Equal rows are no alternative to each other."""
    for_one, for_line = defaultdict(list), defaultdict(list)
    for judgement in judged:
        for_one[judgement[0].id].append(judgement)
        for_line[judgement[1].id].append(judgement)
    taken: set[Hashable] = set()
    for judgement in sorted(judged, key=lambda j: (-j[3], j[0].is_gone, j[0].booked_on, j[1].booked_on, j[1].id)):
        one, line, _, confidence = judgement
        rivals = [
            *(j for j in for_one[one.id] if _looks(j[1]) != _looks(line)),
            *(j for j in for_line[line.id] if _looks(j[0]) != _looks(one)),
        ]
        if {one.id, line.id} & taken or any(confidence - rival[3] < MARGIN for rival in rivals):
            continue
        taken |= {one.id, line.id}
        yield judgement


def _looks(each: Announced | Booked) -> Hashable:
    return each.booked_on, each.amount, normalise(each.description), isinstance(each, Announced) and each.is_gone


def judge(one: Announced, line: Booked) -> tuple[str, float] | None:
    """The rule by which a line whose amount or text changed is the announced one, and how sure that is."""
    gap = days(one, line)
    if not _same_way(one, line) or not EARLIEST <= gap <= LATEST_HOLD:
        return None
    if one.amount == line.amount:
        likeness = similarity(one.merchant_key or one.description, line.merchant_key or line.description)
        alike = likeness >= SIMILAR or _same_merchant(one, line) or _same_opening(one, line)
        return ("similar", round(0.75 + 0.15 * likeness, 2)) if alike and gap <= LATEST else None
    if not _same_merchant(one, line):
        return None
    return next((rule for rule in _changed(one, line, gap)), None)


def _changed(one: Announced, line: Booked, gap: int) -> Iterator[tuple[str, float]]:
    """The rules for one merchant's other amount."""
    ratio = line.amount / one.amount if one.amount else Decimal("Infinity")
    if abs(ratio - 1) <= DRIFT and gap <= LATEST:
        yield "drift", 0.85
    if _is(one, line, STAY_CODES, STAYS) or _is_stay_code(one.mcc) or _is_stay_code(line.mcc):
        yield "hold", 0.8
    if gap > LATEST:
        return
    if _is(one, line, FUEL_CODES, FUEL):
        yield "hold", 0.8
    if abs(one.amount) <= PROBE:
        yield "probe", 0.75
    if 1 < ratio <= TIP:
        yield "tip", 0.85 if _is(one, line, RESTAURANT_CODES, RESTAURANTS) else 0.65


def _is(one: Announced, line: Booked, codes: frozenset[str], words: re.Pattern[str]) -> bool:
    """Whether it is that kind of merchant: by its code where the line has one, else by its name."""
    known = {code for code in (one.mcc, line.mcc) if code}
    return bool(known & codes) if known else bool(words.search(line.merchant_key) or words.search(one.merchant_key))


def _is_stay_code(code: str | None) -> bool:
    """3351-3500 are car hire companies and 3501-3999 hotels, one code each."""
    return code is not None and code.isdigit() and 3351 <= int(code) <= 3999


def _same_merchant(one: Announced, line: Booked) -> bool:
    """The same key, or one that goes on where the other was cut off."""
    short, long = sorted((one.merchant_key, line.merchant_key), key=len)
    if len(short) < 3:
        return bool(short) and short == long
    return long.startswith(short) or (_first_word(one) == _first_word(line) and similarity(short, long) >= SIMILAR)


def _same_opening(one: Announced, line: Booked) -> bool:
    """The same first word, and not one of how it was paid: a processor that names the merchant later."""
    words = [normalise(each.description).partition(" ")[0].strip("*:") for each in (one, line)]
    return words[0] == words[1] and len(words[0]) >= 4 and not _HOW.fullmatch(words[0])


_HOW = re.compile(
    r"card|visa|mastercard|debit|credit|payment|purchase|direct|contactless|online|transfer|kartenzahlung|lastschrift"
    r"|carte|paiement|pago|compra|pagamento|betaling"
)


def _first_word(each: Announced | Booked) -> str:
    return each.merchant_key.partition(" ")[0]


def similarity(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1: trigrams in common, as pg_trgm counts them."""
    first, second = _trigrams(one), _trigrams(other)
    return len(first & second) / len(first | second) if first and second else 0.0


def _trigrams(text: str) -> set[str]:
    padded = (f"  {word} " for word in re.findall(r"\w+", normalise(text)))
    return {word[place : place + 3] for word in padded for place in range(len(word) - 2)}


def _unsure(left: _Left) -> dict[UUID, list[int]]:
    """What may be one and was not clear, or agrees in nothing but the amount, within a few days."""
    found: dict[UUID, list[int]] = defaultdict(list)
    for one, line, _, _ in _judged(left, lambda one, line: judge(one, line) or _only_the_amount(one, line)):
        if not one.is_gone:
            found[one.id].append(line.id)
    return dict(found)


def _only_the_amount(one: Announced, line: Booked) -> tuple[str, float] | None:
    return ("amount", 0.4) if one.amount == line.amount and 0 <= days(one, line) <= 5 else None
