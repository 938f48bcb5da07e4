"""The registry: the only file that speaks MLflow. What serves is a verified copy of the alias `champion`.

MLflow keeps the runs and versions; this machine keeps a copy of what serves under `models` in the home, so that
answers go on while MLflow is down, and processes that only answer never import it. Without MLflow (the core
profile) the copy is all there is.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlparse

import structlog

from ai2.kit.settings import settings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ml.categoriser.decide import PublicCategoriser

log = structlog.get_logger(__name__)

NAME, ALIAS, EXPERIMENT = "categoriser", "champion", "categoriser"
# What a model file may hold besides numbers and scikit-learn's own: this, and not what the file says of itself.
TRUSTED = [
    "ml.categoriser.features.tokens",
    "ml.categoriser.linear.LinearCategoriser",
    "ml.categoriser.linear.Lines",
]
FILE, POINTER = "model.skops", "champion.json"
POLL_S = 3.0
ANSWER_S = 2.0


class ModelRejected(ValueError):
    """The model file is not the one that was registered; it is not loaded."""


@dataclass(frozen=True)
class About:
    """What is known of a trained model. `sha256` is its file's; `run_id` is none where there is no MLflow."""

    version: str
    sha256: str
    trained_at: str
    metrics: dict[str, float]
    data: dict[str, Any]
    params: dict[str, Any]
    code_version: str
    run_id: str | None = None

    @property
    def folder(self) -> str:
        """Where its copy lies: another registry may have given the same version to another file."""
        return f"{self.version}-{self.sha256[:8]}"


# --- what serves in this process ---------------------------------------------------------------------------------


class _Serving:
    """The one model of this process, and the thread that looks for its successor."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.categoriser: PublicCategoriser | None = None
        self.about: About | None = None
        self.pointer: bytes | None = None
        self.watcher: threading.Thread | None = None


_serving = _Serving()


def champion() -> "PublicCategoriser":
    """What serves now. Where no model was ever trained, merchant knowledge answers alone and the rest abstains."""
    if _serving.categoriser is None:
        _load_kept()
        _watch()
    if _serving.categoriser is None:
        from ml.categoriser.decide import PublicCategoriser

        return PublicCategoriser(None, "none")
    return _serving.categoriser


def about_champion() -> About | None:
    """What is known of what serves; none before there is a model."""
    champion()
    return _serving.about


def refresh() -> bool:
    """Look for a new champion, here and in MLflow; says whether one serves now. What serves stays on any trouble."""
    former = _serving.about
    version = registered_version()
    kept = _kept()
    if version and (kept is None or version != kept.version):
        _fetch()
    _load_kept()
    return _serving.about is not None and _serving.about != former


def _watch() -> None:
    with _serving.lock:
        if _serving.watcher is None:
            _serving.watcher = threading.Thread(target=_look_for_ever, name="champion", daemon=True)
            _serving.watcher.start()


def _look_for_ever() -> None:
    pause = threading.Event()
    while not pause.wait(POLL_S):
        try:
            refresh()
        except Exception:  # whatever it is, what serves goes on serving
            log.warning("champion_not_refreshed", exc_info=True)


def _load_kept() -> None:
    """Serve the kept copy, if there is one that this process does not serve already."""
    try:
        pointer = (_home() / POINTER).read_bytes()
    except FileNotFoundError:
        return
    with _serving.lock:
        if pointer == _serving.pointer:
            return
        about = About(**json.loads(pointer))
        try:
            pipeline = load(_home() / about.folder / FILE, about.sha256)
        except (ModelRejected, FileNotFoundError) as error:  # without its pointer it is fetched or trained anew
            log.error("kept_model_rejected", reason=str(error))
            (_home() / POINTER).unlink(missing_ok=True)
            return
        from ml.categoriser.decide import PublicCategoriser

        _serving.categoriser = PublicCategoriser(pipeline, f"{NAME}-{about.version}")
        _serving.about, _serving.pointer = about, pointer
        log.info("champion_serves", version=about.version)


# --- the copies on this machine ----------------------------------------------------------------------------------


def load(path: Path, sha256: str) -> "Pipeline":
    """The pipeline in a file, if the file is the one that was registered and holds nothing but what we trust."""
    from skops import io
    from skops.io.exceptions import UntrustedTypesFoundException

    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelRejected(f"{path.name} is not what was registered; retrain, or delete {path.parent}")
    try:
        return io.loads(content, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise ModelRejected(f"{path.name} holds types that are not trusted") from error


def keep(path: Path, about: About) -> None:
    """Copy a model file here and let it serve: all of it is in place before the pointer moves."""
    home, kept = _home(), _kept()
    former = kept.folder if kept else None
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home, ignore_cleanup_errors=True) as folder:
        fresh = Path(folder) / about.folder
        fresh.mkdir()
        shutil.copyfile(path, fresh / FILE)
        if not _is_whole(home / about.folder / FILE, about.sha256):
            shutil.rmtree(home / about.folder, ignore_errors=True)
            with suppress(OSError):  # another process was quicker, with the same file
                fresh.rename(home / about.folder)
        pointer = Path(folder) / POINTER
        pointer.write_text(json.dumps(asdict(about)), encoding="utf-8")
        pointer.replace(home / POINTER)
    for other in home.iterdir():  # the former stays, for who is about to read it
        if (other / FILE).exists() and other.name not in {about.folder, former}:
            shutil.rmtree(other, ignore_errors=True)


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _kept() -> About | None:
    try:
        return About(**json.loads((_home() / POINTER).read_bytes()))
    except (FileNotFoundError, TypeError, ValueError):
        return None


def _home() -> Path:
    return settings().home / "models" / NAME


# --- MLflow ------------------------------------------------------------------------------------------------------


def is_used() -> bool:
    """Whether this deployment has an MLflow."""
    return settings().mlflow_tracking_uri is not None


def registered_version() -> str | None:
    """The version that the alias names now; none where MLflow is absent, down, or has no champion."""
    if not is_used():
        return None
    address = settings().mlflow_url
    if urlparse(address).scheme not in {"http", "https"}:
        return _registered_version_by_client()
    path = f"/api/2.0/mlflow/registered-models/alias?name={quote(NAME)}&alias={quote(ALIAS)}"
    try:
        with urllib.request.urlopen(address + path, timeout=ANSWER_S) as answer:  # noqa: S310 - http by the check above
            return str(json.load(answer)["model_version"]["version"])
    except (urllib.error.URLError, TimeoutError, OSError, ValueError, KeyError):
        return None


def _registered_version_by_client() -> str | None:
    mlflow = _mlflow()
    try:
        return str(mlflow.MlflowClient().get_model_version_by_alias(NAME, ALIAS).version)
    except mlflow.exceptions.MlflowException:
        return None


def _fetch() -> None:
    """Copy the champion here, in a process of its own: MLflow is large, and this process may never need it again."""
    words = (sys.executable, "-m", "ml.registry")
    told = {**os.environ, "AI2_HOME": str(settings().home.absolute()), "MLFLOW_TRACKING_URI": settings().mlflow_url}
    subprocess.run(words, env=told, check=True, capture_output=True, timeout=120)


def fetch() -> About:
    """Download the champion, verify it against what was written down when it was registered, and keep it."""
    mlflow = _mlflow()
    version = mlflow.MlflowClient().get_model_version_by_alias(NAME, ALIAS)
    about = About(**json.loads(version.tags["about"]), version=str(version.version))
    with TemporaryDirectory() as folder:
        found = mlflow.artifacts.download_artifacts(f"models:/{NAME}/{version.version}", dst_path=folder)
        load(Path(found) / FILE, about.sha256)
        keep(Path(found) / FILE, about)
    return about


def register(
    pipeline: "Pipeline",
    *,
    metrics: dict[str, float],
    params: dict[str, Any],
    data: dict[str, Any],
    code_version: str,
) -> About:
    """Log a run with its model and register a new version; it does not serve until it is promoted.

    `data` describes the training data: counts and digests, nobody's rows. Without MLflow the version is a digest
    of the file, and the file waits where `promote` finds it.
    """
    trained_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    facts: dict[str, Any] = {
        "trained_at": trained_at,
        "metrics": metrics,
        "data": data,
        "params": params,
        "code_version": code_version,
    }
    if is_used():
        return _register(pipeline, facts)
    from skops import io

    content: bytes = io.dumps(pipeline)
    sha256 = hashlib.sha256(content).hexdigest()
    about = About(version=f"local-{sha256[:8]}", sha256=sha256, **facts)
    waiting = _home() / "waiting" / about.version
    waiting.mkdir(parents=True, exist_ok=True)
    (waiting / FILE).write_bytes(content)
    return about


def _register(pipeline: "Pipeline", facts: dict[str, Any]) -> About:
    import pandas as pd

    mlflow = _mlflow()
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run() as run:
        mlflow.log_params(facts["params"])
        mlflow.log_metrics(facts["metrics"])
        mlflow.log_dict(facts["data"], "data.json")
        mlflow.set_tags({"code_version": facts["code_version"], "data_sha256": facts["data"].get("sha256", "")})
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
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        known = {**facts, "sha256": sha256, "run_id": run.info.run_id}
        version = mlflow.register_model(logged.model_uri, NAME, tags={"about": json.dumps(known)})
    return About(version=str(version.version), **known)


def promote(about: About) -> None:
    """Let a registered version serve: everywhere by its alias, here at once."""
    if is_used():
        _mlflow().MlflowClient().set_registered_model_alias(NAME, ALIAS, about.version)
        fetch()
    else:
        waiting = _home() / "waiting" / about.version
        keep(waiting / FILE, about)
        shutil.rmtree(waiting, ignore_errors=True)
    _load_kept()


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
    fetch()
