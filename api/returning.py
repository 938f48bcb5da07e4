"""Returning: the cookie by which somebody whom we sent to a provider is known when they come back by themselves."""

from fastapi import Response

from ai2.kit.settings import settings


def remember(response: Response, name: str, secret: str, *, path: str, lasts_s: int) -> None:
    """Keep a secret in the browser that goes. `lax`: it comes along from the provider's page, by GET alone."""
    response.set_cookie(
        name, secret, max_age=lasts_s, path=path, secure=settings().public_address.startswith("https:"),
        httponly=True, samesite="lax",
    )  # fmt: skip
