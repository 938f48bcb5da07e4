"""Exchange rates with their history: what was corrected stays known, and an organization's own rates come first."""

from ai2.kit import live

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    live.run(HISTORY, OWN)


def downgrade() -> None:
    """Former rates and the organizations' own are lost; the present reference rates stay."""
    live.run(BACK)


HISTORY = """
-- Since when a rate is known as it is. Of those that were there before, it is known since now.
alter table books.exchange_rates add column known_from timestamptz not null default now();
alter table books.exchange_rates alter column known_from set default clock_timestamp();

-- What was published before it was corrected: known from when to when.
create table books.exchange_rate_versions (
    quoted_on date not null,
    currency char(3) not null,
    per_euro numeric not null,
    known_from timestamptz not null,
    known_to timestamptz not null,
    primary key (currency, quoted_on, known_from)
);

-- One writer after the other, and none while a period is closed: whoever closes knows what was known.
create function books.queue_up_for_rates() returns trigger language plpgsql set search_path = '' as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('books.exchange_rates', 0));
    return null;
end $$;
create trigger queue_up before insert or update or delete on books.exchange_rates
    for each statement execute function books.queue_up_for_rates();

create function books.keep_rate() returns trigger language plpgsql set search_path = '' as $$
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
create trigger keep_corrected before update on books.exchange_rates
    for each row when (new.per_euro is distinct from old.per_euro) execute function books.keep_rate();
create trigger keep_withdrawn before delete on books.exchange_rates
    for each row execute function books.keep_rate();

-- What one euro was worth by the quote of just this day, as it was known then.
create function books.per_euro(wanted text, of_day date, known_at timestamptz) returns numeric
language sql stable set search_path = ''
begin atomic
    select case when wanted = 'EUR' then 1 else coalesce(
        (
            select per_euro from books.exchange_rates
            where currency = wanted and quoted_on = of_day and known_from <= known_at
        ),
        (
            select per_euro from books.exchange_rate_versions
            where currency = wanted and quoted_on = of_day and known_from <= known_at and known_to > known_at
        )
    ) end;
end;

grant select on books.exchange_rate_versions to ai2_api;
grant select, insert on books.exchange_rate_versions to ai2_pipeline;
"""

OWN = """
-- An organization's own rates: one unit of `base` is `rate` units of `quote`. A row is never changed, only ended.
create table books.own_rates (
    organization_id uuid not null references identity.organizations,
    rate_id uuid not null,
    base char(3) not null,
    quote char(3) not null check (quote <> base),
    quoted_on date not null,
    rate numeric not null check (rate > 0),
    set_by text not null,
    known_from timestamptz not null default clock_timestamp(),
    known_to timestamptz,
    ended_by text,
    primary key (organization_id, rate_id)
);
-- One a pair and day, whichever way round it is written.
create unique index own_rates_present on books.own_rates
    (organization_id, least(base, quote), greatest(base, quote), quoted_on) where known_to is null;
create index own_rates_by_day on books.own_rates
    (organization_id, least(base, quote), greatest(base, quote), quoted_on);

call identity.protect(array['books.own_rates']::regclass[]);
grant select, insert, update, delete on books.own_rates to ai2_api, ai2_pipeline;
"""

BACK = """
drop table books.own_rates;
drop trigger queue_up on books.exchange_rates;
drop trigger keep_corrected on books.exchange_rates;
drop trigger keep_withdrawn on books.exchange_rates;
drop function books.per_euro(text, date, timestamptz);
drop function books.keep_rate();
drop function books.queue_up_for_rates();
drop table books.exchange_rate_versions;
alter table books.exchange_rates drop column known_from;
"""
