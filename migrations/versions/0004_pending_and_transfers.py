"""Pending rows that become posted, and transfers between own accounts."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(TRANSFERS)


def downgrade() -> None:
    op.get_bind().connection.cursor().execute("drop table books.transfers")


TRANSFERS = """
-- Two transactions that are one movement between own accounts. What was rejected is kept, so that it stays rejected.
create table books.transfers (
    organization_id uuid not null,
    transfer_id uuid not null,
    out_transaction_id uuid not null,
    in_transaction_id uuid not null,
    -- suggested: waits for a person
    state text not null check (state in ('suggested', 'paired', 'rejected')),
    confidence numeric not null check (confidence between 0 and 1),
    reasons jsonb not null default '[]',
    decided_by text not null check (decided_by in ('user', 'rule')),
    created_at timestamptz not null default now(),
    decided_at timestamptz not null default now(),
    primary key (organization_id, transfer_id),
    unique (organization_id, out_transaction_id, in_transaction_id),
    foreign key (organization_id, out_transaction_id) references books.transactions,
    foreign key (organization_id, in_transaction_id) references books.transactions
);
create unique index transfers_paired_out on books.transfers (organization_id, out_transaction_id)
    where state = 'paired';
create unique index transfers_paired_in on books.transfers (organization_id, in_transaction_id)
    where state = 'paired';
create index transfers_by_in on books.transfers (organization_id, in_transaction_id);

call identity.protect(array['books.transfers']::regclass[]);
grant select, insert, update, delete on books.transfers to ai2_api, ai2_pipeline;
"""
