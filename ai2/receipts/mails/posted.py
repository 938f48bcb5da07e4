"""Posted: a mail as SendGrid's Inbound Parse hands it over, whole (`email`) or taken apart into fields.

Taken apart it is put together again, so that what is kept is a message; what was written is the same either way.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Any
from urllib.parse import quote

from ai2.kit.errors import Unreadable
from ai2.receipts.mails import mime
from ai2.receipts.mails.service import Arrived

FOLDER, BY = "forwarded", "sendgrid"
MOST_RECIPIENTS = 50
# As it is spelt in a header, which is read no further than so far.
MOST_NAME = 150
# Written anew, for the parts are.
OURS = re.compile(rb"(?:content-[a-z-]+|mime-version)\s*:", re.IGNORECASE)
_SIGNED = re.compile(r"@([A-Za-z0-9.-]{1,253})\s*:\s*([a-z]{1,12})\b", re.IGNORECASE)


class NoMail(Unreadable):
    """This is no mail as SendGrid's Inbound Parse sends one: it has neither `email` nor `headers`."""


@dataclass(frozen=True)
class Field:
    """A field of the form, or a file in it."""

    name: str
    content: bytes
    file_name: str | None = None
    media_type: str | None = None


def arrived(fields: Sequence[Field]) -> Arrived:
    """The mail, and what SendGrid found of who sent it. Raises NoMail."""
    known = {field.name: field for field in fields if not field.file_name}
    if "email" in known:
        raw = known["email"].content
    elif "headers" in known:
        raw = _together(known, [field for field in fields if field.file_name])
    else:
        raise NoMail
    return Arrived(raw, FOLDER, found=tuple(_found(known)), found_by=BY)


def recipients(fields: Sequence[Field]) -> list[str]:
    """To whom it was sent, by the envelope: what a mail says of itself may say anything."""
    envelope = _json(next((field.content for field in fields if field.name == "envelope"), b""))
    to = envelope.get("to", [])
    return [each.lower() for each in to[:MOST_RECIPIENTS] if isinstance(each, str)] if isinstance(to, list) else []


def _found(known: Mapping[str, Field]) -> Iterator[str]:
    """As a server would write it into Authentication-Results."""
    envelope = _json(known["envelope"].content) if "envelope" in known else {}
    spf = _text(known, "SPF").strip().lower()
    sender = [*getaddresses([str(envelope.get("from", ""))[:1000]]), ("", "")][0][1].rpartition("@")[2]
    if spf.isalpha():
        yield f"spf={spf} smtp.mailfrom={sender}" if re.fullmatch(r"[A-Za-z0-9.-]+", sender) else f"spf={spf}"
    for domain, result in _SIGNED.findall(_text(known, "dkim")[:4000]):
        yield f"dkim={result} header.d={domain}"


def _together(known: Mapping[str, Field], files: Sequence[Field]) -> bytes:
    """Written by hand: the library's writer takes half a minute and a gigabyte for a text of 30 MB."""
    charsets, told = _json(_content(known, "charsets")), _json(_content(known, "attachment-info"))
    text, page = (_decoded(_content(known, name), charsets.get(name)) for name in ("text", "html"))
    bodies = [_part("text/plain; charset=utf-8", text)] if text or not page else []
    bodies += [_part("text/html; charset=utf-8", page)] if page else []
    parts = [_multipart(b"alternative", bodies)] if len(bodies) > 1 else bodies
    for file in files:
        info = told.get(file.name)
        of_page = isinstance(info, dict) and info.get("content-id") and str(info.get("type", "")).startswith("image/")
        if not of_page:
            parts.append(_part(_kind(file), file.content, _name(file.file_name or "")))
    return _without_ours(_content(known, "headers")) + b"MIME-Version: 1.0\r\n" + _multipart(b"mixed", parts)


def _multipart(kind: bytes, parts: Sequence[bytes]) -> bytes:
    """No line of a part begins as a boundary does: they are in base64."""
    head = b'Content-Type: multipart/%s; boundary="=_%s"\r\n\r\n' % (kind, kind)
    return head + b"".join(b"--=_%s\r\n%s\r\n" % (kind, part) for part in parts) + b"--=_%s--\r\n" % kind


def _part(kind: str, content: bytes, name: str | None = None) -> bytes:
    named = f"Content-Disposition: attachment; filename*=utf-8''{quote(name, safe='')}\r\n" if name else ""
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n{named}\r\n"
    return head.encode("ascii") + base64.encodebytes(content)


def _kind(file: Field) -> str:
    kind = (file.media_type or "").partition(";")[0].strip().lower()
    is_plain = re.fullmatch(r"[a-z0-9-]{1,50}/[a-z0-9.+-]{1,100}", kind)
    return kind if is_plain and not kind.startswith(("multipart/", "message/")) else "application/octet-stream"


def _without_ours(headers: bytes) -> bytes:
    """The header lines as they came, without those that say what the parts are."""
    kept: list[bytes] = []
    is_kept = False
    for line in headers.replace(b"\r\n", b"\n").split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            is_kept = b":" in line and not OURS.match(line)
        if is_kept:
            kept.append(line)
    return b"".join(line + b"\r\n" for line in kept)


def _name(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:MOST_NAME] or "attachment"


def _decoded(content: bytes, charset: Any) -> bytes:
    """In UTF-8, without halves of letters."""
    return mime.decoded(content, charset).encode("utf-8", "ignore")


def _content(known: Mapping[str, Field], name: str) -> bytes:
    return known[name].content if name in known else b""


def _text(known: Mapping[str, Field], name: str) -> str:
    return _content(known, name).decode("utf-8", "replace")


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content[:1_000_000] or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
