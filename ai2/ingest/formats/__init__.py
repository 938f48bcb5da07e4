"""Formats: a parser from bytes to statement lines each, found by content and not by name."""

import re

from ai2.ingest.problems import UnknownFormat

HEAD_BYTES = 1 << 14
# What a file begins with when it is something else than a table; not read yet, and named so that people know.
OTHER_FORMATS = (
    (re.compile(rb"PK\x03\x04"), "a spreadsheet (XLSX or ODS)"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "an old Excel workbook (XLS)"),
    (re.compile(rb"%PDF"), "a PDF"),
    (
        re.compile(rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:\w+:)?Document\b[^>]*iso:20022", re.S),
        "camt (ISO 20022)",
    ),
    (re.compile(rb"(?:\{1:F01|:20:|(?:\w{4,12}\s+)?940\s*\r?\n:20:)"), "MT940"),
    (re.compile(rb"!(?:Type|Account|Option|Clear):", re.I), "QIF"),
    (re.compile(rb"01,[^,\r\n]*,[^,\r\n]*,\d{6},\d{4},"), "BAI2"),
    (re.compile(rb"(?:<!doctype\s+html|<html)\b", re.I), "a web page"),
    (re.compile(rb"[{\[]\s*[\"{\[\]}]"), "JSON"),
)
OFX = re.compile(rb"OFXHEADER\s*[:=]|<\?OFX\b|<OFX>", re.I)


def detect(head: bytes) -> str:
    """`ofx` or `csv`. Raises UnknownFormat where the beginning is that of something else."""
    plain = _without_marks(head)
    if OFX.search(plain):
        return "ofx"
    for pattern, name in OTHER_FORMATS:
        if pattern.match(plain):
            raise UnknownFormat(f"This is {name}, which is not read yet; export the statement as CSV or OFX.")
    return "csv"


def _without_marks(head: bytes) -> bytes:
    """Without byte order marks, leading space, and the zeros of UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[:200].count(0) > 60:
        head = head.replace(b"\0", b"")
    return head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
