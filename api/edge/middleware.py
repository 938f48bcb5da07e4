"""Edge: what a deployment decides about who may ask and from where, and what browsers are told with every answer."""

from typing import Any

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ai2.kit.errors import Forbidden, Unreadable
from ai2.kit.settings import Settings, settings
from api.problems import respond

EXPOSED = ["ETag", "Idempotency-Replayed", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After",
           "X-Request-Id"]  # fmt: skip
YEAR_S = 31_536_000


class OriginRefused(Forbidden):
    """Pages of this origin may not ask this; CORS_ORIGINS names those that may."""


class UnknownHost(Unreadable):
    """This is not a name of this API; ALLOWED_HOSTS lists those that are."""


class Cors(CORSMiddleware):
    """CORS whose refusals are problems like all others."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        refused = respond(OriginRefused(), None)
        refused.headers["Vary"] = answer.headers["Vary"]
        return refused


class Hosts:
    """Answers only to the names that are ours: no link or cache entry is made for another."""

    def __init__(self, app: ASGIApp, names: list[str]) -> None:
        self.app = app
        self.exact = {name for name in names if not name.startswith("*")}
        self.below = tuple(name.removeprefix("*") for name in names if name.startswith("*"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_ours(Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
            return
        await respond(UnknownHost(), scope.get("state", {}).get("request_id"))(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = host.lower() if host.startswith("[") else host.lower().partition(":")[0]
        return name in self.exact or (bool(self.below) and name.endswith(self.below))


def outside() -> list[Middleware]:
    """What a request meets before it is counted and logged: who asks really, and from which page."""
    found = []
    if settings().trusted_proxies:
        proxies: Any = ProxyHeadersMiddleware  # typed for uvicorn's own ASGI
        found.append(Middleware(proxies, trusted_hosts=settings().trusted_proxies))
    if settings().cors_origins:
        found.append(
            Middleware(
                Cors,
                allow_origins=settings().cors_origins,
                allow_credentials=settings().cors_credentials,
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=EXPOSED,
                max_age=settings().cors_max_age_s,
            )
        )
    return found


def inside() -> list[Middleware]:
    """What comes after that."""
    return [Middleware(Hosts, names=settings().allowed_hosts)] if settings().allowed_hosts else []


def security_headers(using: Settings) -> list[tuple[bytes, bytes]]:
    """What every answer tells browsers, unless the route told them something else."""
    found = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"cache-control", b"no-store"),
    ]
    if (using.public_url or "").lower().startswith("https://"):
        found.append((b"strict-transport-security", b"max-age=%d" % YEAR_S))
    return found
