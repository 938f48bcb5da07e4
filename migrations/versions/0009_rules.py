"""Rules: what an organization wants done with transactions that it describes, and where that was applied."""

from ai2.kit import live

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    live.index(VERSIONS)
    live.run(RULES)


def downgrade() -> None:
    """What rules decided stays in the books, as history does; what they were is gone."""
    live.run("drop index books.versions_by_rules; drop table books.rule_applications, books.rules")


RULES = """
-- A rule that is deleted is kept: transactions name it as what decided them.
create table books.rules (
    organization_id uuid not null references identity.organizations,
    rule_id uuid not null,
    name text not null check (name <> ''),
    -- lower first; of equal ones the older
    position integer not null check (position > 0),
    is_active boolean not null default true,
    -- conditions: those that are named must all hold
    description_by text check (description_by in ('contains', 'equals', 'matches')),
    description text,
    merchant_by text check (merchant_by in ('contains', 'equals', 'matches')),
    merchant text,
    -- of the amount without its sign
    min_amount numeric check (min_amount >= 0),
    max_amount numeric check (max_amount >= min_amount),
    account_id uuid,
    mcc char(4),
    sign text check (sign in ('in', 'out')),
    currency char(3),
    -- actions
    category_id uuid,
    tags text[] not null default '{}',
    merchant_name text,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (organization_id, rule_id),
    foreign key (organization_id, account_id) references books.accounts,
    foreign key (organization_id, category_id) references books.categories,
    check ((description_by is null) = (description is null)),
    check ((merchant_by is null) = (merchant is null)),
    check (num_nonnulls(description, merchant, min_amount, max_amount, account_id, mcc, sign, currency) > 0),
    check (num_nonnulls(category_id, merchant_name) > 0 or tags <> '{}')
);
create index rules_by_category on books.rules (organization_id, category_id) where deleted_at is null;

-- A rule brought to the history. Which transactions it changed say their versions: `user:<id> rules:<application>`.
create table books.rule_applications (
    organization_id uuid not null,
    application_id uuid not null,
    rule_id uuid not null,
    rule_version integer not null,
    -- of which days and which account, where not of all
    start_date date,
    end_date date,
    account_id uuid,
    rows_changed integer not null,
    applied_by text not null,
    applied_at timestamptz not null default now(),
    undone_at timestamptz,
    undone_by text,
    rows_given_back integer,
    rows_left_alone integer,
    primary key (organization_id, application_id),
    foreign key (organization_id, rule_id) references books.rules,
    foreign key (organization_id, account_id) references books.accounts
);

call identity.protect(array['books.rules', 'books.rule_applications']::regclass[]);
grant select, insert, update, delete on books.rules, books.rule_applications to ai2_api, ai2_pipeline;
"""

VERSIONS = """
create index versions_by_rules on books.transaction_versions (organization_id, changed_by, transaction_id, version)
    where changed_by like '% rules:%'
"""
