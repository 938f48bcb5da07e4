"""What our processes are told: nothing of the caller's shell but what they need, and every setting that was made.

Passwords go this way and never on a command line, where everyone could read them.
"""

import json
import os
from pathlib import Path

from pydantic import BaseModel, SecretStr

from ai2.kit.database import Role, sqlalchemy_url
from ai2.kit.settings import Settings

ROOT = Path(__file__).parents[2]
# Where things are, how text is written, and how the outside is reached.
INHERITED = (
    "HOME", "PATH", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "AI2_SECRETS",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "COVERAGE_PROCESS_START",
)  # fmt: skip


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return field.upper()


def environment(using: Settings) -> dict[str, str]:
    """The variables every process gets."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    made = {variable(field): _written(getattr(using, field)) for field in using.model_fields_set}
    return {
        **inherited,
        **{name: value for name, value in made.items() if value is not None},
        "AI2_HOME": str(using.home.absolute()),
        "PYTHONUNBUFFERED": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # or each look hangs for 20 s while MLflow is down
    }


def mlflow_environment(using: Settings) -> dict[str, str]:
    """What MLflow's server is told besides."""
    return {
        "MLFLOW_BACKEND_STORE_URI": sqlalchemy_url(Role.MLFLOW, "mlflow", "psycopg2", using),
        "MLFLOW_ARTIFACTS_DESTINATION": (using.home.absolute() / "mlflow").as_uri(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def dagster_environment(using: Settings) -> dict[str, str]:
    """What Dagster's processes are told besides."""
    return {
        "DAGSTER_HOME": str(using.home.absolute() / "dagster"),
        # SQLAlchemy reads a plain postgresql:// as psycopg 3, which dagster-postgres cannot use.
        "DAGSTER_POSTGRES_URL": sqlalchemy_url(Role.DAGSTER, "dagster", "psycopg2", using),
    }


def _written(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value, default=_plain) if isinstance(value, bool | list | dict) else str(value)


def _plain(value: object) -> object:
    """What JSON has no word for, inside a list."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return dict(value) if isinstance(value, BaseModel) else str(value)
