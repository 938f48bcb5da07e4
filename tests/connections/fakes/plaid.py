"""Plaid, as its customers see it: an HTTP server over a bank, with faults and signed webhooks.

It answers nothing that the SDK's models refuse, nor what Plaid's own description (where it is at hand) does not have.
"""

import json
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.connections.fakes import plaid_described
from tests.connections.fakes.plaid_bank import Bank, Item, Refused, Told

CLIENT_ID, SECRET = "client-of-the-tests", "canary-plaid-secret"


class Plaid(Bank):
    """A bank on a port. `faults` are what the next answers of an operation are instead, in their order."""

    def __init__(self, *, checks: bool = True) -> None:
        super().__init__()
        self.faults: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.checks = checks
        self.url = ""
        self.key_id, self._key = self.new_key()

    def new_key(self) -> tuple[str, ec.EllipticCurvePrivateKey]:
        """A key that signs webhooks, known to whoever asks for it."""
        key, key_id = ec.generate_private_key(ec.SECP256R1()), secrets.token_hex(8)
        told = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self.keys[key_id] = {
            "alg": "ES256", "crv": told["crv"], "kid": key_id, "kty": "EC", "use": "sig", "x": told["x"],
            "y": told["y"], "created_at": int(time.time()) - 1000, "expired_at": None,
        }  # fmt: skip
        return key_id, key

    def webhook(self, item: Item, code: str, type_: str = "ITEM", **more: Any) -> tuple[dict[str, str], bytes]:
        """A webhook about an Item: its headers and body."""
        updates = {"initial_update_complete": True, "historical_update_complete": True}
        told = {
            "webhook_type": type_, "webhook_code": code, "item_id": item.item_id, "environment": "sandbox",
            **(updates if code == "SYNC_UPDATES_AVAILABLE" else {}), **more,
        }  # fmt: skip
        if self.checks:
            self._check_webhook(code, told)
        return self.signed(json.dumps(told, indent=2).encode())

    def finished(self, link_token: str) -> tuple[dict[str, str], bytes]:
        """The webhook that says that a customer is done at a link."""
        told = {
            "webhook_type": "LINK", "webhook_code": "SESSION_FINISHED", "status": "SUCCESS", "link_session_id": "s1",
            "link_token": link_token, "public_tokens": [self.links[link_token].public_token], "environment": "sandbox",
        }  # fmt: skip
        if self.checks:
            self._check_webhook("LINK_SESSION_FINISHED", told)
        return self.signed(json.dumps(told, indent=2).encode())

    def signed(self, body: bytes, *, at: float | None = None, **head: str) -> tuple[dict[str, str], bytes]:
        claims = {"iat": int(time.time() if at is None else at), "request_body_sha256": sha256(body).hexdigest()}
        token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self.key_id, **head})
        return {"Plaid-Verification": token, "Content-Type": "application/json"}, body

    def respond(self, path: str, keys: tuple[str, str], body: bytes) -> tuple[int, bytes]:
        """The answer to a request; a question that Plaid does not describe is written down as wrong."""
        asked = json.loads(body)
        self.asked.append(path)
        if self.checks and (described := plaid_described.plaid()):
            try:
                described.check_request(path, asked)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the test is told
                self.wrong.append(f"{path}: asked {error}")
        try:
            if keys != (CLIENT_ID, SECRET):
                raise Refused("INVALID_INPUT", "INVALID_API_KEYS")
            status, told = 200, self.answer(path, asked)
        except Refused as refused:
            status, told = refused.status, refused.told
        text = written(told)
        if self.checks:
            try:
                self.check(path, status, text)
            except Exception as error:  # noqa: BLE001
                self.wrong.append(f"{path}: answered {error}")
        return status, text.encode()

    def check(self, path: str, status: int, text: str) -> None:
        """Hold an answer to the SDK's models, and to Plaid's description."""
        name = path.strip("/").replace("/", "_") if status == 200 else ""
        read_by_sdk(f"{name}_response" if name else "plaid_error", text)
        if described := plaid_described.plaid():
            described.check_answer(path, status, json.loads(text, parse_float=Decimal))

    def _check_webhook(self, code: str, told: Told) -> None:
        name = f"{code.lower()}_webhook" if code != "ERROR" else "item_error_webhook"
        name = name.replace("login_repaired", "item_login_repaired")
        read_by_sdk(name, json.dumps(told))
        if described := plaid_described.plaid():
            described.check("".join(word.capitalize() for word in name.split("_")), told)


def written(told: Told) -> str:
    """As JSON, exact numbers as they are."""
    text = json.dumps(told, default=lambda exact: f"@@{exact}@@")
    return re.sub(r'"@@([^"@]*)@@"', r"\1", text)


def read_by_sdk(name: str, text: str) -> Any:
    """The SDK's model of an answer. Raises where it refuses it."""
    from plaid.model_utils import validate_and_convert_types

    model = getattr(import_module(f"plaid.model.{name}"), "".join(word.capitalize() for word in name.split("_")))
    return validate_and_convert_types(
        json.loads(text), (model,), ["answer"], True, True, configuration=_configuration()
    )


@cache
def _configuration() -> Any:
    """Made once: each one that is made sets the levels of logs anew."""
    from plaid.configuration import Configuration

    return Configuration(host="http://nowhere")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    plaid: Plaid

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        waiting = self.plaid.faults.get(self.path)
        fault = waiting.pop(0) if waiting else ""
        if fault == "reset":
            self._reset()
            return
        if fault == "slow":
            time.sleep(2)
        keys = (self.headers.get("PLAID-CLIENT-ID", ""), self.headers.get("PLAID-SECRET", ""))
        if fault in ANSWERS:
            status, answer, more = ANSWERS[fault]
            self.plaid.asked.append(self.path)
            self._send(status, answer, more)
            return
        status, answer = self.plaid.respond(self.path, keys, body)
        self._send(status, answer[: len(answer) // 2] if fault == "half" else answer, {}, len(answer))

    def _send(self, status: int, answer: bytes, more: dict[str, str], length: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **more}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer) if length is None else length))
        self.end_headers()
        self.wfile.write(answer)
        if length is not None and length > len(answer):
            self.close_connection = True

    def _reset(self) -> None:
        """Gone, in the middle of it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        with suppress(OSError, ValueError):  # a connection that was reset
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


def _error(type_: str, code: str) -> bytes:
    return json.dumps(Refused(type_, code).told).encode()


# What is answered instead: status, body, headers.
ANSWERS: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "429": (429, _error("RATE_LIMIT_EXCEEDED", "TRANSACTIONS_SYNC_LIMIT"), {"Retry-After": "17"}),
    "500": (500, _error("API_ERROR", "INTERNAL_SERVER_ERROR"), {}),
    "502": (502, b"<html>\xff bad gateway</html>", {"Content-Type": "text/html"}),
    "moved": (302, b"", {"Location": "http://169.254.169.254/"}),
    "broken": (200, b'{"added": [', {}),
    "other": (200, b'["no object"]', {}),
    "mutated": (400, _error("TRANSACTIONS_ERROR", "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"), {}),
}


@contextmanager
def serving(plaid: Plaid) -> Iterator[Plaid]:
    """The bank on a port of this machine, for as long as it is needed."""
    handler = type("Handler", (_Handler,), {"plaid": plaid})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    plaid.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield plaid
    finally:
        server.shutdown()
        server.server_close()
