"""Hooks: routes for machines that sign what they send, or have a token of the route; nobody signs in there."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from ai2.kit.errors import Problem, TooLarge
from api.bodies import check_encoding, said_bytes
from api.edge.pace import paced
from api.unit import count


class Hook(APIRoute):
    """A route that reads its body itself: what is refused there is counted against its sender's address."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            request = Request(request.scope, paced(request.receive))
            try:
                return await handler(request)
            except Problem as problem:
                if problem.status < 500:
                    await count(_without_credentials(request))
                raise

        return handle


async def body_of(request: Request, most_bytes: int, refusal: type[TooLarge]) -> bytes:
    """The bytes as they came, as far as the limit; none of them where they say themselves that they are more."""
    if said_bytes(request) > most_bytes:
        raise refusal
    check_encoding(request)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise refusal
    return bytes(body)


def _without_credentials(request: Request) -> Request:
    """The same for whoever counts: a credential that was made up would have a count of its own."""
    told = [each for each in request.scope["headers"] if each[0] not in {b"authorization", b"x-api-key"}]
    return Request({**request.scope, "headers": told})
