"""Sessions: what a source is given when a test calls it by itself, without an engine around it."""

from collections.abc import Iterable, Mapping
from typing import Any

from ai2.ingest.sources.model import Document, Page, Session


def session(
    settings: Mapping[str, Any],
    credentials: Mapping[str, Any] | None = None,
    cursor: Mapping[str, Any] | None = None,
    **more: Any,
) -> Session:
    """On loopback, without limits."""
    values: dict[str, Any] = {"pace": lambda _, __=1: None, "keep": lambda _: None, "allows_private": True, **more}
    return Session(settings=settings, credentials=credentials or {}, cursor=cursor, **values)


def brought(pages: Iterable[Page]) -> tuple[list[Document], Mapping[str, Any] | None]:
    """Every document of a run, and the cursor behind it."""
    documents: list[Document] = []
    cursor = None
    for page in pages:
        documents += page.documents
        cursor = page.cursor or cursor
    return documents, cursor
