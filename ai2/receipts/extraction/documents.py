"""Documents: which kind one is by its content, and what it says by whatever in it is surest."""

import re
from dataclasses import fields, replace
from decimal import Decimal

from ai2.kit import money
from ai2.kit.errors import Invalid
from ai2.receipts.extraction import confidence, pdf, plain
from ai2.receipts.extraction.html import schema_org
from ai2.receipts.extraction.html.page import page
from ai2.receipts.extraction.model import Extracted, Form, Read
from ai2.receipts.extraction.paper import Paper
from ai2.receipts.extraction.visible import reading as visible
from ai2.receipts.extraction.xml import invoice

_HTML = re.compile(rb"<(?:!doctype html|html|head|body|table|div|p|br|span|meta|script|center)[\s>/]", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,30})", re.IGNORECASE)
_JSON = re.compile(rb"\s*[\[{]")
_HEAD_BYTES = 4096
LONGEST_TEXT = 200


def read(content: bytes, media_type: str, name: str) -> Extracted | None:
    """What the document says; none where it is none of ours, or has neither a total nor a number.

    What it is is told by its content, then by its media type and name, which senders get wrong.
    """
    found = _read(content, media_type.lower(), name.lower())
    found = _fitted(found) if found else None
    return found if found and (found.total or found.number or found.order_number) else None


def _read(content: bytes, media_type: str, name: str) -> Extracted | None:
    head = content[:_HEAD_BYTES]
    if b"%PDF-" in head[:1100]:
        return _of_pdf(content)
    if _is_xml(head):
        return invoice.read(content)
    if _is_binary(head):
        return None
    said = _CHARSET.search(media_type) or _CHARSET.search(head.decode("latin-1"))
    text = plain.decoded(content, said[1] if said else "")
    media_type = media_type.partition(";")[0].strip()
    if _JSON.match(head) and (media_type.endswith("json") or name.endswith(".json")):
        return schema_org.of_json_ld([text])
    if media_type == "text/html" or name.endswith((".html", ".htm")) or _HTML.search(head):
        return _of_html(text)
    return of_paper("text", plain.of_text(text))


def _is_xml(head: bytes) -> bool:
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    is_page = bool(_HTML.search(start[:1000])) and b"Invoice" not in start[:1000]
    return (start.startswith(b"<?xml") and not is_page) or bool(
        re.match(rb"<(?:\w+:)?(?:Invoice|CreditNote|CrossIndustry)", start)
    )


def _is_binary(head: bytes) -> bool:
    """An image, an archive: control signs are in every text few; UTF-16, which is full of them, says what it is."""
    strange = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in head)
    return strange > len(head) // 50 and not head.startswith((b"\xff\xfe", b"\xfe\xff"))


def _of_pdf(content: bytes) -> Extracted | None:
    """The XML that is in it for machines, and what people see of it for the rest."""
    opened = pdf.opened(content)
    if opened is None:
        return None
    seen = of_paper("pdf", opened.paper)
    for attached in opened.attached:
        if told := invoice.read(attached):
            return _merged(told, seen)
    return seen


def _of_html(text: str) -> Extracted | None:
    found = page(text)
    if found is None:
        return None
    told = [schema_org.of_json_ld(found.json_ld), schema_org.of_microdata(found.items)]
    merged: Extracted | None = of_paper("html", found.paper)
    for each in reversed(told):
        merged = _merged(each, merged) if each else merged
    return merged


def of_paper(form: Form, paper: Paper) -> Extracted | None:
    """What people see of it, as far as enough of such readings are right."""
    readings = visible.read(paper)
    sure = {field.name: confidence.sure(field.name, getattr(readings, field.name)) for field in fields(readings)}
    return Extracted(form, **sure)


def _merged(surer: Extracted, other: Extracted | None) -> Extracted:
    """The surer reading, and of the other what that leaves empty; a tax belongs to its own total only."""
    if other is None:
        return surer
    empty = [field.name for field in fields(surer) if getattr(surer, field.name) is None]
    if surer.total and other.total and surer.total.value != other.total.value:
        empty = [name for name in empty if name not in ("tax", "currency")]
    return replace(surer, **{name: getattr(other, name) for name in empty})


def _fitted(found: Extracted) -> Extracted:
    """Without a currency that is none, amounts that none can have, and texts that no book takes."""
    currency = found.currency if found.currency and _is_currency(found.currency.value) else None
    return replace(
        found,
        currency=currency,
        total=_exact(found.total, currency),
        tax=_exact(found.tax, currency),
        supplier=_short(found.supplier),
        number=_short(found.number),
        order_number=_short(found.order_number),
    )


def _is_currency(code: str) -> bool:
    try:
        money.exponent(code)
    except Invalid:
        return False
    return True


def _exact(amount: Read[Decimal] | None, currency: Read[str] | None) -> Read[Decimal] | None:
    if amount is None or not amount.value.is_finite() or abs(amount.value) >= money.LIMIT:
        return None
    if currency is None:
        return amount
    try:
        return replace(amount, value=money.exact(amount.value, currency.value))
    except Invalid:
        return None


def _short(text: Read[str] | None) -> Read[str] | None:
    if text is None:
        return None
    clean = "".join(sign for sign in text.value if sign.isprintable()).strip()
    return replace(text, value=clean[:LONGEST_TEXT], where=text.where[:LONGEST_TEXT]) if clean else None
