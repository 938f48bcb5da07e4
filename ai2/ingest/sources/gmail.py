"""Gmail, and Google Workspace: a mailbox at Google, by consent (XOAUTH2)."""

from ai2.ingest.sources.mailboxes import consented
from ai2.ingest.sources.model import OAuth
from ai2.kit.settings import settings


def _client() -> tuple[str, str] | None:
    client_id, secret = settings().google_client_id, settings().google_client_secret
    return (client_id, secret.get_secret_value()) if client_id and secret else None


SOURCE = consented.source(
    "gmail",
    "Gmail",
    host="imap.gmail.com",
    trusted_server="mx.google.com",
    oauth=OAuth(
        authorization_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        # The only scope that opens IMAP.
        scope="https://mail.google.com/",
        client=_client,
        revocation_url="https://oauth2.googleapis.com/revoke",
        # A refresh token comes with a consent that was asked for anew, and then only.
        asked={"access_type": "offline", "prompt": "consent"},
    ),
    needs=("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
)
