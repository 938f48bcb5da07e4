"""Pace: a body arrives at the speed of some line; who sends slower holds a place that others need."""

import asyncio
from time import monotonic

from starlette.types import Message, Receive

from ai2.kit.errors import Problem

GRACE_S = 20.0
LEAST_BYTES_PER_S = 10_000


class TooSlow(Problem):
    """The request's body did not arrive in time; send it faster, or in parts."""

    status = 408


def paced(receive: Receive) -> Receive:
    """The same body, with 20 seconds for its beginning and a second more for each 10 kB that came."""
    started_at, had_bytes = monotonic(), 0

    async def within() -> Message:
        nonlocal had_bytes
        left_s = started_at + GRACE_S + had_bytes / LEAST_BYTES_PER_S - monotonic()
        try:
            async with asyncio.timeout(max(left_s, 0.0)):
                message = await receive()
        except TimeoutError:
            raise TooSlow from None
        had_bytes += len(message.get("body", b""))
        return message

    return within
