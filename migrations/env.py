"""Alembic runs each revision as the owner of the schemas, in a transaction of its own."""

from alembic import context
from sqlalchemy import create_engine, pool

from ai2.kit.database import Role, sqlalchemy_url
from ai2.kit.live import LOCK_MS

patience = {"options": f"-c lock_timeout={LOCK_MS} -c TimeZone=UTC"}
engine = create_engine(sqlalchemy_url(Role.OWNER, "ai2", "psycopg"), poolclass=pool.NullPool, connect_args=patience)
with engine.connect() as connection:
    context.configure(connection=connection, version_table_schema="public", transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
