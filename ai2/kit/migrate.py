"""Migrate: databases, roles and extensions on a server, then the schemas up to the newest revision.

The server's administrator needs the rights to create roles and databases and the extension pg_trgm; the
revisions themselves run as the owner of the schemas.
"""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ai2.kit.database import Role, connection_parameters
from ai2.kit.revisions import alone, upgrade
from ai2.kit.secrets import secrets
from ai2.kit.settings import Settings, settings

DATABASES = {"ai2": Role.OWNER, "dagster": Role.DAGSTER, "mlflow": Role.MLFLOW}


class NotAnAdministrator(RuntimeError):
    """The database user may not create roles or databases; give one that may with --admin-url."""


def migrate(admin_url: str | None = None, using: Settings | None = None, *, to: str = "head") -> None:
    """Bring the server to the newest revision, or this one; nothing happens where it is there already."""
    using = using or settings()
    administrator = _administrator(admin_url, using)
    names = {"ai2": str(connection_parameters(Role.OWNER, using=using)["dbname"])}
    try:
        _prepare(administrator, secrets(using.home).passwords, names)
    except psycopg.errors.InsufficientPrivilege as error:
        if not _is_prepared(using):
            raise NotAnAdministrator(f"{NotAnAdministrator.__doc__} ({error.diag.message_primary})") from error
    except psycopg.OperationalError:
        # The address of a prepared server needs no user of its own: we know the roles and their passwords.
        if not _is_prepared(using):
            raise
    upgrade(to)


def _is_prepared(using: Settings) -> bool:
    """Whether an administrator made the databases and roles before, with the passwords that we know."""
    try:
        for database, owner in DATABASES.items():
            psycopg.connect(**connection_parameters(owner, database, using)).close()
    except psycopg.OperationalError:
        return False
    return True


def _administrator(admin_url: str | None, using: Settings) -> dict[str, Any]:
    if admin_url:
        return conninfo_to_dict(admin_url)
    if using.database_url:
        return conninfo_to_dict(using.database_url.get_secret_value())
    return connection_parameters(Role.ADMIN, "postgres", using)


def _prepare(administrator: dict[str, Any], passwords: dict[str, str], names: dict[str, str]) -> None:
    by_server = {**administrator, "dbname": "postgres"}
    with alone(by_server), psycopg.connect(**by_server, autocommit=True) as server:
        for role in Role:
            if role is not Role.ADMIN:
                _make_role(server, role, passwords[role])
        for database, owner in DATABASES.items():
            _make_database(server, names.get(database, database), owner)
    with psycopg.connect(**{**administrator, "dbname": names["ai2"]}, autocommit=True) as books:
        books.execute("create extension if not exists pg_trgm")
        # dbt makes its schemas itself, and readers of the marts are the API's role.
        grant = sql.SQL("grant create on database {} to ai2_pipeline")
        books.execute(grant.format(sql.Identifier(names["ai2"])))


def _make_role(server: "psycopg.Connection[Any]", role: Role, password: str) -> None:
    known = server.execute("select 1 from pg_roles where rolname = %s", [role]).fetchone()
    verb = sql.SQL("alter" if known else "create")
    words = sql.SQL("{} role {} login nosuperuser nobypassrls nocreatedb nocreaterole password {}")
    server.execute(words.format(verb, sql.Identifier(role), sql.Literal(password)))


def _make_database(server: "psycopg.Connection[Any]", name: str, owner: Role) -> None:
    if not server.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
        words = sql.SQL("create database {} owner {} template template0 encoding 'UTF8'")
        # On PostgreSQL 16+ only members may give ownership away.
        server.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(owner)))
        server.execute(words.format(sql.Identifier(name), sql.Identifier(owner)))
    server.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
    readers = (owner, Role.API, Role.PIPELINE) if owner is Role.OWNER else (owner,)
    for reader in readers:
        grant = sql.SQL("grant connect, temporary on database {} to {}")
        server.execute(grant.format(sql.Identifier(name), sql.Identifier(reader)))
