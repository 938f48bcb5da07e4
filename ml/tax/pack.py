"""The evidence pack: the rows, the receipts and the text of the rules of an analysis, as a ZIP.

The same books, receipts and rules make the same bytes, whenever it is asked for. Ids that we minted are in a file of
their own, which the digest of the content leaves out.
"""

import asyncio
import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any, cast
from uuid import UUID

from ai2.books.transactions import attachments
from ai2.books.transactions.attachment_types import ENDINGS
from ai2.books.transactions.attachments import Attachment
from ai2.kit.database import Connection
from ai2.kit.sheets import harmless
from ml.tax.answers import Case, TaxAnswer
from ml.tax.figures import NOTE
from ml.tax.rows import Row
from ml.tax.service import TaxAnalysis

IN_MEMORY_BYTES, PIECE_BYTES = 8_000_000, 1 << 16
# The first day that a ZIP can tell: when it was made is not part of it.
NEVER = (1980, 1, 1, 0, 0, 0)
IDS = "ids.csv"
COLUMNS = (
    "row", "date", "description", "merchant", "amount", "currency", "category", "part", "deductible", "percentage",
    "deductible_amount", "deductible_currency", "confirmed", "possible", "disallowed", "head", "treatment", "rule_id",
    "rule_version", "law", "tax_rate", "tax_amount", "tax_recoverable", "lines", "rate", "evidence_needed",
    "confirmed_by", "reasons", "receipts",
)  # fmt: skip


@dataclass(frozen=True)
class Pack:
    """The file, which its reader closes, and the digest of its content."""

    file: IO[bytes]
    digest: str
    rows: int
    receipts: int


async def write(db: Connection, organization_id: UUID, analysis: TaxAnalysis) -> Pack:
    """Write the pack of an analysis of stored transactions."""
    ids = {case.transaction_id for case in analysis.cases if case.transaction_id}
    beside = await attachments.beside(db, organization_id, ids)
    receipts = {each.digest: each for found in beside.values() for each in found}
    lines = _in_order(analysis, beside)
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - its reader closes it
    archive = _Archive(cast(IO[bytes], file))
    archive.add("rows.csv", _rows(lines))
    archive.add("rules.json", _json([_rule(row) for row in _rules(analysis)]))
    archive.add("summary.json", _json(_summary(analysis)))
    archive.add("receipts.csv", _receipts(lines))
    for digest in sorted(receipts):
        with await attachments.read(db, organization_id, receipts[digest]) as content:
            await asyncio.to_thread(archive.copy, _name(receipts[digest]), content)
    archive.add(IDS, _ids(lines))
    whole = archive.finish()
    file.seek(0)
    return Pack(cast(IO[bytes], file), whole, len(lines), len(receipts))


Line = tuple[Case, TaxAnswer, list[Attachment]]


def _in_order(analysis: TaxAnalysis, beside: dict[UUID, list[Attachment]]) -> list[Line]:
    """By what they say, and not by when they were written down or what they are called here."""
    lines = [
        (case, answer, sorted(beside.get(case.transaction_id, []), key=lambda each: (each.digest, each.file_name)))
        if case.transaction_id
        else (case, answer, [])
        for case, answer in zip(analysis.cases, analysis.items, strict=True)
    ]

    def key(line: Line) -> tuple[object, ...]:
        case, _, found = line
        told = [_text(each) for each in _told(line)]
        return (case.date, told, [each.digest for each in found])

    return sorted(lines, key=key)


def _told(line: Line) -> list[object]:
    case, answer, found = line
    tax = answer.consumption_tax
    return [
        case.date,
        case.description,
        case.merchant_key,
        case.amount,
        case.currency,
        case.category,
        case.part,
        answer.deductible,
        answer.percentage,
        answer.amount,
        answer.currency,
        answer.confirmed,
        answer.possible,
        answer.disallowed,
        answer.head,
        answer.treatment,
        answer.rule_id,
        answer.rule_version,
        answer.law,
        tax.rate if tax else None,
        tax.amount if tax else None,
        tax.recoverable if tax else None,
        "; ".join(f"{name}={amount}" for name, amount in sorted(answer.lines.items())),
        answer.converted.rate if answer.converted else None,
        " ".join(answer.evidence_needed),
        "by a person" if answer.confirmed_by else None,
        "; ".join(answer.reasons),
        " ".join(each.digest.hex() for each in found),
    ]


def _rows(lines: Sequence[Line]) -> bytes:
    return _csv(COLUMNS, [[number, *_told(line)] for number, line in enumerate(lines, 1)])


def _receipts(lines: Sequence[Line]) -> bytes:
    listed = [
        [number, each.file_name, each.media_type, each.size_bytes, each.digest.hex(), _name(each)]
        for number, (_, _, found) in enumerate(lines, 1)
        for each in found
    ]
    return _csv(("row", "file_name", "media_type", "size_bytes", "sha256", "file"), listed)


def _ids(lines: Sequence[Line]) -> bytes:
    return _csv(
        ("row", "transaction_id"), [[number, case.transaction_id] for number, (case, _, _) in enumerate(lines, 1)]
    )


def _rules(analysis: TaxAnalysis) -> list[Row]:
    """The rows by which something was answered, and those of the form's lines."""
    named = {(answer.rule_id, answer.rule_version) for answer in analysis.items}
    taxes = [answer.consumption_tax for answer in analysis.items if answer.consumption_tax]
    named |= {(tax.rule_id, tax.rule_version) for tax in taxes}
    forms = {answer.form for answer in analysis.items}
    days = {case.date for case in analysis.cases if case.date}
    maps = [row for row in analysis.rules.rows if row.kind == "line_map" and row.instrument in forms]
    named |= {(row.rule_id, row.name) for row in maps if any(row.covers(day) for day in days)}
    return [row for row in analysis.rules.rows if (row.rule_id, row.name) in named]


def _rule(row: Row) -> dict[str, Any]:
    told = {**vars(row), "tiers": [vars(tier) for tier in row.tiers], "lines": dict(row.lines)}
    return {name: value for name, value in told.items() if value not in (None, (), {}, [])} | {"digest": row.digest()}


def _summary(analysis: TaxAnalysis) -> dict[str, Any]:
    known = analysis.totals
    return {
        "jurisdiction": analysis.jurisdiction,
        "tax_year": vars(analysis.tax_year) if analysis.tax_year else None,
        "period": vars(analysis.period) if analysis.period else None,
        "totals": {**vars(known), "by_line": [vars(line) for line in known.by_line]},
        "note": NOTE,
    }


class _Archive:
    """A ZIP whose bytes are those of its content alone, with a manifest of digests."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)
        self._known: list[dict[str, Any]] = []

    def add(self, name: str, content: bytes) -> None:
        self.copy(name, io.BytesIO(content))

    def copy(self, name: str, content: IO[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        with self._zip.open(_entry(name), "w", force_zip64=True) as inside:
            while piece := content.read(PIECE_BYTES):
                digest.update(piece)
                inside.write(piece)
                size += len(piece)
        self._known.append({"file": name, "size_bytes": size, "sha256": digest.hexdigest()})

    def finish(self) -> str:
        """Write the manifest, and say the digest of what it lists, ids aside."""
        listed = sorted((each for each in self._known if each["file"] != IDS), key=lambda each: str(each["file"]))
        whole = hashlib.sha256(_json(listed)).hexdigest()
        ids = [each for each in self._known if each["file"] == IDS]
        self._zip.writestr(_entry("manifest.json"), _json({"content_sha256": whole, "files": listed, "not_in_it": ids}))
        self._zip.close()
        return whole


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, NEVER)
    entry.external_attr = 0o644 << 16
    entry.create_system = 3
    return entry


def _name(attachment: Attachment) -> str:
    """By its digest, with the ending that its kind has, so that it opens."""
    endings = sorted(ENDINGS.get(attachment.media_type, ()), key=lambda each: (len(each), each))
    return f"receipts/{attachment.digest.hex()}" + (f".{endings[0]}" if endings else "")


def _csv(head: Sequence[str], lines: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_text(cell) for cell in line] for line in lines)
    return text.getvalue().encode()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _json(value: object) -> bytes:
    return json.dumps(value, default=str, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
