"""Closed periods, which no writer gets past; and what an organization says of how it keeps its books."""

from ai2.kit import live

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    live.run(PERIODS, REFUSALS, SETTINGS, GRANTS)


def downgrade() -> None:
    """What was closed is open again, and nobody knows that it was; settings that came with this are lost."""
    live.run(BACK)


PERIODS = """
-- Up to and with which days the books are closed; the last of them counts. Days of an earlier close keep its rates.
create table books.closed_periods (
    organization_id uuid not null references identity.organizations,
    closed_through date not null,
    -- amounts of its days are converted by the rates as they were known then
    rates_known_at timestamptz not null,
    base_currency char(3) not null,
    closed_by text not null,
    closed_at timestamptz not null default now(),
    primary key (organization_id, closed_through)
);

-- Who closed and reopened what, and why. Written once.
create table books.period_acts (
    organization_id uuid not null references identity.organizations,
    act_id uuid not null,
    act text not null check (act in ('closed', 'reopened')),
    -- closed through this day, or reopened from it on
    day date not null,
    closed_before date,
    closed_after date,
    reason text,
    acted_by text not null,
    acted_at timestamptz not null default now(),
    primary key (organization_id, act_id),
    check (act = 'closed' or reason is not null)
);
call identity.protect(array['books.closed_periods', 'books.period_acts']::regclass[]);

-- Through which day an organization's books are closed, and that until this transaction ends. A close waits for all
-- who hold it, so that a write and a close come one after the other; asked in a statement of its own, after the wait.
create function books.closed_through(whose uuid) returns date language plpgsql volatile set search_path = '' as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('books.periods:' || whose::text, 0));
    return (select max(period.closed_through) from books.closed_periods as period where period.organization_id = whose);
end $$;

create function books.raise_closed(closed_through date) returns void language plpgsql set search_path = '' as $$
begin
    raise exception using errcode = 'AI001', message = 'the books are closed', detail = closed_through::text;
end $$;

-- For whoever changes what belongs to a day: books.refuse_closed(organization_id, the earliest of the days).
create function books.refuse_closed(whose uuid, first_day date) returns void
language plpgsql volatile set search_path = '' as $$
declare shut date := books.closed_through(whose);
begin
    if first_day <= shut then
        perform books.raise_closed(shut);
    end if;
end $$;
"""

# What a row counts for in a closed period: nothing, unless it is posted, stands, and is of one of its days.
COUNTS = "{row}.status = 'posted' and {row}.deleted_at is null and {row}.booked_on <= shut"
COUNTED = """transaction_id, booked_on, amount, currency, account_id, category_id,
    jsonb_path_query_array(splits, '$[*].amount'), jsonb_path_query_array(splits, '$[*].category_id')"""
# The tenant of a statement is known beforehand for the API's role; others may write for several.
WHOSE = """
    if current_user = 'ai2_api' then
        organizations := array[nullif(current_setting('app.organization_id', true), '')::uuid];
    else
        organizations := array(select distinct organization_id from {rows});
    end if;
    foreach whose in array organizations loop
        shut := books.closed_through(whose);
        continue when shut is null;"""
DECLARE = """
declare
    organizations uuid[];
    whose uuid;
    shut date;
"""


def _counted(rows: str) -> str:
    return f"select {COUNTED} from {rows} where {rows}.organization_id = whose and {COUNTS.format(row=rows)}"


REFUSALS = f"""
-- What counts in a closed period stays, whoever writes. Where nothing is closed no row is looked at.
create function books.keep_closed_from_inserts() returns trigger language plpgsql set search_path = '' as $$
{DECLARE}
begin
    {WHOSE.format(rows="added")}
        if exists ({_counted("added")}) then
            perform books.raise_closed(shut);
        end if;
    end loop;
    return null;
end $$;
create trigger closed_to_inserts after insert on books.transactions
    referencing new table as added for each statement execute function books.keep_closed_from_inserts();

create function books.keep_closed_from_updates() returns trigger language plpgsql set search_path = '' as $$
{DECLARE}
begin
    {WHOSE.format(rows="added")}
        -- told by sets and not by a join, which is planned once, perhaps for few rows, and then serves a million
        if exists ({_counted("removed")} except {_counted("added")})
            or exists ({_counted("added")} except {_counted("removed")})
        then
            perform books.raise_closed(shut);
        end if;
    end loop;
    return null;
end $$;
create trigger closed_to_updates after update on books.transactions
    referencing old table as removed new table as added
    for each statement execute function books.keep_closed_from_updates();

-- Rows are only ever deleted by an erasure, which closed books do not stop.
create function books.keep_closed_from_deletes() returns trigger language plpgsql set search_path = '' as $$
{DECLARE}
begin
    {WHOSE.format(rows="removed")}
        if exists ({_counted("removed")})
            and not exists (select from identity.erasures as erasure where erasure.organization_id = whose)
        then
            perform books.raise_closed(shut);
        end if;
    end loop;
    return null;
end $$;
create trigger closed_to_deletes after delete on books.transactions
    referencing old table as removed for each statement execute function books.keep_closed_from_deletes();

-- A pair of which a side lies in a closed period is neither made nor taken apart.
create function books.keep_closed_pair() returns trigger language plpgsql set search_path = '' as $$
declare
    pair books.transfers := case when tg_op = 'DELETE' then old else new end;
    shut date := books.closed_through(pair.organization_id);
begin
    if shut is not null
        and exists (
            select from books.transactions as side
            where side.organization_id = pair.organization_id and side.booked_on <= shut
                and side.transaction_id in (pair.out_transaction_id, pair.in_transaction_id)
        )
        and not exists (
            select from identity.erasures as erasure where erasure.organization_id = pair.organization_id
        )
    then
        perform books.raise_closed(shut);
    end if;
    return null;
end $$;
create trigger closed_to_new_pairs after insert on books.transfers
    for each row when (new.state = 'paired') execute function books.keep_closed_pair();
create trigger closed_to_changed_pairs after update on books.transfers
    for each row when (new.state <> old.state and 'paired' in (old.state, new.state))
    execute function books.keep_closed_pair();
create trigger closed_to_pairs_taken_apart after delete on books.transfers
    for each row when (old.state = 'paired') execute function books.keep_closed_pair();

-- What an account held at first is part of every later balance.
create function books.keep_closed_openings() returns trigger language plpgsql set search_path = '' as $$
declare shut date := books.closed_through(new.organization_id);
begin
    if shut is not null and (
        least(old.opening_on, new.opening_on) <= shut or exists (
            select from books.daily_totals as total
            where total.organization_id = new.organization_id and total.booked_on <= shut
                and total.account_id = new.account_id and total.transactions > 0
        )
    ) then
        perform books.raise_closed(shut);
    end if;
    return new;
end $$;
create trigger closed_to_openings before update on books.accounts
    for each row when (
        (new.opening_balance, new.opening_on, new.currency)
        is distinct from (old.opening_balance, old.opening_on, old.currency)
    ) execute function books.keep_closed_openings();

-- What automatic deciders would have changed and left alone, because its period is closed.
alter table books.rule_applications add column rows_closed integer not null default 0;
"""

SETTINGS = """
alter table identity.organizations
    -- with fiscal_year_start: the day on which the fiscal year begins, such as 6 April
    add column fiscal_year_start_day smallint not null default 1
        constraint organizations_fiscal_day_check check (fiscal_year_start_day between 1 and 31),
    -- ISO 3166: the country whose taxes count, or the state of it (US-CA)
    add column tax_jurisdiction text,
    -- whether it is registered for VAT, GST or the like; null where nobody said
    add column tax_registered boolean,
    add column tax_number text,
    add column tax_scheme text
        constraint organizations_tax_scheme_check check (tax_scheme in ('accrual', 'cash', 'flat_rate', 'exempt')),
    -- a category that is less sure than this waits for a person; null leaves it to the platform
    add column auto_apply_confidence numeric
        constraint organizations_confidence_check check (auto_apply_confidence between 0 and 1);

-- How an organization kept its books before: what was so, from when to when, and who ended it.
create table identity.organization_versions (
    organization_id uuid not null references identity.organizations,
    version integer not null,
    settings jsonb not null,
    known_to timestamptz not null default now(),
    changed_by text not null,
    primary key (organization_id, version)
);
call identity.protect(array['identity.organization_versions']::regclass[]);

create function identity.keep_settings() returns trigger language plpgsql set search_path = '' as $$
begin
    if new.version <> old.version then
        insert into identity.organization_versions (organization_id, version, settings, changed_by)
        values (
            old.organization_id, old.version, to_jsonb(old) - 'organization_id' - 'version' - 'created_at',
            coalesce(nullif(current_setting('app.actor', true), ''), 'system')
        );
    end if;
    return null;
end $$;
create trigger keep_settings after update on identity.organizations
    for each row execute function identity.keep_settings();
"""

GRANTS = """
grant select, insert, delete on books.closed_periods to ai2_api;
grant select, insert on books.period_acts, identity.organization_versions to ai2_api;
grant select, insert, update, delete on books.closed_periods, books.period_acts, identity.organization_versions
    to ai2_pipeline;
"""

BACK = """
drop trigger keep_settings on identity.organizations;
drop function identity.keep_settings();
drop table identity.organization_versions;
alter table identity.organizations
    drop column fiscal_year_start_day, drop column tax_jurisdiction, drop column tax_registered,
    drop column tax_number, drop column tax_scheme, drop column auto_apply_confidence;
alter table books.rule_applications drop column rows_closed;
drop trigger closed_to_openings on books.accounts;
drop trigger closed_to_new_pairs on books.transfers;
drop trigger closed_to_changed_pairs on books.transfers;
drop trigger closed_to_pairs_taken_apart on books.transfers;
drop trigger closed_to_inserts on books.transactions;
drop trigger closed_to_updates on books.transactions;
drop trigger closed_to_deletes on books.transactions;
drop function books.keep_closed_openings();
drop function books.keep_closed_pair();
drop function books.keep_closed_from_inserts();
drop function books.keep_closed_from_updates();
drop function books.keep_closed_from_deletes();
drop function books.refuse_closed(uuid, date);
drop function books.raise_closed(date);
drop function books.closed_through(uuid);
drop table books.period_acts, books.closed_periods;
"""
