"""The tax rules, as their files have them."""

import dagster as dg

from ai2.kit.errors import Problem
from ml.tax import loading
from pipelines.resources import Books

TAX_RULES = dg.AssetKey(["ml", "tax_rules"])


@dg.asset(
    key=TAX_RULES,
    group_name="tax",
    kinds={"postgres"},
    description="What is deductible, a fact a row with its dates, its law and its source. Rows are never edited.",
)
def tax_rules(books: Books) -> dg.MaterializeResult[None]:
    """Load what is new in the files; what is there already is left as it is."""
    try:
        loaded = books.of_all(loading.refresh)
    except Problem as problem:
        raise dg.Failure(problem.detail, allow_retries=False) from problem
    return dg.MaterializeResult(metadata={"added": loaded.added, "closed": loaded.closed})
