"""One statement file, imported in one step: its raw bytes, its statement lines, its transactions."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import dagster as dg

from ai2.kit.errors import Problem
from ai2.kit.masking import mask, masked
from pipelines.ingest.inbox import put_away
from pipelines.ingest.outcome import RAW_FILES, READABLE, STATEMENT_LINES, TRANSACTIONS, Outcome, check_specs
from pipelines.ingest.take import shown, take
from pipelines.resources import Books

GROUP = "ingest"


class StatementFile(dg.Config):
    """Which file, and whose account it is imported into."""

    organization_id: str
    account_id: str
    path: str


@dg.multi_asset(
    specs=[
        dg.AssetSpec(RAW_FILES, group_name=GROUP, skippable=True, kinds={"file"},
                     description="Bytes as they came, encrypted, under their SHA-256."),
        dg.AssetSpec(STATEMENT_LINES, deps=[RAW_FILES], group_name=GROUP, skippable=True, kinds={"postgres"},
                     description="Every row of every file, and what became of it."),
        dg.AssetSpec(TRANSACTIONS, deps=[STATEMENT_LINES], group_name=GROUP, skippable=True, kinds={"postgres"},
                     description="The books: every movement of money, once."),
    ],
    check_specs=check_specs(),
    name="import_file",
    pool="import",
)  # fmt: skip
def import_file(context: dg.AssetExecutionContext, config: StatementFile, books: Books) -> Iterator[object]:
    """Import the file in one database transaction. Where an expectation fails, it is rolled back and held."""
    whose = {"organization_id": UUID(config.organization_id), "account_id": UUID(config.account_id)}
    path = Path(config.path)
    try:
        outcome = books.of_one(lambda database: take(database, **whose, path=path))
    except Problem as problem:
        yield _refused(problem)
        raise dg.Failure(mask(f"{problem.code}: {problem.detail}"), allow_retries=False) from None
    books.of_all(partial(shown, batch_id=outcome.batch_id))
    yield from _events(outcome)
    if outcome.status == "loaded":
        context.log.info("the file lies in %s now", mask(str(put_away(path))))


def _events(outcome: Outcome) -> Iterator[object]:
    checked = [
        dg.AssetCheckResult(asset_key=key, check_name=name, passed=held, metadata=metadata)
        for key, name, held, metadata in outcome.checked()
    ]
    for key, metadata in outcome.materialized():
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        yield from (check for check in checked if check.asset_key == key)
    if outcome.status == "held":
        yield from (check for check in checked if check.asset_key == STATEMENT_LINES)
        reasons = "; ".join(f"not so: {check.metadata['says'].value}" for check in checked if not check.passed)
        raise dg.Failure(f"held, nothing was loaded: {reasons}", allow_retries=False)


def _refused(problem: Problem) -> dg.AssetCheckResult:
    """Why a file waits: it cannot be read, or (`needs_answer`) somebody has to say how."""
    reason = masked({"code": problem.code, "title": problem.title, "detail": problem.detail})
    questions = masked(problem.extra.get("questions"))
    asked = {"questions": dg.MetadataValue.json(questions)} if questions else {}
    return dg.AssetCheckResult(
        asset_key=RAW_FILES,
        check_name=READABLE,
        passed=False,
        metadata={**reason, **asked},
        description=reason["detail"],
    )
