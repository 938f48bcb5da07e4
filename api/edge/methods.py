"""Methods: which of them an address knows, over all its routes.

The router looks at one route after another: it would name the methods of the first that has the address, and take
PATCH of /members/invitations for PATCH of /members/{user_id}.
"""

from functools import cached_property
from re import Pattern

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import MethodNotAllowed, respond


class Methods:
    """The methods of every address of an app, looked up when it is first asked."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @cached_property
    def fixed(self) -> dict[str, set[str]]:
        """Addresses without parameters."""
        return {path: methods for path, methods in self._by_path.items() if "{" not in path}

    def at(self, path: str) -> set[str]:
        """The methods of this address; none where there is nothing."""
        if path in self.fixed:
            return self.fixed[path]
        found = (methods for pattern, methods in self._patterns if pattern.match(path))
        return next(found, set())

    @cached_property
    def _by_path(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for route in iter_route_contexts(self._app.routes):
            if route.path and route.methods:
                found.setdefault(route.path, set()).update(route.methods)
        return found

    @cached_property
    def _patterns(self) -> list[tuple[Pattern[str], set[str]]]:
        return [(compile_path(path)[0], methods) for path, methods in self._by_path.items() if "{" in path]


class KnownMethods:
    """Pure ASGI: refuses what a fixed address does not know before a route with parameters takes it for its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            methods: Methods = scope["app"].state.methods
            known = methods.fixed.get(scope["path"])
            if known and scope["method"] not in known:
                refused = respond(MethodNotAllowed(), scope.get("state", {}).get("request_id"))
                refused.headers["Allow"] = ", ".join(sorted(known))
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)
