"""The euro reference rates, as the European Central Bank publishes them."""

import dagster as dg

from ai2.books.rates import source as rates_source
from ai2.kit.errors import Problem
from pipelines.resources import Books

EXCHANGE_RATES = dg.AssetKey(["books", "exchange_rates"])


@dg.asset(
    key=EXCHANGE_RATES,
    group_name="rates",
    kinds={"postgres"},
    pool="rates",
    description="What one euro was worth, by day. A day that is corrected keeps what was known of it before.",
)
def exchange_rates(books: Books) -> dg.MaterializeResult[None]:
    """Fetch what ECB_RATES_URL names; what is there already is left as it is."""
    try:
        changed = books.of_all(rates_source.refresh)
    except Problem as problem:
        # Nothing is lost, and trying at once again would find the same.
        raise dg.Failure(problem.detail, allow_retries=False) from problem
    return dg.MaterializeResult(metadata={"new_or_corrected": changed})
