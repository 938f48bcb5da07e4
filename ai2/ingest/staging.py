"""Staging: a batch's lines as the rows that are copied into the temporary table `incoming`."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ai2.ingest.fingerprint import fingerprints
from ai2.ingest.lines import Statement
from ai2.kit.ids import new_id
from ai2.kit.merchants import merchant_key
from ai2.kit.money import exponent

COPY_ROWS = 20_000


@dataclass(frozen=True)
class Staged:
    """All lines of a batch in the order of its files, as rows for COPY, each file's with its number from 1."""

    rows: pa.Table
    files: int

    def pieces(self) -> Iterator[bytes]:
        """The rows as CSV, piece by piece; null is an empty cell, an empty text a quoted one."""
        options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
        for batch in self.rows.to_batches(max_chunksize=COPY_ROWS):
            piece = io.BytesIO()
            arrow_csv.write_csv(pa.Table.from_batches([batch]), piece, options)
            yield piece.getvalue()


def stage(statements: list[Statement], account_id: UUID, currency: str) -> Staged:
    """Fingerprints, merchant keys and ids for every line; line numbers count through the files of a batch."""
    offsets = line_offsets(statements)
    tables = [
        _rows(statement, account_id, currency, number, offset)
        for number, (statement, offset) in enumerate(zip(statements, offsets, strict=True), 1)
    ]
    return Staged(pa.concat_tables(tables), len(tables))


def line_offsets(statements: list[Statement]) -> list[int]:
    """How many lines stand before each file, the files of a batch being one after the other."""
    offsets, total = [], 0
    for statement in statements:
        offsets.append(total)
        total += statement.last_line
    return offsets


def _rows(statement: Statement, account_id: UUID, currency: str, file_number: int, offset: int) -> pa.Table:
    lines = statement.lines
    content, provider = fingerprints(lines, account_id)
    return pa.table(
        {
            "file_number": pa.array([file_number] * len(lines), pa.int16()),
            "line_number": pc.add(lines["line_number"], pa.scalar(offset, pa.int32())),
            "transaction_id": _ids(lines),
            "account_id": pa.array([str(account_id)] * len(lines), pa.string()),
            "booked_on": lines["booked_on"],
            "amount": lines["amount"].cast(pa.decimal128(20, exponent(currency))).cast(pa.string()),
            "currency": lines["currency"],
            "description": lines["description"],
            "merchant": lines["merchant"],
            "merchant_key": _merchant_keys(lines),
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


def _ids(lines: pa.Table) -> pa.Array:
    """Ids that grow with the date, as the books' indexes do: rows that are neighbours in all of them go in faster."""
    ids = pa.array([str(new_id()) for _ in range(len(lines))], pa.string())
    places = pc.sort_indices(
        pc.sort_indices(lines, sort_keys=[("booked_on", "ascending"), ("line_number", "ascending")])
    )
    return ids.take(places)


def _merchant_keys(lines: pa.Table) -> pa.Array:
    """The same as `merchant_key(description, merchant)`, each different merchant once."""
    merchants = lines["merchant"].combine_chunks()
    named = pc.if_else(pc.equal(pc.utf8_trim_whitespace(merchants), ""), None, merchants)
    encoded = pc.coalesce(named, lines["description"].combine_chunks()).dictionary_encode()
    keys = pa.array([merchant_key(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return keys.take(encoded.indices)
