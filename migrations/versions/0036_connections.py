"""Connections to banks, mailboxes and servers: what each knows and where it stands, its accounts, and every sync."""

from ai2.kit import live

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    live.run("create schema connect", "grant usage on schema connect to ai2_api, ai2_pipeline", CONNECTIONS, SOURCES)


def downgrade() -> None:
    """Connections are lost with their credentials; what they brought stays in the books."""
    live.run("drop schema connect cascade")
    live.run(FORMER_SOURCES)


CONNECTIONS = """
create table connect.connections (
    organization_id uuid not null references identity.organizations,
    connection_id uuid not null,
    provider text not null,
    kind text not null check (kind in ('bank', 'email', 'third_party')),
    name text not null check (name <> ''),
    state text not null check (
        state in ('connecting', 'connected', 'syncing', 'needs_consent', 'error', 'expired', 'disconnected')
    ),
    settings jsonb not null default '{}',
    -- sealed by the organization's key; gone once disconnected
    credentials bytea,
    -- where the provider's next answer begins
    cursor jsonb,
    -- when it moved last
    cursor_at timestamptz,
    consent_expires_at timestamptz,
    -- when somebody was last told that the consent ends soon
    warned_on date,
    -- whose turn it is: nobody else syncs it before the lease is over
    sync_id uuid,
    leased_until timestamptz,
    -- of one that is being synced: when its lease is over, so that one whose run was killed is due again
    next_run_at timestamptz,
    -- a sync was asked for while one ran, which may have looked too early
    asked_at timestamptz,
    last_success_at timestamptz,
    rows_loaded bigint not null default 0,
    -- the last problem, as RFC 9457, with what_to_do; none once a sync went well
    error jsonb,
    -- what its provider tells beside its data, such as a bank of several that wants to be signed in to again
    notices text[] not null default '{}',
    failures integer not null default 0,
    version integer not null default 1,
    created_by text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (organization_id, connection_id),
    check ((sync_id is null) = (leased_until is null))
);
create index connections_due on connect.connections (next_run_at)
    where state in ('connected', 'error', 'syncing') and next_run_at is not null;
create index connections_with_consent on connect.connections (consent_expires_at)
    where consent_expires_at is not null and state in ('connected', 'error', 'syncing');

-- Which of our accounts a provider's account is. None: it is left out.
create table connect.accounts (
    organization_id uuid not null,
    connection_id uuid not null,
    account_key text not null,
    account_id uuid,
    name text not null,
    currency text,
    kind text not null,
    number text,
    match text,
    primary key (organization_id, connection_id, account_key),
    foreign key (organization_id, connection_id) references connect.connections on delete cascade,
    foreign key (organization_id, account_id) references books.accounts
);

-- The history of every sync.
create table connect.syncs (
    organization_id uuid not null,
    sync_id uuid not null,
    connection_id uuid not null,
    trigger text not null check (trigger in ('schedule', 'webhook', 'person', 'backfill', 'connect')),
    since date,
    until date,
    outcome text check (outcome in ('ok', 'failed', 'put_off', 'cut_off')),
    pages integer not null default 0,
    rows_in integer not null default 0,
    rows_loaded integer not null default 0,
    rows_duplicate integer not null default 0,
    rows_quarantined integer not null default 0,
    mails integer not null default 0,
    batches uuid[] not null default '{}',
    error jsonb,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    -- when Dagster showed it
    shown_at timestamptz,
    primary key (organization_id, sync_id),
    foreign key (organization_id, connection_id) references connect.connections on delete cascade,
    check ((outcome is null) = (finished_at is null))
);
create index syncs_of_a_connection on connect.syncs (organization_id, connection_id, sync_id);
create index syncs_to_show on connect.syncs (finished_at) where shown_at is null and outcome is not null;

-- Whose a webhook or a returning user is: asked before anybody is known, so without a tenant.
create table connect.external_ids (
    provider text not null,
    external_id text not null,
    organization_id uuid not null,
    connection_id uuid not null,
    primary key (provider, external_id)
);
create index external_ids_of_a_connection on connect.external_ids (organization_id, connection_id);

-- Webhooks that were taken, each once: a repeat is known by the digest of its bytes.
create table connect.webhooks (
    provider text not null,
    digest bytea not null,
    organization_id uuid,
    connection_id uuid,
    kind text,
    received_at timestamptz not null default now(),
    primary key (provider, digest)
);
create index webhooks_by_age on connect.webhooks (received_at);

-- When a credential's calls of a provider were made, and whether it may call at all just now: all processes share it.
create table connect.buckets (
    provider text not null,
    -- a digest: the credential is in no table but sealed
    credential bytea not null,
    -- the calls within the limit's window, as ai2/connections/slots.py has them
    slots jsonb not null default '[]',
    -- Retry-After, and a breaker that is open
    closed_until timestamptz,
    -- how many runs in a row the provider did not answer
    failures integer not null default 0,
    used_at timestamptz not null default clock_timestamp(),
    primary key (provider, credential)
);
call identity.protect(array['connect.connections', 'connect.accounts', 'connect.syncs']::regclass[]);
grant select, insert, update, delete on all tables in schema connect to ai2_api, ai2_pipeline;
"""

SOURCES = """
alter table ingest.batches drop constraint batches_source_check;
alter table ingest.batches add constraint batches_source_check
    check (source in ('api', 'cli', 'inbox', 'connection')) not valid;
"""

FORMER_SOURCES = """
update ingest.batches set source = 'api' where source = 'connection';
alter table ingest.batches drop constraint batches_source_check;
alter table ingest.batches add constraint batches_source_check check (source in ('api', 'cli', 'inbox')) not valid;
"""
