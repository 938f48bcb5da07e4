"""Connecting: what an organization has of connectors for tests of tenants, and every place where an id of it goes."""

from httpx import AsyncClient

from ai2.kit.settings import settings
from tests.api.conftest import WATCHED
from tests.api.places import Case
from tests.connections.letters import letter

C, R, M = "/api/connectors", "/api/connectors/receipts", "/api/connectors/mails"
CONNECT, FORWARDED = "/api/connectors/email/connect", {"provider": "forwarding"}
# a folder that the operator lets everyone watch (conftest.py)
FOLDER = {"provider": "folder", "settings": {"path": str(WATCHED), "pattern": "*.csv"}}
FILE = "Date,Text,Amount\n2026-03-01,Tea,-1\n2026-03-02,Coffee,oops\n2026-03-03,Cake,-3\n"

# {so} is a stranger's id, {my_so} the caller's own.
OF_CONNECTORS: list[Case] = [
    ("POST", C + "/bank/connect", {**FOLDER, "account_id": "{account_id}"}),
    ("POST", C + "/bank/connect", {**FOLDER, "reconnect": "{connection_id}"}),
    ("GET", C + "/connections/{connection_id}", None),
    ("GET", C + "/connections/{connection_id}/history", None),
    ("POST", C + "/connections/{connection_id}/sync", {}),
    ("PUT", C + "/connections/{connection_id}/accounts", {"account_key": "", "account_id": None}),
    ("PUT", C + "/connections/{my_connection_id}/accounts", {"account_key": "", "account_id": "{account_id}"}),
    ("DELETE", C + "/connections/{connection_id}", None),
    ("GET", R + "?transaction_id={transaction_id}", None),
    *(("GET", R + "/{document_id}" + path, None) for path in ("", "/file", "/matches")),
    *(
        ("POST", f"{R}/{document}/matches/{transaction}/{answer}", None)
        for document, transaction in (
            ("{document_id}", "{transaction_id}"),
            ("{my_document_id}", "{transaction_id}"),
            ("{document_id}", "{my_transaction_id}"),
        )
        for answer in ("accept", "reject")
    ),
    ("DELETE", R + "/{document_id}", None),
    ("GET", M + "/{mail_id}", None),
    ("GET", M + "?connection_id={mailbox_id}", None),
    ("POST", M + "/{mail_id}/statements", {"account_id": "{account_id}"}),
    ("POST", M + "/{my_mail_id}/statements", {"account_id": "{account_id}"}),
    ("POST", CONNECT, {**FORWARDED, "account_id": "{account_id}"}),
    ("POST", CONNECT, {**FORWARDED, "reconnect": "{mailbox_id}"}),
]


async def connect_all(client: AsyncClient) -> dict[str, str]:
    """Two of everything, and the id of one of each."""
    connected, _ = [(await client.post(f"{C}/bank/connect", json={**FOLDER, "name": "Till"})).json() for _ in range(2)]
    document, _ = [
        (await client.post(R, files={"file": (name, f"A receipt: {name}".encode(), "text/plain")})).json()
        for name in ("one.txt", "two.txt")
    ]
    mailbox, _ = [(await client.post(CONNECT, json=FORWARDED)).json() for _ in range(2)]
    for number in (1, 2):
        sent = {"email": (None, letter(number=number, attached={"a.csv": FILE.encode()}))}
        handed_over = await client.post(mailbox["webhook_url"].removeprefix(settings().public_address), files=sent)
        assert handed_over.json() == {"taken": 1}
    mails = (await client.get("/api/connectors/mails")).json()["items"]
    return {
        "connection_id": connected["connection"]["connection_id"],
        "document_id": document["document_id"],
        "mailbox_id": mailbox["connection"]["connection_id"],
        "mail_id": mails[0]["mail_id"],
    }
