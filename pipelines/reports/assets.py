"""Scheduled reports: each made once for each time it is due, and delivered by an event."""

from functools import partial
from uuid import UUID

import dagster as dg

from ai2 import flows
from ai2.reports.schedules.making import Outcome
from pipelines.everyone import Whose
from pipelines.resources import Books

SCHEDULED_REPORTS = dg.AssetKey(["reports", "scheduled"])


@dg.asset(
    key=SCHEDULED_REPORTS,
    deps=[dg.AssetKey(["marts", "live_ledger_months"])],
    group_name="reports",
    kinds={"postgres"},
    pool="reports",
    description="Reports that are due by their schedules. Run again, it makes none twice.",
)
def scheduled_reports(config: Whose, books: Books) -> dg.MaterializeResult[None]:
    """Make what is due; after a time in which nothing ran the last of each, and tell how many were missed."""
    only = config.organization_id
    whose = [UUID(only)] if only else books.of_all(flows.who_has_reports_due)
    outcome = Outcome()
    for organization_id in whose:
        outcome += books.of_one(partial(flows.make_due_reports, organization_id=organization_id))
    if outcome.put_off and not outcome.made:
        raise dg.Failure("no report could be made; they are tried again later", metadata={**vars(outcome)})
    return dg.MaterializeResult(metadata={"organizations": len(whose), **vars(outcome)})
