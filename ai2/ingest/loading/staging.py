"""Staging: a batch's lines as the rows that are copied into the temporary table `staged`, some at a time."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ai2.ingest.lines import Statement
from ai2.ingest.loading.fingerprint import fingerprints
from ai2.ingest.loading.identities import identities, known_ids
from ai2.kit.ids import new_ids
from ai2.kit.merchant_keys import MerchantKeys
from ai2.kit.money import exponent

# Rows that are in memory at once, beside the statement itself: few, so that PostgreSQL need not wait for the first.
PIECE_ROWS = 25_000
# Sorting copies all of them; more rows than this are staged in the order of their file, however slow that makes them.
SORTED_ROWS = 2_000_000


@dataclass(frozen=True)
class File:
    """One file of a batch: its number from 1, its statement, and how many lines stand before it in the batch."""

    number: int
    statement: Statement
    lines_before: int


def files(statements: list[Statement]) -> list[File]:
    """The files of a batch, in their order; line numbers count through them."""
    offsets = line_offsets(statements)
    return [File(number, *pair) for number, pair in enumerate(zip(statements, offsets, strict=True), 1)]


def line_offsets(statements: list[Statement]) -> list[int]:
    """How many lines stand before each file, the files of a batch being one after the other."""
    offsets, total = [], 0
    for statement in statements:
        offsets.append(total)
        total += statement.last_line
    return offsets


def pieces(file: File, account_id: UUID, currency: str) -> Iterator[bytes]:
    """A file's lines as CSV for COPY, piece by piece; null is an empty cell, an empty text a quoted one."""
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
    for rows in _rows(file, account_id, currency):
        piece = io.BytesIO()
        arrow_csv.write_csv(rows, piece, options)
        yield piece.getvalue()


def version_1(file: File, account_id: UUID) -> list[tuple[int, str, str | None]]:
    """Line number and the two fingerprints of version 1 of every line, for what was imported before version 2."""
    lines = file.statement.lines
    content, provider = fingerprints(lines, account_id)
    numbers = pc.add(lines["line_number"], pa.scalar(file.lines_before, pa.int32()))
    return list(zip(numbers.to_pylist(), content.to_pylist(), provider.to_pylist(), strict=True))


def _rows(file: File, account_id: UUID, currency: str) -> Iterator[pa.Table]:
    lines, keys = file.statement.lines, MerchantKeys()
    lines = lines if len(lines) > SORTED_ROWS else _by_date(lines)
    ids = known_ids(lines, file.statement.unstable)
    for start in range(0, len(lines), PIECE_ROWS):
        piece = lines.slice(start, PIECE_ROWS).combine_chunks()
        yield _staged(file, piece, ids.slice(start, PIECE_ROWS), keys, account_id, currency)


def _staged(
    file: File, lines: pa.Table, ids: pa.Array, keys: MerchantKeys, account_id: UUID, currency: str
) -> pa.Table:
    content, provider = identities(
        lines,
        account_id,
        ids,
        ids_are_stable=file.statement.ids_are_stable,
        unstable=file.statement.unstable,
    )
    descriptions, merchants = (lines[name].combine_chunks() for name in ("description", "merchant"))
    return pa.table(
        {
            "file_number": pa.repeat(pa.scalar(file.number, pa.int16()), len(lines)),
            "line_number": pc.add(lines["line_number"], pa.scalar(file.lines_before, pa.int32())),
            "transaction_id": new_ids(len(lines)),
            "account_id": pa.repeat(str(account_id), len(lines)),
            "booked_on": lines["booked_on"],
            "amount": lines["amount"].cast(pa.decimal128(20, exponent(currency))).cast(pa.string()),
            "currency": lines["currency"],
            "description": descriptions,
            "merchant": merchants,
            "merchant_key": keys.of(descriptions, merchants),
            "reference": lines["reference"],
            "mcc": lines["mcc"],
            "status": lines["status"],
            "value_on": lines["value_on"],
            "counterparty": lines["counterparty"],
            "attributes": lines["attributes"],
            "content": content,
            "provider": provider,
            "provider_id": lines["provider_id"],
            "pending_id": lines["pending_id"],
        }
    )


def _by_date(lines: pa.Table) -> pa.Table:
    """The lines in the order of their dates, and so of the books' indexes: neighbours in all of them go in faster."""
    days = lines["booked_on"]
    if not len(days) or pc.all(pc.greater_equal(days[1:], days[:-1])).as_py():
        return lines
    return lines.take(pc.sort_indices(lines, sort_keys=[("booked_on", "ascending"), ("line_number", "ascending")]))
