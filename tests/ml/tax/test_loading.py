"""Rules in the database: loaded when their files change, once, by whoever sees it first, and never edited there."""

import asyncio
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from ai2.kit.database import Connection, Database, number, rows
from ai2.kit.ids import new_id
from ml.tax import files, loading
from ml.tax.loading import RulesUnusable, current, refresh

RULE = """
- rule_id: {name}
  kind: rate
  unit: XXX
  keyed_on: transaction
  status: verified
  grade: A
  instrument: The law of nowhere
  source_url: https://example.com/
  read_on: 2026-09-01
  rows:
    - {{valid_from: 2026-01-01{ends}, value: "{value}"}}
{more}"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped rules, copied, in a process that has looked at nothing yet."""
    monkeypatch.setattr(loading, "_memory", loading._Memory())
    monkeypatch.setattr(loading, "BELIEVED_S", 0.0)
    shutil.copytree(files.FOLDER, tmp_path / "rules")
    return tmp_path / "rules"


def write(folder: Path, name: str, value: str = "1", *, ends: str = "", more: str = "") -> None:
    (folder / "zz").mkdir(exist_ok=True)
    text = RULE.format(name=name, value=value, ends=ends and f", valid_to: {ends}", more=more)
    (folder / "zz" / f"{name}.yaml").write_text(text)


@pytest.fixture
def name() -> str:
    return f"zz.{new_id()}"


async def test_a_changed_file_is_followed_from_the_next_question_on(db: Connection, folder: Path, name: str) -> None:
    before = await current(db, folder)
    assert before.find("us.meals", date(2026, 5, 1)) is not None
    assert before.find(name, date(2026, 5, 1)) is None
    write(folder, name)
    assert (await current(db, folder)).get(name, date(2026, 5, 1)).value == Decimal(1)
    write(folder, name, ends="2026-06-30", more="    - {valid_from: 2026-07-01, value: 2}")
    after = await current(db, folder)
    assert [after.get(name, day).value for day in (date(2026, 6, 30), date(2026, 7, 1))] == [Decimal(1), Decimal(2)]


async def test_the_rows_come_back_as_they_were_written(db: Connection, folder: Path) -> None:
    loaded = {(row.rule_id, row.name): row for row in (await current(db, folder)).rows}
    assert all(loaded[row.rule_id, row.name].digest() == row.digest() for row in files.read_all(folder))


async def test_several_processes_load_a_change_once(pipeline: Database, folder: Path, name: str) -> None:
    write(folder, name)
    found = await asyncio.gather(*(refresh(pipeline, folder) for _ in range(4)))
    assert sorted(each.added > 0 for each in found) == [False, False, False, True]


async def test_what_is_in_memory_is_believed_for_a_moment(
    db: Connection, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await current(db, folder)
    monkeypatch.setattr(loading, "BELIEVED_S", 60.0)
    write(folder, name)
    assert await current(db, folder) is known


async def test_an_edited_row_is_refused_and_the_rules_stay(
    pipeline: Database, db: Connection, folder: Path, name: str
) -> None:
    write(folder, name, "1")
    await refresh(pipeline, folder)
    write(folder, name, "3")
    with pytest.raises(RulesUnusable, match="was edited"):
        await refresh(pipeline, folder)
    found = await rows(db, "select value from ml.tax_rules where rule_id = %(name)s", {"name": name})
    assert found == [{"value": Decimal(1)}]
    assert (await current(db, folder)).get(name, date(2026, 5, 1)).value == Decimal(1), "and go on being served"


async def test_older_files_open_nothing_that_newer_ones_closed(pipeline: Database, folder: Path, name: str) -> None:
    write(folder, name)
    await refresh(pipeline, folder)
    write(folder, name, ends="2026-06-30")
    assert (await refresh(pipeline, folder)).closed == 1
    write(folder, name)
    write(folder, f"{name}.other")
    assert (await refresh(pipeline, folder)).closed == 0
    async with pipeline.transaction() as db:
        query = "select count(*) as ended from ml.tax_rules where rule_id = %(name)s and valid_to = '2026-06-30'"
        assert await number(db, query, {"name": name}) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update ml.tax_rules set value = 0",
        "update ml.tax_rules set valid_to = '2030-01-01' where valid_to is not null",
        "delete from ml.tax_rules",
        "insert into ml.tax_rule_loads (digest, rows_added, rows_closed) values ('x', 0, 0)",
    ],
)
async def test_nobody_who_serves_requests_changes_a_rule(database: Database, folder: Path, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.transaction() as db:
            await db.execute(statement)


async def test_not_even_the_loader_edits_a_row(pipeline: Database, folder: Path, name: str) -> None:
    write(folder, name, ends="2026-06-30")
    await refresh(pipeline, folder)
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        async with pipeline.transaction() as db:
            await db.execute("update ml.tax_rules set valid_to = '2027-01-01' where rule_id = %s", [name])
