"""Scrubbing: whatever a provider or its SDK says of an error, a connection's credentials are not in it."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from ai2.kit.errors import FieldError, Problem

SCRUBBED = "[credential]"
# What is shorter is a word, and would be found everywhere.
SHORTEST = 4


def scrub(text: str, secret: Mapping[str, Any]) -> str:
    """The text without any of the credentials, as they are or as a URL or a header spells them."""
    for value in sorted({spelt for leaf in _leaves(secret) for spelt in _spellings(leaf)}, key=len, reverse=True):
        text = text.replace(value, SCRUBBED)
    return text


def scrubbed(problem: Problem, secret: Mapping[str, Any]) -> Problem:
    """The same problem, telling none of them."""
    problem.detail = scrub(problem.detail, secret)
    problem.args = (problem.detail,)
    problem.errors = tuple(FieldError(each.field, scrub(each.message, secret)) for each in problem.errors)
    problem.extra = {name: _plain(value, secret) for name, value in problem.extra.items()}
    return problem


def _plain(value: Any, secret: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, secret) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, secret) for inner in value]
    return scrub(value, secret) if isinstance(value, str) else value


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str):
        yield value
        yield from _parts_of_a_url(value)


def _parts_of_a_url(text: str) -> Iterator[str]:
    """An address may have a name and a password in it."""
    try:
        parts = urlsplit(text)
        yield from (part for part in (parts.username, parts.password) if part)
    except ValueError:
        return


def _spellings(value: str) -> Iterator[str]:
    if len(value) >= SHORTEST:
        yield from (value, quote(value, safe=""), quote(value), quote_plus(value), repr(value)[1:-1])
        yield base64.b64encode(value.encode()).decode()
        yield base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
