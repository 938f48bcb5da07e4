"""MIME: a message's parts and what its headers say, within bounds, whoever wrote it.

Anybody may send a mail, so nothing in one is believed to be small, flat or well-formed. A part is passed on as bytes:
nothing in it is run, and nothing that it points to is fetched.
"""

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.feedparser import BytesFeedParser
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any, cast

LARGEST_BYTES = 50_000_000
MOST_HEADER_BYTES, MOST_VALUE = 256_000, 2_000
# The reader of headers takes the longer the more of these there are, by their square; and all that it is given.
SPECIAL, MOST_SPECIAL, MOST_READ = re.compile(r'[()<>"\\=?]'), 300, 1_000_000
# Lines times parts: what the parser's work grows with. A mail of 25 MB has 330,000 lines and a handful of parts.
MOST_PARTS, MOST_LINES, MOST_WORK = 200, 2_000_000, 20_000_000
MOST_NAME = 200
# What Python takes for charsets besides: the work of some grows with the square of what they are given.
NO_CHARSETS = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape"})


class TooComplex(ValueError):
    """More parts, headers or lines than any mail of a person or a shop has."""


@dataclass(frozen=True)
class Part:
    """A leaf of a message: an attachment, or its body. Texts are in UTF-8, whatever they came in."""

    name: str
    media_type: str
    content: bytes
    is_body: bool = False


class _Bounded(EmailPolicy):
    """Reads headers as far as a person writes them; what the reader stumbles over is left as it stands."""

    # policies are values: each message has one of its own, made for it
    left: list[int] = [MOST_READ]  # noqa: RUF012
    known: dict[tuple[str, str], Any] = {}  # noqa: RUF012

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """The parser asks for the same ones many times."""
        shortened = value[:MOST_VALUE]
        if (name, shortened) not in self.known:
            self.known[name, shortened] = self._parsed(name, shortened)
        return self.known[name, shortened]

    def _parsed(self, name: str, value: str) -> Any:
        self.left[0] -= len(value)
        if self.left[0] < 0:
            raise TooComplex
        if len(SPECIAL.findall(value)) <= MOST_SPECIAL:
            try:
                return super().header_fetch_parse(name, value)
            except Exception:  # noqa: BLE001, S110 - it has many ways to stumble, and no base of its errors
                pass
        return "".join(letter for letter in value if letter.isprintable())


@dataclass(frozen=True)
class Message:
    """A message that was read. `senders` is who it says that it is from: more than one is a reason to doubt all.

    `parts` has attachments as they came, and the body once: as a page where there is one, else as text. The twin digest
    is of what is the same by whichever way it came: who wrote what and when, not who carried it.
    """

    message_id: str | None
    senders: tuple[tuple[str, str], ...]
    subject: str | None
    sent_at: datetime | None
    # the topmost one, and how many headers say from whom it is
    authentication_results: str | None
    from_headers: int
    parts: tuple[Part, ...]
    twin_digest: bytes


def read(raw: bytes) -> Message:
    """A message, RFC 5322. Raises TooComplex; otherwise whatever came is read as far as it goes."""
    if len(raw) > LARGEST_BYTES:
        raise TooComplex
    head = raw[: MOST_HEADER_BYTES + 4].replace(b"\r\n", b"\n")
    if len(raw) > MOST_HEADER_BYTES and b"\n\n" not in head:
        raise TooComplex
    lines = raw.count(b"\n") + raw.count(b"\r") + 1
    if lines > MOST_LINES:
        raise TooComplex
    most_parts, made, bounded = min(MOST_PARTS, MOST_WORK // lines), 0, _bounded()

    def message(policy: EmailPolicy = bounded) -> EmailMessage:
        nonlocal made
        made += 1
        if made > most_parts + 2:  # one that the parser tries, and the whole
            raise TooComplex
        return EmailMessage(policy=policy)

    try:
        parser = BytesFeedParser(message, policy=bounded)
        parser.feed(raw)
        return _message(cast(EmailMessage, parser.close()))
    except (RecursionError, MemoryError):
        raise TooComplex from None


def _bounded() -> _Bounded:
    """One for each message: what is left to be read is its own."""
    return _Bounded(**{"left": [MOST_READ], "known": {}})  # type: ignore[call-overload, no-any-return]


def _message(whole: EmailMessage) -> Message:
    leaves = tuple(_leaves(whole))
    pages = [leaf for leaf in leaves if leaf.is_body and leaf.media_type == "text/html"]
    texts = [leaf for leaf in leaves if leaf.is_body and leaf.media_type != "text/html"]
    message_id = (_header(whole, "message-id") or "").strip().strip("<>") or None
    senders = tuple(_senders(whole))
    subject = _header(whole, "subject")
    return Message(
        message_id=message_id,
        senders=senders,
        subject=subject,
        sent_at=_sent_at(whole),
        authentication_results=_header(whole, "authentication-results"),
        from_headers=len(whole.get_all("from", [])[:MOST_PARTS]),
        parts=(*(pages or texts), *(leaf for leaf in leaves if not leaf.is_body)),
        twin_digest=_twin_digest(
            [message_id or "", _header(whole, "date") or "", subject or "", *(address for _, address in senders)],
            leaves,
        ),
    )


def _header(whole: EmailMessage, name: str) -> str | None:
    """The first header of this name, as plain text."""
    value = whole.get(name)
    return None if value is None else _plain(str(value))


def _senders(whole: EmailMessage) -> Iterator[tuple[str, str]]:
    for value in whole.get_all("from", [])[:MOST_PARTS]:
        for each in getattr(value, "addresses", ()):
            if each.username and each.domain:
                yield _plain(each.display_name), _plain(each.addr_spec).lower()


def _sent_at(whole: EmailMessage) -> datetime | None:
    sent: datetime | None = getattr(whole.get("date"), "datetime", None)
    if sent is None:
        return None
    try:
        return sent.replace(tzinfo=UTC) if sent.tzinfo is None else sent.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _twin_digest(said: list[str | None], leaves: tuple[Part, ...]) -> bytes:
    content = sorted(hashlib.sha256(_canonical(leaf)).hexdigest() for leaf in leaves)
    return hashlib.sha256("\n".join([*(each or "" for each in said), *content]).encode("utf-8", "replace")).digest()


def _leaves(whole: EmailMessage) -> Iterator[Part]:
    lines = 0  # what is packed may have more of them than the message has
    for number, part in enumerate(_walk(whole)):
        if part.is_multipart():
            continue
        name, media_type = _name(part), part.get_content_type()
        disposition = _disposition(part)
        is_text = media_type in {"text/plain", "text/html"}
        is_body = is_text and disposition != "attachment" and not name
        if part.get_content_maintype() == "image" and disposition != "attachment" and part.get("content-id"):
            continue
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        if is_text:
            content = _in_utf8(content, part.get_content_charset("utf-8"))
            lines += content.count(b"\n")
            if lines > MOST_LINES:
                raise TooComplex
        yield Part(name or f"part-{number}{_ending(media_type)}", media_type, content, is_body)


def _walk(whole: EmailMessage) -> Iterator[EmailMessage]:
    """Every part, without recursion."""
    waiting: list[EmailMessage] = [whole]
    while waiting:
        part = waiting.pop()
        yield part
        inner = part.get_payload() if part.is_multipart() else []
        waiting += reversed([each for each in inner if isinstance(each, EmailMessage)])


def _name(part: EmailMessage) -> str:
    """The file's name, without a way to it: it is shown, and never a path."""
    try:
        name = part.get_filename() or ""
    except Exception:  # noqa: BLE001 - a header that cannot be read is no name; its errors have no base
        name = ""
    last = _plain(name).replace("\\", "/").rpartition("/")[2].strip(". ")
    return last[-MOST_NAME:]


def _disposition(part: EmailMessage) -> str | None:
    value = str(part.get("content-disposition", ""))
    return value.partition(";")[0].strip().lower() or None


def decoded(content: bytes, charset: Any) -> str:
    """Text in the charset that it says it is in; in UTF-8 where that is none that any mail is in."""
    try:
        known = codecs.lookup(charset).name
        return content.decode("utf-8" if known in NO_CHARSETS else known, "replace")
    except (LookupError, ValueError, TypeError):
        return content.decode("utf-8", "replace")


def _in_utf8(content: bytes, charset: str) -> bytes:
    return decoded(content, charset).replace("\x00", "").encode("utf-8", "replace")


def _canonical(part: Part) -> bytes:
    """Texts lose what mail servers change on the way: the ends of lines and of the whole."""
    if not part.media_type.startswith("text/"):
        return part.content
    return b"\n".join(line.rstrip() for line in part.content.replace(b"\r\n", b"\n").split(b"\n")).strip()


def _ending(media_type: str) -> str:
    return {"text/plain": ".txt", "text/html": ".html", "application/pdf": ".pdf"}.get(media_type, "")


def _plain(text: str) -> str:
    """Text that a database takes and a screen shows."""
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if c.isprintable() and not "\ud800" <= c <= "\udfff")[:MOST_VALUE]
