"""Events: what happened, told in the transaction that did it, and how far each consumer has heard."""

from ai2.kit import live

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    live.run(EVENTS)


def downgrade() -> None:
    """What was not heard yet is lost; the books stay as they are."""
    live.run("drop schema events cascade")


EVENTS = """
create schema events;

-- How many events an organization has, and up to which they were forgotten.
create table events.heads (
    organization_id uuid primary key references identity.organizations,
    position bigint not null,
    forgotten_to bigint not null default 0
);

create table events.events (
    organization_id uuid not null,
    event_id uuid not null,
    -- 1, 2, 3 ... in the order in which transactions commit; given at the commit
    position bigint,
    kind text not null,
    payload jsonb not null,
    actor text not null default coalesce(nullif(current_setting('app.actor', true), ''), 'system'),
    occurred_at timestamptz not null default now(),
    primary key (organization_id, event_id)
);
create unique index events_in_order on events.events (organization_id, position) where position is not null;

-- Deferred: the lock on the head is taken when all else is done and held for the commit alone. Who commits later gets
-- the later number, so nobody who has read up to a number finds a lower one afterwards; and as no other lock is taken
-- after it, two transactions never wait for each other.
create function events.give_position() returns trigger language plpgsql set search_path = '' as $$
declare given bigint;
begin
    -- until this function ends; the transaction may act for another organization by now
    perform set_config('app.organization_id', new.organization_id::text, true);
    insert into events.heads as head (organization_id, position) values (new.organization_id, 1)
    on conflict (organization_id) do update set position = head.position + 1
    returning position into given;
    update events.events set position = given
    where organization_id = new.organization_id and event_id = new.event_id;
    return null;
end $$;
create constraint trigger give_position after insert on events.events deferrable initially deferred
    for each row execute function events.give_position();

-- Up to which event each consumer has heard an organization, and how the next one goes.
create table events.cursors (
    organization_id uuid not null references identity.organizations,
    consumer text not null,
    position bigint not null default 0,
    attempts smallint not null default 0,
    run_after timestamptz not null default now(),
    -- why the last attempt failed, as RFC 9457 problem
    error jsonb,
    primary key (organization_id, consumer)
);

-- What a consumer could not take, however often it was tried.
create table events.dead_letters (
    organization_id uuid not null references identity.organizations,
    consumer text not null,
    event_id uuid not null,
    attempts smallint not null,
    error jsonb not null,
    failed_at timestamptz not null default now(),
    primary key (organization_id, consumer, event_id)
);

call identity.protect(array[
    'events.heads', 'events.events', 'events.cursors', 'events.dead_letters'
]::regclass[]);

grant usage on schema events to ai2_api, ai2_pipeline;
grant select on all tables in schema events to ai2_api, ai2_pipeline;
grant insert, update on events.heads to ai2_api, ai2_pipeline;
grant insert, update (position) on events.events to ai2_api, ai2_pipeline;
grant delete on all tables in schema events to ai2_pipeline;
grant insert, update on events.cursors, events.dead_letters to ai2_pipeline;
"""
