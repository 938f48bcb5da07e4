"""Answers: what Plaid said, with every row of its lists as the text that it wrote. No number becomes a float."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn

from ai2.ingest.sources.plaid.problems import AnswerNotUnderstood

# Whose elements are wanted as they were written.
LISTS = frozenset({"added", "modified", "removed", "transactions"})
SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Row:
    """An element as it was written, and whose account it is of."""

    text: str
    account_key: str


@dataclass(frozen=True)
class Answer:
    """An answer's lists of rows, and what else it says."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)


def read(content: bytes) -> Answer:
    """Take an answer apart. Raises AnswerNotUnderstood."""
    answer = Answer()
    try:
        for name, value in _members(content.decode()):
            if name in LISTS and isinstance(value, list):
                answer.rows[name] = [Row(text, each["account_id"]) for text, each in value]
            else:
                answer.rest[name] = value
    except (ValueError, LookupError, TypeError, RecursionError):
        raise AnswerNotUnderstood from None
    return answer


def _members(text: str) -> Iterator[tuple[str, Any]]:
    """The names of the object and their values; of the lists, pairs of an element's text and value."""
    place = _after(text, 0, "{")
    while text[place] != "}":
        name, place = _DECODER.raw_decode(text, place)
        place = _after(text, place, ":")
        if name in LISTS and text[place] == "[":
            value, place = _elements(text, place)
        else:
            value, place = _DECODER.raw_decode(text, place)
        yield name, value
        place = _next(text, place, "}")


def _elements(text: str, place: int) -> tuple[list[tuple[str, Any]], int]:
    found = []
    place = _after(text, place, "[")
    while text[place] != "]":
        value, end = _DECODER.raw_decode(text, place)
        found.append((text[place:end], value))
        place = _next(text, end, "]")
    return found, place + 1


def _next(text: str, place: int, closing: str) -> int:
    """Where the next member begins, or what closes them all stands."""
    place = _skip(text, place)
    return place if text[place] == closing else _after(text, place, ",")


def _after(text: str, place: int, letter: str) -> int:
    place = _skip(text, place)
    if text[place] != letter:
        raise ValueError(f"expected {letter}")
    return _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    found = SPACE.match(text, place)
    return found.end() if found else place


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)  # NaN and Infinity are no JSON


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
