"""The wire: IMAP with a server that a tenant names, over TLS alone, and for no more bytes and seconds than allowed.

The library reads whatever a server sends, into memory. A server that means harm sends without an end.
"""

import contextlib
import imaplib
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any, Literal

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from ai2.ingest.sources.asking import told as told_by_outside
from ai2.ingest.sources.problems import Transient
from ai2.kit import outside

Security = Literal["tls", "starttls"]
PORTS: dict[Security, int] = {"tls": 993, "starttls": 143}
READ_S = 30.0
# A search among a million messages is one line.
LONGEST_LINE = 10_000_000
ALLOWED_BYTES, ALLOWED_S = 20_000_000, 120.0
# It writes what is said into the log.
logging.getLogger("imapclient").setLevel(logging.WARNING)


class MailServerDown(Transient):
    """The mail server cannot be reached, or does not answer as it should."""


class _Imap(imaplib.IMAP4):
    """Connects where it is allowed to, and reads no further than it may until it is allowed more."""

    def __init__(self, host: str, port: int, *, is_encrypted: bool, allows_private: bool) -> None:
        self._is_encrypted, self._allows_private = is_encrypted, allows_private
        self.allow()
        super().__init__(host, port)

    def allow(self, more_bytes: int = ALLOWED_BYTES, seconds: float = ALLOWED_S) -> None:
        self._left, self._over = more_bytes, time.monotonic() + seconds

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        raw = outside.connected(self.host, self.port, allows_private=self._allows_private)
        connected = outside.encrypted(raw, self.host) if self._is_encrypted else raw
        connected.settimeout(READ_S)
        return connected

    def read(self, size: int) -> bytes:
        if size > self._left:
            raise self.abort("more than is read")
        return self._counted(super().read(size))

    def readline(self) -> bytes:
        line = bytes(self.file.readline(LONGEST_LINE + 1))  # type: ignore[arg-type]
        if len(line) > LONGEST_LINE:
            raise self.abort("a line longer than is read")
        return self._counted(line)

    def _counted(self, found: bytes) -> bytes:
        self._left -= len(found)
        if self._left < 0 or time.monotonic() > self._over:
            raise self.abort("more than is read")
        return found


class Client(IMAPClient):  # type: ignore[misc]
    """A client whose connection is encrypted before anything is said on it."""

    def __init__(self, host: str, port: int, security: Security, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        super().__init__(host, port, ssl=security == "tls", timeout=READ_S)
        # not even formatted: each line of a mail would be
        self._imap.debug = 0
        if security == "starttls":
            self.starttls(ssl_context=outside.trusted())

    def _create_IMAP4(self) -> _Imap:  # noqa: N802 - the library's name
        return _Imap(self.host, self.port, is_encrypted=self.ssl, allows_private=self._allows_private)

    def allow(self, more_bytes: int = ALLOWED_BYTES, seconds: float = ALLOWED_S) -> None:
        """Let what is asked next take so much; each asking has its own allowance."""
        self._imap.allow(more_bytes, seconds)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """What goes wrong between us and a mail server, in words of ours: its own may hold what we sent."""
    with told_by_outside():
        try:
            yield
        except (IMAPClientAbortError, IMAPClientError, OSError, ValueError, AssertionError, KeyError, IndexError):
            raise MailServerDown from None


def says(error: BaseException, *codes: str) -> bool:
    """Whether a refusal has one of these response codes (RFC 5530)."""
    text = str(error).upper()
    return any(f"[{code}]" in text for code in codes)


def quit_quietly(client: Any) -> None:
    """End a connection, whatever has become of it."""
    with contextlib.suppress(Exception):
        client.allow(100_000, 5)
        client.socket().settimeout(5)
        client.logout()
    with contextlib.suppress(Exception):
        client.shutdown()
