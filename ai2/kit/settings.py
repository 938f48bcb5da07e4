"""Settings: environment variables under the guide's names, `.env`, and an optional JSON file below them.

`AI2_CONFIG` names the JSON file; it has the guide's sections and may say `${VARIABLE}`.
"""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

# Where a value of the guide's JSON file goes.
FILE_KEYS = {
    "database.url": "database_url",
    "database.pool.max": "database_pool_max",
    "logging.level": "log_level",
    "security.cors.origin": "cors_origins",
    "security.cors.credentials": "cors_credentials",
    "security.rateLimit.windowMs": "rate_limit_window_ms",
    "security.rateLimit.max": "rate_limit_max",
}


class SettingsFileError(ValueError):
    """The settings file cannot be used."""


class OidcProvider(BaseModel):
    """An OpenID provider that people may sign in with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="as addresses spell it")
    title: str = Field(default="", description="as people read it; by default the name")
    issuer: str
    client_id: str
    client_secret: SecretStr | None = Field(default=None, description="none for a public client")
    scope: str = "openid email profile"
    hosts: tuple[str, ...] = Field(default=(), description="those it answers at besides its issuer's own")
    redirect_uri: str | None = Field(default=None, description="a page of your app; by default our own callback")

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        is_here = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if not parts.hostname or not (parts.scheme == "https" or is_here) or parts.query or parts.fragment:
            raise ValueError("is an https address, as the provider itself spells its issuer")
        return issuer


class Settings(BaseSettings):
    """Everything that a deployment may decide, with the defaults of one machine."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")

    # Not `home` and `host`: the shell has HOME and often HOST, which mean something else.
    ai2_home: Path = Path(".ai2")
    ai2_host: str = "127.0.0.1"
    log_level: str = "info"

    # What seals every organization's key, instead of what `secrets.json` has: 32 bytes in base64, or a file of them.
    ai2_master_key: SecretStr | None = None
    ai2_master_key_file: Path | None = None

    database_url: SecretStr | None = None
    database_pool_max: int = Field(default=4, description="4 connections beat 10 on two cores")
    blob_url: str | None = Field(default=None, description="a folder; by default `blobs` in the home")

    gateway_port: int = 8000
    core_port: int = 3001
    ai_port: int = 3002
    connectors_port: int = 3003
    analytics_port: int = 3004
    dagster_port: int = 3000
    mlflow_port: int = 5000
    dagster_code_port: int = Field(default=4266, description="the definitions, for webserver and daemon")

    enable_ai: bool = True
    enable_ai_categories: bool = True
    enable_ai_learning: bool = True
    enable_multi_tenant: bool = False

    # Where data may be fetched from: folders below which organizations may watch one (as JSON, none by default), and
    # whether what they name may lie in this network: a server's address is refused otherwise.
    watched_folders: list[Path] = []
    connect_private: bool = False
    # Mailboxes: how we are registered with Google and Microsoft, at most how large a mail is, how many mailboxes are
    # listened to at once (the others are looked at), and where mail is forwarded to: docs/reference/mail.md.
    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    microsoft_client_id: str | None = None
    microsoft_client_secret: SecretStr | None = None
    microsoft_tenant: str = Field(default="common", pattern=r"^[A-Za-z0-9.-]+$", description="whose people may consent")
    mail_bytes: int = Field(default=30_000_000, ge=100_000, le=50_000_000)
    mail_listeners: int = Field(default=50, ge=0, description="connections held open, by all workers together")
    inbound_mail_domain: str | None = Field(default=None, description="whose MX is SendGrid's Inbound Parse")
    inbound_mail_token: SecretStr | None = Field(default=None, description="in the address that SendGrid is given")
    inbound_mail_key: str | None = Field(default=None, description="SendGrid's public key, where it signs")

    # Keys of the GoCardless Bank Account Data portal: docs/reference/bank-feeds.md.
    gocardless_secret_id: SecretStr | None = None
    gocardless_secret_key: SecretStr | None = None
    gocardless_url: str = "https://bankaccountdata.gocardless.com"

    # Banks through Plaid: this installation's keys (docs/reference/plaid.md).
    plaid_client_id: str | None = None
    plaid_secret: SecretStr | None = None
    plaid_env: Literal["sandbox", "production"] = "sandbox"
    plaid_url: str | None = Field(default=None, description="by default that of the environment")

    # An LLM for merchants that nobody knows, in organizations that allow it: docs/reference/llm.md.
    openai_api_key: SecretStr | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    ai_model: str = "gpt-4.1-mini"
    ai_timeout: int = Field(default=30_000, gt=0, description="milliseconds that one call may take")
    ai_daily_calls: int = Field(default=200, ge=0, description="calls an organization has a day, of 20 questions each")
    ai_daily_tokens: int = Field(default=400_000, ge=0, description="and tokens")

    # When the model that all share is trained anew, and for how long a challenger is tried before it may serve.
    ai_retrain_days: int = Field(default=7, ge=1)
    ai_retrain_corrections: int = Field(default=500, ge=1, description="shared ones since the last training")
    ai_retrain_drift: float = Field(default=0.25, gt=0, description="population stability index of what is decided")
    ai_shadow_hours: int = Field(default=20, ge=0, description="less than a day, so that the next night's look is due")
    # Whose owners and admins may change what serves for all; by default everyone's where there is one tenant.
    operator_organizations: list[UUID] = []

    mlflow_tracking_uri: str | None = None
    dagster_url: str | None = None

    ecb_rates_url: str = Field(
        default="https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip",
        description="where reference rates are fetched; a path or anything that fsspec knows will do",
    )

    cors_origins: list[str] = []
    cors_credentials: bool = False
    cors_max_age_s: int = 600
    # Whose X-Forwarded-For and X-Forwarded-Proto are believed, and by which names we may be asked for (any, if none).
    trusted_proxies: list[str] = []
    allowed_hosts: list[str] = []
    redis_url: SecretStr | None = Field(default=None, description="counts the limits for all processes together")
    request_timeout_ms: int = 60_000
    rate_limit_window_ms: int = 900_000
    rate_limit_max: int = 1000
    access_token_minutes: int = 15
    session_days: int = 30
    breached_passwords_file: FilePath | None = Field(default=None, description="Have I Been Pwned's, ordered by hash")
    public_url: str | None = Field(
        default=None, description="where people reach the API, by default the gateway here; https turns HSTS on"
    )
    oidc_providers: list[OidcProvider] = []
    # Imports larger than this run in the worker; uploads larger than the second are refused.
    inline_import_bytes: int = 5_000_000
    upload_bytes: int = 1_100_000_000
    attachment_bytes: int = Field(default=25_000_000, description="a receipt or invoice beside a transaction")
    export_days: int = Field(default=7, ge=1, le=365, description="how long a file of the books can be downloaded")

    @field_validator("oidc_providers")
    @classmethod
    def _have_names_of_their_own(cls, providers: list[OidcProvider]) -> list[OidcProvider]:
        if len({provider.name for provider in providers}) < len(providers):
            raise ValueError("have names that differ")
        return providers

    @model_validator(mode="after")
    def _no_page_of_anyone_has_cookies(self) -> "Settings":
        if self.cors_credentials and "*" in self.cors_origins:
            raise ValueError("CORS_CREDENTIALS needs CORS_ORIGINS that name each site; * is anybody's")
        return self

    @property
    def home(self) -> Path:
        return self.ai2_home

    @property
    def host(self) -> str:
        return self.ai2_host

    @property
    def public_address(self) -> str:
        return (self.public_url or f"http://localhost:{self.gateway_port}").rstrip("/")

    @property
    def mlflow_url(self) -> str:
        return self.mlflow_tracking_uri or f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def dagster(self) -> str:
        return self.dagster_url or f"http://127.0.0.1:{self.dagster_port}"

    @property
    def blobs(self) -> str:
        return self.blob_url or str(self.home.absolute() / "blobs")

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, _SettingsFile(settings_cls)


class _SettingsFile(PydanticBaseSettingsSource):
    """The JSON file, weaker than the environment."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False  # everything comes from __call__

    def __call__(self) -> dict[str, Any]:
        path = os.environ.get("AI2_CONFIG")
        return read_settings_file(Path(path)) if path else {}


def read_settings_file(path: Path) -> dict[str, Any]:
    """Settings by name out of the guide's JSON, each `${VARIABLE}` replaced; an unset one is an error."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise SettingsFileError(f"{path}: {error}") from error
    if not isinstance(tree, dict):
        raise SettingsFileError(f"{path}: an object with the sections database, logging and security is expected")
    found = {name: _substitute(_at(tree, dotted)) for dotted, name in FILE_KEYS.items()}
    found["database_url"] = found["database_url"] or _database_url(_substitute(tree.get("database", {})))
    found["redis_url"] = _redis_url(_substitute(tree.get("redis", {})))
    return {name: value for name, value in found.items() if value is not None}


def _at(tree: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _substitute(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", _variable, value)
    if isinstance(value, dict):
        return {key: _substitute(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item) for item in value]
    return value


def _variable(match: re.Match[str]) -> str:
    try:
        return os.environ[match[1]]
    except KeyError:
        raise SettingsFileError(f"the settings file names ${{{match[1]}}}, which is not set") from None


def _database_url(section: dict[str, Any]) -> str | None:
    """The guide spells the database as host, port, database and ssl."""
    if "host" not in section:
        return None
    user = ":".join(quote(str(section[key]), safe="") for key in ("user", "password") if key in section)
    address = f"{section['host']}:{section.get('port', 5432)}/{section.get('database', 'ai2')}"
    mode = "?sslmode=require" if section.get("ssl") else ""
    return f"postgresql://{user + '@' if user else ''}{address}{mode}"


def _redis_url(section: dict[str, Any]) -> str | None:
    """The guide spells Redis as host, port and password."""
    if "host" not in section:
        return None
    password = f":{quote(str(section['password']), safe='')}@" if section.get("password") else ""
    return f"redis://{password}{section['host']}:{section.get('port', 6379)}/{section.get('db', 0)}"


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
