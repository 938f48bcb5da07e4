"""A stand-in for the API of an LLM, held to the provider's own types: what it is asked, and what it answers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

ASKED: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsNonStreaming)


class Fake:
    """What it received, byte by byte, and how it is to answer: `say` gets the questions and gives the answers."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.faults: list[str] = []
        self.content: str | None = None
        self.status, self.delay_s = 200, 0.0
        self.url = ""

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [each for body in self.received for each in _questions(json.loads(body))]

    def say(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"id": each["id"], "category": "FOOD_AND_DRINK_COFFEE", "confidence": 0.9} for each in questions]

    def answer(self, body: bytes) -> bytes:
        self.received.append(body)
        asked = json.loads(body)
        try:
            ASKED.validate_python(asked)
        except ValueError as error:
            self.faults.append(str(error))
        content = self.content
        if content is None:
            content = json.dumps({"answers": self.say(_questions(asked))})
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        usage = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000}
        told = {"id": "c-1", "object": "chat.completion", "created": 1, "model": asked["model"], "choices": [choice]}
        return ChatCompletion.model_validate({**told, "usage": usage}).model_dump_json().encode()


def _questions(asked: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asked["messages"][-1]["content"])["questions"]
    return found


@contextmanager
def serving() -> Iterator[Fake]:
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/v1/chat/completions" or self.headers["Authorization"] != "Bearer sk-test":
                fake.faults.append(f"{self.path} with {self.headers['Authorization']}")
            answer = fake.answer(body)
            time.sleep(fake.delay_s)
            self.send_response(fake.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
