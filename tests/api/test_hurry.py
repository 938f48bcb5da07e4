"""Hurry: what takes too long, comes too slowly or is too large ends early, and leaves nothing behind."""

import asyncio
import gzip
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.books.transactions import service as transactions
from ai2.kit.database import Connection, one
from ai2.kit.settings import settings
from api import problems
from api.edge import pace, protocol

ADDRESS = "/api/core/transactions"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
JSON = {"Content-Type": "application/json"}


class TestTime:
    @pytest.fixture
    def hurried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Requests have 0.3 s, and each transaction that is written takes 5."""
        written = transactions.create

        async def slow(db: Connection, *given: Any) -> Any:
            made = await written(db, *given)
            await one(db, "select pg_sleep(5)")
            return made

        monkeypatch.setattr(transactions, "create", slow)
        monkeypatch.setattr(settings(), "request_timeout_ms", 300)

    @pytest.mark.usefixtures("hurried")
    async def test_what_takes_too_long_is_taken_back(self, owner: AsyncClient) -> None:
        began = asyncio.get_running_loop().time()
        answer = await owner.post(ADDRESS, json=LUNCH, headers={"Idempotency-Key": "slow"})
        assert asyncio.get_running_loop().time() - began < 3
        assert (answer.status_code, answer.json()["code"]) == (503, "took_too_long")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await owner.get(ADDRESS)).json()["items"] == []

    async def test_the_same_in_time_is_kept(self, owner: AsyncClient) -> None:
        assert (await owner.post(ADDRESS, json=LUNCH, headers={"Idempotency-Key": "slow"})).status_code == 201
        assert len((await owner.get(ADDRESS)).json()["items"]) == 1

    @pytest.mark.usefixtures("hurried")
    async def test_the_connections_serve_others_at_once(self, owner: AsyncClient) -> None:
        slow = [owner.post(ADDRESS, json=LUNCH) for _ in range(settings().database_pool_max * 2)]
        assert {answer.status_code for answer in await asyncio.gather(*slow)} == {503}
        assert (await asyncio.wait_for(owner.get("/ready"), 2)).status_code == 200


class TestSize:
    @pytest.mark.parametrize(
        ("path", "media_type", "length"),
        [
            (ADDRESS, "application/json", 10_000_001),
            ("/api/core/csv-import", "application/json", 2_000_000_000),
            ("/api/core/csv-import", "multipart/form-data; boundary=x", 2_000_000_000),
        ],
    )
    async def test_what_says_that_it_is_too_large_is_not_read(
        self, owner: AsyncClient, path: str, media_type: str, length: int
    ) -> None:
        asked = []

        async def body() -> AsyncIterator[bytes]:
            asked.append(1)
            yield b"{}"

        headers = {"Content-Type": media_type, "Content-Length": str(length)}
        answer = await owner.post(path, content=body(), headers=headers)
        assert answer.status_code == 413, answer.text
        assert asked == []

    @pytest.mark.parametrize("path", [ADDRESS, "/api/core/csv-import"])
    async def test_a_compressed_body_is_refused(self, owner: AsyncClient, path: str) -> None:
        body = gzip.compress(json.dumps(LUNCH).encode())
        answer = await owner.post(path, content=body, headers={**JSON, "Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["code"]) == (415, "plain_expected")


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[int]:
    """The app on a port, as it is served."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=protocol.GuardedProtocol, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([bound]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield bound.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def said(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """All that comes back until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


class TestSlowSenders:
    async def test_half_a_request_holds_a_connection_for_a_while_only(
        self, app: FastAPI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(protocol, "HEAD_S", 0.3)
        async with listening(app) as port:
            drops = [b"GET /ready HTTP/1.1\r\n"] + [b"X-A: b\r\n"] * 3
            assert await said(port, *drops, pause_s=0.2) == b""
            assert await said(port) == b""
            asked = [b"GET /ready HTTP/1.1\r\nHost: a\r\n", b"Connection: close\r\n\r\n"]
            assert (await said(port, *asked, pause_s=0.1)).startswith(b"HTTP/1.1 200")

    async def test_a_head_without_end_is_refused(self, app: FastAPI) -> None:
        async with listening(app) as port:
            drops = [b"GET /ready HTTP/1.1\r\n"] + [b"X-A: " + b"b" * 8000 + b"\r\n"] * 5
            assert (await said(port, *drops)).startswith(b"HTTP/1.1 431")
            assert (await said(port, b"GET /" + b"a" * 40_000)).startswith(b"HTTP/1.1 431")

    @pytest.mark.parametrize(
        ("sent", "status", "code"),
        [
            (b"GET /" + b"a" * 40_000, 431, "head_too_large"),
            (b"what is this\r\n\r\n", 400, "not_http"),
        ],
        ids=["a long address", "no request"],
    )
    async def test_what_is_no_request_is_answered_as_every_problem_is(
        self, app: FastAPI, sent: bytes, status: int, code: str
    ) -> None:
        async with listening(app) as port:
            head, _, body = (await said(port, sent)).partition(b"\r\n\r\n")
        told = json.loads(body)
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"content-type: application/problem+json" in head.lower()
        assert (told["status"], told["code"], told["errors"]) == (status, code, [])
        assert told.keys() >= set(problems.SCHEMA["required"])

    async def test_a_connection_that_stays_open_is_asked_again(self, app: FastAPI) -> None:
        async with listening(app) as port, AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert [(await client.get("/ready")).status_code for _ in range(3)] == [200] * 3

    async def test_a_body_that_comes_after_its_answer_is_no_head(self, app: FastAPI) -> None:
        """Who is not let in is told so before their body is there; it may be larger than any head."""
        refused = (
            f"POST {ADDRESS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        )
        asked = b"GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        async with listening(app) as port:
            answer = await said(port, refused.encode(), b" " * 40_000, b" " * 60_000, asked, pause_s=0.1)
            drops = [b"GET /ready HTTP/1.1\r\n"] + [b"X-A: " + b"b" * 8000 + b"\r\n"] * 6
            too_large = await said(port, refused.encode(), b" " * 100_000, *drops, pause_s=0.1)
        assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"401", b"200"]
        assert b"HTTP/1.1 431" in too_large

    @pytest.mark.parametrize("path", [ADDRESS, "/api/core/csv-import"])
    async def test_a_body_that_drips_is_given_up(
        self, app: FastAPI, owner: AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        monkeypatch.setattr(pace, "GRACE_S", 1.0)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: a\r\nX-API-Key: {owner.headers['X-API-Key']}\r\nConnection: close\r\n"
            "Content-Type: application/json\r\nContent-Length: 500\r\n\r\n"
        )
        async with listening(app) as port:
            answer = await said(port, head.encode(), *[b" "] * 4, pause_s=0.1)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"too_slow" in answer
