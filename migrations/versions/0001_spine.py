"""The spine: who you are, the books, what came in, what the models said, and what readers see.

A schema is named after the package that writes it. `organization_id` leads every primary, unique and foreign
key, and row-level security is forced on every table that has it.
"""

from ai2.kit import live

revision = "0001"
down_revision = None


def upgrade() -> None:
    live.run(IDENTITY, BOOKS, TOTALS, HISTORY, INGEST, ML, PUBLISHED, PROTECTION, GRANTS)


def downgrade() -> None:
    """There is nothing below: what would be left is an empty database, and dropping it says so plainly."""
    raise NotImplementedError("0001 is the first revision; to have nothing, drop the database")


IDENTITY = """
create schema identity;

create table identity.organizations (
    organization_id uuid primary key,
    name text not null check (name <> ''),
    base_currency char(3) not null,
    country char(2),
    fiscal_year_start smallint not null default 1 check (fiscal_year_start between 1 and 12),
    -- whether its corrections may teach the model that all share (never otherwise)
    shares_learning boolean not null default false,
    created_at timestamptz not null default now()
);

-- The key that encrypts an organization's raw files, itself encrypted by the master key. Without it, they are noise.
create table identity.organization_keys (
    organization_id uuid primary key references identity.organizations,
    wrapped_key bytea not null,
    created_at timestamptz not null default now()
);

create table identity.users (
    user_id uuid primary key,
    email text not null check (email = lower(email)),
    name text not null,
    password_hash text not null,
    created_at timestamptz not null default now(),
    unique (email)
);

create table identity.memberships (
    organization_id uuid not null references identity.organizations,
    user_id uuid not null references identity.users,
    role text not null check (role in ('owner', 'admin', 'accountant', 'viewer')),
    created_at timestamptz not null default now(),
    primary key (organization_id, user_id)
);
create index on identity.memberships (user_id);

create table identity.sessions (
    session_id uuid primary key,
    user_id uuid not null references identity.users,
    organization_id uuid not null,
    refresh_digest bytea not null unique,
    -- every refresh token that this session used before: seeing one again means that it was stolen
    spent_digests bytea[] not null default '{}',
    created_at timestamptz not null default now(),
    refreshed_at timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at timestamptz
);

create table identity.api_keys (
    organization_id uuid not null references identity.organizations,
    api_key_id uuid not null,
    name text not null,
    role text not null check (role in ('owner', 'admin', 'accountant', 'viewer')),
    prefix text not null,
    created_by uuid references identity.users,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    primary key (organization_id, api_key_id)
);

-- Finds the tenant of a key before there is one; nothing else is in it.
create table identity.api_key_index (
    digest bytea primary key,
    organization_id uuid not null,
    api_key_id uuid not null
);

-- Answers kept for Idempotency-Key, for 24 hours.
create table identity.idempotency_keys (
    organization_id uuid not null references identity.organizations,
    key text not null,
    request_digest bytea not null,
    status smallint,
    body bytea,
    content_type text,
    created_at timestamptz not null default now(),
    primary key (organization_id, key)
);
create index on identity.idempotency_keys (organization_id, created_at);
"""

BOOKS = """
create schema books;

create table books.accounts (
    organization_id uuid not null references identity.organizations,
    account_id uuid not null,
    name text not null check (name <> ''),
    kind text not null default 'bank' check (kind in ('bank', 'card', 'savings', 'cash', 'loan', 'other')),
    currency char(3) not null,
    opening_balance numeric not null default 0,
    opening_on date,
    -- as the bank writes it in its files: IBAN, or number
    number text,
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    row_xid xid8 not null default pg_current_xact_id(),
    primary key (organization_id, account_id)
);
create unique index accounts_name on books.accounts (organization_id, lower(name));

create table books.categories (
    organization_id uuid not null references identity.organizations,
    category_id uuid not null,
    parent_id uuid,
    name text not null check (name <> ''),
    kind text not null check (kind in ('income', 'expense', 'transfer')),
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    row_xid xid8 not null default pg_current_xact_id(),
    primary key (organization_id, category_id),
    foreign key (organization_id, parent_id) references books.categories
);
create unique index categories_name on books.categories (organization_id, lower(name));

-- Which of its own categories an organization means by a predicted one (or by a primary, where no detailed fits).
create table books.category_codes (
    organization_id uuid not null,
    code text not null,
    category_id uuid not null,
    primary key (organization_id, code),
    foreign key (organization_id, category_id) references books.categories on delete cascade
);

create table books.transactions (
    organization_id uuid not null,
    transaction_id uuid not null,
    account_id uuid not null,
    booked_on date not null,
    amount numeric not null,
    currency char(3) not null,
    description text not null,
    -- who was paid or paid, as a person would write it; null where the bank names nobody
    merchant text,
    -- what "the same merchant" means: ai2.kit.merchants
    merchant_key text not null default '',
    reference text,
    mcc char(4),
    notes text,
    tags text[] not null default '{}',
    attributes jsonb not null default '{}',
    status text not null default 'posted' check (status in ('posted', 'pending')),
    category_id uuid,
    decided_by text check (decided_by in ('user', 'rule', 'recurring', 'merchant', 'import', 'model', 'llm')),
    decided_version text,
    confidence numeric check (confidence between 0 and 1),
    decided_at timestamptz,
    batch_id uuid,
    line_number integer,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    version integer not null default 1,
    -- readers that keep a watermark miss nothing that commits late
    row_xid xid8 not null default pg_current_xact_id(),
    primary key (organization_id, transaction_id),
    foreign key (organization_id, account_id) references books.accounts,
    foreign key (organization_id, category_id) references books.categories,
    check ((category_id is null) = (decided_by is null))
);
create index transactions_by_date on books.transactions (organization_id, booked_on desc, transaction_id desc)
    where deleted_at is null;
create index transactions_by_amount on books.transactions (organization_id, amount desc, transaction_id desc)
    where deleted_at is null;
create index transactions_by_category on books.transactions
    (organization_id, category_id, booked_on desc, transaction_id desc) where deleted_at is null;
create index transactions_by_merchant on books.transactions (organization_id, merchant_key);
create index transactions_fresh on books.transactions (organization_id, row_xid);
create index transactions_by_batch on books.transactions (organization_id, batch_id, line_number);
"""

# How totals follow the transactions, in one statement for a million rows as for one.
ADD_TO_TOTALS = """
    insert into books.{table} as total
        (organization_id, {day}, {key}, category_id, currency, money_in, money_out, transactions)
    select
        organization_id, {day_of} as {day}, {key}, category_id, currency,
        coalesce(sum(sign * amount) filter (where amount > 0), 0),
        coalesce(sum(sign * -amount) filter (where amount < 0), 0),
        sum(sign)
    from ({changed}) as changed
    where deleted_at is null
    group by organization_id, {day_of}, {key}, category_id, currency
    having sum(sign) <> 0 or sum(sign * amount) <> 0 or sum(sign * abs(amount)) <> 0
    -- always in the same order, so that two writers never wait for each other
    order by organization_id, {day_of}, {key}, category_id, currency
    on conflict (organization_id, {day}, {key}, category_id, currency) do update set
        money_in = total.money_in + excluded.money_in,
        money_out = total.money_out + excluded.money_out,
        transactions = total.transactions + excluded.transactions;
"""
COUNTED = """
    organization_id, booked_on, account_id, merchant_key, category_id, currency, amount, deleted_at
"""
ADDED = f"select 1 as sign, {COUNTED} from added"
REMOVED = f"select -1 as sign, {COUNTED} from removed"
MONTH = "date_trunc('month', booked_on::timestamp)::date"


def _add_to_totals(changed: str) -> str:
    by_day = {"table": "daily_totals", "day": "booked_on", "day_of": "booked_on", "key": "account_id"}
    by_month = {"table": "monthly_totals", "day": "month", "day_of": MONTH, "key": "account_id"}
    by_merchant = {"table": "merchant_totals", "day": "month", "day_of": MONTH, "key": "merchant_key"}
    return "".join(ADD_TO_TOTALS.format(changed=changed, **names) for names in (by_day, by_month, by_merchant))


KEEP_TOTALS = f"""
create or replace function books.keep_totals() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then {_add_to_totals(ADDED)}
    elsif tg_op = 'UPDATE' then {_add_to_totals(f"{ADDED} union all {REMOVED}")}
    else {_add_to_totals(REMOVED)}
    end if;
    return null;
end $$;
"""

TOTALS = f"""
-- Kept by the writing transaction, whoever writes: one row a day, account, category (or none) and currency.
create table books.daily_totals (
    organization_id uuid not null,
    booked_on date not null,
    account_id uuid not null,
    category_id uuid,
    currency char(3) not null,
    money_in numeric not null,
    money_out numeric not null,
    transactions integer not null,
    unique nulls not distinct (organization_id, booked_on, account_id, category_id, currency)
);

-- The same by month, so that years are read as quickly as days.
create table books.monthly_totals (
    organization_id uuid not null,
    month date not null,
    account_id uuid not null,
    category_id uuid,
    currency char(3) not null,
    money_in numeric not null,
    money_out numeric not null,
    transactions integer not null,
    unique nulls not distinct (organization_id, month, account_id, category_id, currency)
);

-- And by month and merchant.
create table books.merchant_totals (
    organization_id uuid not null,
    month date not null,
    merchant_key text not null,
    category_id uuid,
    currency char(3) not null,
    money_in numeric not null,
    money_out numeric not null,
    transactions integer not null,
    unique nulls not distinct (organization_id, month, merchant_key, category_id, currency)
);

{KEEP_TOTALS}
create trigger totals_of_inserts after insert on books.transactions
    referencing new table as added for each statement execute function books.keep_totals();
create trigger totals_of_updates after update on books.transactions
    referencing old table as removed new table as added
    for each statement execute function books.keep_totals();
create trigger totals_of_deletes after delete on books.transactions
    referencing old table as removed for each statement execute function books.keep_totals();
"""

# What a past version of a transaction keeps.
VERSIONED = """
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at"""

KEEP_VERSION = f"""
create or replace function books.keep_version() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.transaction_versions ({VERSIONED}, known_from, known_to, changed_by)
    select {VERSIONED}, updated_at, now(), coalesce(nullif(current_setting('app.actor', true), ''), 'system')
    from replaced;
    return null;
end $$;
"""

HISTORY = f"""
-- Every former version: what was known, from when to when, and who ended it. The present one is the transaction.
create table books.transaction_versions (
    organization_id uuid not null,
    transaction_id uuid not null,
    version integer not null,
    account_id uuid not null,
    booked_on date not null,
    amount numeric not null,
    currency char(3) not null,
    description text not null,
    merchant text,
    merchant_key text not null,
    reference text,
    mcc char(4),
    notes text,
    tags text[] not null,
    attributes jsonb not null,
    status text not null,
    category_id uuid,
    decided_by text,
    decided_version text,
    confidence numeric,
    decided_at timestamptz,
    deleted_at timestamptz,
    known_from timestamptz not null,
    known_to timestamptz not null,
    changed_by text not null,
    primary key (organization_id, transaction_id, version)
);

create function books.stamp_version() returns trigger language plpgsql set search_path = '' as $$
begin
    new.version := old.version + 1;
    new.updated_at := now();
    new.row_xid := pg_current_xact_id();
    return new;
end $$;
create trigger stamp_version before update on books.transactions
    for each row execute function books.stamp_version();

create function books.stamp_row_xid() returns trigger language plpgsql set search_path = '' as $$
begin
    new.row_xid := pg_current_xact_id();
    return new;
end $$;
create trigger stamp_row_xid before update on books.accounts
    for each row execute function books.stamp_row_xid();
create trigger stamp_row_xid before update on books.categories
    for each row execute function books.stamp_row_xid();

{KEEP_VERSION}
create trigger keep_version after update on books.transactions
    referencing old table as replaced for each statement execute function books.keep_version();
"""

INGEST = """
create schema ingest;

-- Bytes as they came, under their SHA-256; the bytes themselves lie encrypted in the blob store.
create table ingest.raw_files (
    organization_id uuid not null references identity.organizations,
    digest bytea not null check (length(digest) = 32),
    size_bytes bigint not null,
    blob_key text not null,
    received_at timestamptz not null default now(),
    primary key (organization_id, digest)
);

create table ingest.batches (
    organization_id uuid not null,
    batch_id uuid not null,
    account_id uuid not null,
    digest bytea not null,
    file_name text not null,
    source text not null check (source in ('api', 'cli', 'inbox')),
    status text not null check (
        status in ('queued', 'running', 'loaded', 'held', 'failed', 'needs_answer', 'undone')
    ),
    format text,
    parser_version text,
    layout jsonb,
    options jsonb not null default '{}',
    questions jsonb not null default '[]',
    -- the expectations and how each fared; why it is held or failed
    checks jsonb not null default '[]',
    problem jsonb,
    rows_in integer,
    rows_loaded integer,
    rows_duplicate integer,
    rows_quarantined integer,
    progress numeric not null default 0 check (progress between 0 and 1),
    first_date date,
    last_date date,
    currency char(3),
    imported_by text not null,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    -- set once Dagster shows it
    reported_at timestamptz,
    primary key (organization_id, batch_id),
    foreign key (organization_id, account_id) references books.accounts,
    foreign key (organization_id, digest) references ingest.raw_files,
    constraint rows_balance check (
        status not in ('loaded', 'undone') or rows_in = rows_loaded + rows_duplicate + rows_quarantined
    )
);
create index batches_unreported on ingest.batches (organization_id, finished_at) where reported_at is null;

-- The lines of a batch that did not become transactions; the others are found by batch and line number.
create table ingest.unloaded_lines (
    organization_id uuid not null,
    batch_id uuid not null,
    line_number integer not null,
    state text not null check (state in ('duplicate', 'quarantined')),
    -- duplicate: of what
    transaction_id uuid,
    -- quarantined: why, and the text as it came
    reason_code text,
    reason text,
    original text,
    primary key (organization_id, batch_id, line_number),
    foreign key (organization_id, batch_id) references ingest.batches
);

-- What keeps a row from coming in twice. Rows outlive the deletion of their transaction.
create table ingest.fingerprints (
    organization_id uuid not null,
    fingerprint bytea not null,
    version smallint not null,
    kind text not null check (kind in ('content', 'provider')),
    transaction_id uuid not null,
    primary key (organization_id, fingerprint)
);
create index on ingest.fingerprints (organization_id, transaction_id);

-- How an account's files are read: one layout for each kind of file, told apart by its signature.
create table ingest.layouts (
    organization_id uuid not null,
    account_id uuid not null,
    signature text not null,
    layout jsonb not null,
    decided_by text not null check (decided_by in ('inferred', 'person')),
    version integer not null default 1,
    updated_at timestamptz not null default now(),
    primary key (organization_id, account_id, signature),
    foreign key (organization_id, account_id) references books.accounts
);
"""

ML = """
create schema ml;

-- What is not sure enough to be applied waits here for a person.
create table ml.suggestions (
    organization_id uuid not null,
    transaction_id uuid not null,
    detailed text not null,
    category_id uuid,
    confidence numeric not null check (confidence between 0 and 1),
    decided_by text not null check (
        decided_by in ('user', 'rule', 'recurring', 'merchant', 'import', 'model', 'llm')
    ),
    version text not null,
    alternatives jsonb not null default '[]',
    reasons jsonb not null default '[]',
    state text not null default 'open' check (state in ('open', 'accepted', 'rejected')),
    created_at timestamptz not null default now(),
    primary key (organization_id, transaction_id),
    foreign key (organization_id, transaction_id) references books.transactions,
    foreign key (organization_id, category_id) references books.categories
);
create index suggestions_open on ml.suggestions (organization_id) where state = 'open';

-- What people said, as they said it.
create table ml.feedback (
    organization_id uuid not null,
    feedback_id uuid not null,
    transaction_id uuid not null,
    field text not null check (field in ('category', 'merchant')),
    value jsonb not null,
    apply_to text not null check (apply_to in ('this', 'similar', 'always')),
    merchant_key text not null,
    -- what the platform had answered before, and who decided it
    former jsonb not null default '{}',
    given_by text not null,
    created_at timestamptz not null default now(),
    primary key (organization_id, feedback_id),
    foreign key (organization_id, transaction_id) references books.transactions
);

-- What an organization taught: this merchant, money in or out, belongs there. Its alone.
create table ml.merchant_decisions (
    organization_id uuid not null references identity.organizations,
    merchant_key text not null,
    money_in boolean not null,
    category_id uuid not null,
    detailed text,
    merchant text,
    times integer not null default 1,
    decided_at timestamptz not null default now(),
    primary key (organization_id, merchant_key, money_in),
    foreign key (organization_id, category_id) references books.categories
);
"""

STATEMENT_LINES = """
select
    organization_id, batch_id, line_number, 'loaded' as state, transaction_id,
    null as reason_code, null as reason, description as original
from books.transactions where batch_id is not null
union all
select organization_id, batch_id, line_number, state, transaction_id, reason_code, reason, original
from ingest.unloaded_lines
"""

PUBLISHED = (
    """
create schema published;

create view published.organizations with (security_invoker = true) as
select organization_id, name, base_currency, country, fiscal_year_start, created_at
from identity.organizations;

create view published.accounts with (security_invoker = true) as
select
    organization_id, account_id, name, kind, currency, opening_balance, opening_on, number, archived_at, created_at,
    row_xid
from books.accounts;

create view published.categories with (security_invoker = true) as
select
    category.organization_id, category.category_id, category.parent_id, category.name, category.kind,
    category.archived_at, category.created_at, coalesce(codes.codes, '{}') as codes, category.row_xid
from books.categories as category
left join lateral (
    select array_agg(code.code order by code.code) as codes
    from books.category_codes as code
    where code.organization_id = category.organization_id and code.category_id = category.category_id
) as codes on true;

-- Every transaction, deleted ones too; its type follows from its category and its sign.
create view published.transactions with (security_invoker = true) as
select
    transaction.*,
    case
        when category.kind = 'transfer' then 'transfer' when transaction.amount > 0 then 'income' else 'expense'
    end as type,
    category.name as category
from books.transactions as transaction
left join books.categories as category
    on category.organization_id = transaction.organization_id and category.category_id = transaction.category_id;

-- What a transaction was before: readers that keep totals learn from it which of them a change touched.
create view published.transaction_versions with (security_invoker = true) as
select * from books.transaction_versions;

create view published.daily_totals with (security_invoker = true) as
select * from books.daily_totals where transactions > 0;

create view published.batches with (security_invoker = true) as select * from ingest.batches;

create view published.suggestions with (security_invoker = true) as select * from ml.suggestions;
create view published.statement_lines with (security_invoker = true) as
"""
    + STATEMENT_LINES
)

# Tables without a tenant are listed in ai2/identity/tables_without_tenant.txt; all others are protected here.
PROTECTION = """
create procedure identity.protect(tables regclass[]) language plpgsql as $$
declare protected regclass;
begin
    foreach protected in array tables loop
        execute format('alter table %s enable row level security, force row level security', protected);
        execute format(
            'create policy tenant on %s to ai2_api using (organization_id = (
                select nullif(current_setting(''app.organization_id'', true), '''')::uuid))', protected
        );
        execute format('create policy every_tenant on %s to ai2_pipeline using (true) with check (true)', protected);
    end loop;
end $$;

call identity.protect(array[
    'identity.organizations', 'identity.organization_keys', 'identity.memberships', 'identity.api_keys',
    'identity.idempotency_keys', 'books.accounts', 'books.categories', 'books.category_codes', 'books.transactions',
    'books.daily_totals', 'books.monthly_totals', 'books.merchant_totals', 'books.transaction_versions',
    'ingest.raw_files', 'ingest.batches', 'ingest.unloaded_lines', 'ingest.fingerprints', 'ingest.layouts',
    'ml.suggestions', 'ml.feedback', 'ml.merchant_decisions'
]::regclass[]);

-- Who signs in finds their own memberships before a tenant is chosen.
create policy own on identity.memberships for select to ai2_api
using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));
"""

GRANTS = """
grant usage on schema identity, books, ingest, ml, published to ai2_api, ai2_pipeline;
grant select, insert, update, delete on all tables in schema identity, books, ingest, ml to ai2_api, ai2_pipeline;
grant select on all tables in schema published to ai2_api, ai2_pipeline;
-- History is written once, by the trigger.
revoke update, delete on books.transaction_versions from ai2_api, ai2_pipeline;
"""
