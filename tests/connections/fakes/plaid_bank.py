"""A bank behind Plaid: Items and their rows, kept as Plaid tells of them. What its customers and the bank do, tests do.

A cursor is a place in the history of an Item's rows. What lies behind it is told as it comes to: a row that was added
and changed since is told as added. Where the history grows between two pages, the pages are void.
"""

import base64
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Told = dict[str, Any]


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, type_: str, code: str, status: int = 400, reason: str | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.told: Told = {
            "error_type": type_, "error_code": code, "error_code_reason": reason, "display_message": None,
            "error_message": f"the canary of {code}: nobody is to repeat what Plaid says",
            "request_id": "r" * 15, "causes": [], "status": status,
        }  # fmt: skip


@dataclass
class Item:
    """A customer's sign-in at the bank."""

    item_id: str
    access_token: str
    accounts: list[Told]
    error: Told | None = None
    expires_at: datetime | None = None
    webhook: str | None = None
    status: str = "HISTORICAL_UPDATE_COMPLETE"
    is_removed: bool = False
    history: list[tuple[str, Told]] = field(default_factory=list)
    _since: dict[tuple[int, int], list[tuple[str, Told]]] = field(default_factory=dict, repr=False)

    def rows(self) -> dict[str, Told]:
        """Those that the bank has now, by their ids."""
        now: dict[str, Told] = {}
        for kind, row in self.history:
            if kind == "removed":
                now.pop(row["transaction_id"], None)
            else:
                now[row["transaction_id"]] = row
        return now

    def since(self, begin: int, end: int) -> list[tuple[str, Told]]:
        """What the history between two places comes to."""
        if (begin, end) not in self._since:
            self._since[begin, end] = self._comes_to(begin, end)
        return self._since[begin, end]

    def _comes_to(self, begin: int, end: int) -> list[tuple[str, Told]]:
        before = {row["transaction_id"] for _, row in self.history[:begin]}
        last: dict[str, tuple[str, Told]] = {}
        for kind, row in self.history[begin:end]:
            last[row["transaction_id"]] = (kind, row)
        found = []
        for id_, (kind, row) in last.items():
            if kind == "removed":
                if id_ in before:
                    found.append(("removed", {"transaction_id": id_, "account_id": row["account_id"]}))
            else:
                found.append(("modified" if id_ in before else "added", row))
        return found


@dataclass
class Link:
    """A page at which a customer may consent."""

    token: str
    asked: Told
    public_token: str | None = None
    is_done: bool = False


def account(number: int = 1, currency: str = "USD", type_: str = "depository", subtype: str = "checking") -> Told:
    return {
        "account_id": f"acc{number}{secrets.token_hex(12)}", "mask": f"{number:04}", "name": f"Plaid Account {number}",
        "official_name": None, "type": type_, "subtype": subtype, "holder_category": "personal",
        "balances": {
            "available": Decimal("100.10"), "current": Decimal("110.10"), "limit": None,
            "iso_currency_code": currency, "unofficial_currency_code": None,
        },
    }  # fmt: skip


def row(account_id: str, amount: str, date: str, name: str, **more: Any) -> Told:
    """A row as Plaid tells of it: money out is above zero."""
    nothing = {
        "location": ("address", "city", "region", "postal_code", "country", "lat", "lon", "store_number"),
        "payment_meta": (
            "reference_number", "ppd_id", "payee", "by_order_of", "payer", "payment_method", "payment_processor",
            "reason",
        ),
    }  # fmt: skip
    return {
        "transaction_id": secrets.token_hex(16), "account_id": account_id, "amount": Decimal(amount), "date": date,
        "name": name, "merchant_name": None, "pending": False, "pending_transaction_id": None,
        "iso_currency_code": "USD", "unofficial_currency_code": None, "account_owner": None, "authorized_date": None,
        "authorized_datetime": None, "datetime": None, "payment_channel": "other", "transaction_code": None,
        "check_number": None, "original_description": name, "website": None, "logo_url": None,
        **{group: dict.fromkeys(names) for group, names in nothing.items()},
        **more,
    }  # fmt: skip


class Bank:
    """Everything that Plaid knows of, and its operations by their paths."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.links: dict[str, Link] = {}
        self.public: dict[str, Item] = {}
        self.keys: dict[str, Told] = {}
        # rows that come between two pages of the next sync
        self.meanwhile: list[tuple[Item, str, Told]] = []

    # what the customer does

    def consent(self, link_token: str, accounts: list[Told] | None = None) -> str:
        """Sign in at a link's page: a new Item, or the one that is repaired; the public token that comes of it."""
        link = self.links[link_token]
        token = link.asked.get("access_token")
        if token:
            item = self.items[token]
            item.error = None
            item.expires_at = datetime.now(UTC) + timedelta(days=90) if item.expires_at else None
        else:
            item = Item(secrets.token_hex(18), f"access-sandbox-{secrets.token_hex(16)}", accounts or [account()])
            item.webhook = link.asked.get("webhook")
            self.items[item.access_token] = item
        link.is_done, link.public_token = True, f"public-sandbox-{secrets.token_hex(16)}"
        self.public[link.public_token] = item
        return link.public_token

    # what Plaid answers

    def answer(self, path: str, asked: Told) -> Told:
        name = path.strip("/").replace("/", "_")
        found: Told = getattr(self, f"on_{name}")(asked)
        return {**found, "request_id": "r" * 15}

    def item(self, asked: Told) -> Item:
        item = self.items.get(asked["access_token"])
        if item is None:
            raise Refused("INVALID_INPUT", "INVALID_ACCESS_TOKEN")
        if item.is_removed:
            raise Refused("ITEM_ERROR", "ITEM_NOT_FOUND")
        return item

    def healthy(self, asked: Told) -> Item:
        item = self.item(asked)
        if item.error:
            raise Refused(item.error["error_type"], item.error["error_code"], 400, item.error["error_code_reason"])
        return item

    def on_link_token_create(self, asked: Told) -> Told:
        if asked.get("access_token"):
            self.item(asked)
        token = f"link-sandbox-{secrets.token_hex(16)}"
        self.links[token] = Link(token, asked)
        expires_at = datetime.now(UTC) + timedelta(hours=4)
        told = {"link_token": token, "expiration": _instant(expires_at)}
        hosted = {"hosted_link_url": f"https://secure.plaid.com/hl/{token[-8:]}"} if "hosted_link" in asked else {}
        return {**told, **hosted}

    def on_link_token_get(self, asked: Told) -> Told:
        link = self.links.get(asked["link_token"])
        if link is None:
            raise Refused("INVALID_INPUT", "INVALID_LINK_TOKEN")
        added: Told = {"public_token": link.public_token, "accounts": [], "institution": None}
        results: Told = {
            "item_add_results": [] if link.asked.get("access_token") else [added], "cra_item_add_results": [],
            "cra_update_results": [], "bank_income_results": [], "payroll_income_results": [],
            "document_income_results": None,
        }  # fmt: skip
        session: Told = {"link_session_id": "s1", "started_at": _instant(datetime.now(UTC))}
        if link.is_done:
            session |= {"finished_at": _instant(datetime.now(UTC)), "results": results}
        return {
            "link_token": link.token, "created_at": None, "expiration": None,
            "link_sessions": [session], "metadata": {
                "initial_products": ["transactions"], "webhook": link.asked.get("webhook"), "country_codes": ["US"],
                "language": "en", "redirect_uri": None, "client_name": "AI2",
            },
        }  # fmt: skip

    def on_item_public_token_exchange(self, asked: Told) -> Told:
        item = self.public.pop(asked["public_token"], None)
        if item is None:
            raise Refused("INVALID_INPUT", "INVALID_PUBLIC_TOKEN")
        return {"access_token": item.access_token, "item_id": item.item_id}

    def on_item_get(self, asked: Told) -> Told:
        return {"item": self._told(self.item(asked)), "status": None}

    def on_item_remove(self, asked: Told) -> Told:
        self.item(asked).is_removed = True
        return {}

    def on_accounts_get(self, asked: Told) -> Told:
        item = self.healthy(asked)
        return {"accounts": item.accounts, "item": self._told(item)}

    def on_transactions_sync(self, asked: Told) -> Told:
        item = self.healthy(asked)
        begin, end, offset = _place(asked.get("cursor"), len(item.history))
        if offset and end != len(item.history):
            raise Refused("TRANSACTIONS_ERROR", "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION")
        every = item.since(begin, end)
        page = every[offset : offset + asked.get("count", 100)]
        has_more = offset + len(page) < len(every)
        for other, kind, each in self.meanwhile if has_more else ():
            other.history.append((kind, each))
        if has_more:
            self.meanwhile = []
        return {
            "transactions_update_status": item.status, "accounts": item.accounts, "has_more": has_more,
            "next_cursor": _cursor(begin, end, offset + len(page)) if has_more else _cursor(end, end, 0),
            **{kind: [each for as_, each in page if as_ == kind] for kind in ("added", "modified", "removed")},
        }  # fmt: skip

    def on_transactions_get(self, asked: Told) -> Told:
        item = self.healthy(asked)
        found = [each for each in item.rows().values() if asked["start_date"] <= each["date"] <= asked["end_date"]]
        found.sort(key=lambda each: each["date"], reverse=True)
        offset, count = asked["options"].get("offset", 0), asked["options"].get("count", 100)
        told = {"total_transactions": len(found), "transactions": found[offset : offset + count]}
        if offset + count < len(found):
            for other, kind, each in self.meanwhile:
                other.history.append((kind, each))
            self.meanwhile = []
        return {"accounts": item.accounts, "item": self._told(item), **told}

    def on_webhook_verification_key_get(self, asked: Told) -> Told:
        if asked["key_id"] not in self.keys:
            raise Refused("INVALID_INPUT", "INVALID_WEBHOOK_VERIFICATION_KEY_ID")
        return {"key": self.keys[asked["key_id"]]}

    def _told(self, item: Item) -> Told:
        return {
            "item_id": item.item_id, "institution_id": "ins_1", "webhook": item.webhook, "error": item.error,
            "available_products": [], "billed_products": ["transactions"], "products": ["transactions"],
            "consent_expiration_time": item.expires_at and _instant(item.expires_at), "update_type": "background",
        }  # fmt: skip


def error(code: str, reason: str | None = None, type_: str = "ITEM_ERROR") -> Told:
    """What an Item says to be wrong with it."""
    return Refused(type_, code, reason=reason).told


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _cursor(*place: int) -> str:
    return base64.b64encode(json.dumps(place).encode()).decode()


def _place(cursor: str | None, end: int) -> tuple[int, int, int]:
    if not cursor:
        return 0, end, 0
    begin, former_end, offset = json.loads(base64.b64decode(cursor))
    return begin, former_end if offset else end, offset
