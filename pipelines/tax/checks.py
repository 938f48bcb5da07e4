"""Which tax rules are old, or were not published when they were read: a person reads their sources again."""

import dagster as dg

from ml.tax.upkeep import due, known
from pipelines.resources import Books
from pipelines.tax.assets import TAX_RULES

LISTED = 200


@dg.asset_check(asset=TAX_RULES, description="every figure in force was read within 12 months, and is published")
def tax_rules_are_current(books: Books) -> dg.AssetCheckResult:
    """A warning: a person reads the source again, and appends what is new."""
    found = due(books.of_all(known))
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "rules": len(found),
            "listed": dg.MetadataValue.json([vars(each) for each in found[:LISTED]]),
        },
    )
