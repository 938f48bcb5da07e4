"""`ai2 erase`: it asks first, erases for good, and Dagster forgets as well."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ai2.kit.database import Role, sqlalchemy_url

from .conftest import Command

ROOT = Path(__file__).parents[2]
KEY = dg.AssetKey(["ingest", "raw_files"])


@pytest.fixture
def instance(server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Dagster with the storage that it has when deployed."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", sqlalchemy_url(Role.DAGSTER, "dagster", "psycopg2"))
    with dg.DagsterInstance.get() as found:
        yield found


def test_asks_first(ai2: Command, company: str) -> None:
    refused = ai2("erase", company, typed="n\n")
    assert refused.exit_code == 1
    assert ai2("prove", "--organization", company).exit_code == 0, "it is still there"


def test_erases_for_good(ai2: Command, company: str, tmp_path: Path) -> None:
    file = tmp_path / "march.csv"
    file.write_text("Date,Description,Amount\n2026-03-02,RENT MARCH,-850.00\n")
    ai2("import", file, "--account", "Current", "--organization", company)
    erased = ai2("erase", company, "--yes")
    assert erased.exit_code == 0, erased.output
    assert "is erased" in erased.stdout
    assert ai2("prove", "--organization", company).exit_code == 1
    identifier = erased.stdout.split()[0]
    assert ai2("erase", identifier, "--yes").exit_code == 0, "again, for files that may be left"
    assert ai2("erase", "--again").exit_code == 0


def test_needs_to_know_whom(ai2: Command) -> None:
    assert ai2("erase", "--yes").exit_code == 2
    assert ai2("erase", "Nobody", "--yes").exit_code == 1


def test_dagster_forgets_its_runs_and_what_sensors_reported(
    ai2: Command, company: str, instance: dg.DagsterInstance
) -> None:
    other = "00000000-0000-0000-0000-0000000000ff"
    erased_id = _id_of(company)

    def ran(organization_id: str) -> None:
        @dg.asset(key=KEY)
        def raw_files() -> dg.MaterializeResult[None]:
            return dg.MaterializeResult(metadata={"account": "Ann's account", "organization_id": organization_id})

        dg.materialize([raw_files], instance=instance, tags={"ai2/organization_id": organization_id})
        metadata = {"account": "Ann's account", "organization_id": organization_id}
        instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=KEY, metadata=metadata))

    for whose in (other, erased_id):
        ran(whose)
    assert len(_named(instance, erased_id)) == len(_named(instance, other)) == 2

    assert "1 runs" in ai2("erase", company, "--yes").stdout

    assert _named(instance, erased_id) == []
    assert len(_named(instance, other)) == 2
    tagged = dg.RunsFilter(tags={"ai2/organization_id": erased_id})
    assert instance.get_runs_count(tagged) == 0


def _id_of(company: str) -> str:
    import asyncio

    from ai2.identity import organizations
    from ai2.kit.database import Database

    async def find() -> str:
        async with Database(Role.PIPELINE) as pipeline, pipeline.transaction() as db:
            return str((await organizations.find(db, company)).organization_id)

    return asyncio.run(find())


def _named(instance: dg.DagsterInstance, organization_id: str) -> list[object]:
    """The materializations that name an organization."""
    records = instance.fetch_materializations(KEY, limit=100).records
    found = [record.asset_materialization for record in records]
    return [each for each in found if each and each.metadata["organization_id"].value == organization_id]
