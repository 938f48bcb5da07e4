"""Erasure: an organization's data, gone for good, and a tombstone that says so.

Its key goes first of all: without it, raw files are noise wherever copies of them lie. Which tables hold rows of an
organization is asked of the database's own catalogue, so that none is forgotten. Tombstones lie beside the blobs too:
a database restored from a backup does not remember the erasure, they do.
"""

import asyncio
import shutil
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from ai2.identity import erasure_repository as repository
from ai2.identity import organizations
from ai2.identity.organizations import OrganizationNotFound
from ai2.kit import blobs
from ai2.kit.database import Connection, Database
from ai2.kit.settings import settings

TOMBSTONES = "erased"


class StillNamed(RuntimeError):
    """Rows of other organizations point to rows that are to go; there must be no such rows."""


@dataclass(frozen=True)
class Erased:
    """How many rows went, by table, and how many people who belonged nowhere else."""

    organization_id: UUID
    rows: dict[str, int]
    users: int


async def erase(pipeline: Database, organization_id: UUID, *, erased_by: str) -> Erased:
    """Erase an organization everywhere that this installation keeps it; again, where it came back with a backup.

    `pipeline` is the pipeline role's database. Rows go in one transaction; files follow, and go again when repeated.
    """
    async with pipeline.transaction() as db:
        names = await _folder_names(db, organization_id)
        erased = await erase_rows(db, organization_id, erased_by=erased_by)
    await asyncio.to_thread(_erase_files, organization_id, names)
    return erased


async def erase_rows(db: Connection, organization_id: UUID, *, erased_by: str) -> Erased:
    """Take away the key, every row and everyone who belongs nowhere else, and leave a tombstone."""
    known = await repository.lock(db, organization_id)
    if not known and not await repository.is_erased(db, organization_id):
        raise OrganizationNotFound
    await repository.bury(db, organization_id, erased_by)
    people = await repository.only_theirs(db, organization_id)
    tables = _children_first(await repository.tables(db))
    rows = await _delete(db, tables, organization_id)
    for table, number in (await _delete(db, tables, organization_id)).items():
        rows[table] += number  # triggers wrote them while others went
    await repository.delete_users(db, people)
    return Erased(organization_id, {table: number for table, number in rows.items() if number}, len(people))


async def _delete(db: Connection, tables: list[str], organization_id: UUID) -> dict[str, int]:
    """Delete from every table. Some references are kept by triggers and not by keys: who is still named waits."""
    rows: dict[str, int] = {}
    waiting = tables
    while waiting:
        named = []
        for table in waiting:
            try:
                async with db.transaction():
                    rows[table] = await repository.delete_all(db, table, organization_id)
            except ForeignKeyViolation:
                named.append(table)
        if named == waiting:
            raise StillNamed(f"rows of {', '.join(named)} are named by others and cannot go")
        waiting = named
    return rows


def tombstones() -> list[UUID]:
    """Every organization that was ever erased here, as the blob store remembers."""
    return [UUID(name) for name in blobs.names(TOMBSTONES)]


def _children_first(tables: list[repository.Table]) -> list[str]:
    """An order in which no row goes that another still points to."""
    waiting, order = {table.name: table.points_to - {table.name} for table in tables}, []
    while waiting:
        pointed_to = set().union(*waiting.values())
        free = sorted(waiting.keys() - pointed_to)
        if not free:
            raise RuntimeError(f"tables point to each other in a circle: {', '.join(sorted(waiting))}")
        order += free
        for name in free:
            del waiting[name]
    return order


async def _folder_names(db: Connection, organization_id: UUID) -> set[str]:
    """What its folder in the inbox is called: its id, or its name where no other has that."""
    everyone = await organizations.all_of_them(db)
    names = Counter(each.name.lower() for each in everyone)
    own = {each.name.lower() for each in everyone if each.organization_id == organization_id}
    return {str(organization_id), *(name for name in own if names[name] == 1)}


def _erase_files(organization_id: UUID, folder_names: set[str]) -> None:
    blobs.mark(f"{TOMBSTONES}/{organization_id}")
    for kind in blobs.names(""):
        if kind != TOMBSTONES:
            blobs.delete_folder(f"{kind}/{organization_id}")
    inbox = settings().inbox
    for folder in inbox.iterdir() if inbox.is_dir() else ():
        if folder.name.lower() in folder_names:
            shutil.rmtree(folder)
