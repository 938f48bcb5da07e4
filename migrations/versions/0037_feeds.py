"""What a feed says later of a transaction: which it took out of the books, and by which id it knew that."""

from ai2.kit import live

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    live.index(PENDING_IDS)
    live.run(REMOVALS)


def downgrade() -> None:
    """What a feed took out stays out, and comes back by no feed."""
    live.run("drop table ingest.removals", "drop index ingest.pending_lines_by_provider_id")


PENDING_IDS = """
create index pending_lines_by_provider_id on ingest.pending_lines (organization_id, provider_id)
    where provider_id is not null
"""

REMOVALS = """
-- Transactions that a feed took out of the books. What people delete is in none of these, and stays away; what the feed
-- took out comes back when it shows it again.
create table ingest.removals (
    organization_id uuid not null,
    transaction_id uuid not null,
    -- that took it out
    batch_id uuid not null,
    -- the identity by which it was named
    provider bytea not null,
    -- the batch that showed it again, and that which used its id for another payment
    returned_by uuid,
    reused_by uuid,
    primary key (organization_id, transaction_id, batch_id),
    foreign key (organization_id, transaction_id) references books.transactions on delete cascade
);
create index removals_by_batch on ingest.removals (organization_id, batch_id);
call identity.protect(array['ingest.removals']::regclass[]);
grant select, insert, update, delete on ingest.removals to ai2_api, ai2_pipeline;
"""
