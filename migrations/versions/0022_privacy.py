"""Privacy: how long an organization keeps what, and who was erased."""

from ai2.kit import live

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    live.run(PRIVACY)


def downgrade() -> None:
    """The law's defaults hold again; who was erased stays erased."""
    live.run(BACK)


PRIVACY = """
-- Where a column is null, the default holds: for the books that of the organization's country.
create table identity.retentions (
    organization_id uuid primary key references identity.organizations,
    books_years smallint check (books_years between 1 and 30),
    audit_years smallint check (audit_years between 1 and 30),
    events_days smallint check (events_days between 1 and 3650),
    version integer not null default 1
);
call identity.protect(array['identity.retentions']::regclass[]);
grant select, insert, update on identity.retentions to ai2_api, ai2_pipeline;
grant delete on identity.retentions to ai2_pipeline;

-- A user who is erased keeps the id, which the history names, and nothing else.
alter table identity.users add column erased_at timestamptz;
"""

BACK = """
alter table identity.users drop column erased_at;
drop table identity.retentions;
"""
