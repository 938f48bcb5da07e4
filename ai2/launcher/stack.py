"""The stack: every process and every first step of a platform, one entry each."""

import shutil
import sys
import time
from pathlib import Path

from ai2.kit.settings import Settings
from ai2.launcher import probes, sample
from ai2.launcher.environment import ROOT, dagster_environment, environment, mlflow_environment
from ai2.launcher.parts import Part, Process, Step
from ai2.launcher.ports import Port
from ai2.launcher.profiles import Plan

LOOPBACK = "127.0.0.1"
PYTHON = sys.executable
CHAMPION = "/api/2.0/mlflow/registered-models/alias?name=categoriser&alias=champion"


def parts(using: Settings, plan: Plan, *, since: float | None = None) -> list[Part]:
    """What a profile starts, each after what it names.

    Signs of life count from `since` on (seconds of the epoch; now, if not said).
    """
    told = environment(using) | {"ENABLE_AI": str("ai" in plan.services and using.enable_ai).lower()}
    if not plan.has_operators:
        return _books(using, plan, told)
    # Who is told where MLflow and Dagster are misses them when they are gone.
    told |= {"MLFLOW_TRACKING_URI": using.mlflow_url, "DAGSTER_URL": using.dagster}
    mlflow = [] if using.mlflow_tracking_uri else [_mlflow(using, told)]
    dagster = [] if using.dagster_url else _dagster(using, told, since or time.time())
    return [*_books(using, plan, told), *mlflow, *dagster, *_first_steps(using, told)]


def _books(using: Settings, plan: Plan, told: dict[str, str]) -> list[Part]:
    return [
        Step(
            name="migrate",
            title="Schema",
            command=(PYTHON, "-m", "ai2", "migrate"),
            environment=told,
            is_essential=True,
        ),
        Step(
            name="sample",
            title="Sample organization",
            command=(PYTHON, "-m", "ai2.launcher.first", "sample"),
            environment=told,
            needs=("migrate",),
            is_wanted=lambda: sample.is_wanted(using),
        ),
        _api(using, plan, told),
        Process(
            name="worker",
            title="Worker",
            command=(PYTHON, "-m", "ai2", "worker"),
            environment=told,
            answers=probes.worker(using),
            needs=("migrate",),
            rest_s=1,
        ),
    ]


def _api(using: Settings, plan: Plan, told: dict[str, str]) -> Process:
    ports = {"gateway": using.gateway_port} | {name: getattr(using, f"{name}_port") for name in plan.services}
    urls = {name: f"http://{using.host}:{number}" for name, number in ports.items()}
    return Process(
        name="api",
        title=f"API ({', '.join(ports)})",
        command=(PYTHON, "-m", "ai2", "serve", *plan.services),
        environment=told,
        answers=probes.every(*(probes.http(f"{url}/health") for url in urls.values())),
        ports=tuple(Port(number, f"{name.upper()}_PORT", using.host) for name, number in ports.items()),
        needs=("migrate",),
        urls=urls,
        is_essential=True,
    )


def _mlflow(using: Settings, told: dict[str, str]) -> Process:
    page = f"http://{LOOPBACK}:{using.mlflow_port}"
    words = ("--host", LOOPBACK, "--port", str(using.mlflow_port), "--workers", "1")
    told = {name: value for name, value in told.items() if name != "MLFLOW_TRACKING_URI"}  # it is the server
    return Process(
        name="mlflow",
        title="MLflow",
        command=(program("mlflow"), "server", *words),
        environment=told | mlflow_environment(using),
        answers=probes.http(f"{page}/health"),
        ports=(Port(using.mlflow_port, "MLFLOW_PORT"),),
        needs=("migrate",),
        urls={"MLflow": page},
    )


def _dagster(using: Settings, told: dict[str, str], since: float) -> list[Part]:
    """One code server for both: else the webserver and the daemon would each load the definitions."""
    page = f"http://{LOOPBACK}:{using.dagster_port}"
    told = told | dagster_environment(using)
    code, web = (("--host", LOOPBACK, "--port", str(port)) for port in (using.dagster_code_port, using.dagster_port))
    definitions = ("--module-name", "pipelines.definitions", "--working-directory", str(ROOT), "--location-name", "ai2")
    workspace = ("--workspace", str(using.home.absolute() / "dagster" / "workspace.yaml"))
    return [
        Process(
            name="dagster-code",
            title="Dagster's definitions",
            command=(program("dagster"), "api", "grpc", *code, *definitions),
            environment=told,
            answers=probes.port(LOOPBACK, using.dagster_code_port),
            ports=(Port(using.dagster_code_port, "DAGSTER_CODE_PORT"),),
            needs=("migrate",),
        ),
        Process(
            name="dagster-webserver",
            title="Dagster",
            command=(program("dagster-webserver"), *web, *workspace),
            environment=told,
            answers=probes.http(f"{page}/server_info"),
            ports=(Port(using.dagster_port, "DAGSTER_PORT"),),
            needs=("dagster-code",),
            urls={"Dagster": page},
        ),
        Process(
            name="dagster-daemon",
            title="Dagster's daemon",
            command=(program("dagster-daemon"), "run", *workspace),
            environment=told,
            answers=probes.dagster_daemon(page, since),
            needs=("dagster-code", "dagster-webserver"),
            after=("marts",),  # or its sensors would build them at the same time
        ),
    ]


def prepare(using: Settings) -> None:
    """Lay out Dagster's home: the repository's `dagster.yaml`, and where its definitions are served."""
    home = using.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
    served = f"{{host: {LOOPBACK}, port: {using.dagster_code_port}, location_name: ai2}}"
    (home / "workspace.yaml").write_text(f"load_from:\n  - grpc_server: {served}\n")


def _first_steps(using: Settings, told: dict[str, str]) -> list[Part]:
    first = (PYTHON, "-m", "ai2.launcher.first")
    return [
        Step(
            name="model",
            title="First categoriser",
            command=(*first, "model"),
            environment=told,
            needs=("migrate", "mlflow"),
            is_wanted=probes.none_of(probes.http(f"{using.mlflow_url}{CHAMPION}")),
        ),
        Step(
            name="categories",
            title="Categories of the sample",
            command=(*first, "categories"),
            environment=told,
            needs=("sample", "model"),
            is_wanted=lambda: sample.is_uncategorised(using),
        ),
        Step(
            name="marts",
            title="Marts",
            command=(PYTHON, "-m", "pipelines.build"),
            environment=told,
            needs=("sample",),
            after=("categories",),
            is_wanted=probes.none_of(probes.row(using, "select to_regclass('marts.fct_transactions')")),
        ),
    ]


def program(name: str) -> str:
    """A program of the virtual environment that we run in."""
    return str(Path(PYTHON).with_name(name))
