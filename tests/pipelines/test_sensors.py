"""The sensors: what they ask for is what the jobs take, once."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ai2.kit.settings import settings
from pipelines.ingest.sensors import inbox_files
from pipelines.marts.sensors import is_waiting
from pipelines.resources import Books
from tests.pipelines.conftest import STATEMENT, Inbox


@pytest.fixture(scope="module")
def repository(server: None) -> dg.RepositoryDefinition:
    from pipelines.definitions import defs  # it parses the dbt project, which needs a home

    return defs.get_repository_def()


@pytest.fixture
def folder(inbox: Inbox) -> Iterator[Path]:
    """The account's folder in the platform's own inbox."""
    organization = settings().inbox / inbox.organization.name
    (organization / "current").mkdir(parents=True)
    yield organization / "current"
    shutil.rmtree(organization)


async def look(cursor: str | None, instance: dg.DagsterInstance) -> dg.SensorResult:
    def evaluate() -> dg.SensorResult:
        context = dg.build_sensor_context(instance, cursor=cursor, resources={"books": Books()})
        answer = inbox_files(context)
        assert isinstance(answer, dg.SensorResult)
        return answer

    return await asyncio.to_thread(evaluate)


async def test_a_dropped_file_is_asked_for_once_it_rests(
    inbox: Inbox, folder: Path, instance: dg.DagsterInstance, repository: dg.RepositoryDefinition
) -> None:
    (folder / "statement.csv").write_text(STATEMENT)

    first = await look(None, instance)
    second = await look(first.cursor, instance)
    third = await look(second.cursor, instance)

    assert first.run_requests == []
    [request] = second.run_requests or []
    assert [again.run_key for again in third.run_requests or []] == [request.run_key]
    taken = request.run_config["ops"]["import_file"]["config"]
    assert taken == {
        "organization_id": str(inbox.organization.organization_id),
        "account_id": str(inbox.account.account_id),
        "path": str((folder / "statement.csv").absolute()),
    }
    assert dg.validate_run_config(repository.get_job("import_and_suggest"), request.run_config)


async def test_a_folder_of_nobody_is_left_alone(folder: Path, instance: dg.DagsterInstance) -> None:
    nobody = folder.parent / "No such account"
    nobody.mkdir()
    (nobody / "statement.csv").write_text(STATEMENT)

    first = await look(None, instance)
    second = await look(first.cursor, instance)

    assert second.run_requests == []


def test_a_build_that_has_not_begun_is_enough(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition
) -> None:
    assert not is_waiting(instance)

    instance.create_run_for_job(repository.get_job("build_marts"), status=dg.DagsterRunStatus.NOT_STARTED)

    assert is_waiting(instance)
