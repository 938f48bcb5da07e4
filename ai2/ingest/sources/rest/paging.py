"""Paging: an API's pages one after the other, whatever way it says that there is more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import urljoin

import httpx2

from ai2.ingest.sources.asking import AnswerNotUnderstood
from ai2.ingest.sources.rest import paths
from ai2.ingest.sources.rest.calls import Calls

MOST_PAGES = 20_000


class PagesRepeat(AnswerNotUnderstood):
    """The provider gives the same page again: its paging is another one than the mapping says."""

    what_to_do = "Correct `paging`; a preview shows whether there is a second page."


@dataclass(frozen=True)
class Answer:
    """One page: its rows, and whether another follows."""

    rows: list[Any]
    has_more: bool


def walk(calls: Calls, settings: Mapping[str, Any], url: str, parameters: Mapping[str, str]) -> Iterator[Answer]:
    """Page after page from the first. Raises Transient, Permanent, PagesRepeat."""
    paging = settings.get("paging") or {"type": "none"}
    asked: dict[str, str | int] = {**settings.get("query", {}), **parameters}
    if "size_parameter" in paging and "size" in paging:
        asked[paging["size_parameter"]] = int(paging["size"])
    place = {"page": int(paging.get("first", 1)), "offset": 0}.get(paging["type"])
    if place is not None:
        asked[paging["parameter"]] = place
    former = b""
    for _ in range(MOST_PAGES):
        document, answer = calls.ask(url, asked)
        digest = blake2b(answer.content, digest_size=16).digest()
        rows = paths.rows(str(settings.get("rows", "$")), document)
        if rows and digest == former:
            raise PagesRepeat
        former = digest
        following = _following(paging, document, answer, url, rows, place)
        yield Answer(rows, following is not None)
        if following is None:
            return
        if isinstance(following, _At):
            url, asked = following.url, {}
        else:
            asked[paging["parameter"]] = following
            place = following if isinstance(following, int) else None
    raise PagesRepeat("The provider has pages without end.")


@dataclass(frozen=True)
class _At:
    """A next page that has an address of its own, with everything in it that is to be asked."""

    url: str


def _following(
    paging: Mapping[str, Any], document: Any, answer: httpx2.Response, url: str, rows: list[Any], place: int | None
) -> "str | int | _At | None":
    """What asks for the next page, or none."""
    kind = paging["type"]
    if kind == "none" or ("has_more" in paging and paths.value(paging["has_more"], document) in _NO_MORE):
        return None
    if kind in ("page", "offset"):
        return (place or 0) + (1 if kind == "page" else len(rows)) if rows else None
    if kind == "cursor":
        found = paths.value(paging["path"], document)
        return None if found in _NO_MORE else str(found)
    found = answer.links.get("next", {}).get("url") if kind == "link" else paths.value(paging["path"], document)
    return _At(_absolute(url, found)) if isinstance(found, str) and found else None


def _absolute(url: str, found: str) -> str:
    try:
        return urljoin(url, found)
    except ValueError:
        raise AnswerNotUnderstood("The provider names a next page by what is no address.") from None


_NO_MORE: tuple[Any, ...] = (None, "", False, [], {})
