"""A fake of GoCardless Bank Account Data: it remembers tokens, consents and quotas, and fails when it is told to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from tests.connections.fakes.contract import Contract
from tests.connections.fakes.serving import Asked, Said

BANK = "REVOLUT_REVOGB21"
DAY_S = 86_400


@dataclass
class BankAccount:
    """An account at the bank, whatever a consent calls it."""

    iban: str
    currency: str
    name: str = "Main"
    booked: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    balance: str = "0.00"
    balance_on: str = "2026-03-03"


def booked(id_: str, day: date | str, amount: str, text: str, currency: str = "GBP") -> dict[str, Any]:
    return {
        "transactionId": id_, "internalTransactionId": f"internal-{id_}", "bookingDate": f"{day}",
        "valueDate": f"{day}",
        "transactionAmount": {"amount": amount, "currency": currency}, "remittanceInformationUnstructured": text,
    }  # fmt: skip


def pending(day: date | str, amount: str, text: str, currency: str = "GBP") -> dict[str, Any]:
    """As banks write it: without an id."""
    money = {"amount": amount, "currency": currency}
    return {"valueDate": f"{day}", "transactionAmount": money, "remittanceInformationUnstructured": text}


@dataclass
class FakeGoCardless:
    """`faults` are answers given once each, to the first call whose path ends so."""

    contract: Contract | None = None
    address: str = ""
    # keys of its own: the limits of an installation are by them
    secret: tuple[str, str] = field(default_factory=lambda: (f"id-{uuid4()}", f"key-canary-{uuid4()}"))
    daily: int = 4
    accounts: list[BankAccount] = field(default_factory=list)
    faults: list[tuple[str, Said]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    institutions: list[dict[str, Any]] = field(default_factory=lambda: [
        {"id": BANK, "name": "Revolut", "bic": "REVOGB21", "transaction_total_days": "540", "countries": ["GB", "IE"],
         "logo": "https://cdn.example/revolut.png", "supported_features": [], "supported_payments": {}},
        {"id": "MONZO_MONZGB2L", "name": "Monzo", "bic": "MONZGB2L", "transaction_total_days": "90",
         "countries": ["GB"], "logo": "https://cdn.example/m.png", "supported_features": [], "supported_payments": {}},
    ])  # fmt: skip

    def __post_init__(self) -> None:
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.agreements: dict[str, dict[str, Any]] = {}
        self.requisitions: dict[str, dict[str, Any]] = {}
        self.held: dict[str, tuple[BankAccount, str]] = {}
        self.used: Counter[tuple[str, str]] = Counter()

    # What a person does at the bank.

    def consents(self, link: str, accounts: list[BankAccount] | None = None) -> str:
        """The person consents; where their browser is sent. Each consent calls the accounts anew."""
        requisition = self._of_link(link)
        agreement = self.agreements[requisition["agreement"]]
        agreement["accepted"] = _now()
        requisition["status"] = "LN"
        for account in self.accounts if accounts is None else accounts:
            key = str(uuid4())
            self.held[key] = (account, requisition["id"])
            requisition["accounts"].append(key)
        return f"{requisition['redirect']}?ref={requisition['reference']}"

    def refuses(self, link: str) -> str:
        requisition = self._of_link(link)
        requisition["status"] = "RJ"
        return f"{requisition['redirect']}?ref={requisition['reference']}&error=UserCancelledSession&details=cancelled"

    def becomes(self, status: str) -> None:
        """Every consent becomes this: EX, SU."""
        for requisition in self.requisitions.values():
            requisition["status"] = status

    def next_day(self) -> None:
        self.used.clear()

    # What the API answers.

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        fault = next((each for each in self.faults if asked.path.endswith(each[0])), None)
        if fault:
            self.faults.remove(fault)
            return fault[1]
        said = self._answer(asked)
        if self.contract:
            self.contract.hold(asked, said)
        return said

    def count(self, what: str) -> int:
        return sum(each.path.endswith(what) for each in self.asked)

    def _answer(self, asked: Asked) -> Said:
        parts = asked.path.removeprefix("/api/v2/").strip("/").split("/")
        if parts[0] == "token":
            return self._token(parts[1], asked.json())
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.access:
            return refused(401, "Invalid token", "Token is invalid or expired")
        if asked.method == "POST":
            return self._agree(asked.json()) if parts[0] == "agreements" else self._require(asked.json())
        if parts[0] == "accounts":
            return self._account(parts[1], parts[2], asked.query)
        if parts == ["institutions"]:
            return self._list(asked.query["country"][0])
        known: dict[str, dict[str, dict[str, Any]]] = {
            "institutions": {each["id"]: each for each in self.institutions}, "agreements": self.agreements,
            "requisitions": self.requisitions,
        }  # fmt: skip
        found = known[parts[0]].get(parts[-1])
        if found and asked.method == "DELETE":
            del self.requisitions[parts[-1]]
        return Said(200, found) if found else NOT_FOUND

    def _list(self, country: str) -> Said:
        found = [each for each in self.institutions if country in each["countries"]]
        return Said(200, found) if found else refused(400, "Invalid country choice.", f"{country} is not valid")

    def _token(self, what: str, body: dict[str, Any]) -> Said:
        if what == "refresh":
            if body["refresh"] not in self.refresh:
                return refused(401, "Invalid token", "Token is invalid or expired")
            return Said(200, {"access": self._issue(self.access), "access_expires": DAY_S})
        if (body["secret_id"], body["secret_key"]) != self.secret:
            return refused(401, "Authentication failed", "No active account found with the given credentials")
        access, refresh = self._issue(self.access), self._issue(self.refresh)
        return Said(200, {
            "access": access, "access_expires": DAY_S, "refresh": refresh, "refresh_expires": 30 * DAY_S,
        })  # fmt: skip

    def _issue(self, tokens: set[str]) -> str:
        tokens.add(token := f"token-canary-{uuid4()}")
        return token

    def _agree(self, body: dict[str, Any]) -> Said:
        bank = next((each for each in self.institutions if each["id"] == body["institution_id"]), None)
        if bank is None or body["max_historical_days"] > int(bank["transaction_total_days"]):
            return Said(400, {"max_historical_days": [{"summary": "Incorrect max_historical_days", "detail": ""}],
                              "status_code": 400})  # fmt: skip
        agreement = {**body, "id": str(uuid4()), "created": _now(), "accepted": None}
        self.agreements[agreement["id"]] = agreement
        return Said(201, agreement)

    def _require(self, body: dict[str, Any]) -> Said:
        id_ = str(uuid4())
        link = f"{self.address}/psd2/start/{id_}/{body['institution_id']}"
        self.requisitions[id_] = {**body, "id": id_, "created": _now(), "status": "CR", "accounts": [], "link": link}
        return Said(201, self.requisitions[id_])

    def _account(self, id_: str, what: str, query: dict[str, list[str]]) -> Said:
        account, requisition_id = self.held.get(id_, (None, ""))
        requisition = self.requisitions.get(requisition_id)
        if account is None or requisition is None:
            return refused(404, f"Account ID {id_} not found", "Please check whether you specified a valid Account ID")
        if requisition["status"] == "SU":
            return refused(409, "Account suspended", "This account or its requisition was suspended")
        if requisition["status"] != "LN":
            return Said(401, {**refused(401, "Couldn't update account", "Access has expired").body,
                              "type": "AccessExpiredError"})  # fmt: skip
        if self.used[id_, what] >= self.daily:
            detail = f"The rate limit for this resource is {self.daily}/day. Please try again in 4000 seconds"
            return Said(429, refused(429, "Rate limit exceeded", detail).body, self._headers(id_, what))
        self.used[id_, what] += 1
        return Said(200, self._data(account, what, query), self._headers(id_, what))

    def _data(self, account: BankAccount, what: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if what == "details":
            return {"account": {"resourceId": "1", "iban": account.iban, "currency": account.currency,
                                "name": account.name, "cashAccountType": "CACC"}}  # fmt: skip
        if what == "balances":
            amount = {"amount": account.balance, "currency": account.currency}
            return {"balances": [
                {"balanceAmount": {**amount, "amount": "9.99"}, "balanceType": "interimAvailable"},
                {"balanceAmount": amount, "balanceType": "closingBooked", "referenceDate": account.balance_on},
            ]}  # fmt: skip
        first, last = query["date_from"][0], query["date_to"][0]
        rows = [row for row in account.booked if first <= row["bookingDate"] <= last]
        return {"transactions": {"booked": rows, "pending": account.pending}}

    def _headers(self, id_: str, what: str) -> dict[str, str]:
        return {
            "HTTP_X_RATELIMIT_LIMIT": "100", "HTTP_X_RATELIMIT_REMAINING": "99", "HTTP_X_RATELIMIT_RESET": "60",
            "HTTP_X_RATELIMIT_ACCOUNT_SUCCESS_LIMIT": f"{self.daily}",
            "HTTP_X_RATELIMIT_ACCOUNT_SUCCESS_REMAINING": f"{max(self.daily - self.used[id_, what], 0)}",
            "HTTP_X_RATELIMIT_ACCOUNT_SUCCESS_RESET": "4000",
        }  # fmt: skip

    def _of_link(self, link: str) -> dict[str, Any]:
        return next(each for each in self.requisitions.values() if each["link"] == link)


def refused(status: int, summary: str, detail: str) -> Said:
    return Said(status, {"summary": summary, "detail": detail, "status_code": status})


NOT_FOUND = refused(404, "Not found.", "Not found.")


def _now() -> str:
    return datetime.now(UTC).isoformat()
