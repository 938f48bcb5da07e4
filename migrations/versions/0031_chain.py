"""The chain: what a person rejected, what an LLM answered and may still be asked, and the orchestrator's runs."""

from ai2.kit import live

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    live.run(ORGANIZATIONS, SUGGESTIONS, LLM, RUNS)


def downgrade() -> None:
    """What was rejected may be suggested again; suggestions of own categories, LLM answers and runs are lost."""
    live.run(BACK)


ORGANIZATIONS = """
-- whether merchants that nobody knows may be asked of an LLM, masked
alter table identity.organizations add column allows_llm boolean not null default false;
"""

SUGGESTIONS = """
alter table ml.suggestions
    -- an own category may stand for no predicted one
    alter column detailed drop not null,
    -- what a person said no to, as the category's id or else the predicted one: it is not suggested again
    add column rejected text[] not null default '{}',
    add column closed_at timestamptz;
"""

LLM = """
-- What an LLM said of a masked text. The organization's alone: what is left of a text may still be somebody's.
create table ml.llm_answers (
    organization_id uuid not null references identity.organizations,
    model text not null,
    version text not null,
    text text not null,
    money_in boolean not null,
    -- null: it could not tell
    detailed text,
    confidence numeric not null check (confidence between 0 and 1),
    answered_at timestamptz not null default now(),
    primary key (organization_id, model, version, text, money_in)
);

-- What a day's questions cost: calls are counted before they are made, tokens as the answers tell them.
create table ml.llm_days (
    organization_id uuid not null references identity.organizations,
    day date not null,
    calls integer not null default 0,
    tokens bigint not null default 0,
    primary key (organization_id, day)
);
call identity.protect(array['ml.llm_answers', 'ml.llm_days']::regclass[]);
grant select, insert, update, delete on ml.llm_answers, ml.llm_days to ai2_api, ai2_pipeline;
"""

RUNS = """
-- A workflow that somebody asked for, over these transactions or this period.
create table ml.runs (
    organization_id uuid not null references identity.organizations,
    run_id uuid not null,
    workflow text not null,
    scope jsonb not null,
    state text not null default 'queued' check (state in ('queued', 'running', 'done', 'partly', 'failed')),
    requested_by text not null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    primary key (organization_id, run_id)
);

-- Its steps. One that is done is not done again when the run is taken up once more.
create table ml.run_steps (
    organization_id uuid not null,
    run_id uuid not null,
    step text not null,
    place smallint not null,
    state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed', 'skipped')),
    attempts smallint not null default 0,
    result jsonb,
    error jsonb,
    started_at timestamptz,
    finished_at timestamptz,
    primary key (organization_id, run_id, step),
    foreign key (organization_id, run_id) references ml.runs on delete cascade
);
call identity.protect(array['ml.runs', 'ml.run_steps']::regclass[]);
grant select, insert, update, delete on ml.runs, ml.run_steps to ai2_api, ai2_pipeline;
"""

BACK = """
drop table ml.run_steps, ml.runs, ml.llm_days, ml.llm_answers;
delete from ml.suggestions where detailed is null;
alter table ml.suggestions alter column detailed set not null, drop column rejected, drop column closed_at;
alter table identity.organizations drop column allows_llm;
"""
