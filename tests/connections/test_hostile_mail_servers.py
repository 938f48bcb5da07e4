"""Mail servers that a tenant names, and that mean harm: they are cut off, and cost little until then."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from ai2.ingest.sources import imap
from ai2.ingest.sources.mailboxes import wire
from ai2.ingest.sources.model import Session
from ai2.kit import outside
from ai2.kit.errors import Problem
from tests.certificates import Authority

MOST_MORE_BYTES = 150_000_000


@dataclass
class Hostile:
    """Speaks IMAP as far as signing in, and then says what it wants."""

    authority: Authority
    bound: socket.socket
    says: Callable[[str, str], Iterator[bytes]]
    is_stopping: bool = False

    def serve(self) -> None:
        context = self.authority.serving("localhost")
        while not self.is_stopping:
            try:
                raw, _ = self.bound.accept()
                with context.wrap_socket(raw, server_side=True) as met:
                    self._speak(met)
            except OSError:
                continue

    def _speak(self, met: ssl.SSLSocket) -> None:
        met.sendall(b"* OK ready\r\n")
        lines = met.makefile("rb")
        while line := lines.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            for piece in self.says(tag, rest.upper()):
                met.sendall(piece)


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    authority = Authority(tmp_path)
    trusting = authority.trusting()
    monkeypatch.setattr(outside, "trusted", lambda: trusting)
    made = Hostile(authority, socket.create_server(("127.0.0.1", 0)), honest)
    made.bound.settimeout(0.2)
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    yield made
    made.is_stopping = True
    thread.join(10)
    made.bound.close()


def honest(tag: str, asked: str) -> Iterator[bytes]:
    if asked.startswith("CAPABILITY"):
        yield b"* CAPABILITY IMAP4REV1 \r\n"
    if asked.startswith("EXAMINE"):
        yield b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 2] ok\r\n"
    if asked.startswith("UID SEARCH"):
        yield b"* SEARCH 1\r\n"
    if asked.startswith("UID FETCH") and "SIZE" in asked:
        yield b"* 1 FETCH (UID 1 RFC822.SIZE 30)\r\n"
    if asked.startswith("UID FETCH") and "BODY" in asked:
        yield b"* 1 FETCH (UID 1 BODY[] {14}\r\nSubject: x\r\n\r\n)\r\n"
    yield f"{tag} OK done\r\n".encode()


def at(what: str, *pieces: bytes, times: int = 1) -> Callable[[str, str], Iterator[bytes]]:
    """Honest but for this: then it says these pieces, over and over."""

    def says(tag: str, asked: str) -> Iterator[bytes]:
        if what in asked:
            for _ in range(times):
                yield from pieces
        yield from honest(tag, asked)

    return says


def fetched(hostile: Hostile) -> list[Any]:
    port = hostile.bound.getsockname()[1]
    session = Session(
        settings={"host": "localhost", "port": port, "username": "ana"}, credentials={"password": "a canary"},
        cursor=None, pace=lambda *_: None, keep=lambda _: None, allows_private=True,
    )  # fmt: skip
    return [mail for page in imap.pages(session) for mail in page.mails]


def test_one_that_is_honest_is_read(hostile: Hostile) -> None:
    """The control of the tests below."""
    assert [mail.raw for mail in fetched(hostile)] == [b"Subject: x\r\n\r\n"]


@pytest.mark.parametrize(
    "says",
    [
        at("BODY", b"* 1 FETCH (UID 1 BODY[] {4000000000}\r\n", b"x" * 1_000_000, times=10_000),
        at("BODY", b"* OK " + b"x" * 60_000 + b"\r\n", times=100_000),
        at("SEARCH", b"* SEARCH " + b"1 " * 5_000_000, times=10_000),
        at("SEARCH", b"* SEARCH x y\r\n"),
        at("SIZE", b"* 1 FETCH (((((((((\r\n"),
        at("EXAMINE", b"* BYE a canary\r\n"),
        at("EXAMINE", b"\xff\x00\r\n"),
        at("LOGIN", b"* 1 EXISTS\r\n", times=10_000_000),
    ],
    ids=["a literal without end", "answers without end", "a line without end", "no numbers", "half an answer",
         "goodbye", "noise", "chatter"],
)  # fmt: skip
def test_one_that_means_harm_is_cut_off(
    hostile: Hostile, says: Callable[[str, str], Iterator[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ALLOWED_S", 1.5)
    monkeypatch.setattr(wire._Imap.allow, "__defaults__", (wire.ALLOWED_BYTES, 1.5))
    hostile.says = says
    before = psutil.Process().memory_info().rss
    with pytest.raises(Problem) as cut:
        fetched(hostile)
    assert cut.value.code in {"mail_server_down", "folder_not_there"}
    assert "canary" not in f"{cut.value!r} {cut.value.detail} {cut.value.__cause__!r}"
    assert psutil.Process().memory_info().rss - before < MOST_MORE_BYTES
