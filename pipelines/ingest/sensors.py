"""What sets imports going, and what shows those that came another way."""

import json
from collections.abc import Iterator

import dagster as dg

from ai2.ingest import reporting
from ai2.kit.database import Database
from ai2.kit.masking import mask
from ai2.kit.settings import settings
from pipelines.ingest import inbox
from pipelines.ingest.assets import import_file
from pipelines.ingest.jobs import import_and_suggest
from pipelines.ingest.outcome import Outcome
from pipelines.ingest.take import places
from pipelines.resources import Books
from pipelines.suggestions.assets import suggestions


@dg.sensor(
    job=import_and_suggest,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Takes up files dropped at inbox/<organization>/<account>/ once they have stopped growing.",
)
def inbox_files(context: dg.SensorEvaluationContext, books: Books) -> dg.SensorResult:
    now = inbox.look(settings().inbox)
    ready = inbox.settled(json.loads(context.cursor or "{}"), now)
    known = books.of_all(lambda database: places(database, (file.place for file in ready))) if ready else {}
    for nobody in sorted({file.place for file in ready} - known.keys()):
        context.log.warning("inbox/%s/%s is named after no organization and account of ours", *nobody)
    requests = [_request(file, known[file.place]) for file in ready if file.place in known]
    return dg.SensorResult(run_requests=requests, cursor=inbox.remembered(now))


def _request(file: inbox.Dropped, place: inbox.Place) -> dg.RunRequest:
    whose = {"organization_id": str(place.organization_id)}
    config = {**whose, "account_id": str(place.account_id), "path": str(file.path.absolute())}
    return dg.RunRequest(
        run_key=inbox.run_key(file, place),
        run_config={"ops": {import_file.op.name: {"config": config}, suggestions.op.name: {"config": whose}}},
        tags={"ai2/file": mask(file.path.name), **{f"ai2/{name}": value for name, value in whose.items()}},
    )


@dg.sensor(
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Shows what the API and the command line imported as materializations of the same assets.",
)
def imports_elsewhere(context: dg.SensorEvaluationContext, books: Books) -> dg.SkipReason:
    shown = report(context.instance, books)
    return dg.SkipReason(f"{shown} imports shown" if shown else "nothing was imported elsewhere")


def report(instance: dg.DagsterInstance, books: Books) -> int:
    """Report the batches that are not shown yet, once; how many there were."""

    async def show(database: Database) -> int:
        async with database.transaction() as db:
            batches = await reporting.unreported(db)
            await reporting.mark_reported(db, [batch["batch_id"] for batch in batches])
            for batch in batches:
                for event in _events(Outcome.of(batch)):
                    instance.report_runless_asset_event(event)
            return len(batches)

    return books.of_all(show)


def _events(outcome: Outcome) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    for key, metadata in outcome.materialized():
        yield dg.AssetMaterialization(asset_key=key, metadata=metadata)
    for key, name, held, metadata in outcome.checked():
        yield dg.AssetCheckEvaluation(asset_key=key, check_name=name, passed=held, metadata=metadata, blocking=True)
