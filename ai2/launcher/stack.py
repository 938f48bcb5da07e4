"""The stack: every process and every first step of a platform, one entry each."""

import shutil
import sys
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


def parts(using: Settings, plan: Plan) -> list[Part]:
    """What a profile starts, each after what it names."""
    told = environment(using) | {"ENABLE_AI": str("ai" in plan.services and using.enable_ai).lower()}
    if not plan.has_operators:
        return _books(using, plan, told)
    # Who is told where MLflow and Dagster are misses them when they are gone.
    told |= {"MLFLOW_TRACKING_URI": using.mlflow_url, "DAGSTER_URL": using.dagster}
    return [*_books(using, plan, told), _mlflow(using, told), *_dagster(using, told), *_first_steps(using, told)]


def _books(using: Settings, plan: Plan, told: dict[str, str]) -> list[Part]:
    return [
        Step("migrate", "Schema", (PYTHON, "-m", "ai2", "migrate"), told, is_essential=True),
        Step(
            "sample", "Sample organization", (PYTHON, "-m", "ai2.launcher.first", "sample"), told,
            needs=("migrate",), is_wanted=lambda: sample.is_wanted(using),
        ),
        _api(using, plan, told),
        _worker(using, told),
    ]  # fmt: skip


def _api(using: Settings, plan: Plan, told: dict[str, str]) -> Process:
    ports = {"gateway": using.gateway_port} | {name: getattr(using, f"{name}_port") for name in plan.services}
    urls = {name: f"http://{using.host}:{number}" for name, number in ports.items()}
    return Process(
        "api",
        f"API ({', '.join(ports)})",
        (PYTHON, "-m", "ai2", "serve", *plan.services),
        told,
        probes.every(*(probes.http(f"{url}/health") for url in urls.values())),
        tuple(Port(number, f"{name.upper()}_PORT", using.host) for name, number in ports.items()),
        ("migrate",),
        urls,
        is_essential=True,
    )


def _worker(using: Settings, told: dict[str, str]) -> Process:
    command = (PYTHON, "-m", "ai2", "worker")
    return Process("worker", "Worker", command, told, probes.worker(using), needs=("migrate",), rest_s=1)


def _mlflow(using: Settings, told: dict[str, str]) -> Process:
    port = using.mlflow_port
    return Process(
        "mlflow",
        "MLflow",
        (program("mlflow"), "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"),
        {name: value for name, value in told.items() if name != "MLFLOW_TRACKING_URI"} | mlflow_environment(using),
        probes.http(f"http://{LOOPBACK}:{port}/health"),
        (Port(port, "MLFLOW_PORT"),),
        ("migrate",),
        {"MLflow": f"http://{LOOPBACK}:{port}"},
    )


def _dagster(using: Settings, told: dict[str, str]) -> list[Part]:
    """One code server for both: else the webserver and the daemon would each load the definitions."""
    home, page = using.home.absolute() / "dagster", f"http://{LOOPBACK}:{using.dagster_port}"
    told = told | dagster_environment(using)
    code, web = str(using.dagster_code_port), str(using.dagster_port)
    workspace = ("--workspace", str(home / "workspace.yaml"))
    definitions = ("--module-name", "pipelines.definitions", "--working-directory", str(ROOT), "--location-name", "ai2")
    return [
        Process(
            "dagster-code", "Dagster's definitions",
            (program("dagster"), "api", "grpc", "--host", LOOPBACK, "--port", code, *definitions),
            told, probes.port(LOOPBACK, using.dagster_code_port), (Port(using.dagster_code_port, "DAGSTER_CODE_PORT"),),
            ("migrate",),
        ),
        Process(
            "dagster-webserver", "Dagster",
            (program("dagster-webserver"), "--host", LOOPBACK, "--port", web, *workspace),
            told, probes.http(f"{page}/server_info"), (Port(using.dagster_port, "DAGSTER_PORT"),),
            ("dagster-code",), {"Dagster": page},
        ),
        Process(
            "dagster-daemon", "Dagster's daemon", (program("dagster-daemon"), "run", *workspace),
            told, probes.dagster_daemon(page), needs=("dagster-code", "dagster-webserver"),
        ),
    ]  # fmt: skip


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
            "model", "First categoriser", (*first, "model"), told, ("migrate", "mlflow"),
            probes.none_of(probes.http(f"{using.mlflow_url}{CHAMPION}")),
        ),
        Step(
            "categories", "Categories of the sample", (*first, "categories"), told, ("sample", "model"),
            lambda: sample.is_uncategorised(using),
        ),
        Step(
            "marts", "Marts", (PYTHON, "-m", "pipelines.build"), told, ("sample",), ("categories",),
            probes.none_of(probes.row(using, "select to_regclass('marts.fct_transactions')")),
        ),
    ]  # fmt: skip


def program(name: str) -> str:
    """A program of the virtual environment that we run in."""
    return str(Path(PYTHON).with_name(name))
