"""Outside: a server that a tenant names is asked only at an address that was checked, and only for so much."""

import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ai2.kit import outside
from tests.certificates import Authority

PUBLIC, OTHER_PUBLIC = "8.8.8.8", "8.8.4.4"


class Server(ThreadingHTTPServer):
    """Somebody's server on loopback: remembers what it is asked, answers as its routes say."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str]] = []
        self.told_name: str | None = None
        self.routes: dict[str, Callable[[Handler], None]] = {}

    def handle_error(self, *_: Any) -> None:
        """Whoever does not believe the certificate hangs up."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append((self.headers["Host"], path))
        self.server.routes.get(path, lambda answer: answer.say(b"hello"))(self)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def say(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Names:
    """A resolver: what each name answers, one answer after the other, the last one for ever; who was connected to."""

    def __init__(self, port: int) -> None:
        self.answers: dict[str, list[tuple[str, ...]]] = {}
        self.looked_up: list[str] = []
        self.connected: list[str] = []
        self._port = port
        self._lookup, self._connect = socket.getaddrinfo, socket.create_connection

    def getaddrinfo(self, host: str, *given: Any, **named: Any) -> Any:
        if host not in self.answers:
            return self._lookup(host, *given, **named)
        self.looked_up.append(host)
        left = self.answers[host]
        found = left.pop(0) if len(left) > 1 else left[0]
        return [entry for address in found for entry in self._lookup(address, *given, **named)]

    def create_connection(self, address: tuple[str, int], *given: Any, **named: Any) -> socket.socket:
        """What would leave this machine comes to the server of the test."""
        address = (self.getaddrinfo(address[0], address[1])[0][4][0], address[1])
        self.connected.append(address[0])
        return self._connect(("127.0.0.1", self._port), *given, **named)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def plain() -> Iterator[Server]:
    yield from _served(Server())


@pytest.fixture
def server(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server of bank.test, with a certificate that is believed."""
    made = Server()
    context = authority.serving("bank.test")
    context.sni_callback = lambda _, name, __: setattr(made, "told_name", name)
    made.socket = context.wrap_socket(made.socket, server_side=True, do_handshake_on_connect=False)
    trusting = authority.trusting()
    monkeypatch.setattr(outside, "trusted", lambda: trusting)
    yield from _served(made)


def _served(made: Server) -> Iterator[Server]:
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def names(server: Server, monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names(server.server_port)
    made.answers["bank.test"] = [(PUBLIC,)]
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", made.create_connection)
    return made


def get(url: str, **how: Any) -> httpx2.Response:
    with outside.client(**how) as client:
        return client.get(url)


def here(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


class TestAddresses:
    def test_a_server_on_the_internet_is_asked_by_its_name_at_the_address_that_was_checked(
        self, names: Names, server: Server
    ) -> None:
        assert get("https://bank.test/a").content == b"hello"
        assert (names.looked_up, names.connected) == (["bank.test"], [PUBLIC])
        assert (server.asked, server.told_name) == ([("bank.test", "/a")], "bank.test")

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.0.1", "172.20.1.1", "[fd00::1]",
            "169.254.169.254", "[fe80::1]", "168.63.129.16", "0.0.0.0", "[::]", "224.0.0.1", "240.1.1.1",  # noqa: S104
            "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
            "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "①②⑦.0.0.1", "127。0。0。1",
        ],
    )  # fmt: skip
    def test_nothing_else_is_asked_however_it_is_written(self, names: Names, host: str) -> None:
        for url in (f"https://{host}/", f"http://{host}/", f"https://somebody:secret@{host}:8443/"):
            with pytest.raises((outside.AddressRefused, httpx2.InvalidURL)):
                get(url)
        with pytest.raises(outside.AddressRefused):
            outside.connected(host, 22)
        assert names.connected == []

    def test_a_name_that_answers_differently_a_moment_later_gains_nothing(self, names: Names, server: Server) -> None:
        """The control checks a name and then connects to it, as one would: it is led astray by the same resolver."""
        changing = [(PUBLIC,), ("127.0.0.1",)]
        names.answers["rebinding.test"] = list(changing)
        assert socket.getaddrinfo("rebinding.test", 443)[0][4][0] == PUBLIC
        with pytest.raises(httpx2.ConnectError), httpx2.Client(trust_env=False) as naive:
            naive.get("https://rebinding.test/")
        assert names.connected == ["127.0.0.1"]

        names.answers["rebinding.test"] = list(changing)
        names.connected.clear()
        names.looked_up.clear()
        with pytest.raises(outside.NoAnswer, match="certificate"):  # it has one for bank.test
            get("https://rebinding.test/")
        assert (names.looked_up, names.connected) == (["rebinding.test"], [PUBLIC])
        with pytest.raises(outside.AddressRefused):  # the next one looks again, and finds what it is now
            get("https://rebinding.test/")
        assert names.connected == [PUBLIC]

    @pytest.mark.parametrize("found", [(PUBLIC, "10.0.0.1"), ("127.0.0.1", PUBLIC), (PUBLIC, "::ffff:10.0.0.1")])
    def test_a_name_with_one_address_that_is_refused_is_refused(self, names: Names, found: tuple[str, ...]) -> None:
        names.answers["bank.test"] = [found]
        with pytest.raises(outside.AddressRefused):
            get("https://bank.test/")
        assert names.connected == []
        names.answers["bank.test"] = [(PUBLIC, OTHER_PUBLIC)]
        assert get("https://bank.test/").status_code == 200

    def test_the_next_address_is_tried_where_one_does_not_answer(
        self, names: Names, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names.answers["bank.test"] = [(OTHER_PUBLIC, PUBLIC)]
        connect = names.create_connection

        def refusing(address: tuple[str, int], *given: Any, **named: Any) -> socket.socket:
            if address[0] == OTHER_PUBLIC:
                raise ConnectionRefusedError
            return connect(address, *given, **named)

        monkeypatch.setattr(socket, "create_connection", refusing)
        assert get("https://bank.test/").status_code == 200
        outside.connected("bank.test", 22).close()
        assert names.connected == [PUBLIC, PUBLIC]

    def test_what_the_operator_allows_is_reached(self, plain: Server) -> None:
        assert get(here(plain), allows_private=True).content == b"hello"
        outside.connected("127.0.0.1", plain.server_port, allows_private=True).close()
        with pytest.raises(outside.AddressRefused):
            get(here(plain))

    @pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "0.0.0.0"])  # noqa: S104
    def test_metadata_is_asked_of_nobody_whatever_the_operator_allows(self, names: Names, host: str) -> None:
        with pytest.raises(outside.AddressRefused):
            get(f"http://{host}/latest/meta-data", allows_private=True)
        assert names.connected == []

    def test_a_proxy_of_the_environment_is_not_asked_to_look_names_up(
        self, names: Names, plain: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, here(plain))
        assert get("https://bank.test/").status_code == 200
        assert plain.asked == []


class TestEncryption:
    def test_nothing_is_told_in_plain_on_the_internet(self, names: Names) -> None:
        for allowed in (False, True):
            with pytest.raises(outside.EncryptionNeeded):
                get("http://bank.test/", allows_private=allowed)
        assert names.connected == []

    def test_a_certificate_of_another_name_is_not_believed(self, names: Names, server: Server) -> None:
        names.answers["other.test"] = [(PUBLIC,)]
        with pytest.raises(outside.NoAnswer, match="certificate"):
            get("https://other.test/")
        raw = outside.connected("other.test", 993)
        with pytest.raises(outside.NoAnswer, match="certificate"):
            outside.encrypted(raw, "other.test")
        assert server.asked == []
        outside.encrypted(outside.connected("bank.test", 993), "bank.test").close()


class TestAnswers:
    @pytest.mark.parametrize("to", ["/b", "https://elsewhere.test/", "http://127.0.0.1/"])
    def test_a_redirect_is_not_followed(self, names: Names, server: Server, to: str) -> None:
        server.routes["/a"] = lambda answer: answer.say(b"", 302, Location=to)
        with pytest.raises(outside.Redirected):
            get("https://bank.test/a")
        assert [path for _, path in server.asked] == ["/a"]

    def test_no_more_is_read_than_is_allowed(self, names: Names, server: Server) -> None:
        server.routes["/a"] = lambda answer: answer.say(b"x" * 1000)
        assert len(get("https://bank.test/a", largest=1000).content) == 1000
        with pytest.raises(outside.AnswerTooLarge):
            get("https://bank.test/a", largest=999)

    def test_a_small_answer_that_unpacks_to_a_huge_one_is_not_unpacked(self, names: Names, server: Server) -> None:
        for size in (1_000_000, 100_000_000):
            packed = gzip.compress(bytes(size), 9)
            server.routes[f"/{size}"] = lambda answer, packed=packed: answer.say(packed, Content_Encoding="gzip")
        assert len(get("https://bank.test/1000000", largest=1_000_000).content) == 1_000_000
        with pytest.raises(outside.AnswerTooLarge):
            get("https://bank.test/100000000", largest=1_000_000)

    def test_an_answer_that_is_cut_off_is_no_answer(self, names: Names, server: Server) -> None:
        packed = gzip.compress(b"hello" * 100)[:-9]
        server.routes["/packed"] = lambda answer: answer.say(packed, Content_Encoding="gzip")
        server.routes["/short"] = lambda answer: (answer.say(b"hello", Content_Length="9"), answer.connection.close())
        for path in ("packed", "short"):
            with pytest.raises(outside.NoAnswer):
                get(f"https://bank.test/{path}")

    def test_a_server_that_drips_is_not_waited_for(self, names: Names, server: Server) -> None:
        def drip(answer: Handler) -> None:
            answer.send_response(200)
            answer.send_header("Content-Length", "1000")
            answer.end_headers()
            for _ in range(50):
                answer.wfile.write(b"x")
                time.sleep(0.05)

        server.routes["/a"] = drip
        began = time.monotonic()
        with pytest.raises(outside.NoAnswer, match="too long"):
            get("https://bank.test/a", whole_s=0.3)
        assert time.monotonic() - began < 1

    def test_nothing_says_what_was_in_the_address(
        self, names: Names, server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The control sees that a plain client does write it into the log."""
        canary = "canary-5d1c"
        url = f"https://user:{canary}@bank.test/a?key={canary}"
        server.routes["/a"] = lambda answer: answer.say(canary.encode(), 302, Location=f"/{canary}")
        with caplog.at_level(logging.DEBUG):
            with pytest.raises(outside.Redirected) as refused:
                get(url)
            server.routes["/a"] = lambda answer: answer.say(b"hello")
            assert get(url).status_code == 200
            for each in ("https://127.0.0.1", "https://unknown.invalid"):
                with pytest.raises((outside.AddressRefused, outside.NoAnswer)) as other:
                    get(f"{each}/{canary}")
                assert canary not in repr(other.value) + str(other.value)
        assert canary not in caplog.text + repr(refused.value) + str(vars(refused.value))
        logger = logging.getLogger("httpx2")
        logger.setLevel(logging.INFO)
        try:
            with caplog.at_level(logging.DEBUG):
                get(url)
        finally:
            logger.setLevel(logging.WARNING)
        assert canary in caplog.text
