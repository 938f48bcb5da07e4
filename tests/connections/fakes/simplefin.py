"""A fake of a SimpleFIN server: a token is claimed once, days come in short spans, it fails when told to, and an access
by which it is asked too often in a day is taken out of use."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from tests.connections.fakes.serving import Asked, Said

LONGEST_S = 60 * 86_400


def seconds(day: date) -> int:
    """Noon of a day, as the bridge writes what a bank gives no time of."""
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())


def row(id_: str, day: date, amount: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "posted": seconds(day), "amount": amount, "description": text, **more}


@dataclass
class FakeSimpleFin:
    """Accounts by their ids, and what is wrong. `version` 1 answers as older servers do, whatever they are asked."""

    address: str = ""
    version: int = 2
    user: str = field(default_factory=lambda: f"user-canary-{uuid4()}")
    password: str = field(default_factory=lambda: f"pass-canary-{uuid4()}")
    accounts: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    plain_errors: list[str] = field(default_factory=list)
    refusal: Said | None = None
    asked: list[Asked] = field(default_factory=list)
    claimed: int = 0
    daily: int = 24
    used: int = 0
    is_disabled: bool = False

    def __post_init__(self) -> None:
        self.tokens = {f"tok-{uuid4()}"}

    @property
    def setup_token(self) -> str:
        return base64.b64encode(f"{self.address}/simplefin/claim/{next(iter(self.tokens))}".encode()).decode()

    def has(self, id_: str, name: str, *rows: dict[str, Any], currency: str = "USD", **more: Any) -> None:
        self.accounts.append({
            "id": id_, "name": name, "conn_id": "CON-1", "currency": currency, "balance": "100.23",
            "balance-date": seconds(date(2026, 3, 3)), "transactions": list(rows), **more,
        })  # fmt: skip

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        if asked.path.startswith("/simplefin/claim/"):
            return self._claim(asked)
        if self.refusal:
            return self.refusal
        if asked.headers.get("authorization") != self._authorization:
            return Said(403, b"Forbidden")
        return self._accounts(asked)

    @property
    def _authorization(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def _claim(self, asked: Asked) -> Said:
        token = asked.path.rsplit("/", 1)[1]
        if asked.method != "POST" or token not in self.tokens:
            return Said(403, b"Forbidden")
        self.tokens = {f"tok-{uuid4()}"}
        self.claimed += 1
        scheme, host = self.address.split("://")
        return Said(200, f"{scheme}://{self.user}:{self.password}@{host}/simplefin".encode())

    def next_day(self) -> None:
        self.used = 0

    def _accounts(self, asked: Asked) -> Said:
        self.used += 1
        self.is_disabled = self.is_disabled or self.used > self.daily
        if self.is_disabled:
            return Said(403, b"Forbidden")
        first, last = (int(asked.query[name][0]) for name in ("start-date", "end-date"))
        if last - first > LONGEST_S:
            return Said(400, {"errors": ["Requested date range exceeds limit of 60 days"], "accounts": []})
        has_pending = asked.query.get("pending") == ["1"]
        accounts = [self._within(each, first, last, has_pending=has_pending) for each in self.accounts]
        if self.version == 1:
            return Said(200, {"errors": self.plain_errors, "accounts": [_as_before(each) for each in accounts]})
        return Said(200, {
            "errlist": self.errors, "accounts": accounts,
            "errors": [*(each["msg"] for each in self.errors), *self.plain_errors],
            "connections": [{"conn_id": "CON-1", "name": "My Bank - Jill", "org_id": "INST-1",
                             "org_url": "https://mybank.example", "sfin_url": self.address}],
        })  # fmt: skip

    def _within(self, account: dict[str, Any], first: int, last: int, *, has_pending: bool) -> dict[str, Any]:
        rows = [
            each
            for each in account["transactions"]
            if (has_pending if each.get("pending") else first <= each["posted"] < last)
        ]
        return {**account, "transactions": rows}


def _as_before(account: dict[str, Any]) -> dict[str, Any]:
    """The account as version 1 of the protocol has it."""
    plain = {name: value for name, value in account.items() if name != "conn_id"}
    return {**plain, "org": {"domain": "mybank.example", "sfin-url": "https://sfin.mybank.example"}}
