"""Health, metrics and the description of the API, alone and behind the gateway."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from ai2.kit.settings import settings
from api import roles
from api.app import NotBuilt, build
from tests.api.asking import connect


async def test_health_has_the_guides_body(anonymous: AsyncClient) -> None:
    body = (await anonymous.get("/api/core/health")).json()
    assert (body["status"], body["service"], body["dependencies"]) == ("healthy", "core-app", {"database": "healthy"})
    assert body.keys() == {
        "status", "service", "version", "timestamp", "uptime", "memory", "dependencies",
    }  # fmt: skip
    assert body["memory"].keys() == {"used", "limit", "percentage"}
    assert body["memory"]["used"].endswith("MB")
    assert body["timestamp"].endswith("Z")


@pytest.fixture
async def dagster() -> AsyncIterator[asyncio.Server]:
    """Something that answers like a web server."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server


async def test_a_missing_dependency_degrades_and_is_named(
    anonymous: AsyncClient, dagster: asyncio.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = dagster.sockets[0].getsockname()[1]
    monkeypatch.setattr(settings(), "dagster_url", f"http://127.0.0.1:{port}")
    assert (await anonymous.get("/health")).json()["dependencies"]["dagster"] == "healthy"
    dagster.close()
    degraded = await anonymous.get("/health")
    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    assert degraded.json()["dependencies"]["dagster"] == "unhealthy"
    assert (await anonymous.get("/ready")).json() == {"status": "ready"}


async def test_metrics_tell_of_requests_by_route_and_service(owner: AsyncClient) -> None:
    await owner.get("/api/core/accounts")
    told = (await owner.get("/api/core/metrics")).text
    assert 'ai2_http_requests_total{method="GET",route="/api/core/accounts",service="core-app",status="200"}' in told
    assert "process_resident_memory_bytes" in told
    assert (await owner.get("/metrics")).status_code == 200


async def test_a_request_keeps_its_id_and_its_trace(anonymous: AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = {"X-Request-Id": "mine-7", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    answer = await anonymous.get("/ready", headers=sent)
    assert answer.headers["X-Request-Id"] == "mine-7"
    assert answer.headers["traceparent"].split("-")[1] == trace
    assert answer.headers["traceparent"] != sent["traceparent"], "the span is ours"


@pytest.mark.parametrize("bad", ["", "x y", "x" * 101, "<script>"])
async def test_a_request_id_that_is_none_is_replaced(anonymous: AsyncClient, bad: str) -> None:
    answer = await anonymous.get("/ready", headers={"X-Request-Id": bad, "traceparent": bad})
    assert answer.headers["X-Request-Id"] not in {bad, ""}


async def test_the_description_is_whole(app: FastAPI, anonymous: AsyncClient) -> None:
    described: dict[str, Any] = (await anonymous.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    names = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
    for path, methods in described["paths"].items():
        for operation in methods.values():
            answers = operation["responses"]
            assert "application/problem+json" in answers["4XX"]["content"], operation["operationId"]
            assert operation["description"]
            is_open = operation["operationId"] in roles.PUBLIC or not path.startswith("/api/")
            assert bool(operation.get("security")) != is_open, operation["operationId"]
            if operation["operationId"].startswith(("list_", "get_", "create_", "update_")):
                schema = next(iter(answers.values()))["content"]["application/json"]["schema"]
                assert schema, operation["operationId"]


async def test_the_description_tells_of_the_headers_that_routes_share(anonymous: AsyncClient) -> None:
    paths = (await anonymous.get("/openapi.json")).json()["paths"]

    def parameters(path: str) -> set[str]:
        return {parameter["name"] for parameter in paths[path]["post"].get("parameters", [])}

    assert "Idempotency-Key" in parameters("/api/core/transactions")
    assert "Idempotency-Key" not in parameters("/api/core/auth/login")
    answers = paths["/api/core/transactions/{transaction_id}"]["patch"]["responses"]
    assert {"ETag", "RateLimit-Remaining", "X-Request-Id"} <= answers["200"]["headers"].keys()
    assert "Retry-After" in answers["4XX"]["headers"]


async def test_the_docs_page_stands_alone(anonymous: AsyncClient) -> None:
    page = await anonymous.get("/docs")
    assert "/api/core/transactions" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


async def test_origins_of_the_settings_may_call(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "cors_origins", ["https://app.example"])
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    async with connect(build(["core"], database=database)) as client:
        allowed = await client.options("/api/core/transactions", headers=preflight)
        other = await client.options("/api/core/transactions", headers={**preflight, "Origin": "https://evil.example"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in other.headers


async def test_an_app_without_a_database_opens_its_own_while_it_runs(server: None) -> None:
    alone = build(["core", "ai"])
    async with alone.router.lifespan_context(alone), connect(alone) as client:
        assert (await client.get("/ready")).json() == {"status": "ready"}
        assert (await client.get("/health")).json()["service"] == "gateway"


def test_a_service_that_is_not_built_is_named() -> None:
    with pytest.raises(NotBuilt, match="notifications"):
        build(["core", "notifications"])
