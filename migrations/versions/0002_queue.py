"""The queue: background jobs, each an organization's, done at least once."""

from ai2.kit import live

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    live.run(QUEUE)


def downgrade() -> None:
    """Jobs that wait are lost."""
    live.run("drop view published.jobs; drop schema queue cascade")


QUEUE = """
create schema queue;

create table queue.jobs (
    organization_id uuid not null references identity.organizations,
    job_id uuid not null,
    kind text not null,
    payload jsonb not null default '{}',
    -- waiting jobs of one key are one job
    key text,
    state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed')),
    attempts smallint not null default 0,
    progress numeric not null default 0 check (progress between 0 and 1),
    result jsonb,
    -- why the last attempt failed, as RFC 9457 problem
    error jsonb,
    -- the worker that runs it holds an advisory lock of this number for as long as it lives
    worker_id bigint,
    created_at timestamptz not null default now(),
    run_after timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    primary key (organization_id, job_id)
);
create unique index jobs_waiting_once on queue.jobs (organization_id, kind, key) where state = 'queued';
create index jobs_open on queue.jobs (run_after) where state in ('queued', 'running');

call identity.protect(array['queue.jobs']::regclass[]);

create view published.jobs with (security_invoker = true) as
select
    organization_id, job_id, kind, state, attempts, progress, result, error,
    created_at, started_at, finished_at
from queue.jobs;

grant usage on schema queue to ai2_api, ai2_pipeline;
grant select, insert, update, delete on queue.jobs to ai2_api, ai2_pipeline;
grant select on published.jobs to ai2_api, ai2_pipeline;
"""
