"""Forecasts as an asset: what was rehearsed is kept, MLflow gets figures alone, and without it nothing breaks."""

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import dagster as dg
import pytest

from ai2.books.transactions import bulk
from ai2.books.transactions.service import NewTransaction
from ai2.kit.database import Database, number
from ml import registry
from ml.cashflow.span import after
from ml.cashflow.telling import Rehearsed
from pipelines.cashflow.assets import forecasts, together
from tests.pipelines.conftest import Inbox
from tests.pipelines.test_learning import materialized

SECRET = "Quimby and Daughters"


@pytest.fixture
async def organization_id(inbox: Inbox, database: Database) -> str:
    """An organization with half a year of books."""
    whose = inbox.organization.organization_id
    this = datetime.now(UTC).date().replace(day=1)
    async with database.transaction(whose) as db:
        new = [
            NewTransaction(
                booked_on=after(this, -back), amount=Decimal(-100 - back), currency="GBP", description=SECRET
            )
            for back in range(1, 8)
        ]
        await bulk.create(db, whose, new)
    return str(whose)


async def test_an_organization_is_rehearsed_and_kept(
    organization_id: str, instance: dg.DagsterInstance, database: Database
) -> None:
    counted = await materialized(forecasts, instance, {"organization_id": organization_id})
    assert counted["organizations"] == 1
    assert counted["series"] == 3
    assert "mase_seasonal_naive" in counted
    assert "mlflow_run" not in counted
    async with database.transaction() as db:
        await db.execute("select set_config('app.organization_id', %s, true)", [organization_id])
        assert await number(db, "select count(*) from ml.forecast_rehearsals") == 1


def test_figures_of_all_organizations_are_weighed_by_their_series() -> None:
    few = Rehearsed(1, 12, {"chosen": (1.0, 1)}, {"80": (8.0, 10), "95": (10.0, 10)})
    many = Rehearsed(3, 24, {"chosen": (1.5, 3), "boosting": (1.2, 3)}, {"80": (24.0, 30), "95": (27.0, 30)})
    assert together([few, many]) == {
        "held_80": 0.8, "held_95": 0.925, "mase_boosting": 0.4, "mase_chosen": 0.625, "series": 4.0,
    }  # fmt: skip
    assert together([]) == {}


def test_mlflow_gets_figures_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[object] = []

    class Mlflow:
        def set_experiment(self, name: str) -> None:
            logged.append(name)

        def start_run(self) -> "Mlflow":
            return self

        def __enter__(self) -> SimpleNamespace:
            return SimpleNamespace(info=SimpleNamespace(run_id="run-1"))

        def __exit__(self, *_: object) -> None: ...

        def log_params(self, params: object) -> None:
            logged.append(params)

        def log_metrics(self, metrics: object) -> None:
            logged.append(metrics)

    assert registry.log_backtest("cashflow", {"mase_chosen": 0.7}, {"organizations": 2}) is None
    monkeypatch.setattr(registry, "is_used", lambda: True)
    monkeypatch.setattr(registry, "_mlflow", Mlflow)
    assert registry.log_backtest("cashflow", {"mase_chosen": 0.7}, {"organizations": 2}) == "run-1"
    assert logged == ["cashflow", {"organizations": 2}, {"mase_chosen": 0.7}]
