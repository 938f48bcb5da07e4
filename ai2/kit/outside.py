"""Outside: asking servers that a tenant names, without becoming a way into this network.

A name is looked up once, every address it has is checked, and the connection goes to one of the addresses that were
checked: a name that answers differently a moment later (DNS rebinding) gains nothing. Host, SNI and certificate are by
the name. There are no redirects and no proxies, plain HTTP only within a network of one's own, and no answer is longer
or takes longer than is allowed. `allows_private` is for what the operator allows by CONNECT_PRIVATE; addresses of
metadata services, link-local and reserved ones are refused all the same.
"""

import contextlib
import logging
import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import ip_address
from typing import Any

import httpcore2
import httpx2

from ai2.kit import addresses
from ai2.kit.addresses import Address
from ai2.kit.errors import Problem

LARGEST_ANSWER = 50_000_000
CONNECT_S, READ_S, WHOLE_S = 10.0, 30.0, 120.0
# It writes whole addresses into the log, and they may have keys in them.
logging.getLogger("httpx2").setLevel(logging.WARNING)
for each in ("connection", "http11", "proxy"):
    logging.getLogger(f"httpcore2.{each}").setLevel(logging.WARNING)


class AddressRefused(Problem):
    """This address may not be asked: it is not on the internet, or does not name a server as one writes it."""

    status = 422


class EncryptionNeeded(Problem):
    """Only https is spoken with servers on the internet."""

    status = 422


class Redirected(Problem):
    """The server sends us to another address; give the one that it leads to."""

    status = 502


class AnswerTooLarge(Problem):
    """The server's answer is larger than is read."""

    status = 502


class NoAnswer(Problem):
    """The server cannot be reached, or does not answer as it should."""

    status = 503


def checked(host: str, port: int, *, allows_private: bool = False) -> tuple[Address, ...]:
    """The addresses of a host, looked up now, all of them fit to be asked. Raises AddressRefused, NoAnswer."""
    name = addresses.host(host)
    if name is None or not 0 < port < 65536:
        raise AddressRefused
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise NoAnswer("The server's name is not known.") from None
    known = tuple(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
    allowed = {"public", "private"} if allows_private else {"public"}
    # One that is refused is enough: a name that has such an address is not to be trusted with the others.
    if not known or any(addresses.standing(address) not in allowed for address in known):
        raise AddressRefused
    return known


def connected(host: str, port: int, *, allows_private: bool = False, timeout_s: float = CONNECT_S) -> socket.socket:
    """A socket to a host, for what speaks something else than HTTP. Raises AddressRefused, NoAnswer."""
    for address in checked(host, port, allows_private=allows_private):
        with contextlib.suppress(OSError):
            return socket.create_connection((str(address), port), timeout_s)
    raise NoAnswer("The server cannot be reached.")


def encrypted(raw: socket.socket, host: str) -> ssl.SSLSocket:
    """The socket under TLS, with a certificate for this name. Raises NoAnswer, with the socket closed."""
    try:
        return trusted().wrap_socket(raw, server_hostname=addresses.host(host))
    except OSError as error:
        raw.close()
        raise _unreached(error) from None


def client(
    *, allows_private: bool = False, largest: int = LARGEST_ANSWER, whole_s: float = WHOLE_S, **of_client: Any
) -> httpx2.Client:
    """A client for one thread. Raises AddressRefused, EncryptionNeeded, Redirected, AnswerTooLarge and NoAnswer only.

    `largest` are bytes of an answer as it is read, `whole_s` how long one may take altogether.
    """
    guarded = _Guarded(allows_private=allows_private, largest=largest, whole_s=whole_s)
    timeout = httpx2.Timeout(READ_S, connect=CONNECT_S)
    return httpx2.Client(transport=guarded, timeout=timeout, follow_redirects=False, trust_env=False, **of_client)


@cache
def trusted() -> ssl.SSLContext:
    """The authorities that we trust (SSL_CERT_FILE adds an operator's own), read once: it takes longer than a call."""
    return ssl.create_default_context()


class _Deadline:
    """When an exchange has to be over."""

    def __init__(self, whole_s: float) -> None:
        self._whole_s = whole_s
        self.begin()

    def begin(self) -> None:
        self._over = time.monotonic() + self._whole_s

    def within(self, timeout: float | None) -> float:
        """What is left of a timeout. Raises ReadTimeout."""
        left = self._over - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("it takes too long")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore2.NetworkStream):
    """A connection that keeps to the deadline, however slowly the other side sends."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: _Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.within(timeout))
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.SyncBackend):
    """Connects to addresses that were checked, never to a name."""

    def __init__(self, deadline: _Deadline, *, allows_private: bool) -> None:
        self._deadline, self._allows_private = deadline, allows_private
        # what the next connection is for: plain HTTP goes only where nobody else's network is on the way
        self.is_plain = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        known = checked(host, port, allows_private=self._allows_private)
        if self.is_plain and any(addresses.standing(address) != "private" for address in known):
            raise EncryptionNeeded
        refused: Exception = httpcore2.ConnectError("no address")
        for address in known:
            try:
                inner = super().connect_tcp(
                    str(address), port, self._deadline.within(timeout), local_address, socket_options or ()
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                refused = error
            else:
                return _Stream(inner, self._deadline)
        raise refused


class _Guarded(httpx2.BaseTransport):
    """The transport: what goes wrong is a problem of ours, and says nothing that the server or the address said."""

    def __init__(self, *, allows_private: bool, largest: int, whole_s: float) -> None:
        self._deadline, self._largest = _Deadline(whole_s), largest
        self._backend = _Backend(self._deadline, allows_private=allows_private)
        self._pool = httpcore2.ConnectionPool(ssl_context=trusted(), network_backend=self._backend)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        if url.scheme not in ("http", "https") or not url.host:
            raise AddressRefused
        self._deadline.begin()
        self._backend.is_plain = url.scheme == "http"
        request.headers["host"] = url.netloc.decode("ascii")
        request.headers["accept-encoding"] = "gzip"
        with _told():
            answer = self._pool.handle_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions={"timeout": request.extensions.get("timeout", {})},
                )
            )
        return self._answer(answer)

    def _answer(self, answer: httpcore2.Response) -> httpx2.Response:
        headers = httpx2.Headers(answer.headers)
        if 300 <= answer.status < 400 and answer.status != 304:
            answer.close()
            raise Redirected
        packed = headers.pop("content-encoding", "identity").strip().lower()
        headers.pop("content-length", None)
        return httpx2.Response(answer.status, headers=headers, stream=_Limited(answer, packed, self._largest))

    def close(self) -> None:
        self._pool.close()


class _Limited(httpx2.SyncByteStream):
    """An answer's bytes, unpacked no further than is read: a small one may unpack to one without an end."""

    def __init__(self, answer: httpcore2.Response, packed: str, largest: int) -> None:
        self._answer, self._packed, self._largest = answer, packed, largest

    def __iter__(self) -> Iterator[bytes]:
        left = self._largest
        with _told():
            for piece in self._plain(left):
                left -= len(piece)
                if left < 0:
                    raise AnswerTooLarge
                yield piece

    def _plain(self, most: int) -> Iterator[bytes]:
        pieces = self._answer.iter_stream()
        if self._packed == "identity":
            yield from pieces
        elif self._packed in ("gzip", "x-gzip"):
            yield from _unpacked(pieces, most)
        else:
            raise NoAnswer("The server's answer is packed in a way that was not asked for.")

    def close(self) -> None:
        self._answer.close()


def _unpacked(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """What gzip holds, no piece of it longer than may be read altogether."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    is_begun = False
    for piece in pieces:
        is_begun = True
        yield unpacker.decompress(piece, most + 1)
        if unpacker.unconsumed_tail:
            raise AnswerTooLarge
    if is_begun and not unpacker.eof:
        raise NoAnswer("The server's answer was cut off.")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, zlib.error, *_OF_THE_NETWORK) as error:
        raise _unreached(error) from None


_OF_THE_NETWORK = (
    httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol,
)  # fmt: skip


def _unreached(error: Exception) -> NoAnswer:
    """What to say of it: a certificate that does not hold is not a server that is down."""
    causes = (error, error.__cause__, error.__context__)
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return NoAnswer("The server's certificate is not for this name, or from nobody we trust.")
    if isinstance(error, httpcore2.TimeoutException | TimeoutError):
        return NoAnswer("The server takes too long.")
    return NoAnswer()
