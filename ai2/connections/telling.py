"""Telling: what the owner of a connection has to do, in each state. Pure."""

from datetime import datetime, timedelta

from ai2.connections.model import WARN_DAYS, Connection, Sync
from ai2.ingest.sources.model import Source

NOTHING = "Nothing."
CONSENT_HERE = "Open the link that connecting it gave, and consent there; or delete it and connect again."
CONSENT_AGAIN = "Connect again with reconnect naming this connection: its accounts and where it stands are kept."
BEGIN_ANEW = (
    "Nothing. To have more from there, connect anew: what it brought stays in the books, and no row comes twice."
)
AT = "%Y-%m-%d %H:%M UTC"
# So many times as long as it is between two syncs may go by without one that went well.
PATIENCE = 3


def what_to_do(connection: Connection, now: datetime, last: Sync | None = None) -> str:
    """What somebody has to do so that the connection stays, or comes, in step."""
    error = connection.error or {}
    if connection.state == "connecting":
        return CONSENT_HERE
    if connection.state == "disconnected":
        return BEGIN_ANEW
    if connection.state in ("needs_consent", "expired"):
        return str(error.get("what_to_do") or CONSENT_AGAIN)
    if connection.consent_expires_at and connection.consent_expires_at - now < timedelta(days=WARN_DAYS):
        return f"Before {connection.consent_expires_at:%Y-%m-%d} its consent ends. {CONSENT_AGAIN}"
    if not error and last and last.outcome == "put_off" and connection.next_run_at and connection.next_run_at > now:
        return goes_on(connection.next_run_at)
    return str(error.get("what_to_do") or NOTHING)


def goes_on(at: datetime, *, is_backfill: bool = False) -> str:
    """When a provider may be asked again whose limit is used up. Past days are asked for by a person alone."""
    if is_backfill:
        return f"Ask for these days again after {at:{AT}}: what came of them is kept, and no row comes twice."
    return f"Nothing: the provider allows no more requests until {at:{AT}}, and is asked again then."


def is_in_step(connection: Connection, source: Source, now: datetime) -> bool:
    """Whether the books have what the provider had not long ago."""
    longest = timedelta(minutes=source.every_minutes * PATIENCE)
    last = connection.last_success_at
    return connection.state in ("connected", "syncing", "error") and last is not None and now - last < longest
