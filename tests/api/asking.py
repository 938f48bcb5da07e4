"""Asking: clients that speak to the app without a network."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from ai2.kit.security import read_access_token

ClientOf = Callable[..., Awaitable[AsyncClient]]
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Person:
    """A member who is signed in, and what the login answered."""

    client: AsyncClient
    email: str
    tokens: dict[str, str]

    @property
    def user_id(self) -> str:
        return self.tokens["user_id"]

    @property
    def session_id(self) -> str:
        return session_of(self.tokens)


def session_of(tokens: dict[str, str]) -> str:
    return str(read_access_token(tokens["access_token"]).session_id)


PersonIn = Callable[..., Awaitable[Person]]


def connect(app: FastAPI, address: str = "127.0.0.1", **headers: str) -> AsyncClient:
    transport = ASGITransport(app, client=(address, 50_000))
    return AsyncClient(transport=transport, base_url="http://api.test", headers=headers)
