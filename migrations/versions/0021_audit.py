"""Audit: who did what, in a chain of keyed links that shows whatever is changed, left out or put in."""

from ai2.kit import live

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    live.run(AUDIT)


def downgrade() -> None:
    """The chain is lost, and with it the proof of what was done; a new one begins with the next upgrade."""
    live.run("drop schema audit cascade")


AUDIT = """
create schema audit;

-- Where each chain ends, and where it begins once the retention took its first entries. Locked while an entry is added.
create table audit.heads (
    organization_id uuid primary key references identity.organizations,
    number bigint not null default 0,
    link bytea not null default '',
    base_number bigint not null default 0,
    base_link bytea not null default '',
    base_seal bytea not null default ''
);

-- What is hashed is ids and digests alone. The details may be erased: their digest stays, and the chain with it.
create table audit.entries (
    organization_id uuid not null,
    number bigint not null,
    at timestamptz not null,
    actor text not null,
    operation text not null,
    entity_kind text,
    entity_id uuid,
    details jsonb,
    details_digest bytea not null check (length(details_digest) = 32),
    link bytea not null check (length(link) = 32),
    primary key (organization_id, number)
);
create index entries_by_entity on audit.entries (organization_id, entity_id, number) where entity_id is not null;

-- Grants say what may be done to a table; this says what may be done to a row: its details may go, and the row itself
-- only with its organization, or with the retention, which has moved the beginning of the chain before.
create function audit.guard() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'UPDATE' then
        if new.details is null and to_jsonb(new) - 'details' = to_jsonb(old) - 'details' then
            return new;
        end if;
    elsif exists (select from identity.erasures as erased where erased.organization_id = old.organization_id)
        or old.number <= (
            select head.base_number from audit.heads as head where head.organization_id = old.organization_id
        ) then
        return old;
    end if;
    raise insufficient_privilege using message = 'what the audit says is not changed';
end $$;
create trigger guard before update or delete on audit.entries for each row execute function audit.guard();

create function audit.guard_head() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'DELETE' then
        if exists (select from identity.erasures as erased where erased.organization_id = old.organization_id) then
            return old;
        end if;
    elsif new.organization_id = old.organization_id and new.base_number >= old.base_number
        and (new.number = old.number and new.link = old.link or new.number = old.number + 1) then
        return new;
    end if;
    raise insufficient_privilege using message = 'the audit only goes forward';
end $$;
create trigger guard before update or delete on audit.heads for each row execute function audit.guard_head();

call identity.protect(array['audit.heads', 'audit.entries']::regclass[]);

grant usage on schema audit to ai2_api, ai2_pipeline;
grant select, insert, update on audit.heads to ai2_api, ai2_pipeline;
grant select, insert, update (details) on audit.entries to ai2_api, ai2_pipeline;
grant delete on audit.heads, audit.entries to ai2_pipeline;
"""
