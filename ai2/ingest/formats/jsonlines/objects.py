"""JSON objects: one a line, in an array, or inside one document; numbers exact, never through float.

A line that is no object stands alone and is quarantined; a document that is broken is refused, for nothing tells where
its next object would begin.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, Literal, NoReturn

from ai2.ingest import encodings
from ai2.ingest.containers import Member
from ai2.ingest.formats.shared.whole import text_of
from ai2.ingest.lines import Reason
from ai2.ingest.problems import BrokenJson, LineTooLong

# A document is taken apart as a whole, in some ten times its length.
LONGEST_DOCUMENT = 50_000_000
LONGEST_LINE = 1 << 20
HEAD_LINES = 20
SPACE = " \t\r\n,"
State = Literal["posted", "pending", "removed"]
# As in Statement of ai2.ingest.lines.
Shows = Literal["rows", "changes", "window"]
CHANGES = frozenset({"added", "modified", "removed"})
LISTS = CHANGES | {"booked", "pending"}


@dataclass(frozen=True)
class Found:
    """One object with the line it stands in, or why there is none; `original` is its text where it has a line."""

    line_number: int
    value: dict[str, Any] | Reason
    original: str | None = None
    state: State = "posted"

    def text(self) -> str:
        return self.original if self.original is not None else dumped(self.value)


def dumped(value: object) -> str:
    """As JSON; a number that was exact stays so, as text."""
    return json.dumps(value, ensure_ascii=False, default=str)


@dataclass(frozen=True)
class Objects:
    """What gives a file's objects, as often as it is called, and what a document says of them all."""

    found: Callable[[], Iterator[Found]]
    shows: Shows = "rows"
    # what the account held, as a connection adds it: the day and the amount
    stated: dict[str, Any] | None = None

    def __call__(self) -> Iterator[Found]:
        return self.found()


def objects(member: Member) -> Objects:
    """A file's objects. Raises BrokenJson, NotText, FileTooLarge."""
    with member.open() as opened:
        encoding = encodings.examine(opened, one_line=True).encoding
    if _has_lines(member, encoding):
        return Objects(lambda: _lines(member, encoding))
    text, _ = text_of(member, longest=LONGEST_DOCUMENT)
    if text.lstrip().startswith("["):
        return Objects(lambda: _numbered(_elements(text)))
    document = _document(text)
    stated = document.get("stated_balance")
    return Objects(lambda: _numbered(_inside(document)), _shows(document), stated if isinstance(stated, dict) else None)


def _opened(member: Member, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(member.open(), encoding, errors="replace", newline="")


def _has_lines(member: Member, encoding: str) -> bool:
    """Whether most of the first lines are objects by themselves."""
    with _opened(member, encoding) as text:
        head = [
            line.strip("\ufeff\0 \t\r\n") for line in islice(iter(lambda: text.readline(LONGEST_LINE), ""), HEAD_LINES)
        ]
    filled = [line for line in head if line]
    whole = [line for line in filled if line.startswith("{") and line.endswith("}")]
    if len(filled) == 1:
        only = _decoded(filled[0])
        return isinstance(only, dict) and not _lists(only)
    return bool(whole) and len(whole) * 2 >= len(filled)


def _lines(member: Member, encoding: str) -> Iterator[Found]:
    with _opened(member, encoding) as text:
        number = 0
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise LineTooLong
            number += 1
            plain = line.strip("\ufeff\0\x1a \t\r\n")
            if plain:
                yield Found(number, _row(_decoded(plain), is_whole=line.endswith(("\n", "\r"))), plain)


def _row(value: object, *, is_whole: bool) -> dict[str, Any] | Reason:
    if isinstance(value, dict):
        return value
    return Reason.BROKEN if is_whole or value is not None else Reason.CUT_OFF


def _decoded(text: str) -> object:
    """The value, or nothing where the text is none."""
    try:
        return _decoder(text).decode(text)
    except (ValueError, RecursionError):
        return None


def _elements(text: str) -> Iterator[tuple[object, State]]:
    """The array's elements one by one."""
    place, decoder = text.index("[") + 1, _decoder(text)
    while True:
        while place < len(text) and text[place] in SPACE:
            place += 1
        if place >= len(text):
            raise BrokenJson
        if text[place] == "]":
            return
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise BrokenJson from error
        yield value, "posted"


def _document(text: str) -> dict[str, Any]:
    document = _decoded(text.strip("\ufeff\0\x1a \t\r\n"))
    if not isinstance(document, dict):
        raise BrokenJson
    return document


def _shows(document: dict[str, Any]) -> Shows:
    """Whether it tells what changed, or all that is pending now; that of a document without rows too."""
    inner = document.get("transactions")
    told = inner if isinstance(inner, dict) else document
    if not all(_is_list(value) for name, value in told.items() if name in LISTS):
        return "rows"
    if told.keys() & CHANGES:
        return "changes"
    return "window" if "pending" in told and all(_is_list(value) for value in told.values()) else "rows"


def _inside(document: dict[str, Any]) -> Iterator[tuple[object, State]]:
    """The objects that a document holds: where providers put them, or in its only list of objects."""
    lists = _lists(document)
    if not lists:
        yield document, "posted"
    for rows, state in lists:
        for row in rows:
            yield row, state


def _numbered(found: Iterator[tuple[object, State]]) -> Iterator[Found]:
    for number, (value, state) in enumerate(found, 1):
        yield Found(number, value if isinstance(value, dict) else Reason.BROKEN, None, state)


def _lists(document: dict[str, Any]) -> list[tuple[list[Any], State]]:
    inner = document.get("transactions")
    if isinstance(inner, dict):
        return _lists(inner)
    if document.keys() & {"booked", "pending"} and all(_is_list(value) for value in document.values()):
        return [(document.get("booked", []), "posted"), (document.get("pending", []), "pending")]
    if document.keys() & CHANGES:
        states: tuple[tuple[str, State], ...] = (("added", "posted"), ("modified", "posted"), ("removed", "removed"))
        return [(document[name], state) for name, state in states if _is_list(document.get(name))]
    if _is_list(inner):
        return [(inner or [], "posted")]
    rows = [value for value in document.values() if _is_list(value) and value and isinstance(value[0], dict)]
    return [(rows[0], "posted")] if len(rows) == 1 else []


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)  # NaN and Infinity are no JSON


def _whole(value: Any) -> Any:
    """A text without halves of letters, which JSON can write and no text can hold."""
    if isinstance(value, str) and not value.isascii():
        return _HALF.sub("\ufffd", value)
    return [_whole(each) for each in value] if isinstance(value, list) else value


def _whole_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return _object([(_whole(name), _whole(value)) for name, value in pairs])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


_HALF = re.compile("[\ud800-\udfff]")
_NUMBERS: dict[str, Any] = {"parse_float": _number, "parse_int": _number, "parse_constant": _refuse}
_PLAIN = json.JSONDecoder(**_NUMBERS, object_pairs_hook=_object)
_WITH_HALVES = json.JSONDecoder(**_NUMBERS, object_pairs_hook=_whole_object)


def _decoder(text: str) -> json.JSONDecoder:
    """Only what is written as an escape can be half a letter."""
    return _WITH_HALVES if "\\u" in text else _PLAIN
