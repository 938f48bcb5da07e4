"""The HTTP protocol, with an end to what a client may keep us waiting for before its request is known.

uvicorn waits for ever for a request's head, and takes one of any size. Bodies have limits of their own, where they
are read (`api/bodies.py`, `api/edge/pace.py`).
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ai2.kit.errors import Problem, Unreadable
from api import problems

MAX_HEAD_BYTES = 32 * 1024
HEAD_S = 15.0


class HeadTooLarge(Problem):
    """The request line and headers are larger than 32 kB."""

    status = 431


class NotHttp(Unreadable):
    """This is not a request in HTTP/1.1, or its address is longer than 64 kB."""


class GuardedProtocol(HttpToolsProtocol):
    """A head arrives within 15 seconds and 32 kB, or the connection ends."""

    _head_bytes = 0
    _head_ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        is_expected = self._head_ends is not None
        super().data_received(data)
        # of data that ended a body and began the next head, nothing is counted yet
        if is_expected and self._head_ends is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HeadTooLarge())

    def send_400_response(self, msg: str) -> None:
        self._refuse(NotHttp())

    def _refuse(self, problem: Problem) -> None:
        """The last answer of this connection. No request is known, so no app can give it."""
        answer = problems.respond(problem, None)
        head = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}", "connection: close"]
        head += [f"{name.decode()}: {value.decode()}" for name, value in answer.raw_headers]
        self.transport.write("\r\n".join(head).encode() + b"\r\n\r\n" + bytes(answer.body))
        self.transport.close()

    def on_message_begin(self) -> None:
        """The next request of a connection that stayed open; what else comes after an early answer is a body's rest."""
        super().on_message_begin()
        if self._head_ends is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._head_ends = self.loop.call_later(HEAD_S, self._too_late)

    def _head_is_here(self) -> None:
        if self._head_ends is not None:
            self._head_ends.cancel()
            self._head_ends = None

    def _too_late(self) -> None:
        self._head_ends = None
        self.transport.close()
