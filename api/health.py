"""Health: whether a service works and what it leans on, each dependency really asked and given little time."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psutil
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from ai2 import __version__
from ai2.kit import metrics
from ai2.kit.database import Database, one
from ai2.kit.errors import Unavailable
from ai2.kit.settings import settings
from api.edge.counters import Counters, MemoryCounters

State = Literal["healthy", "degraded", "unhealthy"]
PROBE_S = 2.0
PROCESS = psutil.Process()


class NotReady(Unavailable):
    """The service cannot answer yet: its database does not."""


class Memory(BaseModel):
    """Memory of this process and what it may use."""

    used: str = Field(examples=["245MB"])
    limit: str = Field(examples=["512MB"])
    percentage: float


class Health(BaseModel):
    """How the service is. Degraded: it answers, but something it leans on does not."""

    status: State
    service: str
    version: str
    timestamp: str
    uptime: int = Field(description="Seconds since the process began.")
    memory: Memory
    dependencies: dict[str, Literal["healthy", "unhealthy"]]


class Ready(BaseModel):
    """The service answers."""

    status: Literal["ready"] = "ready"


def router(prefix: str, title: str, services: list[str]) -> APIRouter:
    """health, ready and metrics of these services, under a prefix."""
    routes = APIRouter(prefix=prefix, tags=["health"])

    @routes.get("/health", response_model=Health, responses={503: {"model": Health}})
    async def health(request: Request, response: Response) -> Health:
        """How the service and what it leans on are."""
        found = await report(request.app.state.database, title, services, request.app.state.limits.counters)
        response.status_code = 503 if found.status == "unhealthy" else 200
        return found

    @routes.get("/ready")
    async def ready(request: Request) -> Ready:
        """Whether the service can take requests."""
        if not await _within(PROBE_S, _database(request.app.state.database)):
            raise NotReady
        return Ready()

    text = {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The metrics."}

    @routes.get("/metrics", response_class=Response, responses={200: text})
    async def metrics_of(request: Request) -> Response:
        """Metrics in Prometheus's text format."""
        return Response(metrics.exposition([title, *services]), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes


async def report(database: Database, title: str, services: list[str], counters: Counters) -> Health:
    probes: dict[str, Awaitable[bool]] = {"database": _database(database)}
    # Only where a deployment has them: the core profile runs without and is whole.
    if "ai" in services and settings().mlflow_tracking_uri:
        probes["mlflow"] = _answers(settings().mlflow_url, "/health")
    if "core" in services and settings().dagster_url:
        probes["dagster"] = _answers(settings().dagster, "/server_info")
    if not isinstance(counters, MemoryCounters):
        probes["redis"] = counters.answers()
    answers = await asyncio.gather(*(_within(PROBE_S, probe) for probe in probes.values()))
    states = dict(zip(probes, answers, strict=True))
    status: State = "healthy" if all(answers) else "degraded" if states["database"] else "unhealthy"
    return Health(
        status=status,
        service=title,
        version=__version__,
        timestamp=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        uptime=int(datetime.now(UTC).timestamp() - PROCESS.create_time()),
        memory=_memory(),
        dependencies={name: "healthy" if up else "unhealthy" for name, up in states.items()},
    )


async def _within(seconds: float, probe: Awaitable[bool]) -> bool:
    try:
        return await asyncio.wait_for(probe, seconds)
    except Exception:  # noqa: BLE001 - whatever it was, the dependency does not answer
        return False


async def _database(database: Database) -> bool:
    async with database.transaction() as db:
        return await one(db, "select 1 as here") is not None


async def _answers(url: str, path: str) -> bool:
    """Whether an HTTP server answers below 500 at this path."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or (443 if secure else 80), ssl=secure or None
    )
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        status = (await reader.readline()).split(b" ")
        return len(status) > 1 and int(status[1]) < 500
    finally:
        writer.close()


def _memory() -> Memory:
    used, limit = PROCESS.memory_info().rss, _memory_limit()
    return Memory(used=f"{used >> 20}MB", limit=f"{limit >> 20}MB", percentage=round(100 * used / limit, 1))


def _memory_limit() -> int:
    """What the control group allows, or else what the machine has, in bytes."""
    try:
        return int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):
        return psutil.virtual_memory().total
