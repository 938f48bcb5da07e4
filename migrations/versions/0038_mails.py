"""Mails: each message as it came, once, with what is known of its sender; and consents that are under way."""

from ai2.kit import live

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    live.run("create schema if not exists receipts", "grant usage on schema receipts to ai2_api, ai2_pipeline", MAILS)
    live.run(CONSENTS)


def downgrade() -> None:
    """Mails are forgotten, and their messages with the organization; what they brought stays in the books."""
    live.run("drop table connect.consents", "drop table receipts.mails")
    # other revisions have tables in it too
    live.run("drop schema if exists receipts restrict")


MAILS = """
create table receipts.mails (
    organization_id uuid not null references identity.organizations,
    mail_id uuid not null,
    connection_id uuid not null,
    -- of the message as it came
    digest bytea not null,
    blob_key text not null,
    size_bytes bigint not null,
    -- of what the sender wrote: the same by whichever way it came, and however it was encoded on it
    twin_digest bytea not null,
    message_id text,
    folder text not null,
    sender text,
    sender_name text,
    subject text,
    sent_at timestamptz,
    -- what a server that is believed says of who sent it: by, spf, dkim, dmarc, domain
    authentication jsonb not null,
    is_sender_verified boolean not null,
    -- too_large and too_complex: kept, and not read
    state text not null check (state in ('kept', 'read', 'failed', 'too_large', 'too_complex')),
    attempts smallint not null default 0,
    error jsonb,
    -- statements among its attachments: imported as these, or held with the reason
    batches uuid[] not null default '{}',
    held jsonb not null default '[]',
    received_at timestamptz not null default now(),
    read_at timestamptz,
    primary key (organization_id, mail_id),
    unique (organization_id, twin_digest),
    foreign key (organization_id, connection_id) references connect.connections
);
create index mails_to_read on receipts.mails (organization_id, mail_id) where state = 'kept';
call identity.protect(array['receipts.mails']::regclass[]);
grant select, insert, update, delete on receipts.mails to ai2_api, ai2_pipeline;
"""

CONSENTS = """
-- A consent under way: who comes back has the state, and whoever began it the secret.
create table connect.consents (
    state_digest bytea primary key,
    secret_digest bytea not null,
    organization_id uuid not null references identity.organizations,
    connection_id uuid not null,
    provider text not null,
    begun_by text not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index consents_to_forget on connect.consents (organization_id, connection_id);
grant select, insert, update, delete on connect.consents to ai2_api, ai2_pipeline;
"""
