"""What Dagster knows: every stage is found, and what belongs together is joined."""

import asyncio
import json
from pathlib import Path

import dagster as dg
import pytest

from ai2.ingest.sources import names
from ai2.kit.settings import settings
from pipelines import dbt
from pipelines.ingest.outcome import RAW_FILES, STATEMENT_LINES, TRANSACTIONS
from pipelines.resources import resources


@pytest.fixture(scope="module")
def repository(server: None) -> dg.RepositoryDefinition:
    from pipelines.definitions import defs  # it parses the dbt project, which needs a home

    return defs.get_repository_def()


def test_every_stage_is_there(repository: dg.RepositoryDefinition) -> None:
    groups = {repository.asset_graph.get(key).group_name for key in repository.asset_graph.materializable_asset_keys}
    assert groups == {
        "ingest", "suggestions", "marts", "categoriser", "rates", "recurring", "insights", "cashflow", "tax", "docs",
        "reports", "connections",
    }  # fmt: skip
    assert {job.name for job in repository.get_all_jobs()} >= {
        "import_and_suggest",
        "build_marts",
        "nightly",
        "retrain",
    }
    running = [*repository.sensor_defs, *repository.schedule_defs]
    assert {one.name for one in running} == {
        "inbox_files", "imports_elsewhere", "after_an_import", "every_night", "every_working_day",
        "training_by_age", "training_when_due", "every_morning", "reports_due", "syncs_elsewhere", "every_hour",
    }  # fmt: skip
    assert {one.default_status.value for one in running} == {"RUNNING"}


def test_every_source_is_an_asset_of_its_connections_with_a_check(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    for name in names.all_of_them():
        asset = graph.get(dg.AssetKey(["connections", name]))
        assert isinstance(asset.partitions_def, dg.DynamicPartitionsDefinition)
        assert {key.name for key in graph.get_check_keys_for_assets({asset.key})} == {"in_step"}


def test_the_models_are_downstream_of_the_import(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    downstream = dg.AssetSelection.assets(RAW_FILES).downstream().resolve(graph)
    assert {"fct_transactions", "live_transactions", "rpt_monthly_cash_flow"} <= {key.path[-1] for key in downstream}
    assert graph.get(TRANSACTIONS).parent_keys == {STATEMENT_LINES}


def test_every_dbt_test_is_a_check_that_blocks(repository: dg.RepositoryDefinition) -> None:
    tests = [
        node for node in json.loads(dbt.manifest().read_text())["nodes"].values() if node["resource_type"] == "test"
    ]
    checks = {key.name: key for key in repository.asset_graph.asset_check_keys}
    assert {node["name"] for node in tests} <= checks.keys()
    assert all(repository.asset_graph.get(checks[node["name"]]).blocking for node in tests)


def test_by_day_tests_look_at_what_is_touched_and_by_night_at_everything(repository: dg.RepositoryDefinition) -> None:
    night = repository.get_job("nightly").run_config
    assert night
    assert night["ops"]["marts"]["config"] == {"tests": "everything"}
    assert not repository.get_job("build_marts").run_config


def test_the_night_suggests_and_builds(repository: dg.RepositoryDefinition) -> None:
    nodes = set(repository.get_job("nightly").graph.node_names())
    assert nodes == {
        "ml__own_models", "published__suggestions", "ml__recurring", "ml__anomalies", "ml__forecasts", "marts",
        "transactions_as_a_whole",
        "batches_as_a_whole",
        "published__transactions_balances_hold",
        "docs__dbt",
    }  # fmt: skip


def test_the_project_is_parsed_again_when_it_is_newer(server: None) -> None:
    first = dbt.manifest().stat().st_mtime_ns
    assert dbt.manifest().stat().st_mtime_ns == first

    (dbt.PROJECT / "dbt_project.yml").touch()

    assert dbt.manifest().stat().st_mtime_ns > first


async def test_the_marts_are_built_with_their_counts_and_checks(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance
) -> None:
    from pipelines.marts.assets import marts

    result = await asyncio.to_thread(
        dg.materialize, [marts], resources=resources(), instance=instance, raise_on_error=False
    )

    assert result.success
    made = {event.asset_key: event.materialization.metadata for event in result.get_asset_materialization_events()}
    assert made.keys() == marts.keys
    assert made[dg.AssetKey(["marts", "dim_accounts"])]["dagster/row_count"].value >= 0
    checks = result.get_asset_check_evaluations()
    assert {check.check_name for check in checks} == {spec.name for spec in marts.check_specs}
    assert all(check.passed for check in checks)


def test_dbt_writes_into_the_home_only(repository: dg.RepositoryDefinition) -> None:
    assert Path(dbt.environment()["DBT_TARGET_PATH"]).is_relative_to(settings().home.absolute())
    assert not (dbt.PROJECT / "target").exists()
    assert not (dbt.PROJECT / "logs").exists()
