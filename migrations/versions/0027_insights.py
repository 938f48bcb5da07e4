"""Insights: what was found unlike the rest of the books, what people said to it, and how far the books were judged."""

from ai2.kit import live

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    live.run(ANOMALIES)


def downgrade() -> None:
    """What people dismissed is lost, and would be told again."""
    live.run("drop table ml.anomaly_runs, ml.anomaly_silences, ml.anomalies")


ANOMALIES = """
create table ml.anomalies (
    organization_id uuid not null,
    anomaly_id uuid not null,
    kind text not null check (
        kind in ('duplicate_charge', 'unusual_amount', 'new_merchant_large', 'sign_flip', 'missing_payment')
    ),
    -- what it is about, once for each kind: a transaction, or a recurring pattern and the day it was due
    subject text not null,
    transaction_id uuid,
    pattern_id uuid,
    -- as they were when it was found: where the transaction says otherwise since, it no longer holds
    booked_on date not null,
    amount numeric not null,
    currency char(3) not null,
    merchant_key text not null,
    score numeric not null check (score between 0 and 1),
    normal jsonb not null,
    -- the transactions that it is like, or unlike
    related uuid[] not null default '{}',
    reasons text[] not null,
    version text not null,
    found_at timestamptz not null default now(),
    state text not null default 'open' check (state in ('open', 'dismissed')),
    dismissed_by text,
    dismissed_at timestamptz,
    note text,
    primary key (organization_id, anomaly_id),
    unique (organization_id, kind, subject),
    foreign key (organization_id, transaction_id) references books.transactions,
    check ((state = 'dismissed') = (dismissed_at is not null))
);
create index anomalies_open on ml.anomalies (organization_id, booked_on desc, anomaly_id desc);
create index anomalies_by_row on ml.anomalies (organization_id, transaction_id);

-- Of a merchant nothing of this kind is told any more.
create table ml.anomaly_silences (
    organization_id uuid not null references identity.organizations,
    kind text not null,
    merchant_key text not null,
    silenced_by text not null,
    silenced_at timestamptz not null default now(),
    primary key (organization_id, kind, merchant_key)
);

-- How far the books were judged, and by which rows: what came or changed since is judged next.
create table ml.anomaly_runs (
    organization_id uuid not null primary key references identity.organizations,
    judged_at timestamptz not null,
    row_xid xid8 not null,
    first_day date,
    last_day date,
    rows integer not null,
    version text not null
);
call identity.protect(array['ml.anomalies', 'ml.anomaly_silences', 'ml.anomaly_runs']::regclass[]);
grant select, insert, update, delete on ml.anomalies, ml.anomaly_silences, ml.anomaly_runs to ai2_api, ai2_pipeline;
"""
