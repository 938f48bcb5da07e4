"""Stated balances: what banks say an account held, to prove the books by."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(BALANCES)


def downgrade() -> None:
    op.get_bind().connection.cursor().execute("drop table ingest.stated_balances")


BALANCES = """
-- A balance at the end of a day, as a statement states it.
create table ingest.stated_balances (
    organization_id uuid not null,
    account_id uuid not null,
    balance_on date not null,
    batch_id uuid not null,
    amount numeric not null,
    -- opening: of the day after; running: after the day's last line
    kind text not null check (kind in ('opening', 'closing', 'running')),
    line_number integer,
    primary key (organization_id, account_id, balance_on, batch_id, kind),
    foreign key (organization_id, account_id) references books.accounts,
    foreign key (organization_id, batch_id) references ingest.batches
);

call identity.protect(array['ingest.stated_balances']::regclass[]);
grant select, insert, update, delete on ingest.stated_balances to ai2_api, ai2_pipeline;
"""
