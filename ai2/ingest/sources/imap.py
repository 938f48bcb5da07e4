"""IMAP: a mailbox on any server, by user name and password, over TLS."""

from collections.abc import Iterator

from ai2.ingest.sources.mailboxes import fetching
from ai2.ingest.sources.mailboxes.described import COMMON, EVERY_MINUTES, LIMIT, begun
from ai2.ingest.sources.mailboxes.signing_in import by_password, opened
from ai2.ingest.sources.model import Connected, Page, Session, Source


def connect(session: Session) -> Connected:
    """Sign in, and look whether the folders are there."""
    session.pace(session.settings["username"])
    with opened(session, by_password) as client:
        fetching.check_folders(client, session)
    return Connected(settings=begun(session))


def pages(session: Session) -> Iterator[Page]:
    session.pace(session.settings["username"])
    with opened(session, by_password) as client:
        yield from fetching.pages(client, session)


SOURCE = Source(
    name="imap",
    title="Mailbox (IMAP)",
    kind="email",
    way="credentials",
    settings={
        "type": "object",
        "additionalProperties": False,
        "required": ["host", "username"],
        "properties": {
            "host": {"type": "string", "minLength": 1, "maxLength": 253},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "By default 993, or 143."},
            "security": {
                "enum": ["tls", "starttls"],
                "default": "tls",
                "description": "Encrypted from the first byte on, or from STARTTLS on. There is no way without.",
            },
            "trusted_server": {
                "type": "string",
                "maxLength": 253,
                "description": "The name that your mail server writes into Authentication-Results. Without it nothing "
                "is known of who sent a mail, and none is acted on without a person.",
            },
            **COMMON,
        },
    },
    credentials={
        "type": "object",
        "additionalProperties": False,
        "required": ["password"],
        "properties": {"password": {"type": "string", "minLength": 1, "maxLength": 1000}},
    },
    connect=connect,
    pages=pages,
    limit=LIMIT,
    can=frozenset({"mails", "idle"}),
    every_minutes=EVERY_MINUTES,
    servers=frozenset({"host", "port"}),
)
