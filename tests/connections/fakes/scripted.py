"""A source that does what a test says: pages, errors, waiting; and knows when it was called."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ai2.ingest.sources.model import Connected, Document, Page, RemoteAccount, Session, Source

ANY_OBJECT = {"type": "object"}
GBP = RemoteAccount("main", "Main", "GBP")


def feed(*rows: tuple[str, str, str, str]) -> Document:
    """What a bank says of an account: id, date, amount, text."""
    found = [
        {"id": key, "date": day, "amount": amount, "description": text, "currency": "GBP"}
        for key, day, amount, text in rows
    ]
    return Document("feed.jsonl", "\n".join(map(json.dumps, found)).encode(), "main")


@dataclass
class Scripted:
    """What the source does. `pages` is asked anew by each run."""

    pages: Callable[[Session], Iterator[Page]] = field(default=lambda session: iter(()))
    connect: Callable[[Session], Connected] = field(default=lambda session: Connected(accounts=(GBP,)))
    disconnect: Callable[[Session], None] = field(default=lambda session: None)
    called_at: dict[str, list[float]] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def source(self, **changes: Any) -> Source:
        """Its value, as the engine finds it."""
        made = Source(
            name="scripted", title="Scripted bank", kind="bank", way="credentials", settings=ANY_OBJECT,
            credentials=ANY_OBJECT, connect=self._connect, pages=self._pages,
            disconnect=self._disconnect,
        )  # fmt: skip
        return replace(made, **changes)

    def call(self, session: Session, credential: str) -> None:
        """One call of the provider, within its limits."""
        session.pace(credential)
        self.called_at.setdefault(credential, []).append(time.monotonic())

    def _connect(self, session: Session) -> Connected:
        return self.connect(session)

    def _disconnect(self, session: Session) -> None:
        self.disconnect(session)

    def _pages(self, session: Session) -> Iterator[Page]:
        self.sessions.append(session)
        yield from self.pages(session)
