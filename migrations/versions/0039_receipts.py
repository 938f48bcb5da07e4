"""Receipts: what came as one, which transactions it proves, and which names people said to mean the same."""

from ai2.kit import live

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    live.run("create schema if not exists receipts", "grant usage on schema receipts to ai2_api, ai2_pipeline", TABLES)


def downgrade() -> None:
    """Receipts are lost with what people said of them; what was put beside transactions stays there."""
    live.run("drop table receipts.looks, receipts.aliases, receipts.matches, receipts.documents", EMPTY)


# Other revisions have tables in it too.
EMPTY = """
do $$ begin
    if not exists (select from pg_class where relnamespace = 'receipts'::regnamespace) then
        drop schema receipts;
    end if;
end $$
"""

TABLES = """
create table receipts.documents (
    organization_id uuid not null references identity.organizations,
    document_id uuid not null,
    -- the mail that brought it; none: a person did
    mail_id uuid,
    digest bytea not null check (length(digest) = 32),
    size_bytes bigint not null check (size_bytes > 0),
    blob_key text not null,
    file_name text not null check (file_name <> ''),
    media_type text not null,
    form text,
    supplier text,
    supplier_key text not null default '',
    issued_on date,
    total numeric,
    tax numeric,
    currency char(3),
    number text,
    order_number text,
    -- of each field that was read how sure it is, and where it stood
    readings jsonb not null default '{}',
    state text not null check (state in ('waiting', 'needs_review', 'matched', 'copy', 'unread')),
    -- the receipt that says the same: it is matched, and this one follows it
    same_as uuid,
    -- whether its sender is who they say; otherwise it is never applied alone
    is_trusted boolean not null,
    added_by text not null,
    looked_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (organization_id, document_id),
    unique (organization_id, digest),
    foreign key (organization_id, same_as) references receipts.documents,
    check ((state = 'copy') = (same_as is not null))
);
create index documents_by_state on receipts.documents (organization_id, state, document_id desc);
create index documents_by_day on receipts.documents (organization_id, issued_on);
create index documents_fresh on receipts.documents (organization_id) where looked_at is null;
create index documents_of_a_mail on receipts.documents (organization_id, mail_id) where mail_id is not null;
create index copies on receipts.documents (organization_id, same_as) where same_as is not null;

create table receipts.matches (
    organization_id uuid not null,
    document_id uuid not null,
    transaction_id uuid not null,
    state text not null check (state in ('proposed', 'applied', 'accepted', 'rejected')),
    confidence numeric not null check (confidence between 0 and 1),
    reasons text[] not null default '{}',
    -- of how many that add up to a sum this is one
    parts smallint not null default 1,
    decided_by text not null,
    decided_at timestamptz not null default now(),
    -- what was put beside the transaction for it; none where a person had put it there
    attachments uuid[] not null default '{}',
    is_attached boolean not null default false,
    primary key (organization_id, document_id, transaction_id),
    foreign key (organization_id, document_id) references receipts.documents on delete cascade,
    foreign key (organization_id, transaction_id) references books.transactions
);
create index matches_of_transactions on receipts.matches (organization_id, transaction_id);
create index matches_to_attach on receipts.matches (organization_id)
    where state in ('applied', 'accepted') and not is_attached;

-- A supplier's name and a bank's, as people accepted or rejected the pair.
create table receipts.aliases (
    organization_id uuid not null references identity.organizations,
    supplier_key text not null,
    merchant_key text not null,
    accepted integer not null default 0,
    rejected integer not null default 0,
    primary key (organization_id, supplier_key, merchant_key)
);

-- Up to which writing the books were looked through for receipts.
create table receipts.looks (
    organization_id uuid primary key references identity.organizations,
    watermark xid8 not null,
    looked_at timestamptz not null default now()
);
call identity.protect(array[
    'receipts.documents', 'receipts.matches', 'receipts.aliases', 'receipts.looks'
]::regclass[]);
grant select, insert, update, delete on
    receipts.documents, receipts.matches, receipts.aliases, receipts.looks to ai2_api, ai2_pipeline;
"""
