"""Identities: by what a line is known again. And more of what its line said: value date, other side, state."""

from ai2.kit import live
from ai2.kit.rebuilding import Rebuilding, Reference

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """The stored column amount_rank would be written under a lock: the table is made anew beside itself."""
    live.run(AMOUNT_RANK)
    REBUILDING.prepare()
    before, after = live.every_tenants(*TOTALLED)
    live.run(
        IDENTITIES,
        LINES,
        *REBUILDING.swap(),
        TRIGGERS,
        REFERENCES,
        TOTALS,
        HISTORY,
        live.view("published.transactions", TRANSACTIONS),
        live.view("published.transaction_versions", VERSIONS),
        live.view("published.statement_lines", live.revision("0001").STATEMENT_LINES),
        before + PENDING_OUT_OF_TOTALS + after,
        REBUILDING.gone(),
    )


def downgrade() -> None:
    """By what lines are known is lost: a file of now, imported again, comes in twice."""
    spine = live.revision("0001")
    swaps = [live.index_anew(statement) for statement in FORMER_INDEXES]
    with live.seeing("books.transactions", "books.transaction_versions", "books.accounts", "books.categories"):
        live.in_pieces(TAKEN_BACK)
    before, after = live.every_tenants("books.transactions", *TOTALLED)
    for table, name, definition in FORMER_CONSTRAINTS:
        live.constraint(table, name, definition)
    live.run(
        before + PENDING_INTO_TOTALS + after,
        BACK,
        live.view("published.transactions", FORMER_TRANSACTIONS),
        live.view("published.transaction_versions", FORMER_VERSIONS),
        spine.KEEP_TOTALS,
        spine.KEEP_VERSION,
        *swaps,
        GONE,
    )


IDENTITIES = """
-- By what a line is known when it comes again: docs/reference/dedupe.md. Rows outlive the deletion of their
-- transaction, and go only with the batch that brought them, when it is undone. Version 1 stays in
-- ingest.fingerprints, and counts.
create table ingest.identities (
    organization_id uuid not null,
    -- BLAKE2b-128 of account, date, amount, currency and normalised text
    content bytea not null,
    -- 1 for the first such transaction of the account, 2 for the next
    occurrence integer not null check (occurrence > 0),
    version smallint not null,
    -- of the provider's own id, where it gave one
    provider bytea,
    -- the transaction is known by a provider's id, if by another row's: no line with another id is it
    has_id boolean not null default false,
    transaction_id uuid not null,
    batch_id uuid not null,
    -- the later batch that brought the provider's id of a transaction that had none
    claimed_by uuid,
    primary key (organization_id, content, occurrence)
);
create unique index identities_by_provider on ingest.identities (organization_id, provider)
    where provider is not null;
create index identities_by_transaction on ingest.identities (organization_id, transaction_id) where has_id;
-- Batches are written one after the other and never in between, so the blocks of each are known by their bounds.
create index identities_by_batch on ingest.identities using brin (organization_id, batch_id)
    with (pages_per_range = 16, autosummarize = true);

call identity.protect(array['ingest.identities']::regclass[]);
grant select, insert, update, delete on ingest.identities to ai2_api, ai2_pipeline;
"""

LINES = """
-- Written only with its batch, a line of which it is; checked row by row this takes as long as the lines themselves.
alter table ingest.unloaded_lines drop constraint unloaded_lines_organization_id_batch_id_fkey;
alter table books.transaction_versions add column value_on date, add column counterparty text;
"""

# A foreign key is checked row by row, a quarter of the time that a large import takes: docs/decisions/references.md.
REFERENCES = """
create function books.check_references() returns trigger language plpgsql set search_path = '' as $$
begin
    -- what is named is locked as a foreign key does: it may not go before this transaction ends
    if exists (
        select from (select distinct organization_id, account_id from written) as named
        where not exists (
            select from books.accounts as account
            where account.organization_id = named.organization_id and account.account_id = named.account_id
            for key share
        )
    ) then raise foreign_key_violation using message = 'a transaction names an account that is not there';
    end if;
    if exists (
        select from (
            select distinct organization_id, category_id from written where category_id is not null
        ) as named
        where not exists (
            select from books.categories as category
            where category.organization_id = named.organization_id and category.category_id = named.category_id
            for key share
        )
    ) then raise foreign_key_violation using message = 'a transaction names a category that is not there';
    end if;
    return null;
end $$;
create trigger references_of_inserts after insert on books.transactions
    referencing new table as written for each statement execute function books.check_references();
create trigger references_of_updates after update on books.transactions
    referencing new table as written for each statement execute function books.check_references();

create function books.keep_named_accounts() returns trigger language plpgsql set search_path = '' as $$
begin
    if exists (
        select from books.transactions as transaction inner join removed using (organization_id, account_id)
    ) then raise foreign_key_violation using message = 'transactions name an account that is to be deleted';
    end if;
    return null;
end $$;
create trigger keep_named_accounts after delete on books.accounts
    referencing old table as removed for each statement execute function books.keep_named_accounts();

create function books.keep_named_categories() returns trigger language plpgsql set search_path = '' as $$
begin
    if exists (
        select from books.transactions as transaction inner join removed using (organization_id, category_id)
    ) then raise foreign_key_violation using message = 'transactions name a category that is to be deleted';
    end if;
    return null;
end $$;
create trigger keep_named_categories after delete on books.categories
    referencing old table as removed for each statement execute function books.keep_named_categories();
"""

# The order of amounts as whole numbers, of ten-thousandths: no currency has more decimals. Row-level security lets an
# index look only for what leaks nothing, and PostgreSQL says so of integers, not of numerics. Beyond 900 trillion
# all amounts rank alike.
AMOUNT_RANK = """
create or replace function books.amount_rank(amount numeric) returns bigint language sql immutable parallel safe
    return least(greatest(round(amount * 10000), -9e18), 9e18)::bigint;
"""

NEXT = """
create table {next} (like books.transactions including defaults including constraints);
alter table {next}
    add primary key (organization_id, transaction_id),
    -- the day from which the bank counts interest, where it says so
    add column value_on date,
    -- the other side's account, as the bank writes it: IBAN, or number
    add column counterparty text,
    add column amount_rank bigint constraint transactions_amount_rank_not_null not null
        generated always as (books.amount_rank(amount)) stored,
    drop constraint transactions_status_check,
    -- closed: was pending, and the bank took it back
    add constraint transactions_status_check check (status in ('posted', 'pending', 'closed'));
call identity.protect(array['{next}']::regclass[]);
grant select, insert, update, delete on {next} to ai2_api, ai2_pipeline;
"""

# Rows of one day, amount, account or category share an entry, which an id in the index would prevent: half the size,
# and half of the time that an import takes for it. Within a day or an amount a page sorts what it reads by id.
INDEXES = (
    "create index transactions_by_date on {next} (organization_id, booked_on) where deleted_at is null",
    "create index transactions_by_amount on {next} (organization_id, amount_rank) where deleted_at is null",
    "create index transactions_by_category on {next} (organization_id, category_id, booked_on)"
    " where deleted_at is null",
    "create index transactions_by_account on {next} (organization_id, account_id, booked_on) where deleted_at is null",
    # What few rows are; nothing for what an import brings.
    "create index transactions_not_posted on {next} (organization_id, booked_on)"
    " where status <> 'posted' and deleted_at is null",
    "create index transactions_tagged on {next} (organization_id, booked_on)"
    " where tags <> '{{}}' and deleted_at is null",
    "create index transactions_by_merchant on {next} (organization_id, merchant_key)",
    "create index transactions_fresh on {next} (organization_id, row_xid)",
    "create index transactions_by_batch on {next} (organization_id, batch_id, line_number)",
)
COLUMNS = [
    "organization_id", "transaction_id", "account_id", "booked_on", "amount", "currency", "description", "merchant",
    "merchant_key", "reference", "mcc", "notes", "tags", "attributes", "status", "category_id", "decided_by",
    "decided_version", "confidence", "decided_at", "batch_id", "line_number", "created_at", "updated_at", "deleted_at",
    "version", "row_xid",
]  # fmt: skip
REBUILDING = Rebuilding(
    schema="books",
    name="transactions",
    key=("organization_id", "transaction_id"),
    columns=COLUMNS,
    made=NEXT,
    indexes=INDEXES,
    references=(
        Reference(
            "ml.suggestions", "suggestions_organization_id_transaction_id_fkey", "organization_id, transaction_id"
        ),
        Reference("ml.feedback", "feedback_organization_id_transaction_id_fkey", "organization_id, transaction_id"),
    ),
)
TRIGGERS = """
create trigger totals_of_inserts after insert on books.transactions
    referencing new table as added for each statement execute function books.keep_totals();
create trigger totals_of_updates after update on books.transactions
    referencing old table as removed new table as added
    for each statement execute function books.keep_totals();
create trigger totals_of_deletes after delete on books.transactions
    referencing old table as removed for each statement execute function books.keep_totals();
create trigger stamp_version before update on books.transactions
    for each row execute function books.stamp_version();
create trigger keep_version after update on books.transactions
    referencing old table as replaced for each statement execute function books.keep_version();
"""

# What counts in the books is what the bank has booked: pending amounts still change.
COUNTS = "deleted_at is null and status = 'posted'"
# One pass over the changed rows for the days, from which the months follow, and one for the merchants. Rows are always
# written in the same order, so that two writers never wait for each other.
ADD_TO_TOTALS = """
    with by_day as materialized (
        select
            organization_id, booked_on, account_id, category_id, currency,
            coalesce(sum(sign * amount) filter (where amount > 0), 0) as money_in,
            coalesce(sum(sign * -amount) filter (where amount < 0), 0) as money_out,
            sum(sign) as transactions
        from ({changed}) as changed
        where {counts}
        group by organization_id, booked_on, account_id, category_id, currency
    ),
    by_month as (
        select
            organization_id, date_trunc('month', booked_on::timestamp)::date as month, account_id, category_id,
            currency, sum(money_in) as money_in, sum(money_out) as money_out, sum(transactions) as transactions
        from by_day
        group by 1, 2, account_id, category_id, currency
    ),
    by_merchant as (
        select
            organization_id, date_trunc('month', booked_on::timestamp)::date as month, merchant_key, category_id,
            currency,
            coalesce(sum(sign * amount) filter (where amount > 0), 0) as money_in,
            coalesce(sum(sign * -amount) filter (where amount < 0), 0) as money_out,
            sum(sign) as transactions
        from ({changed}) as changed
        where {counts}
        group by 1, 2, merchant_key, category_id, currency
    ),
    daily as ({into_daily}),
    monthly as ({into_monthly})
    {into_merchants};
"""
INTO_TOTALS = """
    insert into books.{table} as total
        (organization_id, {day}, {key}, category_id, currency, money_in, money_out, transactions)
    select organization_id, {day}, {key}, category_id, currency, money_in, money_out, transactions
    from {changes}
    where money_in <> 0 or money_out <> 0 or transactions <> 0
    order by organization_id, {day}, {key}, category_id, currency
    on conflict (organization_id, {day}, {key}, category_id, currency) do update set
        money_in = total.money_in + excluded.money_in,
        money_out = total.money_out + excluded.money_out,
        transactions = total.transactions + excluded.transactions
"""
COUNTED = "organization_id, booked_on, account_id, merchant_key, category_id, currency, amount, deleted_at, status"
ADDED = f"select 1 as sign, {COUNTED} from added"
REMOVED = f"select -1 as sign, {COUNTED} from removed"


def _add_to_totals(changed: str) -> str:
    return ADD_TO_TOTALS.format(
        changed=changed,
        counts=COUNTS,
        into_daily=INTO_TOTALS.format(table="daily_totals", changes="by_day", day="booked_on", key="account_id"),
        into_monthly=INTO_TOTALS.format(table="monthly_totals", changes="by_month", day="month", key="account_id"),
        into_merchants=INTO_TOTALS.format(
            table="merchant_totals", changes="by_merchant", day="month", key="merchant_key"
        ),
    )


TOTALS = f"""
create or replace function books.keep_totals() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then {_add_to_totals(ADDED)}
    elsif tg_op = 'UPDATE' then {_add_to_totals(f"{ADDED} union all {REMOVED}")}
    else {_add_to_totals(REMOVED)}
    end if;
    return null;
end $$;
"""

VERSIONED = """
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at, value_on, counterparty"""

HISTORY = f"""
create or replace function books.keep_version() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.transaction_versions ({VERSIONED}, known_from, known_to, changed_by)
    select {VERSIONED}, updated_at, now(), coalesce(nullif(current_setting('app.actor', true), ''), 'system')
    from replaced;
    return null;
end $$;
"""

# New columns come last: the view is replaced in place, for marts are built on it.
TRANSACTIONS = """
select
    transaction.organization_id, transaction.transaction_id, transaction.account_id, transaction.booked_on,
    transaction.amount, transaction.currency, transaction.description, transaction.merchant,
    transaction.merchant_key, transaction.reference, transaction.mcc, transaction.notes, transaction.tags,
    transaction.attributes, transaction.status, transaction.category_id, transaction.decided_by,
    transaction.decided_version, transaction.confidence, transaction.decided_at, transaction.batch_id,
    transaction.line_number, transaction.created_at, transaction.updated_at, transaction.deleted_at,
    transaction.version, transaction.row_xid,
    case
        when category.kind = 'transfer' then 'transfer' when transaction.amount > 0 then 'income' else 'expense'
    end as type,
    category.name as category,
    transaction.value_on,
    transaction.counterparty
from books.transactions as transaction
left join books.categories as category
    on category.organization_id = transaction.organization_id and category.category_id = transaction.category_id
"""
VERSIONS = """
select
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at, known_from, known_to, changed_by, value_on, counterparty
from books.transaction_versions
"""

# Pending amounts were counted until now, and are again by the version before.
TOTALLED = ("books.daily_totals", "books.monthly_totals", "books.merchant_totals")
PENDING = f"select {{sign}} as sign, {COUNTED} from books.transactions where status <> 'posted'"
PENDING_OUT_OF_TOTALS, PENDING_INTO_TOTALS = (
    _add_to_totals(PENDING.format(sign=sign)).replace(COUNTS, "deleted_at is null") for sign in (-1, 1)
)

# What the bank took back was not there for the version before.
TAKEN_BACK = """
update books.transactions set status = 'pending', deleted_at = coalesce(deleted_at, now())
where (organization_id, transaction_id) in (
    select organization_id, transaction_id from books.transactions where status = 'closed' limit 1000
)
"""
FORMER_INDEXES = (
    "create index transactions_by_date on books.transactions (organization_id, booked_on desc, transaction_id desc)"
    " where deleted_at is null",
    "create index transactions_by_amount on books.transactions (organization_id, amount desc, transaction_id desc)"
    " where deleted_at is null",
    "create index transactions_by_category on books.transactions"
    " (organization_id, category_id, booked_on desc, transaction_id desc) where deleted_at is null",
)
FORMER_CONSTRAINTS = (
    ("books.transactions", "transactions_status_former", "check (status in ('posted', 'pending'))"),
    (
        "books.transactions", "transactions_organization_id_account_id_fkey",
        "foreign key (organization_id, account_id) references books.accounts",
    ),
    (
        "books.transactions", "transactions_organization_id_category_id_fkey",
        "foreign key (organization_id, category_id) references books.categories",
    ),
    (
        "ingest.unloaded_lines", "unloaded_lines_organization_id_batch_id_fkey",
        "foreign key (organization_id, batch_id) references ingest.batches",
    ),
)  # fmt: skip
BACK = """
drop trigger references_of_inserts on books.transactions;
drop trigger references_of_updates on books.transactions;
drop trigger keep_named_accounts on books.accounts;
drop trigger keep_named_categories on books.categories;
drop function books.check_references(), books.keep_named_accounts(), books.keep_named_categories();
alter table books.transactions drop constraint transactions_status_check;
alter table books.transactions rename constraint transactions_status_former to transactions_status_check;
"""
FORMER_TRANSACTIONS = """
select
    transaction.organization_id, transaction.transaction_id, transaction.account_id, transaction.booked_on,
    transaction.amount, transaction.currency, transaction.description, transaction.merchant,
    transaction.merchant_key, transaction.reference, transaction.mcc, transaction.notes, transaction.tags,
    transaction.attributes, transaction.status, transaction.category_id, transaction.decided_by,
    transaction.decided_version, transaction.confidence, transaction.decided_at, transaction.batch_id,
    transaction.line_number, transaction.created_at, transaction.updated_at, transaction.deleted_at,
    transaction.version, transaction.row_xid,
    case
        when category.kind = 'transfer' then 'transfer' when transaction.amount > 0 then 'income' else 'expense'
    end as type,
    category.name as category
from books.transactions as transaction
left join books.categories as category
    on category.organization_id = transaction.organization_id and category.category_id = transaction.category_id
"""
FORMER_VERSIONS = """
select
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at, known_from, known_to, changed_by
from books.transaction_versions
"""
GONE = """
drop index books.transactions_by_account, books.transactions_not_posted, books.transactions_tagged;
alter table books.transactions drop column value_on, drop column counterparty, drop column amount_rank;
alter table books.transaction_versions drop column value_on, drop column counterparty;
drop function books.amount_rank(numeric);
drop table ingest.identities;
"""
