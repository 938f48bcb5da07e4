"""Fetching: what came into a mailbox since the last time, in batches, and nothing in it is marked as read.

A folder is read from where its cursor stands: UIDNEXT under a UIDVALIDITY (RFC 9051 2.3.1.1). Where the server gave its
messages new numbers it is read from the first one again, and what was kept already is known to be so.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from ai2.ingest.sources.mailboxes.wire import Client, MailServerDown, says, told
from ai2.ingest.sources.model import Mail, Page, Session
from ai2.ingest.sources.problems import Permanent
from ai2.kit.settings import settings

INBOX = "INBOX"
BATCH, BATCH_BYTES = 100, 4_000_000
SIZES_AT_ONCE = 2_000
# Some servers say a size that is not quite the message's; twice as much is another message.
MOST_TIMES = 2


class FolderNotThere(Permanent):
    """The mailbox has no folder of this name."""

    what_to_do = "Connect again with reconnect naming this connection, and with folders that are there."


def check_folders(client: Client, session: Session) -> None:
    """Raises FolderNotThere."""
    for name in folders(session):
        with told():
            _selected(client, name)


def folders(session: Session) -> list[str]:
    return list(session.settings.get("folders") or [INBOX])


def pages(client: Client, session: Session) -> Iterator[Page]:
    """Batch by batch, folder by folder; each page is a safe point."""
    stand = dict((session.cursor or {}).get("folders", {}))
    for name in folders(session):
        with told():
            selected = _selected(client, name)
            known = stand.get(name, {})
            validity = int(selected[b"UIDVALIDITY"])
            first = int(known["next"]) if known.get("validity") == validity else 1
            client.allow()
            uids = sorted(uid for uid in client.search(_criteria(session, first)) if uid >= first)
        for uid, mails in _batches(client, name, uids):
            stand = {**stand, name: {"validity": validity, "next": uid + 1}}
            yield Page(mails=mails, cursor={"folders": stand})
        reached = max(int(selected.get(b"UIDNEXT", 1)), uids[-1] + 1 if uids else 1, first)
        if stand.get(name) != {"validity": validity, "next": reached}:
            stand = {**stand, name: {"validity": validity, "next": reached}}
            yield Page(cursor={"folders": stand})


def _selected(client: Client, name: str) -> Mapping[bytes, Any]:
    """The folder, opened so that nothing can be changed in it."""
    client.allow()
    try:
        found: Mapping[bytes, Any] = client.select_folder(name, readonly=True)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        raise (MailServerDown() if says(error, "UNAVAILABLE", "SERVERBUG", "INUSE") else FolderNotThere()) from None
    return found


def _criteria(session: Session, first: int) -> list[Any]:
    since = session.since or (date.fromisoformat(said) if (said := session.settings.get("since")) else None)
    wanted: list[Any] = ["UID", f"{first}:*"]
    wanted += ["SINCE", since] if since else []
    wanted += ["BEFORE", session.until + timedelta(days=1)] if session.until else []
    return wanted


def _batches(client: Client, folder: str, uids: Sequence[int]) -> Iterator[tuple[int, tuple[Mail, ...]]]:
    """The last number of each batch, and its mails."""
    for start in range(0, len(uids), SIZES_AT_ONCE):
        some = uids[start : start + SIZES_AT_ONCE]
        with told():
            client.allow()
            sizes = {uid: int(found[b"RFC822.SIZE"]) for uid, found in client.fetch(some, ["RFC822.SIZE"]).items()}
        for batch in _cut(some, sizes):
            with told():
                mails = tuple(_fetched(client, folder, batch, sizes))
            yield batch[-1], mails


def _cut(uids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[list[int]]:
    batch: list[int] = []
    weight = 0
    for uid in uids:
        size = min(sizes.get(uid, 0), settings().mail_bytes)
        if batch and (len(batch) >= BATCH or weight + size > BATCH_BYTES):
            yield batch
            batch, weight = [], 0
        batch.append(uid)
        weight += size
    if batch:
        yield batch


def _fetched(client: Client, folder: str, batch: Sequence[int], sizes: Mapping[int, int]) -> Iterator[Mail]:
    """What is still there of a batch. Of a message that is too large only what its headers say is fetched."""
    most = settings().mail_bytes
    small = [uid for uid in batch if uid in sizes and sizes[uid] <= most]
    large = [uid for uid in batch if uid in sizes and sizes[uid] > most]
    client.allow(1_000_000 + MOST_TIMES * sum(sizes[uid] for uid in small))
    found = client.fetch(small, ["BODY.PEEK[]"])
    client.allow()
    found |= client.fetch(large, ["BODY.PEEK[HEADER]"])
    for uid in batch:
        told_of = found.get(uid, {})
        if raw := told_of.get(b"BODY[]"):
            yield Mail(raw, folder)
        elif head := told_of.get(b"BODY[HEADER]"):
            yield Mail(head, folder, whole_bytes=sizes[uid])
