"""Reports: as they were given out, so that each figure can be explained and found again."""

from ai2.kit import live

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    live.run(REPORTS)


def downgrade() -> None:
    """What was given out is lost here; it can be made again as of its time."""
    live.run("drop schema reports cascade")


REPORTS = """
create schema reports;
grant usage on schema reports to ai2_api, ai2_pipeline;
create table reports.reports (
    organization_id uuid not null references identity.organizations,
    report_id uuid not null,
    report text not null,
    title text not null,
    -- what it was asked to be, and all of its tables with what each cell is made of
    asked jsonb not null,
    document jsonb not null,
    -- over what a reader sees: the same for the same books
    digest text not null,
    -- what was known at this moment is what it says
    as_of timestamptz not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (organization_id, report_id)
);
call identity.protect(array['reports.reports']::regclass[]);
grant select, insert, delete on reports.reports to ai2_api, ai2_pipeline;
"""
