"""Recurring: what comes again and again, which transactions are of it, and what people say to it."""

from ai2.kit import live

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    live.run(RECURRING)


def downgrade() -> None:
    """What was found can be found again; what people said of it is lost."""
    live.run("drop table ml.recurring_members, ml.recurring_apart, ml.recurring_runs, ml.recurring_patterns")


RECURRING = """
create table ml.recurring_patterns (
    organization_id uuid not null,
    pattern_id uuid not null,
    account_id uuid not null,
    merchant_key text not null,
    -- as people read it
    merchant text not null,
    money_in boolean not null,
    currency char(3) not null,
    -- between own accounts
    is_transfer boolean not null default false,
    -- rejected: it was looked at, and is none
    state text not null check (state in ('active', 'missed', 'ended', 'rejected')),
    -- a person's word, whatever is found later
    decision text check (decision in ('confirmed', 'dismissed')),
    decided_by text,
    decided_at timestamptz,
    cadence text check (cadence in (
        'weekly', 'fortnightly', 'four_weekly', 'semi_monthly', 'monthly', 'quarterly', 'half_yearly', 'yearly'
    )),
    -- from which further due dates follow: ml.recurring.schedules
    schedule jsonb,
    confidence numeric not null check (confidence between 0 and 1),
    reason_code text,
    reasons jsonb not null default '[]',
    payments integer not null,
    first_on date not null,
    last_on date not null,
    -- what the next one is expected to be and between what, without its sign
    amount numeric not null,
    amount_low numeric not null,
    amount_high numeric not null,
    amount_kind text not null check (amount_kind in ('fixed', 'stepped', 'variable')),
    -- [{before, after, since}], amounts as text
    price_changes jsonb not null default '[]',
    next_due_on date,
    next_earliest_on date,
    next_latest_on date,
    -- due dates without a payment: between payments, and since the last
    skipped date[] not null default '{}',
    missed date[] not null default '{}',
    -- the last day that was known of its account
    known_through date not null,
    version text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (organization_id, pattern_id),
    foreign key (organization_id, account_id) references books.accounts,
    check (state = 'rejected' or num_nulls(cadence, schedule, next_due_on, next_earliest_on, next_latest_on) = 0)
);
create index recurring_patterns_by_merchant on ml.recurring_patterns (organization_id, merchant_key);
create index recurring_patterns_due on ml.recurring_patterns (organization_id, next_latest_on)
    where state in ('active', 'missed');
-- of what is none there is one a merchant, account and direction
create unique index recurring_patterns_rejected on ml.recurring_patterns
    (organization_id, account_id, merchant_key, money_in, currency) where state = 'rejected';

create table ml.recurring_members (
    organization_id uuid not null,
    transaction_id uuid not null,
    pattern_id uuid not null,
    primary key (organization_id, transaction_id),
    foreign key (organization_id, pattern_id) references ml.recurring_patterns on delete cascade,
    foreign key (organization_id, transaction_id) references books.transactions on delete cascade
);
create index recurring_members_of on ml.recurring_members (organization_id, pattern_id);

-- Transactions of which a person said that they are of no series.
create table ml.recurring_apart (
    organization_id uuid not null,
    transaction_id uuid not null,
    said_by text not null,
    said_at timestamptz not null default now(),
    primary key (organization_id, transaction_id),
    foreign key (organization_id, transaction_id) references books.transactions on delete cascade
);

-- What was looked at already: all rows that were written before.
create table ml.recurring_runs (
    organization_id uuid primary key references identity.organizations,
    watermark xid8,
    ran_at timestamptz not null default now()
);

call identity.protect(array[
    'ml.recurring_patterns', 'ml.recurring_members', 'ml.recurring_apart', 'ml.recurring_runs'
]::regclass[]);
grant select, insert, update, delete on
    ml.recurring_patterns, ml.recurring_members, ml.recurring_apart, ml.recurring_runs
    to ai2_api, ai2_pipeline;
"""
