"""Suggestions and the categoriser as assets: what they made is counted, and people's decisions stay."""

import asyncio

import dagster as dg

from ai2.books.categories import service as categories
from ai2.books.transactions import decisions
from ai2.kit.database import Database
from ml.governance.retrain import Retrained
from pipelines.categoriser.assets import described as trained_as_metadata
from pipelines.resources import Books
from pipelines.suggestions.assets import SUGGESTIONS, suggestions
from tests.pipelines.conftest import STATEMENT, Inbox


async def materialized(
    asset: dg.AssetsDefinition, instance: dg.DagsterInstance, config: dict[str, str] | None = None
) -> dict[str, object]:
    """An asset's metadata after it was made."""
    result = await asyncio.to_thread(
        dg.materialize,
        [asset],
        instance=instance,
        resources={"books": Books()},
        run_config={"ops": {asset.op.name: {"config": config}}} if config else None,
    )
    [event] = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_a_training_is_described_by_its_figures() -> None:
    trained = Retrained(
        "7",
        is_promoted=True,
        metrics={"primary_accuracy": 0.61, "unseen_country/GB": 0.5},
        shared_corrections=3,
        gates=[{"name": "steady_when_perturbed", "is_passed": False}],
        is_passed=False,
    )

    described = trained_as_metadata(trained)

    assert described.pop("mlflow").url.endswith("/#/models/categoriser")
    assert described == {
        "version": "7",
        "is_passed": False,
        "is_promoted": True,
        "former_promoted": "",
        "gates_failed": ["steady_when_perturbed"],
        "primary_accuracy": 0.61,
        "shared_corrections": 3,
    }


async def test_suggestions_are_for_one_organization_and_leave_people_alone(
    inbox: Inbox, instance: dg.DagsterInstance, database: Database
) -> None:
    organization_id = inbox.organization.organization_id
    await inbox.take(inbox.drop(STATEMENT))
    [rent] = await inbox.read("select transaction_id from published.transactions where amount = -850")
    async with database.transaction(organization_id) as db:
        mine = await categories.find(db, organization_id, "Insurance")
        await decisions.decide(db, organization_id, rent["transaction_id"], mine.category_id)

    counted = await materialized(suggestions, instance, {"organization_id": str(organization_id)})

    assert counted["transactions"] == counted["dagster/row_count"] == 3
    decided = await inbox.read("select category_id, decided_by from published.transactions where amount = -850")
    assert decided == [{"category_id": mine.category_id, "decided_by": "user"}]
    assert SUGGESTIONS.path == ["published", "suggestions"]
