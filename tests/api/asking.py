"""Asking: clients that speak to the app without a network."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

ClientOf = Callable[..., Awaitable[AsyncClient]]


def connect(app: FastAPI, address: str = "127.0.0.1", **headers: str) -> AsyncClient:
    transport = ASGITransport(app, client=(address, 50_000))
    return AsyncClient(transport=transport, base_url="http://api.test", headers=headers)
