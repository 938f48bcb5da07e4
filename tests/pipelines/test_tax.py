"""The tax rules in Dagster: loaded once, and a warning about those that a person has to read again."""

import asyncio

import dagster as dg

from pipelines.resources import Books
from pipelines.tax.assets import tax_rules
from pipelines.tax.checks import tax_rules_are_current


async def test_rules_are_loaded_once_and_what_is_not_published_is_listed(
    server: None, instance: dg.DagsterInstance
) -> None:
    added = []
    for _ in range(2):
        result = await asyncio.to_thread(
            dg.materialize, [tax_rules, tax_rules_are_current], instance=instance, resources={"books": Books()}
        )
        [made] = result.get_asset_materialization_events()
        added.append(made.materialization.metadata["added"].value)
    assert added[1] == 0
    [check] = result.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    listed = {each["rule_id"]: each["why"] for each in check.metadata["listed"].value}  # type: ignore[union-attr, call-overload, index]
    assert listed["au.home.fixed_rate"] == "not_published"
    assert "us.meals" not in listed
