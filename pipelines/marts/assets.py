"""The dbt models as assets, their tests as checks; a test that fails stops what is built on its model."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets
from psycopg import sql

from ai2.kit.database import Database, number
from pipelines import dbt as project
from pipelines.resources import Books, Dbt

GROUP = "marts"


class Translator(DagsterDbtTranslator):
    """One group for all models; their folder is their key's first part."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return GROUP


class Build(dg.Config):
    """What the tests of a build look at: what it replaces, or everything."""

    tests: project.Covered = "touched"


# The unit tests check the code, not the data: they run where the code is tested.
@dbt_assets(manifest=project.manifest(), dagster_dbt_translator=Translator(), name="marts", pool="dbt")
def marts(context: dg.AssetExecutionContext, config: Build, dbt: Dbt, books: Books) -> Iterator[Any]:
    """Bring the marts up to date with what was touched since their last build."""
    words = ["build", "--exclude-resource-type", "unit_test", *project.tests_cover(config.tests)]
    for event in dbt.cli(words, context=context).stream():
        if isinstance(event, dg.Output) and (key := context.asset_key_for_output(event.output_name)).path[0] == GROUP:
            rows = books.of_all(partial(row_count, key=key))
            context.add_output_metadata({"dagster/row_count": rows}, output_name=event.output_name)
        yield event


async def row_count(database: Database, key: dg.AssetKey) -> int:
    """How many rows a mart has, all organizations together."""
    query = sql.SQL("select count(*) as rows from {}").format(sql.Identifier(*key.path))
    async with database.transaction() as db:
        return await number(db, query.as_string())
