"""Probes: whether a process answers, asked the way its users ask it. None of them raises."""

import asyncio
import json
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import psycopg

from ai2.kit.database import Role, connection_parameters
from ai2.kit.settings import Settings
from ai2.launcher.parts import Question

WAIT_S = 5
WORKER_NAME = "ai2-worker"  # the worker's connections carry it


def http(url: str) -> Question:
    """Whether a page is there."""
    return _asked(lambda: _get(url) is not None)


def port(host: str, number: int) -> Question:
    """Whether anybody listens."""

    async def ask() -> bool:
        try:
            async with asyncio.timeout(WAIT_S):
                _, writer = await asyncio.open_connection(host, number)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    return ask


def dagster_daemon(webserver: str, since: float) -> Question:
    """Whether every daemon that Dagster needs gave a sign of life since then (seconds of the epoch).

    Dagster's own word of health is not enough: it believes in a dead daemon for five minutes.
    """
    query = "{instance{daemonHealth{allDaemonStatuses{required healthy lastHeartbeatTime}}}}"

    def ask() -> bool:
        body = _get(f"{webserver}/graphql", {"query": query})
        if body is None:
            return False
        statuses = json.loads(body)["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
        needed = [status for status in statuses if status["required"]]
        return all(status["healthy"] and (status["lastHeartbeatTime"] or 0) >= since for status in needed)

    return _asked(ask)


def worker(using: Settings) -> Question:
    """Whether a worker listens to the queue."""
    query = "select 1 from pg_stat_activity where application_name = %s limit 1"
    return _asked(lambda: ask_database(using, query, [WORKER_NAME]) is not None)


def ask_database(using: Settings, query: str, parameters: list[Any] | None = None) -> Any:
    """The first value of the first row, with the pipeline's eyes; none where there is none."""
    try:
        with psycopg.connect(**connection_parameters(Role.PIPELINE, using=using), connect_timeout=WAIT_S) as db:
            row = db.execute(query.encode(), parameters).fetchone()
    except psycopg.Error:
        return None
    return row[0] if row else None


def _asked(question: Callable[[], bool]) -> Question:
    async def ask() -> bool:
        return await asyncio.to_thread(question)

    return ask


def _get(url: str, body: dict[str, str] | None = None) -> bytes | None:
    """The answer to a GET (or, with a body, a POST), or none where it is not a good one."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if body else {})  # noqa: S310 - http only
    try:
        with _direct.open(request, timeout=WAIT_S) as answer:
            return bytes(answer.read())
    except (OSError, HTTPException, ValueError):
        return None


# Our own processes are never behind the proxy that the environment may name.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def row(using: Settings, query: str) -> Question:
    """Whether a query finds a value."""
    return _asked(lambda: ask_database(using, query) is not None)


def none_of(question: Question) -> Question:
    """The opposite."""

    async def ask() -> bool:
        return not await question()

    return ask


def every(*questions: Question) -> Question:
    """Whether all of them answer."""

    async def ask() -> bool:
        return all(await asyncio.gather(*(question() for question in questions)))

    return ask
