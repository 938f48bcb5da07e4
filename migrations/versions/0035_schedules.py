"""Schedules: reports that are made again and again, and each time that one was."""

from ai2.kit import live

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    live.run(SCHEDULES)


def downgrade() -> None:
    """Schedules are lost; the reports that were made by them stay."""
    live.run("drop table reports.schedule_runs, reports.schedules")


SCHEDULES = """
create table reports.schedules (
    organization_id uuid not null references identity.organizations,
    schedule_id uuid not null,
    name text not null check (name <> ''),
    -- what is asked for but for its days, and which days these are, seen from the day on which it is due
    report jsonb not null,
    period text not null,
    format text not null,
    every text not null check (every in ('day', 'week', 'month', 'quarter')),
    -- of a week from Monday (1); of a month, where a short one has its last; of a quarter's month
    day smallint not null check (day between 1 and 31),
    month smallint not null check (month between 1 and 3),
    hour smallint not null check (hour between 0 and 23),
    minute smallint not null check (minute between 0 and 59),
    time_zone text not null,
    -- members that it is for; none: for whoever listens
    recipients uuid[] not null default '{}',
    is_active boolean not null default true,
    next_due_at timestamptz not null,
    -- when it is tried: when it is due, or later where it could not be made then
    run_after timestamptz not null,
    attempts smallint not null default 0,
    version integer not null default 1,
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (organization_id, schedule_id)
);
create index schedules_due on reports.schedules (run_after) where is_active;

-- Of a time there is one, whatever is run again.
create table reports.schedule_runs (
    organization_id uuid not null,
    schedule_id uuid not null,
    due_at timestamptz not null,
    state text not null check (state in ('made', 'failed')),
    report_id uuid,
    -- times before it at which nobody was there to make it
    missed integer not null default 0,
    missed_since timestamptz,
    -- why it could not be made, as RFC 9457
    error jsonb,
    made_at timestamptz not null default clock_timestamp(),
    primary key (organization_id, schedule_id, due_at),
    foreign key (organization_id, schedule_id) references reports.schedules on delete cascade,
    check ((state = 'made') = (report_id is not null)),
    check ((missed = 0) = (missed_since is null))
);
call identity.protect(array['reports.schedules', 'reports.schedule_runs']::regclass[]);
grant select, insert, update, delete on reports.schedules, reports.schedule_runs to ai2_api, ai2_pipeline;
"""
