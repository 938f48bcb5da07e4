"""Mailboxes that their owners consent to: one description for each provider, the same code for all."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ai2.ingest.sources.mailboxes import consent, fetching
from ai2.ingest.sources.mailboxes.described import COMMON, EVERY_MINUTES, LIMIT, begun
from ai2.ingest.sources.mailboxes.signing_in import opened
from ai2.ingest.sources.model import Connected, OAuth, Page, Session, Source

# Where the page lies that sends people to their provider.
CONSENT = "/api/connectors/oauth/authorize"
# What comes back from it.
CODE = {"code", "verifier", "redirect_uri"}


def source(
    name: str, title: str, *, host: str, trusted_server: str, oauth: OAuth, needs: tuple[str, ...], port: int = 993
) -> Source:
    """A provider of mailboxes: its server, and by which name it says who sent a mail."""

    fixed = {"host": host, "port": port, "security": "tls"}

    def at_its_server(session: Session) -> Session:
        return replace(session, settings={**session.settings, **fixed})

    def connect(session: Session) -> Connected:
        if oauth.client() is None:
            raise consent.NotRegistered
        return Connected(link=CONSENT, settings={**begun(session), "trusted_server": trusted_server})

    def finish(session: Session, answer: Mapping[str, Any]) -> Connected:
        """The code becomes tokens, and they open the mailbox that was named: consent of another is none."""
        if not answer.keys() >= CODE:
            raise consent.ConsentElsewhere
        credentials = consent.exchanged(oauth, answer)
        # what is renewed meanwhile is what is kept: the former may be good no more
        consented = replace(at_its_server(session), credentials=dict(credentials), keep=credentials.update)
        try:
            with opened(consented, consent.sign_in(oauth)) as client:
                fetching.check_folders(client, consented)
        except (consent.ConsentGone, consent.ProviderDown):
            raise consent.ConsentOfAnother from None
        return Connected(credentials=credentials)

    def pages(session: Session) -> Iterator[Page]:
        session.pace(session.settings["username"])
        with opened(at_its_server(session), consent.sign_in(oauth)) as client:
            yield from fetching.pages(client, session)

    return Source(
        name=name,
        title=title,
        kind="email",
        way="consent",
        settings={
            "type": "object",
            "additionalProperties": False,
            "required": ["username"],
            "properties": dict(COMMON),
        },
        credentials={"type": "object", "additionalProperties": False, "properties": {}},
        connect=connect,
        pages=pages,
        finish=finish,
        disconnect=lambda session: consent.revoked(oauth, session),
        limit=LIMIT,
        can=frozenset({"mails", "idle"}),
        needs=needs,
        every_minutes=EVERY_MINUTES,
        oauth=oauth,
        fixed=fixed,
    )
