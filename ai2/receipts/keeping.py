"""Keeping: a receipt's bytes, once an organization under their SHA-256 and encrypted by its key."""

import asyncio
import hashlib
import io
import re
from html.parser import HTMLParser
from typing import BinaryIO
from uuid import UUID

from ai2.books.transactions.attachment_types import ENDINGS, NameContradictsContent, NotAttachable, media_type
from ai2.identity import organizations
from ai2.kit import blobs
from ai2.kit.database import Connection
from ai2.receipts.model import Document

BINARY = "application/octet-stream"
LONGEST_TEXT = 200_000
HIDDEN = frozenset({"script", "style", "head", "template"})


def digest_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def blob_key(organization_id: UUID, digest: bytes) -> str:
    return f"receipts/{organization_id}/{digest.hex()}"


async def keep(db: Connection, organization_id: UUID, content: bytes, digest: bytes) -> str:
    """Store the bytes, and say under which name. A blob whose transaction fails is only unused."""
    name = blob_key(organization_id, digest)
    key = await organizations.file_key(db, organization_id)
    await asyncio.to_thread(blobs.put, name, io.BytesIO(content), key)
    return name


async def opened(db: Connection, organization_id: UUID, digest: bytes) -> BinaryIO:
    """The bytes as they came, in a file that vanishes when closed."""
    key = await organizations.file_key(db, organization_id)
    return await asyncio.to_thread(blobs.get, blob_key(organization_id, digest), key)


def media_type_of(content: bytes, said: str) -> str:
    """What a file is: by its bytes; where these do not tell, as its sender says."""
    start = content[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<"):
        return "text/html" if re.search(rb"<(?:!doctype html|html|body|table|div)\b", start) else "application/xml"
    if start.startswith((b"{", b"[")):
        return "application/json"
    try:
        return media_type(io.BytesIO(content), "")
    except NotAttachable:
        kind = said.partition(";")[0].strip().lower()
        return kind if re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}", kind) else BINARY


def attachable(document: Document, content: bytes) -> tuple[str, bytes]:
    """A receipt as it may lie beside a transaction: as it came, or, where that is markup, the text of it.

    What an attachment may be is what a browser shows without running anything.
    """
    try:
        return _named(document.file_name, content), content
    except NotAttachable:
        stem = document.file_name.rpartition(".")[0] or document.file_name
        return f"{stem[:190]}.txt", _as_text(document, content)


def is_attachable(document: Document, content: bytes) -> bool:
    """Whether it may lie there as it came."""
    return attachable(document, content)[1] is content


def _named(name: str, content: bytes) -> str:
    """Its name, with the ending of what it is."""
    try:
        media_type(io.BytesIO(content), name)
    except NameContradictsContent:
        kind = media_type(io.BytesIO(content), "")
        ending = "txt" if kind == "text/plain" else min(ENDINGS[kind])
        return f"{name.rpartition('.')[0][:190] or 'receipt'}.{ending}"
    return name


def _as_text(document: Document, content: bytes) -> bytes:
    """What was read of it, and the words that it shows; nothing in it looks like markup any more."""
    read = {
        "Supplier": document.supplier, "Date": document.issued_on, "Total": document.total,
        "Currency": document.currency, "Number": document.number, "Order": document.order_number,
    }  # fmt: skip
    head = [f"{name}: {value}" for name, value in read.items() if value is not None]
    head += [f"Read from: {document.file_name}", f"SHA-256: {document.digest.hex()}", ""]
    text = "\n".join(["Receipt", *head, _words(content)])[:LONGEST_TEXT]
    return re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f]", "", text.replace("<", "‹")).encode()


class _Words(HTMLParser):
    """The words of a page or of an XML file, without what is not shown. Nothing is loaded, and nothing run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in HIDDEN))

    def handle_data(self, data: str) -> None:
        if not self._hidden and (line := " ".join(data.split())):
            self.lines.append(line)


def _words(content: bytes) -> str:
    page = _Words()
    page.feed(content.decode("utf-8", "replace"))
    page.close()
    return "\n".join(page.lines)


async def forget(organization_id: UUID, digest: bytes) -> None:
    """Delete the bytes; for whoever has seen that no receipt refers to them."""
    await asyncio.to_thread(blobs.delete, blob_key(organization_id, digest))
