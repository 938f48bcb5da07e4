"""What every asset may ask for: the platform's database, and dbt."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtCliResource
from packaging.version import Version

from ai2.kit import logs
from ai2.kit.database import Database, Role
from ai2.kit.errors import Problem
from pipelines import dbt as project

Answer = TypeVar("Answer")
log = logs.logger("ai2.pipelines")


class Books(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The platform's database: as the API's role, which sees one organization, or as the pipeline's, which sees all."""

    def of_one(self, act: Callable[[Database], Awaitable[Answer]]) -> Answer:
        """Let `act` work as the API's role does."""
        return asyncio.run(_with(Role.API, act))

    def of_all(self, act: Callable[[Database], Awaitable[Answer]]) -> Answer:
        """Let `act` work across organizations."""
        return asyncio.run(_with(Role.PIPELINE, act))

    def of_both(self, act: Callable[[Database, Database], Awaitable[Answer]]) -> Answer:
        """Let `act` find across organizations what it then does as one: the API role's database, and the pipeline's."""

        async def with_both(database: Database) -> Answer:
            async with Database(Role.PIPELINE) as pipeline:
                return await act(database, pipeline)

        return self.of_one(with_both)


class BooksFailed(RuntimeError):
    """Something broke while the books were read or written; what it was about stays out of Dagster's log."""


async def _with(role: Role, act: Callable[[Database], Awaitable[Answer]]) -> Answer:
    async with Database(role) as database:
        try:
            return await act(database)
        except (Problem, dg.Failure):
            raise
        except Exception as error:
            log.error("books failed", exc_info=error)
            raise BooksFailed(logs.told(error)) from None


class Dbt(DbtCliResource):
    """dbt in a process of its own, told who to connect as.

    Dagster's own resource first starts `dbt --version` (3 s, and a look at a package index) and an adapter of its
    own (1.7 s), which only serves metadata that we count ourselves.
    """

    def cli(self, args: Sequence[str], **settings: Any) -> DbtCliInvocation:
        with project.environment_set(project.environment()):
            return super().cli(args, **settings)

    @property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def resources() -> dict[str, Any]:
    """Every resource, by the name assets ask for."""
    programs = Path(sys.executable).parent
    folder = str(project.PROJECT)
    return {
        "books": Books(),
        "dbt": Dbt(project_dir=folder, profiles_dir=folder, dbt_executable=str(programs / "dbt")),
    }
