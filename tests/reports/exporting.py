"""How tests take an export: asked for, written as the worker does, and read back by other people's readers."""

import csv
import io
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import openpyxl
import pyarrow.parquet as pq

from ai2.identity.principal import Principal, Role
from ai2.kit import queue
from ai2.kit.database import Database
from ai2.reports.exports import service, writing
from ai2.reports.exports.asked import Asked
from ai2.reports.exports.service import Export

Row = dict[str, Any]


async def asked_for(database: Database, organization_id: UUID, **wanted: Any) -> Export:
    who = Principal(organization_id, Role.VIEWER)
    async with database.transaction(organization_id) as db:
        return await service.ask(db, who, Asked(**wanted))


async def written(database: Database, organization_id: UUID, export_id: UUID) -> tuple[bytes, dict[str, Any]]:
    """The file of an export and its manifest, as soon as the worker has done its job."""
    async with database.transaction(organization_id) as db:
        job = await queue.get(db, organization_id, export_id)
    await writing.write(database, job, lambda _: None)
    async with database.transaction(organization_id) as db:
        _, file = await service.opened(db, organization_id, export_id)
        with file:
            return file.read(), await service.manifest(db, organization_id, export_id)


async def taken(database: Database, organization_id: UUID, **wanted: Any) -> tuple[bytes, dict[str, Any]]:
    export = await asked_for(database, organization_id, **wanted)
    return await written(database, organization_id, export.export_id)


def read(content: bytes, kind: str) -> list[Row]:
    """The rows, each as its format has them."""
    match kind:
        case "csv":
            return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        case "json":
            return list(json.loads(content))
        case "parquet":
            return list(pq.read_table(io.BytesIO(content)).to_pylist())
        case _:
            head, *rows = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
            return [dict(zip(head, row, strict=True)) for row in rows]


def amounts(rows: list[Row], column: str = "amount") -> dict[str, Decimal]:
    """What a column comes to by currency."""
    found: dict[str, Decimal] = {}
    for row in rows:
        if row[column] not in (None, ""):
            found[row["currency"]] = found.get(row["currency"], Decimal(0)) + Decimal(str(row[column]))
    return found
