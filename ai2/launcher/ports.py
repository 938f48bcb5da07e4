"""Ports: looked at before anything is started, so that a taken one is a sentence and not a crash."""

import socket
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Port:
    """A port that a process is going to listen on, and the setting that names it."""

    number: int
    setting: str
    host: str = "127.0.0.1"


def taken(ports: list[Port]) -> list[str]:
    """A sentence for each port that somebody else listens on, or that is named twice."""
    numbers = [port.number for port in ports]
    twice = [port for i, port in enumerate(ports) if port.number in numbers[:i]]
    return [
        *(f"{port.setting}={port.number} is another service's port already; choose another." for port in twice),
        *(_sentence(port) for port in ports if port not in twice and not _is_free(port)),
    ]


def _is_free(port: Port) -> bool:
    try:
        family = socket.getaddrinfo(port.host, port.number, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((port.host, port.number))
    except OSError:
        return False
    return True


def _sentence(port: Port) -> str:
    return (
        f"Port {port.number} is taken{_by(port.number)}. "
        f"Stop that, or choose another port: {port.setting}={port.number + 10000} make up"
    )


def _by(number: int) -> str:
    """Who listens there, where we may know."""
    try:
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        owner = next(psutil.Process(c.pid) for c in listening if c.laddr and c.laddr[1] == number and c.pid)
        return f" by {owner.name()} (process {owner.pid})"
    except (StopIteration, psutil.Error):
        return ""
