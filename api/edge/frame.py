"""Frame: what surrounds every request: its id and trace, its line in the log, its metrics, its last resort."""

import re
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ai2.identity.principal import Principal
from ai2.kit import logs, metrics
from ai2.kit.ids import new_id
from ai2.kit.settings import settings
from api.edge.limits import Allowance
from api.edge.middleware import security_headers
from api.problems import Failed, respond

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
QUIET = {"/health", "/ready", "/metrics"}  # asked every few seconds; they would fill the log

log = logs.logger("ai2.api")


class Frame:
    """Pure ASGI: nothing between the server and the route copies bodies or starts tasks."""

    def __init__(self, app: ASGIApp, service: str, services: Mapping[str, str]) -> None:
        self.app, self.service, self.services = app, service, services
        self.told = security_headers(settings())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        service = self._service_of(scope["path"])
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        if not REQUEST_ID.fullmatch(request_id):
            request_id = str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        trace = logs.trace.set(logs.start_trace(headers.get("traceparent")))
        named = logs.service.set(service)
        try:
            await self._watch(scope, receive, send, service)
        finally:
            logs.service.reset(named)
            logs.trace.reset(trace)

    async def _watch(self, scope: Scope, receive: Receive, send: Send, service: str) -> None:
        status, started_at = 0, perf_counter()

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(raw=message["headers"]), scope)
                known = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in self.told if each[0] not in known]
            await send(message)

        running = metrics.RUNNING.labels(service)
        running.inc()
        try:
            await self.app(scope, receive, framed)
        except ClientDisconnect:
            status = status or 499
        except Exception:  # whatever it was, the client is told, and the server goes on
            log.exception("request failed", request_id=scope["state"]["request_id"])
            if status:
                raise
            await respond(Failed(), scope["state"]["request_id"])(scope, receive, framed)
        finally:
            running.dec()
            _tell(scope, service, status, perf_counter() - started_at)

    def _service_of(self, path: str) -> str:
        """A request is counted for the service it is for, whichever port it came in by."""
        parts = path.split("/", 3)
        return self.services.get(parts[2], self.service) if path.startswith("/api/") else self.service


def _add_headers(headers: MutableHeaders, scope: Scope) -> None:
    headers["x-request-id"] = scope["state"]["request_id"]
    here = logs.trace.get()
    if here:
        headers["traceparent"] = here.traceparent
    allowance: Allowance | None = scope.get("ai2.allowance")
    if allowance:
        headers["ratelimit-limit"] = str(allowance.limit)
        headers["ratelimit-remaining"] = str(max(allowance.remaining, 0))
        headers["ratelimit-reset"] = str(allowance.reset_s)


def _tell(scope: Scope, service: str, status: int, elapsed_s: float) -> None:
    route = getattr(scope.get("route"), "path", "unknown")  # never the path itself: it may hold somebody's data
    method = scope["method"] if route != "unknown" else "ANY"
    metrics.REQUESTS.labels(service, method, route, str(status)).inc()
    metrics.SECONDS.labels(service, method, route).observe(elapsed_s)
    if route in QUIET and status == 200:
        return
    state: dict[str, Any] = scope["state"]
    who: Principal | None = state.get("principal")
    log.info(
        "request",
        request_id=state["request_id"],
        method=method,
        route=route,
        status=status,
        duration_ms=round(elapsed_s * 1000, 1),
        organization_id=who and who.organization_id,
        actor=who and who.actor,
    )
