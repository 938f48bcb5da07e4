"""Syncing: what a provider has comes into the books, once, and a run that is cut off goes on where it was."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from ai2 import flows
from ai2.connections import service, syncing
from ai2.identity import audit
from ai2.identity.organizations import Organization
from ai2.kit.database import Database, rows
from ai2.kit.settings import settings

STATEMENT = b"Date,Description,Amount\n2026-03-02,Bakery,-4.20\n2026-03-03,Wages,1200.00\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may be watched."""
    monkeypatch.setattr(settings(), "watched_folders", [tmp_path])
    return tmp_path


def put(folder: Path, name: str, content: bytes) -> None:
    """A file that has settled."""
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


async def connected(database: Database, organization: Organization, folder: Path) -> UUID:
    connection, link = await service.connect(
        database, organization.organization_id, provider="folder", kind="bank", name="Shop till",
        settings={"path": str(folder)}, secret={}, created_by="test",
    )  # fmt: skip
    assert link is None
    return connection.connection_id


async def test_a_file_in_a_watched_folder_is_in_the_books_once(
    database: Database, organization: Organization, folder: Path
) -> None:
    owner = organization.organization_id
    connection_id = await connected(database, organization, folder)
    put(folder, "march.csv", STATEMENT)
    for _ in range(2):
        await syncing.sync(database, owner, connection_id, trigger="person")
    async with database.transaction(owner) as db:
        last, first = await service.history(db, owner, connection_id, before=None, limit=9)
        assert (await service.get(db, owner, connection_id)).state == "connected"
    assert (first.pages, len(first.batches), last.pages) == (1, 1, 0)
    await flows.run_import(database, owner, first.batches[0])
    async with database.transaction(owner) as db:
        found = await rows(db, "select description, amount from published.transactions order by booked_on")
    assert [(row["description"], str(row["amount"])) for row in found] == [
        ("Bakery", "-4.20"),
        ("Wages", "1200.00"),
    ]


async def test_a_folder_that_the_operator_has_not_named_is_refused(
    database: Database, organization: Organization, folder: Path
) -> None:
    with pytest.raises(Exception, match="WATCHED_FOLDERS"):
        await connected(database, organization, folder.parent)


async def test_who_connected_and_who_parted_is_in_the_audit(
    database: Database, organization: Organization, folder: Path
) -> None:
    owner = organization.organization_id
    connection_id = await connected(database, organization, folder)
    for _ in range(2):  # done again, it changes nothing
        await service.disconnect(database, owner, connection_id, actor="user:ana")
    async with database.transaction(owner) as db:
        told = [(each.operation, each.actor, each.entity_id) for each in await audit.page(db, owner, limit=9)]
    assert told == [("delete_connection", "user:ana", connection_id), ("connect_bank", "test", connection_id)]
