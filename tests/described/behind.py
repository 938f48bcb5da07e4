"""Behind the API: what only a worker, a provider or a mail lets be asked well. The short run is without it."""

import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.connections.fakes.rest import Payments
from tests.connections.letters import letter
from tests.described.held import Holding
from tests.described.stock import Maker, Stock

PATIENCE_S = 60
UNKNOWN = ("Zunthorpe pizzeria", "Hanley Dental", "Brookside Garage", "Marlow Books", "Tolland Florist")


def makers() -> dict[str, Maker]:
    """Ids of what a worker finds or writes."""
    return {
        "pattern_id": lambda stock: _found(stock, "/api/ai/recurring"),
        "anomaly_id": lambda stock: _found(stock, "/api/ai/anomalies"),
        "suggestion_id": lambda stock: _found(stock, "/api/ai/suggestions"),
        "export_id": _export,
        "mail_id": _mail,
    }


def held(watched: Path) -> dict[str, Holding]:
    """Requests that hold where a folder is watched, mail is handed over, or the worker has written a file."""

    def connect_bank(case: Any, stock: Stock) -> None:
        case.body = {"provider": "folder", "settings": {"path": str(watched)}, "credentials": {}}

    every = (connect_bank, receive_mail_by_token, download_privacy_export)
    return {each.__name__: each for each in every}


def good(payments: Payments) -> dict[str, dict[str, Any]]:
    """Bodies that hold where a third party answers: the others name an address at which nobody does."""
    given = {"settings": payments.mapping(incremental={}), "credentials": {"token": payments.token}}
    of_third_parties = "/api/connectors/third-party"
    return {of_third_parties: {"name": "Till", **given}, f"{of_third_parties}/preview": given}


def receive_mail_by_token(case: Any, stock: Stock) -> None:
    case.path_parameters = {"token": _door(stock).rpartition("/")[2]}
    case.body = {"email": letter(number=next(stock.names)).decode()}


def download_privacy_export(case: Any, stock: Stock) -> None:
    asked = stock.post("/api/core/privacy/export", {"scope": "person"})
    _until(stock, f"/api/core/privacy/exports/{asked['export_id']}", lambda told: told["state"] == "done")
    case.path_parameters = {"export_id": asked["export_id"]}


def _found(stock: Stock, path: str) -> dict[str, Any]:
    """What the worker finds in a year of payments of which some recur, one is charged twice and some nobody knows."""
    account = stock.post("/api/core/accounts", {"name": stock.name("Current"), "currency": "GBP"})
    text = "\n".join(["Date,Text,Amount", *_year(stock)])
    stock.post("/api/core/csv-import", {"csv_data": text, "account_id": account["account_id"]})
    return _until(stock, path, lambda told: bool(told["items"]))


def _year(stock: Stock) -> list[str]:
    today, rent, baker = date.today(), stock.name("Landlord"), stock.name("Baker")  # noqa: DTZ011 - any day does
    often = [f"{today - timedelta(days=2 * n)},{baker},-{4 + n % 5}.10" for n in range(60)]
    monthly = [f"{today - timedelta(days=30 * n + 3)},{rent},-900.00" for n in range(13)]
    twice = [f"{today - timedelta(days=1)},{stock.name('Power')},-9.95"] * 2
    unknown = [f"{today - timedelta(days=4)},{stock.name(name)},-25.00" for name in UNKNOWN]
    return [*often, *monthly, *twice, *unknown]


def _export(stock: Stock) -> dict[str, Any]:
    asked = stock.post("/api/analytics/export-data", {"what": "transactions", "format": "csv"})
    return _until(stock, f"/api/analytics/exports/{asked['export_id']}", lambda told: told["state"] == "done")


def _mail(stock: Stock) -> dict[str, Any]:
    raw = letter(number=next(stock.names))
    stock.client.post(_door(stock), files={"email": (None, raw)}).raise_for_status()
    return dict(stock.client.get("/api/connectors/mails").json())


def _door(stock: Stock) -> str:
    """The path at which mails are handed over to this organization."""
    asked = {"provider": "forwarding", "name": stock.name("Mail")}
    return "/api/" + str(stock.post("/api/connectors/email/connect", asked)["webhook_url"]).partition("/api/")[2]


def _until(stock: Stock, path: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The answer as soon as it holds, or the last one: what the worker did not do in time is asked without it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        told: dict[str, Any] = stock.client.get(path).raise_for_status().json()
        if holds(told) or time.monotonic() > deadline:
            return told
        time.sleep(0.2)
