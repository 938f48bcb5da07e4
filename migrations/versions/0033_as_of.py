"""As of: what was known at a moment, of names, openings and rates too, and whatever was being written just then.

A time alone does not say what was known: who began to write before it may have ended after it. So what is written keeps
the database transaction that wrote it and the one that ended it, and a moment keeps which of those had ended.
"""

from ai2.kit import live

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    live.index(INDEX)
    with live.outside():
        for columns in COLUMNS:  # each table by itself, so that nothing is locked while another is waited for
            live.run(columns)
    # what locks tables that are in use comes last
    live.run(
        NAMES,
        MOMENTS,
        _history(),
        RATES,
        PUBLISHED,
        GRANTS,
        TRIGGERS,
        live.view("published.transaction_versions", VERSIONS),
    )


def downgrade() -> None:
    """What categories and accounts were called before is lost, and so is what moments were of."""
    live.run(
        live.view("published.transaction_versions", live.revision("0013").VIEWS["published.transaction_versions"]),
        _former_history(),
        GONE,
    )


# What changed since a moment: of most moments that is little.
INDEX = """
create index transaction_versions_by_end on books.transaction_versions (organization_id, known_to)
"""

# Null is what was there before: it is known by its times alone. All have a default for what comes, none for what is.
COLUMNS = (
    "alter table books.transaction_versions add column if not exists row_xid xid8,"
    " add column if not exists ended_xid xid8",
    *(
        f"alter table books.{table} add column if not exists row_xid xid8;"
        f" alter table books.{table} alter column row_xid set default pg_current_xact_id()"
        for table in ("closed_periods", "own_rates", "exchange_rates")
    ),
    "alter table books.own_rates add column if not exists ended_xid xid8",
    "alter table books.exchange_rate_versions add column if not exists row_xid xid8,"
    " add column if not exists ended_xid xid8",
)

ADDED, STAMPS = "known_from, known_to, changed_by", "known_from, known_to, changed_by, row_xid, ended_xid"
WHO = "'system')"


def _former_history() -> str:
    """How versions were kept before."""
    known = live.revision("0013").VERSIONED
    history: str = live.revision("0013").HISTORY
    return history.replace(known, f"{known}, source_key")


def _history() -> str:
    """The same, with who wrote a version and who ended it."""
    return _former_history().replace(ADDED, STAMPS).replace(WHO, f"{WHO}, row_xid, pg_current_xact_id()")


NAMES = """
-- What categories and accounts were, until when, and who ended it. The present one is the row itself; what was before
-- this history is taken to have been as it is first known.
create table books.category_versions (
    organization_id uuid not null,
    category_id uuid not null,
    number integer not null,
    parent_id uuid,
    name text not null,
    kind text not null,
    archived_at timestamptz,
    created_at timestamptz not null,
    row_xid xid8 not null,
    known_to timestamptz not null,
    ended_xid xid8 not null,
    changed_by text not null,
    primary key (organization_id, category_id, number)
);
create table books.account_versions (
    organization_id uuid not null,
    account_id uuid not null,
    number integer not null,
    name text not null,
    kind text not null,
    currency char(3) not null,
    opening_balance numeric not null,
    opening_on date,
    anchored_on date,
    anchored_balance numeric,
    archived_at timestamptz,
    created_at timestamptz not null,
    row_xid xid8 not null,
    known_to timestamptz not null,
    ended_xid xid8 not null,
    changed_by text not null,
    primary key (organization_id, account_id, number)
);
-- And which periods were closed until they were reopened: their days had the rates that were known at their close.
create table books.closed_period_versions (
    organization_id uuid not null,
    closed_through date not null,
    rates_known_at timestamptz not null,
    closed_at timestamptz not null,
    row_xid xid8,
    known_to timestamptz not null,
    ended_xid xid8 not null,
    primary key (organization_id, closed_through, ended_xid)
);
call identity.protect(array[
    'books.category_versions', 'books.account_versions', 'books.closed_period_versions'
]::regclass[]);

create function books.keep_category() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.category_versions
        (organization_id, category_id, number, parent_id, name, kind, archived_at, created_at, row_xid, known_to,
        ended_xid, changed_by)
    select
        old.organization_id, old.category_id, coalesce(max(former.number), 0) + 1, old.parent_id, old.name, old.kind,
        old.archived_at, old.created_at, old.row_xid, now(), pg_current_xact_id(),
        coalesce(nullif(current_setting('app.actor', true), ''), 'system')
    from books.category_versions as former
    where former.organization_id = old.organization_id and former.category_id = old.category_id;
    return null;
end $$;

create function books.keep_account() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.account_versions
        (organization_id, account_id, number, name, kind, currency, opening_balance, opening_on, anchored_on,
        anchored_balance, archived_at, created_at, row_xid, known_to, ended_xid, changed_by)
    select
        old.organization_id, old.account_id, coalesce(max(former.number), 0) + 1, old.name, old.kind, old.currency,
        old.opening_balance, old.opening_on, old.anchored_on, old.anchored_balance, old.archived_at, old.created_at,
        old.row_xid, now(), pg_current_xact_id(), coalesce(nullif(current_setting('app.actor', true), ''), 'system')
    from books.account_versions as former
    where former.organization_id = old.organization_id and former.account_id = old.account_id;
    return null;
end $$;

create function books.keep_closing() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.closed_period_versions
        (organization_id, closed_through, rates_known_at, closed_at, row_xid, known_to, ended_xid)
    values (
        old.organization_id, old.closed_through, old.rates_known_at, old.closed_at, old.row_xid, now(),
        pg_current_xact_id()
    )
    on conflict do nothing;
    return null;
end $$;
"""

RATES = """
create or replace function books.keep_rate() returns trigger language plpgsql set search_path = '' as $$
declare ended_at timestamptz := clock_timestamp();
begin
    insert into books.exchange_rate_versions
        (quoted_on, currency, per_euro, known_from, known_to, row_xid, ended_xid)
    values (old.quoted_on, old.currency, old.per_euro, old.known_from, ended_at, old.row_xid, pg_current_xact_id());
    if tg_op = 'DELETE' then
        return old;
    end if;
    new.known_from := ended_at;
    new.row_xid := pg_current_xact_id();
    return new;
end $$;

create function books.stamp_end() returns trigger language plpgsql set search_path = '' as $$
begin
    new.ended_xid := pg_current_xact_id();
    return new;
end $$;
"""

MOMENTS = """
-- When reports were made, or first asked for: which writers had ended then, so that the same moment is the same for
-- ever. What is older than `settled_before` was written by another server, whose numbers say nothing here.
create table reports.moments (
    organization_id uuid not null,
    as_of timestamptz not null,
    snapshot pg_snapshot not null,
    server bigint not null,
    settled_before timestamptz,
    fiscal_year_start smallint not null,
    primary key (organization_id, as_of)
);
call identity.protect(array['reports.moments']::regclass[]);

-- Whether what a transaction wrote was there at a moment.
create function books.was_seen(writer xid8, written_at timestamptz, moment timestamptz, snapshot pg_snapshot, own xid8,
    settled_before timestamptz) returns boolean
language sql immutable parallel safe
return written_at <= moment and (
    writer is null or written_at < settled_before or writer = own or pg_visible_in_snapshot(writer, snapshot)
) is true;
"""

VERSIONS = """
select
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at, known_from, known_to, changed_by, value_on, counterparty, batch_id,
    line_number, splits, row_xid, ended_xid
from books.transaction_versions
"""

PUBLISHED = """
create view published.category_versions with (security_invoker = true) as select * from books.category_versions;
create view published.account_versions with (security_invoker = true) as
select *, (opening_on is not null or opening_balance <> 0) as is_opening_known from books.account_versions;
"""

TRIGGERS = """
create trigger keep_version after update on books.categories for each row
    when ((old.name, old.parent_id, old.kind, old.archived_at)
        is distinct from (new.name, new.parent_id, new.kind, new.archived_at))
    execute function books.keep_category();
create trigger keep_version after update on books.accounts for each row
    when ((
            old.name, old.kind, old.currency, old.opening_balance, old.opening_on, old.anchored_on,
            old.anchored_balance, old.archived_at
        ) is distinct from (
            new.name, new.kind, new.currency, new.opening_balance, new.opening_on, new.anchored_on,
            new.anchored_balance, new.archived_at
        ))
    execute function books.keep_account();
create trigger keep_reopened after delete on books.closed_periods
    for each row execute function books.keep_closing();
create trigger stamp_end before update on books.own_rates
    for each row when (old.known_to is null and new.known_to is not null) execute function books.stamp_end();
"""

GRANTS = """
-- History is written once; only an erasure ends it.
grant select, insert on books.category_versions, books.account_versions, books.closed_period_versions,
    reports.moments to ai2_api;
grant select, insert, delete on books.category_versions, books.account_versions, books.closed_period_versions,
    reports.moments to ai2_pipeline;
grant select on published.category_versions, published.account_versions to ai2_api, ai2_pipeline;
"""

GONE = """
drop view published.category_versions, published.account_versions;
drop function books.was_seen(xid8, timestamptz, timestamptz, pg_snapshot, xid8, timestamptz);
drop table reports.moments;
drop trigger keep_version on books.categories;
drop trigger keep_version on books.accounts;
drop trigger keep_reopened on books.closed_periods;
drop trigger stamp_end on books.own_rates;
drop function books.keep_category();
drop function books.keep_account();
drop function books.keep_closing();
drop function books.stamp_end();
create or replace function books.keep_rate() returns trigger language plpgsql set search_path = '' as $$
declare ended_at timestamptz := clock_timestamp();
begin
    insert into books.exchange_rate_versions (quoted_on, currency, per_euro, known_from, known_to)
    values (old.quoted_on, old.currency, old.per_euro, old.known_from, ended_at);
    if tg_op = 'DELETE' then
        return old;
    end if;
    new.known_from := ended_at;
    return new;
end $$;
drop table books.category_versions, books.account_versions, books.closed_period_versions;
drop index books.transaction_versions_by_end;
alter table books.transaction_versions drop column row_xid, drop column ended_xid;
alter table books.closed_periods drop column row_xid;
alter table books.own_rates drop column row_xid, drop column ended_xid;
alter table books.exchange_rates drop column row_xid;
alter table books.exchange_rate_versions drop column row_xid, drop column ended_xid;
"""
