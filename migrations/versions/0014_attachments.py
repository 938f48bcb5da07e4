"""Attachments: receipts and invoices beside the transactions that they prove."""

from ai2.kit import live

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    live.run(ATTACHMENTS)


def downgrade() -> None:
    """What was attached lies unused in the blob store: whoever goes back for good deletes the folder there."""
    live.run("drop table books.attachments, books.attached_files")


ATTACHMENTS = """
-- Bytes under their SHA-256, once an organization; the bytes themselves lie encrypted in the blob store.
create table books.attached_files (
    organization_id uuid not null references identity.organizations,
    digest bytea not null check (length(digest) = 32),
    size_bytes bigint not null check (size_bytes > 0),
    blob_key text not null,
    stored_at timestamptz not null default now(),
    primary key (organization_id, digest)
);

create table books.attachments (
    organization_id uuid not null,
    attachment_id uuid not null,
    transaction_id uuid not null,
    digest bytea not null,
    file_name text not null check (file_name <> ''),
    -- decided by the content, and not contradicted by the name
    media_type text not null,
    added_by text not null,
    created_at timestamptz not null default now(),
    primary key (organization_id, attachment_id),
    unique (organization_id, transaction_id, digest),
    foreign key (organization_id, transaction_id) references books.transactions,
    foreign key (organization_id, digest) references books.attached_files
);
create index attachments_by_file on books.attachments (organization_id, digest);

call identity.protect(array['books.attached_files', 'books.attachments']::regclass[]);
grant select, insert, update, delete on books.attached_files, books.attachments to ai2_api, ai2_pipeline;
"""
