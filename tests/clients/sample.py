"""A first use of the client, as docs/reference/client.md shows it: mypy reads it, and it runs."""

import sys
from datetime import date
from decimal import Decimal
from io import BytesIO

from ai2_client import AuthenticatedClient, Client
from ai2_client.api.auth import login
from ai2_client.api.dashboard import get_dashboard
from ai2_client.api.imports import import_file
from ai2_client.api.transactions import create_transaction, list_transactions
from ai2_client.models import (
    DashboardOut,
    ImportAnswer,
    ImportFileImportForm,
    Login,
    Problem,
    TokensOut,
    TransactionNew,
    TransactionOut,
    Transactions,
)
from ai2_client.types import File

LARGE = Decimal("1234567890123456.78")


def signed_in(address: str, email: str, password: str) -> AuthenticatedClient:
    """A client with an access token; an API key is `token=key, prefix="", auth_header_name="X-API-Key"`."""
    tokens = login.sync(client=Client(base_url=address), body=Login(email=email, password=password))
    assert isinstance(tokens, TokensOut), tokens
    return AuthenticatedClient(base_url=address, token=tokens.access_token)


def main(address: str, key: str) -> None:
    client = AuthenticatedClient(base_url=address, token=key, prefix="", auth_header_name="X-API-Key")
    lunch = TransactionNew(date=date(2026, 11, 2), amount=str(LARGE), currency="GBP", description="Corner Cafe")
    made = create_transaction.sync(client=client, body=lunch)
    assert isinstance(made, TransactionOut), made
    assert (made.date, Decimal(made.amount)) == (date(2026, 11, 2), LARGE)

    refused = create_transaction.sync(
        client=client, body=TransactionNew(date=date(2026, 11, 2), amount="0.001", currency="GBP", description="Tea")
    )
    assert isinstance(refused, Problem), refused
    assert refused.status == 422

    statement = File(payload=BytesIO(b"Date,Text,Amount\n2026-03-01,Tea,-1.00\n"), file_name="march.csv")
    brought = import_file.sync(client=client, body=ImportFileImportForm(file=statement, account_name="Till"))
    assert isinstance(brought, ImportAnswer), brought

    page = list_transactions.sync(client=client, limit=50, sort="-date")
    assert isinstance(page, Transactions), page
    assert [Decimal(each.amount) for each in page.items] == [LARGE, Decimal("-1.00")]
    assert isinstance(get_dashboard.sync(client=client), DashboardOut)


if __name__ == "__main__":
    main(*sys.argv[1:])
