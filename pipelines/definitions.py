"""Everything Dagster knows. A stage is a folder; what it defines is found by the names of its files."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import dagster as dg

from ai2.kit import logs
from ai2.kit.settings import settings
from pipelines.resources import resources

Kind = TypeVar("Kind")
FILES = ("assets", "checks", "jobs", "sensors", "schedules")


def stages() -> list[ModuleType]:
    """The modules of every stage, found by being there."""
    here = Path(__file__).parent
    found = sorted(path for name in FILES for path in here.glob(f"*/{name}.py"))
    return [import_module(f"pipelines.{path.parent.name}.{path.stem}") for path in found]


def of_kind(kind: type[Kind]) -> list[Kind]:
    """What the stages define of a kind."""
    return list(
        {id(found): found for stage in stages() for found in vars(stage).values() if isinstance(found, kind)}.values()
    )


# Python's own way of telling an exception, and structlog's, show values.
logs.configure_ours("dagster", settings().log_level)

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(stages()),
    asset_checks=dg.load_asset_checks_from_modules(stages()),
    sensors=of_kind(dg.SensorDefinition),
    schedules=of_kind(dg.ScheduleDefinition),
    resources=resources(),
    # On few cores a process for each step costs more than it gains.
    executor=dg.in_process_executor,
)
