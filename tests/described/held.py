"""Held: requests that hold, for operations that nobody can ask well by chance: they need a token, a file, a pair."""

from collections.abc import Callable
from typing import Any

from tests.described.stock import LUNCH, MAKERS, PASSWORD, Stock

Holding = Callable[[Any, Stock], None]


def login(case: Any, stock: Stock) -> None:
    case.body = {"email": stock.email, "password": PASSWORD}


def refresh(case: Any, stock: Stock) -> None:
    tokens = stock.post("/api/core/auth/login", {"email": stock.email, "password": PASSWORD})
    case.body = {"refresh_token": tokens["refresh_token"]}


def register(case: Any, stock: Stock) -> None:
    case.body = {
        "email": stock.name("new") + "@example.com",
        "password": PASSWORD,
        "name": "Ana",
        "organization_name": stock.name("Bikes"),
        "base_currency": "GBP",
    }


def accept_invitation(case: Any, stock: Stock) -> None:
    invited = MAKERS["invitation_id"](stock)
    case.body = {"token": invited["token"], "name": "Ben", "password": PASSWORD}


def delete_category(case: Any, stock: Stock) -> None:
    case.path_parameters = {"category_id": MAKERS["category_id"](stock)["category_id"]}
    case.query, case.headers = {}, {}


def merge_category(case: Any, stock: Stock) -> None:
    one, other = (MAKERS["category_id"](stock)["category_id"] for _ in range(2))
    case.path_parameters, case.body = {"category_id": one}, {"into": other}


def pair_transfer(case: Any, stock: Stock) -> None:
    """Two sides that nothing has paired."""
    amount = f"{stock.random.randint(1000, 99999)}.29"
    sides = []
    for sign, day in (("-", "2026-01-02"), ("", "2026-09-02")):
        account = MAKERS["account_id"](stock)
        side = {**LUNCH, "date": day, "amount": sign + amount, "account_id": account["account_id"]}
        sides.append(stock.post("/api/core/transactions", side)["transaction_id"])
    case.path_parameters, case.body = {"transaction_id": sides[0]}, {"other_transaction_id": sides[1]}


def take_transfer_apart(case: Any, stock: Stock) -> None:
    pair_transfer(case, stock)
    one = case.path_parameters["transaction_id"]
    answer = stock.client.put(f"/api/core/transactions/{one}/transfer", json=case.body)
    assert answer.is_success or answer.status_code == 409, answer.text  # a rule of the run may have paired it already
    case.body = None


def set_layout(case: Any, stock: Stock) -> None:
    batch = MAKERS["batch_id"](stock)
    known = stock.client.get(f"/api/core/accounts/{batch['account_id']}/layout").json()
    case.path_parameters, case.body = {"account_id": batch["account_id"]}, known["items"][0]["layout"]


def resubmit_rejects(case: Any, stock: Stock) -> None:
    batch = MAKERS["batch_id"](stock)
    text = stock.client.get(f"/api/core/imports/{batch['batch_id']}/rejects.csv").text
    case.path_parameters = {"batch_id": batch["batch_id"]}
    case.body, case.media_type = {"csv_data": text.replace("never", "2026-03-03")}, "application/json"


HELD: dict[str, Holding] = {
    each.__name__: each
    for each in (
        login, refresh, register, accept_invitation, delete_category, merge_category, pair_transfer,
        take_transfer_apart, set_layout, resubmit_rejects,
    )
}  # fmt: skip
