"""Outlook, and Microsoft 365: a mailbox at Microsoft, by consent (XOAUTH2)."""

from ai2.ingest.sources.mailboxes import consented
from ai2.ingest.sources.model import OAuth
from ai2.kit.settings import settings


def _client() -> tuple[str, str] | None:
    client_id, secret = settings().microsoft_client_id, settings().microsoft_client_secret
    return (client_id, secret.get_secret_value()) if client_id and secret else None


_AT = f"https://login.microsoftonline.com/{settings().microsoft_tenant}/oauth2/v2.0"
SOURCE = consented.source(
    "outlook",
    "Outlook",
    host="outlook.office365.com",
    # Microsoft's servers write no name before what they found, and take away what others wrote.
    trusted_server="",
    oauth=OAuth(
        authorization_url=f"{_AT}/authorize",
        token_url=f"{_AT}/token",
        scope="https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        client=_client,
        asked={"prompt": "select_account"},
    ),
    needs=("MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET"),
)
