"""Guard: whatever server a tenant names, or a provider names to us, is asked only where it is on the internet."""

import base64
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from ai2.ingest.sources import bucket, imap, names, ofx_direct, rest, sftp, simplefin
from ai2.ingest.sources.asking import AddressNotAllowed
from ai2.ingest.sources.mailboxes import wire
from ai2.kit.errors import Problem
from tests.connections.sessions import session
from tests.kit.test_outside import PUBLIC, Handler, Names, Server, authority, server  # noqa: F401 - fixtures
from tests.kit.test_outside import names as resolver  # noqa: F401 - a fixture

# Names that somebody has let answer with addresses of this network, and how they are written besides.
RESOLVED = {
    "private.test": ("10.0.0.5",), "loopback.test": ("127.0.0.1",), "metadata.test": ("169.254.169.254",),
    "mapped.test": ("::ffff:192.168.0.1",), "half.test": (PUBLIC, "10.0.0.5"),
}  # fmt: skip
METADATA = ("169.254.169.254", "[fe80::1]", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "metadata.test")
INWARDS = (
    *RESOLVED, *METADATA, "127.0.0.1", "localhost", "10.1.2.3", "172.20.1.1", "192.168.0.1", "[::1]", "[fd00::1]",
    "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0",  # noqa: S104
)  # fmt: skip
KEY = {"access_key": "key", "secret_key": "secret"}
FIELDS = {"date": {"path": "day"}, "amount": {"path": "amount"}}


def packed(url: str) -> str:
    return base64.b64encode(url.encode()).decode()


def _rest(url: str, *, allows: bool, **more: Any) -> object:
    settings = {"url": url, "fields": FIELDS, "currency": "GBP", **more}
    secret = {"client_id": "a", "client_secret": "b"} if more else {}
    return rest.SOURCE.connect(session(settings, secret, allows_private=allows))


def _ofx(source: Callable[..., Any], host: str, *, allows: bool) -> object:
    secret = {"username": "user", "password": "word", "known": [{"number": "1"}]}
    return source(session({"url": f"https://{host}/ofx"}, secret, allows_private=allows))


def _imap(security: str, host: str, *, allows: bool) -> object:
    settings = {"host": host.strip("[]"), "username": "user", "security": security}
    return imap.SOURCE.connect(session(settings, {"password": "word"}, allows_private=allows))


def _sftp(host: str, *, allows: bool) -> object:
    settings = {"host": host.strip("[]"), "username": "user", "host_key": "SHA256:" + "A" * 43}
    return sftp.SOURCE.connect(session(settings, {"password": "word"}, allows_private=allows))


# By the source and what of it names a server: asking there.
HTTP: dict[str, Callable[..., object]] = {
    "simplefin token": lambda host, allows=False: simplefin.SOURCE.connect(
        session({}, {"setup_token": packed(f"https://{host}/claim/x")}, allows_private=allows)
    ),
    "simplefin access": lambda host, allows=False: list(
        simplefin.SOURCE.pages(session({}, {"access_url": f"https://u:p@{host}/x"}, allows_private=allows))
    ),
    "ofx_direct url": lambda host, allows=False: _ofx(ofx_direct.SOURCE.connect, host, allows=allows),
    "ofx_direct url of a run": lambda host, allows=False: list(_ofx(ofx_direct.SOURCE.pages, host, allows=allows)),  # type: ignore[call-overload]
    "rest url": lambda host, allows=False: _rest(f"https://{host}/rows", allows=allows),
    "rest token_url": lambda host, allows=False: _rest(
        "https://bank.test/rows", allows=allows, auth={"type": "client_credentials", "token_url": f"https://{host}/t"}
    ),
    "bucket endpoint": lambda host, allows=False: bucket.SOURCE.connect(
        session({"bucket": "files", "endpoint": f"https://{host}"}, KEY, allows_private=allows)
    ),
}
WAYS: dict[str, Callable[..., object]] = {
    **HTTP,
    "imap host": lambda host, allows=False: _imap("tls", host, allows=allows),
    "imap host by starttls": lambda host, allows=False: _imap("starttls", host, allows=allows),
    "sftp host": lambda host, allows=False: _sftp(host, allows=allows),
}


@pytest.fixture
def lookups(resolver: Names, monkeypatch: pytest.MonkeyPatch) -> Names:  # noqa: F811
    """The resolver; whatever is connected to comes to a server of this test, and is remembered."""
    monkeypatch.setattr(wire, "READ_S", 0.3)
    resolver.answers |= {name: [found] for name, found in RESOLVED.items()}
    return resolver


def test_every_source_whose_tenant_names_a_server_is_looked_at_here() -> None:
    named = {source.name for source in names.all_of_them().values() if source.servers}
    assert named <= {way.partition(" ")[0] for way in WAYS}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_in_this_network_is_asked_however_it_is_named(lookups: Names, way: str) -> None:
    for host in INWARDS:
        with pytest.raises(Problem) as refused:
            WAYS[way](host)
        assert refused.value.code == "address_not_allowed", host
    assert lookups.connected == []
    with suppress(Problem):  # it speaks no protocol of a bank's
        WAYS[way]("bank.test")
    assert set(lookups.connected) == {PUBLIC}, "the control: what is on the internet is asked"


@pytest.mark.parametrize("way", WAYS)
def test_what_the_operator_allows_is_asked_and_metadata_never(lookups: Names, way: str) -> None:
    for host in METADATA:
        with pytest.raises(AddressNotAllowed):
            WAYS[way](host, allows=True)
    assert lookups.connected == []
    with suppress(Problem):
        WAYS[way]("private.test", allows=True)
    assert set(lookups.connected) == {"10.0.0.5"}, "the control"


class Moved(dict[str, Any]):
    """Every path leads elsewhere."""

    def __init__(self, to: str) -> None:
        self._answer = partial(Handler.say, body=b"", status=307, Location=to)

    def get(self, *_: object) -> Any:
        return self._answer


@pytest.mark.parametrize("way", HTTP)
def test_nobody_is_sent_elsewhere(lookups: Names, server: Server, way: str) -> None:  # noqa: F811
    elsewhere = ("http://169.254.169.254/latest/meta-data", "https://127.0.0.1/", "https://private.test/", "//10.0.0.1")
    for place, to in enumerate(elsewhere, 1):
        server.routes = Moved(to)
        with pytest.raises(AddressNotAllowed):
            HTTP[way]("bank.test")
        assert len(server.asked) == place, "once, and nobody else"
    assert set(lookups.connected) == {PUBLIC}
    assert set(lookups.looked_up) == {"bank.test"}
