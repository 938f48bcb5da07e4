"""The rates asset: fetched once however often it runs, and where it cannot fetch it says what to do."""

import asyncio
from pathlib import Path

import dagster as dg
import pytest

from ai2.kit.settings import settings
from pipelines.rates.assets import exchange_rates
from pipelines.resources import Books


async def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return await asyncio.to_thread(
        dg.materialize, [exchange_rates], instance=instance, resources={"books": Books()}, raise_on_error=False
    )


async def test_a_run_keeps_what_is_new_and_a_rerun_changes_nothing(
    server: None, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "eurofxref.csv"
    file.write_text("Date, USD, JPY, \n05 March 2002, 0.8700, 115.00, \n", encoding="utf-8")
    monkeypatch.setattr(settings(), "ecb_rates_url", file.as_uri())
    changed = []
    for _ in range(2):
        result = await run(instance)
        [made] = result.get_asset_materialization_events()
        changed.append(made.materialization.metadata["new_or_corrected"].value)
    assert changed == [2, 0]


async def test_without_a_source_it_fails_and_says_what_to_do(
    server: None, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "ecb_rates_url", "http://127.0.0.1:9/eurofxref-hist.zip")
    result = await run(instance)
    assert not result.success
    told = [event.step_failure_data.user_failure_data.description for event in result.get_step_failure_events()]
    assert len(told) == 1
    assert "ai2 rates import" in str(told[0])
