"""The app: any of our services in one ASGI application, alone on a port or all together behind the gateway."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.middleware import Middleware

from ai2 import __version__
from ai2.kit.database import Database
from api import headers, health, names, problems
from api.docs import page
from api.edge import middleware as edge
from api.edge.compression import Compression
from api.edge.frame import Frame
from api.edge.limits import Limits
from api.edge.methods import KnownMethods, Methods

# The guide's names of the services that are built.
TITLES = {"core": "core-app", "ai": "ai-modules", "connectors": "connectors", "analytics": "analytics"}
GATEWAY = "gateway"


class NotBuilt(ValueError):
    """There is no such service, or it is not built yet."""


def build(
    services: Sequence[str],
    *,
    database: Database | None = None,
    limits: Limits | None = None,
    gateway: bool | None = None,
) -> FastAPI:
    """The app of these services. Without a database it opens its own while it runs.

    It is the gateway where it has several services, or where it is said to be.
    """
    unknown = [name for name in services if name not in TITLES]
    if unknown or not services:
        raise NotBuilt(f"not built: {', '.join(unknown)}; there are {', '.join(TITLES)}")
    title = GATEWAY if gateway or len(services) > 1 else TITLES[services[0]]
    app = FastAPI(
        title=f"AI2 {title}",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(services, database),
        responses=problems.RESPONSES,
        generate_unique_id_function=lambda route: route.name,
        middleware=_middleware(title, services),
        redirect_slashes=False,
    )
    problems.install(app)
    if database:
        app.state.database = database
    app.state.limits = limits or Limits()
    app.state.methods = Methods(app)
    app.include_router(health.router("", title, list(services)))
    app.include_router(_description("", title, services, app))
    for name in services:
        app.include_router(health.router(f"/api/{name}", TITLES[name], [name]), include_in_schema=False)
        app.include_router(_description(f"/api/{name}", TITLES[name], [name], app))
        for router in import_module(f"api.{name}").ROUTERS:
            app.include_router(router)
    return app


def operations(app: FastAPI, services: Sequence[str]) -> dict[str, Any]:
    """The OpenAPI description of these services."""
    described = get_openapi(
        title=f"AI2 {', '.join(TITLES[name] for name in services)}",
        version=__version__,
        summary="Money data in, books people can trust out.",
        routes=app.routes,
    )
    ours = tuple(f"/api/{name}/" for name in services)
    described["paths"] = {
        path: found
        for path, found in described["paths"].items()
        if path.startswith(ours) or not path.startswith("/api/")
    }
    described["components"]["schemas"]["Problem"] = problems.SCHEMA
    headers.tell(described)
    return names.plain(described)


def _description(prefix: str, title: str, services: Sequence[str], app: FastAPI) -> APIRouter:
    routes = APIRouter(prefix=prefix, include_in_schema=False)
    made: dict[str, Any] = {}

    def describe() -> dict[str, Any]:
        if not made:
            made.update(operations(app, services))
        return made

    @routes.get("/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(describe())

    @routes.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
        return HTMLResponse(page(describe()), headers=policy)

    return routes


def _middleware(title: str, services: Sequence[str]) -> list[Middleware]:
    """The outermost first."""
    return [
        *edge.outside(),
        Middleware(Frame, service=title, services={name: TITLES[name] for name in services}),
        *edge.inside(),
        Middleware(Compression),
        Middleware(KnownMethods),
    ]


def _lifespan(services: Sequence[str], database: Database | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if database is None:
                app.state.database = await stack.enter_async_context(Database())
            for name in services:
                await getattr(import_module(f"api.{name}"), "start", _nothing)()
            yield

    return lifespan


async def _nothing() -> None:
    """A service that needs no warming."""
