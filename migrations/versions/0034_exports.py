"""Exports: what was asked for as a file, and what was written, and views of what else of the books is read for one.

The files themselves lie in the blob store.
"""

from ai2.kit import live

revision = "0034"
down_revision = "0033"


# What of the books had no readers beside them so far.
VIEWS = {
    "published.rules": "select * from books.rules",
    "published.budgets": "select * from books.budgets",
    "published.budget_months": "select * from books.budget_months",
    "published.own_rates": "select * from books.own_rates",
    "published.exchange_rates": "select * from books.exchange_rates",
}


def upgrade() -> None:
    granted = f"grant select on {', '.join(VIEWS)} to ai2_api, ai2_pipeline"
    live.run(EXPORTS, *(live.view(name, select) for name, select in VIEWS.items()), granted)


def downgrade() -> None:
    """Files that were written are found no more; they can be asked for again."""
    live.run(f"drop view {', '.join(VIEWS)}", "drop table reports.exports")


EXPORTS = """
create table reports.exports (
    organization_id uuid not null references identity.organizations,
    -- its job's id too
    export_id uuid not null,
    what text not null,
    format text not null,
    -- which of it
    asked jsonb not null,
    asked_by text not null,
    created_at timestamptz not null default now(),
    -- once it is written: what is in it, and how to see that it is whole
    manifest jsonb,
    rows bigint,
    size_bytes bigint,
    sha256 text,
    finished_at timestamptz,
    expires_at timestamptz,
    primary key (organization_id, export_id),
    check ((finished_at is null) = (manifest is null))
);
call identity.protect(array['reports.exports']::regclass[]);
grant select, insert, update, delete on reports.exports to ai2_api, ai2_pipeline;
"""
