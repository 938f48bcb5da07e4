"""Listening to a mailbox: IDLE in its first folder (RFC 2177), until something comes."""

from dataclasses import dataclass, replace
from time import time
from typing import Any

from ai2.ingest.sources.mailboxes import fetching
from ai2.ingest.sources.mailboxes.signing_in import TokenRefused, by_password, by_token, connected
from ai2.ingest.sources.mailboxes.wire import Client, quit_quietly, told
from ai2.ingest.sources.model import Session
from ai2.ingest.sources.names import source
from ai2.ingest.sources.problems import Transient


class NotListened(Transient):
    """This mailbox's server cannot be listened to, or its token is over; it is looked at now and then."""


@dataclass
class Heard:
    """A mailbox that is listened to. What is called may wait for the server: call it in a thread."""

    client: Client

    def begin(self) -> None:
        with told():
            self.client.allow()
            self.client.idle()

    def end(self) -> bool:
        """Stop listening; whether a mail came, as far as the server says."""
        with told():
            self.client.allow()
            said = self.client.idle_check(timeout=0.05)
            _, more = self.client.idle_done()
        return any(_is_mail(each) for each in [*said, *(more or [])])

    def fileno(self) -> int:
        return int(self.client.socket().fileno())

    def close(self) -> None:
        quit_quietly(self.client)


def opened(provider: str, session: Session) -> Heard:
    """A mailbox, signed in to, its first folder open. Raises Transient or Permanent."""
    at_its_server = source(provider).fixed
    session = replace(session, settings={**session.settings, **at_its_server})
    client = connected(session)
    try:
        _sign_in(client, session)
        with told():
            if not client.has_capability("IDLE"):
                raise NotListened
            client.allow()
            client.select_folder(fetching.folders(session)[0], readonly=True)
    except BaseException:  # whatever it was, no connection is left open; raised again
        quit_quietly(client)
        raise
    return Heard(client)


def _sign_in(client: Client, session: Session) -> None:
    secret: Any = session.credentials
    if "password" in secret:
        by_password(client, session)
        return
    if float(secret.get("expires_at", 0)) < time():
        raise NotListened
    try:
        by_token(client, str(session.settings["username"]), secret["access_token"])
    except TokenRefused:
        raise NotListened from None


def _is_mail(said: Any) -> bool:
    """`(3, b'EXISTS')`, and what says that the connection ends, which a sync will find out about."""
    return isinstance(said, tuple) and len(said) > 1 and said[1] in (b"EXISTS", b"RECENT")
