"""The registry: the only file that speaks MLflow. What serves is a verified copy of the alias `champion`.

MLflow keeps the runs and versions; this machine keeps copies of what serves and of what is tried beside it
(`ml.copies`), so that answers go on while MLflow is down, and processes that only answer never import it. Without
MLflow (the core profile) the copies are all there is.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlparse

import structlog

from ai2.kit.errors import Unavailable
from ai2.kit.settings import settings
from ml.copies import FILE, MEASURED, TRUSTED, About, ModelRejected, digest, load
from ml.serving import (
    CHALLENGER_ALIAS,
    CHAMPION_ALIAS,
    NAME,
    POINTERS,
    about_challenger,
    about_champion,
    challenger,
    champion,
    copies,
    measured_champion,
    refresh,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


log = structlog.get_logger(__name__)

__all__ = [
    "CHALLENGER_ALIAS", "CHAMPION_ALIAS", "NAME", "POINTERS", "about_challenger", "about_champion", "challenger",
    "champion", "copies", "measured_champion", "refresh",
]  # fmt: skip
EXPERIMENT, EVALUATIONS = "categoriser", "evaluations"
# Who only looks goes on without an answer; who acts waits for one.
LOOK_S, ACT_S = 2.0, 20.0


class RegistryDown(Unavailable):
    """MLflow does not answer; what serves goes on serving. Try again shortly."""


# --- MLflow ------------------------------------------------------------------------------------------------------


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def is_used() -> bool:
    """Whether this deployment has an MLflow."""
    return settings().mlflow_tracking_uri is not None


def aliases() -> dict[str, str] | None:
    """Which version each alias names; none where MLflow is absent or down."""
    if not is_used():
        return None
    try:
        return store(LOOK_S).aliases()
    except RegistryDown:
        return None


class Store(Protocol):
    """What we ask of MLflow's registry."""

    def aliases(self) -> dict[str, str]: ...
    def history(self) -> list[str]: ...
    def versions(self) -> list[About]: ...
    def name(self, alias: str, version: str) -> None: ...
    def unname(self, alias: str) -> None: ...
    def tell(self, key: str, value: str, version: str | None = None) -> None: ...


def store(patience_s: float = ACT_S) -> Store:
    """MLflow's registry: its server, which may take so long to answer, or a store without one."""
    is_server = urlparse(settings().mlflow_url).scheme in {"http", "https"}
    return _Server(settings().mlflow_url, patience_s) if is_server else _Client()


class _Server:
    """MLflow's server, asked by HTTP: MLflow itself is large, and this process may never need it."""

    def __init__(self, address: str, patience_s: float) -> None:
        self._patience_s = patience_s
        self._address = address.rstrip("/") + "/api/2.0/mlflow/"

    def aliases(self) -> dict[str, str]:
        return {each["alias"]: str(each["version"]) for each in self._model().get("aliases", [])}

    def history(self) -> list[str]:
        return _history(_tags(self._model()))

    def versions(self) -> list[About]:
        wanted = quote(f"name='{NAME}'")
        answer = self._ask("GET", f"model-versions/search?max_results=1000&filter={wanted}")
        return _abouts((str(each["version"]), _tags(each)) for each in answer.get("model_versions", []))

    def name(self, alias: str, version: str) -> None:
        self._ask("POST", "registered-models/alias", {"name": NAME, "alias": alias, "version": version})

    def unname(self, alias: str) -> None:
        self._ask("DELETE", "registered-models/alias", {"name": NAME, "alias": alias})

    def tell(self, key: str, value: str, version: str | None = None) -> None:
        told = {"name": NAME, "key": key, "value": value}
        if version is None:
            self._ask("POST", "registered-models/set-tag", told)
        else:
            self._ask("POST", "model-versions/set-tag", {**told, "version": version})

    def _model(self) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", f"registered-models/get?name={quote(NAME)}")
        return dict(found.get("registered_model", {}))

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(  # noqa: S310 - http by the check in _store
            self._address + path, content, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(asked, timeout=self._patience_s) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            if error.code == 404:  # nothing is registered yet
                return {}
            raise RegistryDown from error
        except (urllib.error.URLError, TimeoutError, OSError, ValueError) as error:
            raise RegistryDown from error


class _Client:
    """The same by MLflow's own client, for stores without a server."""

    def aliases(self) -> dict[str, str]:
        return {alias: str(version) for alias, version in (self._model().aliases if self._model() else {}).items()}

    def history(self) -> list[str]:
        return _history(self._model().tags if self._model() else {})

    def versions(self) -> list[About]:
        found = _mlflow().MlflowClient().search_model_versions(f"name='{NAME}'", max_results=1000)
        return _abouts((str(each.version), each.tags) for each in found)

    def name(self, alias: str, version: str) -> None:
        _mlflow().MlflowClient().set_registered_model_alias(NAME, alias, version)

    def unname(self, alias: str) -> None:
        _mlflow().MlflowClient().delete_registered_model_alias(NAME, alias)

    def tell(self, key: str, value: str, version: str | None = None) -> None:
        client = _mlflow().MlflowClient()
        if version is None:
            client.set_registered_model_tag(NAME, key, value)
        else:
            client.set_model_version_tag(NAME, version, key, value)

    def _model(self) -> Any:
        mlflow = _mlflow()
        with suppress(mlflow.exceptions.MlflowException):
            return mlflow.MlflowClient().get_registered_model(NAME)
        return None


def _tags(told: Mapping[str, Any]) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in told.get("tags", [])}


def _history(tags: Mapping[str, str]) -> list[str]:
    return [str(version) for version in json.loads(tags.get("history") or "[]")]


def _abouts(found: Any) -> list[About]:
    """What was written down of each version; a version that is not of our making has no such word."""
    known = []
    for number, tags in found:
        if "about" in tags:
            later = ("promoted_at", "promoted_by", "taken_back_at")
            more = {name: tags.get(name) or None for name in later}
            known.append(About.of(json.loads(tags["about"]), version=number, **more))
    return sorted(known, key=lambda about: int(about.version), reverse=True)


def pull(alias: str) -> None:
    """Copy what an alias names here, in a process of its own: MLflow is large, and here it may be needed but once.

    What lies here already, as after a rollback, is only pointed to.
    """
    named = store()
    number = named.aliases().get(alias)
    about = next((each for each in named.versions() if each.version == number), None)
    if about and copies().is_whole(about):
        copies().point(POINTERS[alias], about)
        return
    if "mlflow" in sys.modules:
        fetch(alias)
        return
    words = (sys.executable, "-m", "ml.registry", alias)
    told = {**os.environ, "AI2_HOME": str(settings().home.absolute()), "MLFLOW_TRACKING_URI": settings().mlflow_url}
    subprocess.run(words, env=told, check=True, capture_output=True, timeout=120)


def fetch(alias: str) -> About:
    """Download what an alias names, verify it against what was written down when it was registered, and keep it."""
    mlflow = _mlflow()
    number = str(mlflow.MlflowClient().get_model_version_by_alias(NAME, alias).version)
    about = next((each for each in _Client().versions() if each.version == number), None)
    if about is None:
        raise ModelRejected(f"version {number} is not of our making")
    with TemporaryDirectory() as folder:
        found = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/{number}", dst_path=folder))
        load(found / FILE, about.sha256)
        files = {FILE: (found / FILE).read_bytes()}
        if about.measured_sha256 and about.run_id:
            twin = Path(mlflow.artifacts.download_artifacts(f"runs:/{about.run_id}/{MEASURED}", dst_path=folder))
            load(twin, about.measured_sha256)
            files[MEASURED] = twin.read_bytes()
    copies().put(files, about)
    copies().point(POINTERS[alias], about)
    return about


def register(
    pipeline: "Pipeline",
    *,
    metrics: dict[str, float],
    params: dict[str, Any],
    data: dict[str, Any],
    code_version: str,
    measured: "Pipeline | None" = None,
    report: dict[str, Any] | None = None,
    gates: list[dict[str, Any]] | None = None,
    figures: Mapping[str, bytes] | None = None,
) -> About:
    """Log a run with its model and register a new version; it does not serve until it is promoted.

    `data` describes the training data, and `report` and `figures` (PNG by name) the measurement: counts, shares and
    digests, nobody's rows. `measured` is the twin that was measured. Without MLflow the version is a digest of the
    file, and the copies here are the registry.
    """
    from skops import io

    twin = io.dumps(measured) if measured is not None else None
    facts: dict[str, Any] = {
        "trained_at": now(),
        "metrics": metrics,
        "data": data,
        "params": params,
        "code_version": code_version,
        "measured_sha256": digest(twin) if twin else None,
        "report": report or {},
        "gates": gates or [],
    }
    if is_used():
        return _register(pipeline, twin, facts, figures or {})
    content: bytes = io.dumps(pipeline)
    sha256 = digest(content)
    about = About(version=f"local-{sha256[:8]}", sha256=sha256, **facts)
    copies().put({FILE: content, **({MEASURED: twin} if twin else {})}, about)
    return about


def _register(pipeline: "Pipeline", twin: bytes | None, facts: dict[str, Any], figures: Mapping[str, bytes]) -> About:
    import pandas as pd

    mlflow = _mlflow()
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as run:
        mlflow.log_params(facts["params"])
        mlflow.log_metrics(facts["metrics"])
        for name in ("data", "report", "gates"):
            mlflow.log_dict(facts[name], f"{name}.json")
        mlflow.set_tags({"code_version": facts["code_version"], "data_sha256": facts["data"].get("sha256", "")})
        with TemporaryDirectory() as folder:
            files = {**figures, **({MEASURED: twin} if twin else {})}
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
                mlflow.log_artifact(str(Path(folder) / name), "" if name == MEASURED else "figures")
        logged = mlflow.sklearn.log_model(
            pipeline,
            name=NAME,
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            signature=ModelSignature(Schema([ColSpec("string", "line")]), Schema([ColSpec("string", "detailed")])),
            input_example=pd.DataFrame({"line": ["sign=out corner coffee house"]}),
            pip_requirements=_requirements(),
        )
        with TemporaryDirectory() as folder:
            file = Path(mlflow.artifacts.download_artifacts(logged.model_uri, dst_path=folder)) / FILE
            sha256 = digest(file.read_bytes())
        known = {**facts, "sha256": sha256, "run_id": run.info.run_id}
        version = mlflow.register_model(logged.model_uri, NAME, tags={"about": json.dumps(known)})
    return About.of(known, version=str(version.version))


def log_evaluation(name: str, metrics: Mapping[str, float], data: Mapping[str, Any]) -> str | None:
    """Log a measurement (a benchmark's, `ai2 evaluate`'s) as a run, and give its id; none where there is no MLflow.

    `data` says what was measured on what: data set, split, rows, how; counts and digests, nobody's rows.
    """
    if not is_used():
        return None
    mlflow = _mlflow()
    mlflow.set_experiment(EVALUATIONS)
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_metrics({key: float(value) for key, value in metrics.items()})
        mlflow.log_params({key: value for key, value in data.items() if not isinstance(value, dict | list)})
        mlflow.log_dict({"name": name, "metrics": dict(metrics), "data": dict(data)}, "evaluation.json")
        mlflow.set_tag("evaluation", name)
    return str(run.info.run_id)


def log_shadow(about: About, metrics: Mapping[str, float]) -> None:
    """Add to a version's run how it did beside the champion: counts and shares over everyone."""
    if is_used() and about.run_id:
        client = _mlflow().MlflowClient()
        for name, value in metrics.items():
            client.log_metric(about.run_id, name, float(value))


@dataclass(frozen=True)
class Evaluation:
    """A measurement that was logged."""

    name: str
    measured_at: datetime
    metrics: dict[str, float]
    data: dict[str, str]


def evaluations() -> list[Evaluation]:
    """The last measurement of each name; none where there is no MLflow."""
    if not is_used():
        return []
    mlflow = _mlflow()
    experiment = mlflow.get_experiment_by_name(EVALUATIONS)
    if experiment is None:
        return []
    runs = mlflow.MlflowClient().search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    last: dict[str, Evaluation] = {}
    for run in runs:
        name = run.data.tags.get("evaluation", run.info.run_name)
        at = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
        last.setdefault(name, Evaluation(name, at, dict(run.data.metrics), dict(run.data.params)))
    return sorted(last.values(), key=lambda each: each.name)


def log_backtest(experiment: str, metrics: dict[str, float], params: dict[str, Any]) -> str | None:
    """Log how forecasts went at months of the past, in figures alone; none where there is no MLflow."""
    if not is_used():
        return None
    mlflow = _mlflow()
    mlflow.set_experiment(experiment)
    with mlflow.start_run() as run:
        mlflow.log_params(params)
        mlflow.log_metrics(metrics)
    return str(run.info.run_id)


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [f"{name}=={version(name)}" for name in ("scikit-learn", "skops", "numpy", "scipy")]


def _mlflow() -> Any:
    """MLflow, told where its server is and not to wait for it: half a second to import, and 100 MB."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow
    import mlflow.sklearn

    mlflow.set_tracking_uri(settings().mlflow_url)
    return mlflow


if __name__ == "__main__":
    fetch(sys.argv[1])
