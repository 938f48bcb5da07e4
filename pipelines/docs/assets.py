"""The documentation of the dbt models as one page, which `ai2 docs` shows and operators may download."""

import dagster as dg

from ai2.kit.settings import settings
from pipelines import dbt as project

DBT_DOCS = dg.AssetKey(["docs", "dbt"])


@dg.asset(
    key=DBT_DOCS,
    group_name="docs",
    kinds={"dbt"},
    pool="dbt",
    description="What each model and column of the marts is, and what it is made of; no rows of anyone's.",
)
def dbt_docs() -> dg.MaterializeResult[None]:
    """Write the page anew."""
    page = project.write_docs()
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(page),
            "show": dg.MetadataValue.text("ai2 docs"),
            "download": dg.MetadataValue.url(f"{settings().public_address}/api/analytics/quality/dbt-docs"),
            "bytes": page.stat().st_size,
        }
    )
