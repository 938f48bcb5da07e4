"""The inbox: which files are taken up, when, and once."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from ai2.ingest.layout import saved
from ai2.kit.database import Database
from pipelines.ingest.inbox import Dropped, Place, look, put_away, remembered, run_key, settled
from pipelines.ingest.take import places
from tests.pipelines.conftest import STATEMENT, Inbox

PLACE = Place(UUID(int=1), UUID(int=2), "0.0")


def test_a_file_is_found_in_its_accounts_folder(inbox: Inbox, tmp_path: Path) -> None:
    path = inbox.drop(STATEMENT)

    [found] = look(tmp_path / "inbox")
    assert (found.path, found.place) == (path, (inbox.organization.name, "Current"))


@pytest.mark.parametrize(
    "name",
    [".hidden.csv", "~lock.csv", "big.csv.part", "big.csv.crdownload", "done/old.csv"],
)
def test_what_is_not_meant_is_left_alone(inbox: Inbox, tmp_path: Path, name: str) -> None:
    (inbox.folder / "done").mkdir()
    inbox.drop(STATEMENT, name)

    assert look(tmp_path / "inbox") == []


def test_a_link_to_elsewhere_is_not_followed(inbox: Inbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(STATEMENT)
    (inbox.folder / "statement.csv").symlink_to(secret)

    assert look(tmp_path / "inbox") == []


def test_a_file_still_being_written_waits(inbox: Inbox, tmp_path: Path) -> None:
    inbox.drop(STATEMENT)
    first = look(tmp_path / "inbox")
    assert settled({}, first) == []

    inbox.drop(STATEMENT * 2)
    second = look(tmp_path / "inbox")
    assert settled(json.loads(remembered(first)), second) == []

    third = look(tmp_path / "inbox")
    assert settled(json.loads(remembered(second)), third) == third


def test_the_same_drop_is_one_run_and_a_new_layout_another(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(STATEMENT)
    dropped = Dropped(tmp_path / "a.csv", 1, 5)

    assert run_key(dropped, PLACE) == run_key(dropped, PLACE)
    assert run_key(dropped, PLACE) != run_key(dropped, Place(UUID(int=1), UUID(int=2), "1.1"))
    assert run_key(dropped, PLACE) != run_key(Dropped(tmp_path / "a.csv", 1, 6), PLACE)


def test_a_file_put_away_replaces_no_other(inbox: Inbox) -> None:
    first = put_away(inbox.drop("one"))
    second = put_away(inbox.drop("two"))

    assert (first.name, second.name) == ("statement.csv", "statement-2.csv")
    assert (first.read_text(), second.read_text()) == ("one", "two")


async def test_folders_are_named_by_name_or_id(inbox: Inbox, pipeline: Database) -> None:
    organization, account = inbox.organization, inbox.account
    names = [
        (organization.name.upper(), "current"),
        (str(organization.organization_id), str(account.account_id)),
        (organization.name, "Nothing of ours"),
        ("Nobody", "Current"),
    ]

    found = await places(pipeline, names)

    assert found == {name: Place(organization.organization_id, account.account_id, "0.0") for name in names[:2]}


async def test_an_answer_changes_how_the_accounts_files_are_asked_for(
    inbox: Inbox, pipeline: Database, database: Database
) -> None:
    name = (inbox.organization.name, "Current")
    before = (await places(pipeline, [name]))[name]
    await inbox.take(inbox.drop(STATEMENT))

    after = (await places(pipeline, [name]))[name]

    assert before.layouts != after.layouts
    async with database.transaction(inbox.organization.organization_id) as db:
        kept = await saved.of_account(db, inbox.organization.organization_id, inbox.account.account_id)
    assert after.layouts == f"{len(kept)}.{sum(layout.version for layout in kept)}"
