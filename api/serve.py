"""Serve: the gateway and every service's own port, in one process, until told to stop.

Seven servers in one process take 65 MB, seven processes 351 MB; each service can still run alone.
"""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator, Mapping

import uvicorn

from ai2.kit import logs
from ai2.kit.database import Database
from ai2.kit.settings import settings
from api.app import GATEWAY, build
from api.edge.limits import Limits
from api.edge.protocol import GuardedProtocol

BACKLOG = 2048
GRACE_S = 10
KEEP_ALIVE_S = 75  # longer than the minute of most proxies, so that they hang up first


class PortTaken(OSError):
    """Another program listens on this port."""


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: there are several."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(services: Mapping[str, int], gateway_port: int | None = None) -> None:
    """Answer on the port of each service and on the gateway's, until SIGINT or SIGTERM.

    Raises PortTaken before anything starts.
    """
    ports = dict(services) if gateway_port is None else {**services, GATEWAY: gateway_port}
    sockets = _listen(ports)
    async with Database() as database:
        servers = _servers(ports, list(services), database)
        _settle()
        _stop_on_signals(servers)
        await asyncio.gather(*(server.serve([bound]) for server, bound in zip(servers, sockets, strict=True)))


def run(services: Mapping[str, int], gateway_port: int | None = None) -> None:
    """The same as a process of its own."""
    import uvloop

    logs.configure("gateway", settings().log_level)
    uvloop.run(serve(services, gateway_port))


def _servers(ports: Mapping[str, int], services: list[str], database: Database) -> list[_Server]:
    limits = Limits()
    apps = [
        build(services if name == GATEWAY else [name], database=database, limits=limits, gateway=name == GATEWAY)
        for name in ports
    ]
    return [
        _Server(
            uvicorn.Config(
                app,
                http=GuardedProtocol,
                proxy_headers=False,  # `edge` believes those that the settings name
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        for app in apps
    ]


def _settle() -> None:
    """What is loaded stays: a collection that looked through all of it every few seconds held up answers for 0.1 s."""
    gc.collect()
    gc.freeze()


def _listen(ports: Mapping[str, int]) -> list[socket.socket]:
    """All sockets, or none."""
    bound: list[socket.socket] = []
    try:
        for name, port in ports.items():
            bound.append(_bind(name, port))
    except BaseException:  # Ctrl-C too leaves no port taken; raised again
        for one in bound:
            one.close()
        raise
    return bound


def _bind(name: str, port: int) -> socket.socket:
    try:
        return socket.create_server((settings().host, port), backlog=BACKLOG)
    except OSError as error:
        message = f"port {port} for {name} cannot be used ({error.strerror}): stop what listens there, or set another"
        raise PortTaken(message) from error


def _stop_on_signals(servers: list[_Server]) -> None:
    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
