"""Governance: what is decided by day, what a challenger says beside the champion, and how far the next training is."""

from ai2.kit import live

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    live.run(TABLES)


def downgrade() -> None:
    """How challengers did and the mix of what was decided are lost; both are gathered anew."""
    live.run("drop table ml.shadow_decisions, ml.shadow_counts, ml.decision_counts, ml.learning_state")


TABLES = """
-- How many transactions were decided how, by the day on which they were first looked at. `category` is the primary one.
create table ml.decision_counts (
    organization_id uuid not null references identity.organizations,
    day date not null,
    decided_by text not null,
    version text not null,
    decision text not null check (decision in ('apply', 'review', 'abstain')),
    category text not null,
    decisions integer not null,
    last_at timestamptz not null default now(),
    primary key (organization_id, day, decided_by, version, decision, category)
);

-- How often challenger and champion said which primary category, of what is stored and of what was only asked.
create table ml.shadow_counts (
    organization_id uuid not null references identity.organizations,
    challenger text not null,
    champion text not null,
    source text not null check (source in ('stored', 'asked')),
    champion_category text not null,
    challenger_category text not null,
    decisions integer not null,
    primary key (organization_id, challenger, champion, source, champion_category, challenger_category)
);

-- What both said to some of what is stored, in the organization's own categories, until people say who was right.
create table ml.shadow_decisions (
    organization_id uuid not null,
    challenger text not null,
    transaction_id uuid not null,
    champion text not null,
    champion_category_id uuid,
    champion_decision text not null check (champion_decision in ('apply', 'review', 'abstain')),
    challenger_category_id uuid,
    challenger_decision text not null check (challenger_decision in ('apply', 'review', 'abstain')),
    decided_at timestamptz not null default now(),
    primary key (organization_id, challenger, transaction_id),
    foreign key (organization_id, transaction_id) references books.transactions
);

-- What was last seen of all organizations together, in counts and shares: whether a training is due is told by it.
create table ml.learning_state (
    name text primary key,
    looked_at timestamptz not null,
    figures jsonb not null
);

call identity.protect(
    array['ml.decision_counts', 'ml.shadow_counts', 'ml.shadow_decisions']::regclass[]
);
grant select, insert, update, delete on ml.decision_counts, ml.shadow_counts, ml.shadow_decisions
    to ai2_api, ai2_pipeline;
grant select on ml.learning_state to ai2_api;
grant select, insert, update, delete on ml.learning_state to ai2_pipeline;
"""
