"""Budgets: what an organization means to spend on a category in a month."""

from ai2.kit import live

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    live.run(BUDGETS)


def downgrade() -> None:
    """What was planned is lost."""
    live.run("drop table books.budget_months, books.budgets")


BUDGETS = """
create table books.budgets (
    organization_id uuid not null references identity.organizations,
    budget_id uuid not null,
    category_id uuid not null,
    currency char(3) not null,
    -- for each month, each named by its first day: from the first to the last, where there is one
    amount numeric not null check (amount >= 0),
    first_month date not null check (first_month = date_trunc('month', first_month::timestamp)::date),
    last_month date check (last_month >= first_month),
    -- what is left of a month, or was overspent, goes over to the next
    is_rolled_over boolean not null default false,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (organization_id, budget_id),
    foreign key (organization_id, category_id) references books.categories
);
create index budgets_by_category on books.budgets (organization_id, category_id);

-- Months that have an amount of their own.
create table books.budget_months (
    organization_id uuid not null,
    budget_id uuid not null,
    month date not null,
    amount numeric not null check (amount >= 0),
    primary key (organization_id, budget_id, month),
    foreign key (organization_id, budget_id) references books.budgets on delete cascade
);
call identity.protect(array['books.budgets', 'books.budget_months']::regclass[]);
grant select, insert, update, delete on books.budgets, books.budget_months to ai2_api, ai2_pipeline;
"""
