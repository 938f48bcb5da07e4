"""Search: what a person typed, as words, numbers and amounts, and how rows are asked for it.

Every word has to be there, in any order; case and accents do not count. A word that nothing in the books has as it
is written is taken for those that it is a slip away from.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.books.transactions import search_repository as repository
from ai2.kit.database import Connection

# A search is a few words; what comes after these is not looked for.
MOST_TOKENS = 20
SHORT, LONG = 3, 6
MOST_NEAREST = 20
TEXTS = ("description", "merchant", "notes", "array_to_string(tags, ' ')")
AMOUNT = re.compile(r"([+-])?[£$€]?(\d{1,15}|\d{1,3}(?:[.,']\d{3}){1,4})(?:([.,])(\d{1,4}))?", re.ASCII)

# For each word of a search those that it was mistaken for; none where it stands as it is written.
Slips = list[list[str] | None]


@dataclass(frozen=True)
class Term:
    """One thing that a row must have: a text like one of these, or one of these amounts.

    `keys` are the only merchants whose rows can have it; none where that is not known.
    """

    patterns: tuple[str, ...]
    keys: frozenset[str] | None = None
    is_short: bool = False
    # has neither case nor accents: it is compared with texts as they are, which is quicker
    is_plain: bool = False
    amounts: tuple[Decimal, ...] = ()
    slips: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Search:
    """A condition on transactions and its parameters; `by_merchant` says that those of `found_keys` are few."""

    condition: str
    parameters: dict[str, Any]
    slips: Slips
    by_merchant: bool = False


async def search(db: Connection, organization_id: UUID, said: str, before: Slips | None = None) -> Search:
    """What to ask for. `before` is what the page before was taken for, which stays so to the last page."""
    tokens = said.split()[:MOST_TOKENS]
    if not tokens:
        return Search("true", {}, [])
    found = await repository.understand(db, organization_id, tokens)
    terms = []
    for place, row in enumerate(found):
        slips = before[place] if before and place < len(before) else None
        terms.append(await _term(db, organization_id, tokens[row["token"]], row, slips))
    conditions, parameters = zip(*(_condition(term, place) for place, term in enumerate(terms)), strict=True)
    known = {name: value for each in parameters for name, value in each.items()}
    taken_for = [list(term.slips) if term.slips else None for term in terms]
    condition, keys = " and ".join(conditions), _keys(terms)
    if keys is not None:
        known["found_keys"] = keys
        if await repository.are_few(db, organization_id, keys):
            return Search(condition, known, taken_for, by_merchant=True)
        condition = f"merchant_key = any(%(found_keys)s) and {condition}"
    # What is not rare is met soon in any order. Of a coalesce the planner thinks that half of all rows meet it, and it
    # goes by the order's index, where of several texts it would think that none does.
    return Search(f"coalesce({condition}, false)", known, taken_for)


async def _term(db: Connection, organization_id: UUID, token: str, row: DictRow, before: list[str] | None) -> Term:
    word = row["word"]
    if word is None:
        return Term(
            (_anywhere(row["plain"]),), is_plain=not any(map(str.isalpha, row["plain"])), amounts=tuple(amounts(token))
        )
    mistaken_for = before if before is not None else nearest(word, row["near"])
    if mistaken_for and (before is not None or not await _stands(db, organization_id, row)):
        keys = await repository.keys_of(db, organization_id, mistaken_for)
        return Term(tuple(map(_anywhere, mistaken_for)), _known(keys), slips=tuple(mistaken_for))
    return _as_written(word, _known(await repository.keys_of(db, organization_id, row["known"])))


async def _stands(db: Connection, organization_id: UUID, row: DictRow) -> bool:
    """Whether the word is in the books as it is written, and not only was once."""
    keys = await repository.keys_of(db, organization_id, row["known"])
    if not keys:
        return keys is None
    condition, known = _condition(_as_written(row["word"], None), 0)
    return await repository.stands(db, organization_id, keys, condition, known)


def _known(keys: list[str] | None) -> frozenset[str] | None:
    return frozenset(keys) if keys is not None else None


def _as_written(word: str, keys: frozenset[str] | None) -> Term:
    if len(word) < SHORT and word.isascii():
        return Term((f"(^|[^[:alpha:]]){word}",), keys, is_short=True)
    return Term((_anywhere(word),), keys)


def nearest(word: str, near: list[tuple[str, int]]) -> list[str]:
    """Of the words that are not far those a slip away, or else two slips, or three in a long word.

    Two letters that changed places are one slip. Of a short word two others would be another word.
    """
    slips = {other: 1 if far == 2 and sorted(other) == sorted(word) else far for other, far in near}
    allowed = 1 if len(word) < LONG else 3
    least = min(slips.values(), default=allowed + 1)
    return sorted(other for other, far in slips.items() if far == least <= allowed)[:MOST_NEAREST]


def _anywhere(plain: str) -> str:
    return "%" + plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _condition(term: Term, place: int) -> tuple[str, dict[str, Any]]:
    name = f"term_{place}"
    meets = f"{'~' if term.is_short else 'like'} any(%({name})s::text[])"
    plain = "({})" if term.is_plain else "books.plain({})"
    either = [f"{plain.format(text)} {meets}" for text in TEXTS]
    either[-1] = f"tags <> '{{}}' and {either[-1]}"
    known: dict[str, Any] = {name: list(term.patterns)}
    if term.amounts:
        either.append(f"amount = any(%({name}_amounts)s::numeric[])")
        known[f"{name}_amounts"] = list(term.amounts)
    return f"({' or '.join(either)})", known


def _keys(terms: Sequence[Term]) -> list[str] | None:
    """The merchants that have all of it, where that is known."""
    known = [term.keys for term in terms if term.keys is not None]
    return sorted(frozenset.intersection(*known)) if known else None


def amounts(token: str) -> Iterator[Decimal]:
    """What amounts a token may mean: of either sign unless it has one, by either use of point and comma.

    One digit or two without more are rather a shop's number than an amount.
    """
    read = AMOUNT.fullmatch(token)
    if not read or len(token) < 3:
        return
    sign, whole, _, cents = read.groups()
    digits = re.sub(r"\D", "", whole)
    values = {Decimal(f"{digits}.{cents or 0}")}
    if cents and len(cents) == 3 and len(digits) <= 3:  # 1,234 is a thousand to most, and little more than one to some
        values.add(Decimal(digits + cents))
    for value in sorted(values):
        yield from (value, -value) if sign is None else (value if sign == "+" else -value,)
