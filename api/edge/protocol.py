"""The HTTP protocol, with an end to what a client may keep us waiting for before its request is known.

uvicorn waits for ever for a request's head, and takes one of any size. Bodies have limits of their own, where they
are read (`api/bodies.py`, `api/edge/pace.py`).
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32 * 1024
HEAD_S = 15.0
TOO_LARGE = b"The request line and headers are larger than 32 kB."
ANSWER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s"
)


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
                self.transport.write(ANSWER % (len(TOO_LARGE), TOO_LARGE))
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
