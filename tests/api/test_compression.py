"""Compression: smaller where the client takes it, never where a secret is, and a stream stays one."""

import asyncio
import gzip
import zlib

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.responses import StreamingResponse

from ai2.kit.ids import new_id
from api.edge.compression import Compression, accepts_gzip
from tests.api.asking import PASSWORD, connect

ADDRESS = "/api/core/transactions"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}


@pytest.fixture
async def books(owner: AsyncClient) -> AsyncClient:
    await owner.post(f"{ADDRESS}/bulk", json={"items": [LUNCH] * 50})
    return owner


async def test_a_list_is_a_tenth_of_its_size(books: AsyncClient) -> None:
    plain = await books.get(ADDRESS, headers={"Accept-Encoding": "identity"})
    small = await books.get(ADDRESS, headers={"Accept-Encoding": "br, gzip"})
    assert small.json() == plain.json()
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert int(small.headers["Content-Length"]) * 8 < int(plain.headers["Content-Length"])
    assert [answer.headers["Vary"] for answer in (plain, small)] == ["Accept-Encoding"] * 2


@pytest.mark.parametrize("kind", ["csv", "json"])
async def test_a_download_is_the_same_file(books: AsyncClient, kind: str) -> None:
    answers = [
        await books.get(f"{ADDRESS}/export?format={kind}", headers={"Accept-Encoding": accepted})
        for accepted in ("gzip", "identity")
    ]
    assert answers[0].content == answers[1].content
    assert [answer.headers.get("Content-Encoding") for answer in answers] == ["gzip", None]


async def test_what_is_compressed_already_or_small_stays_as_it_is(books: AsyncClient) -> None:
    for path in (f"{ADDRESS}/export?format=xlsx", f"{ADDRESS}?limit=1", "/ready"):
        answer = await books.get(path, headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers, path


async def test_no_answer_with_a_secret_is_compressed(
    owner: AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.edge.compression.MIN_BYTES", 10)
    gzipped = {"Accept-Encoding": "gzip"}
    control = await owner.get("/api/core/accounts", headers=gzipped)
    key = await owner.post("/api/core/api-keys", json={"name": "till", "role": "viewer"}, headers=gzipped)
    invitation = {"email": f"{new_id()}@example.com", "role": "viewer"}
    invited = await owner.post("/api/core/members/invitations", json=invitation, headers=gzipped)
    given = {"token": invited.json()["token"], "name": "Ben", "password": PASSWORD}
    accepted = await owner.post("/api/core/auth/accept-invitation", json=given, headers=gzipped)
    assert control.headers["Content-Encoding"] == "gzip"
    for answer in (key, invited, accepted):
        assert answer.is_success
        assert "Content-Encoding" not in answer.headers


async def test_a_stream_leaves_piece_by_piece() -> None:
    """The first piece is on its way before the last is made, and none is held whole."""
    told: list[str] = []
    app = FastAPI()

    @app.get("/")
    async def pieces() -> StreamingResponse:
        async def made():  # type: ignore[no-untyped-def]
            for number in range(50):
                told.append("made")
                yield str(hash(str(number))) * 5000

        return StreamingResponse(made(), media_type="text/csv", headers={"Content-Length": "1"})

    sent: list[bytes] = []

    async def send(message):  # type: ignore[no-untyped-def]
        if message["type"] == "http.response.start":
            assert b"content-length" not in dict(message["headers"])
        elif message.get("body"):
            told.append("sent")
            sent.append(message["body"])

    async def receive():  # type: ignore[no-untyped-def]
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"accept-encoding", b"gzip")],
             "query_string": b"", "http_version": "1.1", "scheme": "http", "client": None, "server": None}  # fmt: skip
    await Compression(app)(scope, receive, send)
    assert told.index("sent") < len(told) - 1 - told[::-1].index("made")
    assert len(zlib.decompressobj(31).decompress(b"".join(sent))) > 4_000_000


@pytest.mark.parametrize(
    ("said", "takes"),
    [("gzip", True), ("gzip;q=0.5, br", True), ("br, GZIP", True), ("*", True), ("", False), ("identity", False),
     ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("x-gzip-not", False)],
)  # fmt: skip
def test_reads_what_the_client_takes(said: str, takes: bool) -> None:
    assert accepts_gzip({"headers": [(b"accept-encoding", said.encode())]}) is takes


async def test_an_unknown_client_gets_it_plain(app: FastAPI) -> None:
    async with connect(app) as client:
        del client.headers["Accept-Encoding"]
        answer = await client.get("/openapi.json")
        zipped = await client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(gzip.compress(answer.content)) < len(answer.content)
