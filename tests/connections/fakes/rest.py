"""Third parties with APIs of two shapes that are found in public: one as payment processors have it, one as banks do.

The first: a token as bearer, a cursor, cents, money out told by a word, instants in seconds. The second: OAuth client
credentials, pages by Link headers, an account in the address, amounts as texts with money out above zero, days as they
are written there, newest first.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

SIZE = 3


class Server(ThreadingHTTPServer):
    """An API on loopback. `faults` are answered in place of what it would say: a status, and headers."""

    daemon_threads = True

    def __init__(self, answer: "Callable[[Request], tuple[int, dict[str, str], Any]]") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.asked, self.faults = answer, list[Request](), list[tuple[int, dict[str, str]]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.shutdown()
        self.server_close()


class Request:
    """What was asked."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(handler.path)
        self.method, self.path, self.body, self.target = handler.command, parts.path, body, handler.path
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.headers = {name.lower(): value for name, value in handler.headers.items()}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        request = Request(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        server.asked.append(request)
        if server.faults:
            status, headers = server.faults.pop(0)
            body: Any = {"error": "not now"}
        else:
            status, headers, body = server.answer(request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


class Payments(Server):
    """A payment processor: `GET /v1/entries?after=&limit=&created[gte]=`, in the order in which they came."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.token = "token"
        self.entries: list[dict[str, Any]] = []

    def add(self, key: str, day: str, cents: int, text: str, **more: Any) -> None:
        at = int(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()) + 3600
        self.entries.append(
            {
                "id": key, "created": at, "amount": abs(cents), "currency": "gbp",
                "type": "debit" if cents < 0 else "credit", "description": text, "status": "succeeded",
                "counterparty": {"name": f"{text} Ltd"}, **more,
            }
        )  # fmt: skip

    def _answer(self, request: Request) -> tuple[int, dict[str, str], Any]:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return 401, {}, {"error": {"message": f"bad key {request.headers.get('authorization')}"}}
        earliest = int(request.query.get("created[gte]", 0))
        found = [each for each in self.entries if each["created"] >= earliest]
        after = request.query.get("after")
        begin = next((place + 1 for place, each in enumerate(found) if each["id"] == after), 0)
        shown = found[begin : begin + int(request.query.get("limit", SIZE))]
        has_more = bool(shown) and shown[-1] is not found[-1]
        paging = {"has_more": has_more, "next": shown[-1]["id"] if has_more else None}
        return 200, {}, {"object": "list", "data": shown, "paging": paging}

    def mapping(self, **changes: Any) -> dict[str, Any]:
        return {
            "url": f"{self.url}/v1/entries",
            "auth": {"type": "bearer"},
            "paging": {"type": "cursor", "parameter": "after", "path": "$.paging.next", "has_more": "$.paging.has_more",
                       "size_parameter": "limit", "size": SIZE},
            "rows": "$.data[*]",
            "currency": "GBP",
            "fields": {
                "id": "id",
                "date": {"path": "created", "format": "unix"},
                "amount": {"path": "amount", "minor_units": True, "direction_path": "type",
                           "direction_out": ["debit"]},
                "currency": "currency",
                "description": ["description", "counterparty.name"],
                "merchant": "$.counterparty.name",
                "status": {"path": "status", "pending": ["pending"], "skip": ["failed"]},
            },
            "incremental": {"parameter": "created[gte]", "format": "unix", "overlap_days": 2, "first_days": 7300},
            **changes,
        }  # fmt: skip


class OpenBank(Server):
    """A bank's own API: `GET /accounts/{id}/movements?page=`, a bearer token from `POST /oauth/token`, Link headers."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.client = ("shop", "s3cret")
        self.movements: dict[str, list[dict[str, Any]]] = {}
        self.tokens: dict[str, float] = {}
        self.lasts_s = 3600.0

    def add(self, account: str, key: str, day: str, amount: str, *texts: str) -> None:
        """The amount as the bank writes it: money out above zero."""
        year, month, number = day.split("-")
        self.movements.setdefault(account, []).insert(
            0, {"ref": key, "bookedOn": f"{number}.{month}.{year}", "value": {"amt": amount, "ccy": "GBP"},
                "lines": list(texts)},
        )  # fmt: skip

    def _answer(self, request: Request) -> tuple[int, dict[str, str], Any]:
        if request.path == "/oauth/token":
            return self._granted(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) < time.monotonic():
            return 401, {}, {"fault": "token"}
        account = unquote(request.path.split("/")[2])
        page = int(request.query.get("page", 1))
        found = self.movements.get(account, [])
        shown = found[(page - 1) * SIZE : page * SIZE]
        following = f'<{request.path}?page={page + 1}>; rel="next", <{request.path}?page=1>; rel="first"'
        return 200, {"Link": following} if len(found) > page * SIZE else {}, {"movements": shown}

    def _granted(self, request: Request) -> tuple[int, dict[str, str], Any]:
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret"), form.get("grant_type")) != (
            *self.client, "client_credentials",
        ):  # fmt: skip
            return 400, {}, {"error": "invalid_client"}
        token = f"granted-{len(self.tokens)}"
        self.tokens[token] = time.monotonic() + self.lasts_s
        return 200, {}, {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def mapping(self, *accounts: str, **changes: Any) -> dict[str, Any]:
        return {
            "url": f"{self.url}/accounts/{{account}}/movements",
            "auth": {"type": "client_credentials", "token_url": f"{self.url}/oauth/token", "send": "body"},
            "paging": {"type": "link"},
            "rows": "movements",
            "accounts": [{"key": key, "name": f"Account {key}", "currency": "GBP"} for key in accounts],
            "fields": {
                "id": "ref",
                "date": {"path": "bookedOn", "format": "%d.%m.%Y"},
                "amount": {"path": "$.value.amt", "positive_is": "out", "decimal_mark": ","},
                "currency": "$.value.ccy",
                "description": ["lines[0]", "lines[1]"],
                "join_description": True,
            },
            "incremental": {"newest_first": True, "overlap_days": 3},
            **changes,
        }  # fmt: skip
