"""Stock: an organization with something of everything, and the ids that requests may name.

Ids are kept by the name they have in the API (`account_id`), as answers show them, so an operation that is new
finds its ids by itself as soon as some answer holds them; only what no answer shows is made here by hand.
"""

import itertools
from collections import defaultdict, deque
from collections.abc import Callable
from random import Random
from typing import Any

import httpx

KEPT = 30
ROLES = ("owner", "accountant", "viewer")
PASSWORD = "correct horse battery"
STATEMENT = "Date,Text,Amount\n2026-03-01,Tea,-1.00\n2026-03-02,Rent,-900.00\nnever,Broken,-2.00\n"
LUNCH = {"date": "2026-11-02", "amount": "-12.50", "currency": "GBP", "description": "Corner Cafe"}
RULE = {"conditions": {"description": {"by": "contains", "text": "cafe"}}, "actions": {"tags": ["cafes"]}}
Maker = Callable[["Stock"], dict[str, Any]]


class Stock:
    """One organization, its owner, a key for each role, and the ids that were seen."""

    def __init__(self, address: str, random: Random) -> None:
        self.random, self.names, self.makers = random, itertools.count(), dict(MAKERS)
        self.seen: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=KEPT))
        self.protected: set[str] = set()
        # Another address than the run's: whose wrong passwords make only the run's own logins wait.
        self.client = httpx.Client(base_url=address, timeout=60, headers={"X-Forwarded-For": "192.0.2.1"})
        self.email = self.name("owner") + "@example.com"
        self.tokens = self._register()
        self.client.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        self.keys = {role: self._key(role) for role in ROLES}
        self.protected |= {each["session_id"] for each in self.client.get("/api/core/sessions").json()["items"]}

    def name(self, of: str) -> str:
        """One that nothing has yet."""
        return f"{of}-{next(self.names)}-{self.random.getrandbits(64):x}"

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        assert answer.is_success, (path, answer.text)
        found: dict[str, Any] = answer.json()
        self.learn(found)
        return found

    def learn(self, found: Any) -> None:
        """Remember the ids of an answer."""
        if isinstance(found, list):
            for each in found[:KEPT]:
                self.learn(each)
        elif isinstance(found, dict):
            for name, value in found.items():
                if name.endswith("_id") and isinstance(value, str) and value not in self.protected:
                    if value not in self.seen[name]:
                        self.seen[name].append(value)
                else:
                    self.learn(value)

    def forget(self, name: str, value: str) -> None:
        if value in self.seen[name]:
            self.seen[name].remove(value)

    def some(self, name: str) -> str | None:
        """An id that goes by this name, a new one where few are left."""
        if name in self.makers and len(self.seen[name]) < 3:
            self.learn(self.makers[name](self))
        return self.random.choice(self.seen[name]) if self.seen[name] else None

    def _register(self) -> dict[str, Any]:
        new = {
            "email": self.email,
            "password": PASSWORD,
            "name": "Ana",
            "organization_name": self.name("Bikes"),
            "base_currency": "GBP",
            "country": "GB",
        }
        tokens = self.client.post("/api/core/auth/register", json=new).raise_for_status().json()
        self.protected |= {tokens["user_id"], tokens["organization_id"]}
        return dict(tokens)

    def _key(self, role: str) -> str:
        answer = self.client.post("/api/core/api-keys", json={"name": f"key of {role}", "role": role})
        assert answer.is_success, answer.text
        made = answer.json()
        self.protected.add(made["api_key_id"])
        return str(made["key"])


def _import(stock: Stock) -> dict[str, Any]:
    account = stock.post("/api/core/accounts", {"name": stock.name("Imported"), "currency": "GBP"})
    return stock.post("/api/core/csv-import", {"csv_data": STATEMENT, "account_id": account["account_id"]})


def _transfer(stock: Stock) -> dict[str, Any]:
    """Two accounts whose transactions look like one transfer."""
    amount = f"{stock.random.randint(1000, 99999)}.17"
    for sign in ("-", ""):
        account = stock.post("/api/core/accounts", {"name": stock.name("Purse"), "currency": "GBP"})
        wanted = {**LUNCH, "amount": sign + amount, "account_id": account["account_id"]}
        stock.post("/api/core/transactions", {**wanted, "description": "Transfer"})
    stock.learn(stock.client.get("/api/core/transfers").json())
    return {}


def _member(stock: Stock) -> dict[str, Any]:
    """Somebody who was invited, and came."""
    invited = stock.post(
        "/api/core/members/invitations", {"email": stock.name("ben") + "@example.com", "role": "viewer"}
    )
    given = {"token": invited["token"], "name": "Ben", "password": PASSWORD}
    return stock.post("/api/core/auth/accept-invitation", given)


def _application(stock: Stock) -> dict[str, Any]:
    stock.post("/api/core/transactions", LUNCH)
    rule = stock.post("/api/core/rules", {"name": stock.name("Cafes"), **RULE})
    return stock.post(f"/api/core/rules/{rule['rule_id']}/apply", {})


def _session(stock: Stock) -> dict[str, Any]:
    stock.post("/api/core/auth/login", {"email": stock.email, "password": PASSWORD})
    return dict(stock.client.get("/api/core/sessions").json())


MAKERS: dict[str, Maker] = {
    "account_id": lambda s: s.post("/api/core/accounts", {"name": s.name("Till"), "currency": "GBP"}),
    "transaction_id": lambda s: s.post("/api/core/transactions", LUNCH),
    "category_id": lambda s: s.post("/api/core/categories", {"name": s.name("Kind"), "kind": "expense"}),
    "rule_id": lambda s: s.post("/api/core/rules", {"name": s.name("Cafes"), **RULE}),
    "application_id": _application,
    "api_key_id": lambda s: s.post("/api/core/api-keys", {"name": s.name("key"), "role": "viewer"}),
    "batch_id": _import,
    "transfer_id": _transfer,
    "user_id": _member,
    "session_id": _session,
    "invitation_id": lambda s: s.post(
        "/api/core/members/invitations", {"email": s.name("guest") + "@example.com", "role": "viewer"}
    ),
    "filter_id": lambda s: s.post("/api/core/filters", {"name": s.name("Teas"), "filter": {"search": "tea"}}),
    "job_id": lambda s: s.post("/api/ai/batch-analyze", {"batch_id": s.some("batch_id")}),
}  # fmt: skip
