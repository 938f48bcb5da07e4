"""The client: one call to an API that speaks as OpenAI's does, with a time limit; after failures it rests a while."""

import asyncio
import json
import ssl
import time
from functools import cache
from typing import Any

import httpx2

from ai2.kit.errors import Unavailable
from ai2.kit.settings import settings

FAILURES, FIRST_REST_S, LONGEST_REST_S = 3, 60.0, 900.0
LARGEST_ANSWER = 1_000_000


class LlmDown(Unavailable):
    """The LLM does not answer; what it is asked waits, and everything else goes on."""


class Breaker:
    """Lets nobody ask for a while after some failures in a row, each time longer, until something succeeds."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    def check(self) -> None:
        rest_s = self._until - time.monotonic()
        if rest_s > 0:
            raise LlmDown(retry_after_s=int(rest_s) + 1)

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            rest_s = min(FIRST_REST_S * 2 ** (self._failures - FAILURES), LONGEST_REST_S)
            self._until = time.monotonic() + rest_s

    def succeeded(self) -> None:
        self._failures, self._until = 0, 0.0


breaker = Breaker()


async def complete(body: dict[str, Any]) -> Any:
    """What the API answers to a chat completion. Raises LlmDown where it does not."""
    breaker.check()
    try:
        async with asyncio.timeout(settings().ai_timeout / 1000):
            answer = await _post(body)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError) as error:
        breaker.failed()
        raise LlmDown(f"The LLM gave no answer to use: {type(error).__name__}") from None
    breaker.succeeded()
    return answer


async def _post(body: dict[str, Any]) -> Any:
    key = settings().openai_api_key
    headers = {"Authorization": f"Bearer {key.get_secret_value() if key else ''}"}
    address = f"{settings().openai_base_url.rstrip('/')}/chat/completions"
    async with (
        httpx2.AsyncClient(verify=_trusted(), timeout=None, follow_redirects=False) as client,
        client.stream("POST", address, json=body, headers=headers) as answer,
    ):
        content = bytearray()
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > LARGEST_ANSWER:
                raise ValueError("the answer is too large")
    if answer.status_code != 200:
        raise ValueError(f"status {answer.status_code}")
    return json.loads(content)


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that we trust, read once: it takes longer than a call."""
    return ssl.create_default_context()
