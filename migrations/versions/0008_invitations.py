"""Invitations: how people come into an organization. And versions of what several administrators change."""

from ai2.kit import live

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    live.index(SESSIONS)
    live.run(INVITATIONS, VERSIONS)


def downgrade() -> None:
    """Open invitations are lost: who waits for one is invited again."""
    live.run(BACK)


INVITATIONS = """
-- Who was asked in, until they come, are refused or asked again: a row that has had its effect is deleted.
create table identity.invitations (
    organization_id uuid not null references identity.organizations,
    invitation_id uuid not null,
    email text not null check (email = lower(email)),
    role text not null check (role in ('owner', 'admin', 'accountant', 'viewer')),
    -- nobody, where an API key asked
    invited_by uuid references identity.users on delete set null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (organization_id, invitation_id),
    unique (organization_id, email)
);
call identity.protect(array['identity.invitations']::regclass[]);

-- Finds the tenant of an invitation before there is one; nothing else is in it.
create table identity.invitation_index (
    digest bytea primary key,
    organization_id uuid not null,
    invitation_id uuid not null
);
grant select, insert, update, delete on identity.invitations, identity.invitation_index to ai2_api, ai2_pipeline;
"""

VERSIONS = """
alter table identity.organizations add column version integer not null default 1;
alter table identity.memberships add column version integer not null default 1;
"""

SESSIONS = """
create index sessions_open on identity.sessions (user_id, organization_id) where ended_at is null
"""

BACK = """
drop index identity.sessions_open;
alter table identity.memberships drop column version;
alter table identity.organizations drop column version;
drop table identity.invitation_index, identity.invitations;
"""
