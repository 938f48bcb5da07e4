"""dbt: where the project lies, who it connects as, and how it is built in this process or in one of its own."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from ai2.kit.database import Role, connection_parameters
from ai2.kit.settings import Settings, settings
from pipelines.offline import without_tracker

PROJECT = Path(__file__).parents[1] / "dbt_project"
# What dbt's tests look at: what the build replaces, or everything. dbt parses the project anew where it is told
# otherwise than the time before, so it is parsed for what is asked most.
Covered = Literal["touched", "everything"]


def tests_cover(what: Covered) -> tuple[str, str]:
    """dbt's words for what its tests look at."""
    return "--vars", f"tests: {what}"


class BuildFailed(RuntimeError):
    """dbt could not build the marts, or a test of theirs failed; its log says which."""


def work_folder(using: Settings | None = None) -> Path:
    """Where dbt may write."""
    return (using or settings()).home.absolute() / "dbt"


def environment(using: Settings | None = None) -> dict[str, str]:
    """The variables that `dbt_project/profiles.yml` reads, and where dbt may write."""
    server = connection_parameters(Role.PIPELINE, using=using or settings())
    known = {
        "AI2_PG_HOST": server["host"],
        "AI2_PG_PORT": server.get("port", 5432),
        "AI2_PG_USER": server["user"],
        "AI2_PG_PASSWORD": server["password"],
        "AI2_PG_DBNAME": server["dbname"],
        "AI2_PG_SSLMODE": server.get("sslmode", "prefer"),
        "DBT_TARGET_PATH": work_folder(using) / "target",
        "DBT_LOG_PATH": work_folder(using) / "logs",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    return {name: str(value) for name, value in known.items()}


def build(*arguments: str, using: Settings | None = None) -> None:
    """Build and test the marts in this process; starting dbt costs more than its work."""
    invoke("build", *arguments, using=using)


def invoke(command: str, *arguments: str, using: Settings | None = None) -> None:
    """Run a dbt command in this process."""
    from dbt.cli.main import dbtRunner

    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    with environment_set(environment(using)):
        result = dbtRunner().invoke(["--quiet", command, *places, *arguments])
    if not result.success:
        raise BuildFailed(str(result.exception or BuildFailed.__doc__))


def write_docs(using: Settings | None = None) -> Path:
    """Write the models' documentation as one page that needs nothing else, and say where it lies."""
    # in the words of the builds: else each of them would have to parse the project anew
    invoke("docs", "generate", "--static", *tests_cover("touched"), using=using)
    page = (work_folder(using) / "target/static_index.html").read_text(encoding="utf-8")
    folder = work_folder(using) / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / "index.html.new"
    # where things lie on this machine is nobody's concern
    fresh.write_text(without_tracker(page).replace(str(work_folder(using)), ""), encoding="utf-8")
    return fresh.replace(folder / "index.html")


def manifest(using: Settings | None = None) -> Path:
    """The parsed project; parsed here where the project is newer, by whoever of several processes comes first."""
    folder = work_folder(using) / "target"
    folder.mkdir(parents=True, exist_ok=True)
    parsed = folder / "manifest.json"
    with (folder / "parse.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not parsed.exists() or parsed.stat().st_mtime < _newest():
            invoke("parse", *tests_cover("touched"), using=using)
    return parsed


def _newest() -> float:
    return max(file.stat().st_mtime for file in PROJECT.rglob("*") if file.suffix in {".sql", ".yml", ".csv"})


@contextmanager
def environment_set(variables: dict[str, str]) -> Iterator[None]:
    """The variables, for the length of a block: dbt takes its settings from nowhere else."""
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
