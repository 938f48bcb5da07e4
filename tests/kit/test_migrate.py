"""Migrations: twice is once, nobody gets in by the side, an administrator is needed once."""

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from ai2.kit.database import Role, connection_parameters, sqlalchemy_url
from ai2.kit.live import MIGRATIONS
from ai2.kit.migrate import NotAnAdministrator, migrate
from ai2.kit.settings import Settings, settings

TABLES = "select count(*) from pg_tables where schemaname in ('identity', 'books', 'ingest', 'ml', 'queue')"


def count(dbname: str = "ai2") -> int:
    with psycopg.connect(**connection_parameters(Role.ADMIN, dbname)) as db:
        return int((db.execute(TABLES).fetchone() or [0])[0])


def test_twice_is_once(server: None) -> None:
    before = count()
    migrate()
    assert count() == before > 15


def test_nobody_but_the_roles_may_enter(server: None) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(**connection_parameters(Role.MLFLOW, "ai2"))


@pytest.mark.parametrize("role", [Role.API, Role.PIPELINE, Role.DAGSTER, Role.MLFLOW])
def test_no_working_role_is_above_the_policies(server: None, role: Role) -> None:
    with psycopg.connect(**connection_parameters(Role.ADMIN)) as db:
        found = db.execute(
            "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = %s", [role]
        ).fetchone()
    assert found == (False, False, False, False)


def test_an_administrator_is_needed_once(server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without rights migrates where the roles are there, and is told what it takes where they are not."""
    known = connection_parameters(Role.API)
    url = f"postgresql://{known['user']}:{known['password']}@/ai2?host={known['host']}"
    own = Settings(database_url=url, ai2_home=settings().home, _env_file=None)  # type: ignore[arg-type, call-arg]
    migrate(using=own)
    monkeypatch.setattr("ai2.kit.migrate._is_prepared", lambda using: False)
    with pytest.raises(NotAnAdministrator, match="--admin-url"):
        migrate(using=own)


def test_a_url_for_other_tools_leads_to_the_same_server(server: None) -> None:
    url = sqlalchemy_url(Role.DAGSTER, "dagster", "psycopg2")
    assert url.startswith("postgresql+psycopg2://dagster:")
    assert "/dagster?host=" in url


def test_the_invitations_can_be_taken_back_and_made_again(server: None) -> None:
    """All in one transaction that is rolled back: other tests go on with the tables as they are."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    revision = ScriptDirectory.from_config(config).get_revision("0008").module
    known = "select count(*) from pg_tables where schemaname = 'identity' and tablename like 'invitation%'"
    with psycopg.connect(**connection_parameters(Role.OWNER)) as db:
        found = []
        for statements in ("", revision.BACK, revision.INVITATIONS + revision.VERSIONS + revision.SESSIONS):
            db.execute(statements)
            found.append((db.execute(known).fetchone() or [0])[0])
        db.rollback()
    assert found == [2, 0, 2]


def test_a_key_with_scopes_ends_where_scopes_are_taken_back(server: None) -> None:
    """Without them it would open all that its role may; one that had none goes on."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    revision = ScriptDirectory.from_config(config).get_revision("0010").module
    with psycopg.connect(**connection_parameters(Role.OWNER)) as db:
        db.execute("alter table identity.api_keys no force row level security")
        db.execute("alter table identity.organizations no force row level security")
        db.execute(TWO_KEYS)
        db.execute(revision.BACK)
        db.execute("alter table identity.api_keys no force row level security")
        found = db.execute("select name, revoked_at is null from identity.api_keys where name like 'scope%'").fetchall()
        indexed = db.execute("select count(*) from identity.api_key_index where digest like 'scope%'").fetchone()
        db.execute(revision.SCOPES)
        db.rollback()
    assert sorted(found) == [("scope none", True), ("scope read", False)]
    assert indexed == (1,)


TWO_KEYS = """
with organization as (
    insert into identity.organizations (organization_id, name, base_currency)
    values (gen_random_uuid(), 'Scopes', 'GBP') returning organization_id
), key as (
    insert into identity.api_keys (organization_id, api_key_id, name, role, prefix, scopes)
    select organization_id, gen_random_uuid(), name, 'admin', 'ai2_', scopes
    from organization, (values ('scope none', null), ('scope read', array['read'])) as made (name, scopes)
    returning organization_id, api_key_id, name
)
insert into identity.api_key_index (digest, organization_id, api_key_id)
select convert_to(name, 'utf8'), organization_id, api_key_id from key
"""
