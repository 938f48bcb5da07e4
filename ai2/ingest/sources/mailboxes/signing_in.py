"""Signing in to a mailbox, by a password or by a token that its owner consented to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from ai2.ingest.sources.mailboxes.wire import PORTS, Client, MailServerDown, quit_quietly, says, told
from ai2.ingest.sources.model import Session
from ai2.ingest.sources.problems import CredentialsRefused, Permanent

# What a server says when it would let us in another time.
LATER = ("UNAVAILABLE", "LIMIT", "INUSE", "SERVERBUG", "THROTTLED")
SignIn = Callable[[Client, Session], None]


class NotEncrypted(Permanent):
    """The mail server offers no encryption here; name the port and the security that it does offer it by."""

    what_to_do = "Connect again with reconnect naming this connection, and with other settings."


class SignInRefused(CredentialsRefused):
    """The mail server does not accept this user name and password.

    Many providers want a password that is made for apps.
    """


class TokenRefused(Exception):
    """The mail server does not accept this token for this user."""


@contextmanager
def opened(session: Session, sign_in: SignIn) -> Iterator[Client]:
    """A mailbox, signed in to. Raises Transient or Permanent."""
    client = connected(session)
    try:
        sign_in(client, session)
        yield client
    finally:
        quit_quietly(client)


def connected(session: Session) -> Client:
    """A mail server, which does not know who we are yet. Raises Transient or Permanent."""
    settings, security = session.settings, session.settings.get("security", "tls")
    with told():
        try:
            port = int(settings.get("port", PORTS[security]))
            return Client(settings["host"], port, security, allows_private=session.allows_private)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            if security == "starttls":
                raise NotEncrypted from None
            raise


def by_password(client: Client, session: Session) -> None:
    user, password = str(session.settings["username"]), str(session.credentials["password"])
    with told():
        try:
            if client.has_capability("AUTH=PLAIN"):
                client.plain_login(user, password)
            else:
                client.login(user, password)
        except UnicodeError:
            raise SignInRefused from None
        except IMAPClientError as error:
            raise (MailServerDown() if _is_passing(error) else SignInRefused()) from None


def by_token(client: Client, user: str, token: str) -> None:
    """XOAUTH2, as Gmail and Outlook have it. Raises TokenRefused."""
    answers = iter([f"user={user}\1auth=Bearer {token}\1\1".encode()])

    def answer(_: bytes) -> bytes:
        # a server that refuses asks once more, saying why, and is to be answered with nothing
        return next(answers, b"")

    with told():
        try:
            client.sasl_login("XOAUTH2", answer)
        except IMAPClientError as error:
            raise (MailServerDown() if _is_passing(error) else TokenRefused()) from None


def _is_passing(error: Exception) -> bool:
    """Whether it is the server's moment. The library calls a connection that broke a refusal, too."""
    causes = (error, error.__context__)
    return says(error, *LATER) or any(isinstance(each, IMAPClientAbortError | OSError) for each in causes)
