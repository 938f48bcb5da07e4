"""Pending lines that become posted, transfers between own accounts, and the exchange rates that they are judged by."""

from ai2.kit import live

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    live.run(
        PENDING,
        HISTORY,
        TRANSFERS,
        RATES,
        live.view("published.transaction_versions", VERSIONS),
        live.view("published.statement_lines", STATEMENT_LINES),
        PUBLISHED,
        GRANTS,
    )


def downgrade() -> None:
    """Pairs of transfers fall apart, with their categories as they are; rates are to be loaded again."""
    live.run(
        live.view("published.transaction_versions", live.revision("0003").VERSIONS),
        live.view("published.statement_lines", live.revision("0001").STATEMENT_LINES),
        live.revision("0003").HISTORY,
        GONE,
    )


PENDING = """
-- What a bank announced before it booked it, as its line said: what differs from it in the books, a person changed.
-- One row a pending transaction, kept when that is completed, so that the batch that brought it still has its line.
create table ingest.pending_lines (
    organization_id uuid not null,
    transaction_id uuid not null,
    account_id uuid not null,
    -- the batch and line that brought it
    batch_id uuid not null,
    line_number integer not null,
    -- the provider's own id of the pending line, where it gave one
    provider_id text,
    booked_on date not null,
    amount numeric not null,
    description text not null,
    merchant text,
    reference text,
    -- the last day of the newest statement that showed it: an older one does not show that it is gone
    seen_until date not null,
    -- posted transactions of which each may be this one: a person should look
    may_be uuid[] not null default '{}',
    -- the batch that showed that it is gone, or that booked it
    closed_by uuid,
    completed_by uuid,
    -- how sure it was that the booked line is this one, and by which rule
    confidence numeric check (confidence between 0 and 1),
    tier text,
    primary key (organization_id, transaction_id),
    foreign key (organization_id, transaction_id) references books.transactions on delete cascade,
    foreign key (organization_id, account_id) references books.accounts
);
create index pending_lines_open on ingest.pending_lines (organization_id, account_id) where completed_by is null;
create index pending_lines_by_batch on ingest.pending_lines (organization_id, batch_id);
create index pending_lines_by_closing on ingest.pending_lines (organization_id, closed_by)
    where closed_by is not null;
create index pending_lines_by_completing on ingest.pending_lines (organization_id, completed_by)
    where completed_by is not null;
call identity.protect(array['ingest.pending_lines']::regclass[]);
"""

# What a past version of a transaction keeps: now also which line of which batch it was.
VERSIONED = """
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at, value_on, counterparty, batch_id, line_number"""

HISTORY = f"""
alter table books.transaction_versions add column batch_id uuid, add column line_number integer;

create or replace function books.keep_version() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.transaction_versions ({VERSIONED}, known_from, known_to, changed_by)
    select {VERSIONED}, updated_at, now(), coalesce(nullif(current_setting('app.actor', true), ''), 'system')
    from replaced;
    return null;
end $$;
"""

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
    -- while paired: the decision that each side had before, to be given back
    out_former jsonb,
    in_former jsonb,
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
create index transfers_suggested on books.transfers (organization_id, transfer_id) where state = 'suggested';
call identity.protect(array['books.transfers']::regclass[]);

-- Who put a transaction where, to be given back later.
create function books.decision_of(transaction books.transactions) returns jsonb language sql immutable
begin atomic
    select jsonb_build_object(
        'category_id', transaction.category_id, 'decided_by', transaction.decided_by,
        'decided_version', transaction.decided_version, 'confidence', transaction.confidence,
        'decided_at', transaction.decided_at
    );
end;
"""

RATES = """
-- What one euro was worth, as the European Central Bank published it. Known to all, nobody's own.
create table books.exchange_rates (
    quoted_on date not null,
    currency char(3) not null,
    per_euro numeric not null check (per_euro > 0),
    primary key (currency, quoted_on)
);
"""

VERSIONS = """
select
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at, known_from, known_to, changed_by, value_on, counterparty, batch_id, line_number
from books.transaction_versions
"""

# A pending line that was completed by another batch's is still a loaded line of its own batch.
STATEMENT_LINES = """
select
    organization_id, batch_id, line_number, 'loaded' as state, transaction_id,
    null as reason_code, null as reason, description as original
from books.transactions where batch_id is not null
union all
select organization_id, batch_id, line_number, 'loaded', transaction_id, null, null, description
from ingest.pending_lines where completed_by is not null
union all
select organization_id, batch_id, line_number, state, transaction_id, reason_code, reason, original
from ingest.unloaded_lines
"""

PUBLISHED = """
create view published.pending_lines with (security_invoker = true) as select * from ingest.pending_lines;
create view published.transfers with (security_invoker = true) as select * from books.transfers;
"""

GRANTS = """
grant select, insert, update, delete on ingest.pending_lines, books.transfers to ai2_api, ai2_pipeline;
grant select on books.exchange_rates to ai2_api;
grant select, insert, update, delete on books.exchange_rates to ai2_pipeline;
grant select on published.pending_lines, published.transfers to ai2_api, ai2_pipeline;
"""

GONE = """
drop view published.pending_lines, published.transfers;
drop table ingest.pending_lines, books.transfers, books.exchange_rates;
drop function books.decision_of(books.transactions);
alter table books.transaction_versions drop column batch_id, drop column line_number;
"""
