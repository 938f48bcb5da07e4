"""Stated balances: what banks say accounts held, to prove the books by. And what is left of an erased organization."""

from ai2.kit import live

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    live.index(DELETED)
    live.run(BALANCES, ANCHORS, live.view("published.accounts", ACCOUNTS), ERASURES)


def downgrade() -> None:
    """Stated balances come again with a replay. Tombstones stay: whose data was erased is not forgotten."""
    live.run(live.view("published.accounts", FORMER_ACCOUNTS), GONE)


BALANCES = """
-- What an account held at the end of a day, as a statement says it: what was owed is below zero.
create table ingest.stated_balances (
    organization_id uuid not null,
    account_id uuid not null,
    balance_on date not null,
    batch_id uuid not null,
    amount numeric not null,
    -- opening: said of the day after, before its first line; running: stands beside the day's last line;
    -- implied: follows from the first line's running balance, and only begins a proof
    kind text not null check (kind in ('opening', 'closing', 'running', 'implied')),
    -- whether the file itself proves what its sign means: some cards state what is owed as a positive number
    is_signed boolean not null,
    line_number integer,
    primary key (organization_id, account_id, balance_on, batch_id, kind),
    foreign key (organization_id, account_id) references books.accounts,
    foreign key (organization_id, batch_id) references ingest.batches
);
create index stated_balances_by_batch on ingest.stated_balances (organization_id, batch_id);

call identity.protect(array['ingest.stated_balances']::regclass[]);
grant select, insert, update, delete on ingest.stated_balances to ai2_api, ai2_pipeline;
"""

# A deleted row may be what is missing between two balances; the other indexes leave them out.
DELETED = """
create index transactions_deleted on books.transactions (organization_id, account_id, booked_on)
    where deleted_at is not null
"""

ANCHORS = """
-- Where nobody said what an account held at first, that follows from the first balance that its bank states:
-- it held `anchored_balance` at the end of `anchored_on`.
alter table books.accounts
    add column anchored_on date,
    add column anchored_balance numeric,
    add constraint accounts_anchor_check check ((anchored_on is null) = (anchored_balance is null));
"""
ACCOUNTS = """
select
    organization_id, account_id, name, kind, currency, opening_balance, opening_on, number, archived_at, created_at,
    row_xid,
    -- whether somebody said what the account held at first
    (opening_on is not null or opening_balance <> 0) as is_opening_known,
    anchored_on, anchored_balance
from books.accounts
"""

ERASURES = """
-- Tombstones: whose data was erased, so that no backup or replay brings it back. Nothing else is known of them.
create table if not exists identity.erasures (
    organization_id uuid primary key,
    erased_at timestamptz not null default now(),
    erased_by text not null
);
grant select on identity.erasures to ai2_api;
grant select, insert on identity.erasures to ai2_pipeline;
-- History is written once; only an erasure ends it.
grant delete on books.transaction_versions to ai2_pipeline;
"""

FORMER_ACCOUNTS = """
select
    organization_id, account_id, name, kind, currency, opening_balance, opening_on, number, archived_at, created_at,
    row_xid
from books.accounts
"""
GONE = """
drop table ingest.stated_balances;
drop index books.transactions_deleted;
alter table books.accounts drop column anchored_on, drop column anchored_balance;
revoke delete on books.transaction_versions from ai2_pipeline;
"""
