"""Saved filters: what people ask the list for again and again, under a name."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(SAVED_FILTERS)


def downgrade() -> None:
    op.get_bind().connection.cursor().execute("drop table books.saved_filters")


SAVED_FILTERS = """
create table books.saved_filters (
    organization_id uuid not null references identity.organizations,
    filter_id uuid not null,
    -- as the history names people: user:<id> or api_key:<id>
    owner text not null,
    name text not null check (name <> ''),
    -- what the list is asked for, in its own words
    filter jsonb not null,
    is_shared boolean not null default false,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (organization_id, filter_id)
);
create unique index saved_filters_name on books.saved_filters (organization_id, owner, lower(name));

call identity.protect(array['books.saved_filters']::regclass[]);
grant select, insert, update, delete on books.saved_filters to ai2_api, ai2_pipeline;
"""
