"""Alembic runs each revision as the owner of the schemas, in one transaction."""

from alembic import context
from sqlalchemy import create_engine, pool

from ai2.kit.database import Role, sqlalchemy_url

engine = create_engine(sqlalchemy_url(Role.OWNER, "ai2", "psycopg"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, version_table_schema="public")
    with context.begin_transaction():
        context.run_migrations()
