"""Whole data sets under Great Expectations, and its Data Docs in the home's `gx` folder.

A data set is aggregated by the database first: a suite sees kinds and how many there are of each, never a row of
anyone's, and says only whether each expectation held. Importing Great Expectations takes seconds, so only who
validates does it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from ai2.kit.settings import settings
from pipelines.offline import make_plain

# Each validation is a page; a person looks at the last ones.
PAGES_KEPT = 60
SITE = "uncommitted/data_docs/local_site"


@dataclass(frozen=True)
class Rule:
    """One expectation: its name, what it says, which of Great Expectations' it is, and that one's settings."""

    name: str
    says: str
    expectation: str
    settings: dict[str, Any] = field(default_factory=dict)
    # how much a failure matters: a warning is looked at, an error stops
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR

    def spec(self, asset: dg.AssetKey) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(self.name, asset=asset, description=self.says)


@dataclass(frozen=True)
class Suite:
    """The rules of one data set, and the query that aggregates it to kinds; its column `n` counts each kind's rows."""

    name: str
    asset: dg.AssetKey
    query: str
    rules: Sequence[Rule]

    def specs(self) -> list[dg.AssetCheckSpec]:
        return [rule.spec(self.asset) for rule in self.rules]


def validate(suite: Suite, kinds: Sequence[dict[str, Any]]) -> list[dg.AssetCheckResult]:
    """Ask the suite's questions of the data set's kinds and write the page about it."""
    rows = sum(kind["n"] for kind in kinds)
    held = _ask(suite, kinds, f"{rows:,} rows of {len(kinds):,} kinds") if kinds else {}
    docs = folder() / SITE / "index.html"
    return [
        dg.AssetCheckResult(
            passed=held.get(rule.name, True),  # nothing there, nothing wrong
            asset_key=suite.asset,
            check_name=rule.name,
            severity=rule.severity,
            metadata={"says": rule.says, "rows": rows, "kinds": len(kinds), "data_docs": dg.MetadataValue.path(docs)},
        )
        for rule in suite.rules
    ]


def folder() -> Path:
    """Where Great Expectations keeps its files."""
    return settings().home.absolute() / "gx"


def _ask(suite: Suite, kinds: Sequence[dict[str, Any]], notes: str) -> dict[str, bool]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    import pyarrow as pa
    from great_expectations.checkpoint.actions import UpdateDataDocsAction
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from pandas import ArrowDtype

    context = gx.get_context(mode="file", project_root_dir=folder().parent)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_or_update_pandas(suite.name).add_dataframe_asset(suite.name)
    whole = asset.add_batch_definition_whole_dataframe("whole")
    asked = [_expectation(gx, rule, notes) for rule in suite.rules]
    expected = context.suites.add_or_update(gx.ExpectationSuite(name=suite.name, expectations=asked))
    definition = gx.ValidationDefinition(name=suite.name, data=whole, suite=expected)
    checkpoint = gx.Checkpoint(
        name=suite.name,
        validation_definitions=[context.validation_definitions.add_or_update(definition)],
        actions=[UpdateDataDocsAction(name="pages")],
        result_format="BOOLEAN_ONLY",
    )
    frame = pa.Table.from_pylist(kinds).to_pandas(types_mapper=ArrowDtype)
    answer = context.checkpoints.add_or_update(checkpoint).run(batch_parameters={"dataframe": frame})
    _forget_old_pages(suite.name)
    make_plain(folder() / SITE)
    [validated] = answer.run_results.values()
    return {
        result.expectation_config.meta["name"]: bool(result.success)
        for result in validated.results
        if result.expectation_config
    }


def _expectation(gx: Any, rule: Rule, notes: str) -> Any:
    return getattr(gx.expectations, rule.expectation)(**rule.settings, notes=notes, meta={"name": rule.name})


def _forget_old_pages(suite_name: str) -> None:
    for kind in ("validations", "data_docs/local_site/validations"):
        pages = sorted(
            (folder() / "uncommitted" / kind / suite_name).rglob(f"{suite_name}-*"), key=lambda page: page.parent.name
        )
        for page in pages[:-PAGES_KEPT]:
            page.unlink()
