"""Known: what of budgets, tax profiles, receipts and tax rules was known at a moment, so that reports of them have one.

What is written keeps the database transaction that wrote it and the one that ended it, as the rest of the books does.
"""

from ai2.kit import live

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    with live.outside():
        for columns in COLUMNS:  # each table by itself, so that nothing is locked while another is waited for
            live.run(columns)
    views = (live.view(name, with_creator) for name, (_, with_creator) in VIEWS.items())
    live.run(VERSIONS, KEEPING, *TRIGGERS, GRANTS, *views)


def downgrade() -> None:
    """What budgets, codes, receipts and settings were before is lost; the present ones stay."""
    views = (live.view(name, without) for name, (without, _) in VIEWS.items())
    live.run(*views, *GONE, *(f"alter table {table} {drops}" for table, drops in FORMER_COLUMNS.items()))


# Null is what was there before: it is known by its times alone. All have a default for what comes, none for what is.
STAMPED = ("books.budgets", "books.budget_months", "books.category_codes")
WRITTEN = (
    *(
        (table, name, default)
        for table in STAMPED
        for name, default in (("row_xid xid8", "pg_current_xact_id()"), ("known_from timestamptz", "now()"))
    ),
    ("books.attachments", "row_xid xid8", "pg_current_xact_id()"),
    ("ml.tax_confirmations", "row_xid xid8", "pg_current_xact_id()"),
    ("ml.tax_rules", "row_xid xid8", "pg_current_xact_id()"),
    ("ml.tax_rule_loads", "row_xid xid8", "pg_current_xact_id()"),
    ("identity.organization_versions", "ended_xid xid8", "pg_current_xact_id()"),
    # `row_xid` of these is that of whoever touched them last
    ("books.categories", "created_xid xid8", "pg_current_xact_id()"),
    ("books.accounts", "created_xid xid8", "pg_current_xact_id()"),
)
COLUMNS = (
    *(
        f"alter table {table} add column if not exists {column};"
        f" alter table {table} alter column {column.split()[0]} set default {default}"
        for table, column, default in WRITTEN
    ),
    # when a rule was closed: until then nobody knew its end
    "alter table ml.tax_rules add column if not exists closed_at timestamptz, add column if not exists closed_xid xid8",
)

VERSIONS = """
-- What was planned before it was changed or deleted, until when, and who ended it. The present is in the tables.
create table books.budget_versions (
    organization_id uuid not null,
    budget_id uuid not null,
    number integer not null,
    category_id uuid not null,
    currency char(3) not null,
    amount numeric not null,
    first_month date not null,
    last_month date,
    is_rolled_over boolean not null,
    version integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    known_from timestamptz not null,
    row_xid xid8,
    known_to timestamptz not null default now(),
    ended_xid xid8 not null default pg_current_xact_id(),
    changed_by text not null default coalesce(nullif(current_setting('app.actor', true), ''), 'system'),
    primary key (organization_id, budget_id, number)
);
create table books.budget_month_versions (
    organization_id uuid not null,
    budget_id uuid not null,
    month date not null,
    number integer not null,
    amount numeric not null,
    known_from timestamptz not null,
    row_xid xid8,
    known_to timestamptz not null default now(),
    ended_xid xid8 not null default pg_current_xact_id(),
    changed_by text not null default coalesce(nullif(current_setting('app.actor', true), ''), 'system'),
    primary key (organization_id, budget_id, month, number)
);
-- Which category a predicted code stood for: how it is taxed follows from that.
create table books.category_code_versions (
    organization_id uuid not null,
    code text not null,
    number integer not null,
    category_id uuid not null,
    known_from timestamptz not null,
    row_xid xid8,
    known_to timestamptz not null default now(),
    ended_xid xid8 not null default pg_current_xact_id(),
    changed_by text not null default coalesce(nullif(current_setting('app.actor', true), ''), 'system'),
    primary key (organization_id, code, number)
);
-- That there was a receipt beside a transaction; the receipt itself is gone.
create table books.attachment_versions (
    organization_id uuid not null,
    attachment_id uuid not null,
    transaction_id uuid not null,
    known_from timestamptz not null,
    row_xid xid8,
    known_to timestamptz not null default now(),
    ended_xid xid8 not null default pg_current_xact_id(),
    changed_by text not null default coalesce(nullif(current_setting('app.actor', true), ''), 'system'),
    primary key (organization_id, attachment_id, transaction_id, ended_xid)
);
create index attachment_versions_by_transaction on books.attachment_versions (organization_id, transaction_id);
call identity.protect(array[
    'books.budget_versions', 'books.budget_month_versions', 'books.category_code_versions',
    'books.attachment_versions'
]::regclass[]);
"""

# What is known of what was there before this history: that it was there since its budget or category is.
EVER = "coalesce(old.known_from, '-infinity')"
NEXT = "coalesce(max(former.number), 0) + 1"

KEEPING = f"""
create function books.stamp_known() returns trigger language plpgsql set search_path = '' as $$
begin
    new.known_from := now();
    new.row_xid := pg_current_xact_id();
    return new;
end $$;

create function books.keep_budget() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.budget_versions (
        organization_id, budget_id, number, category_id, currency, amount, first_month, last_month, is_rolled_over,
        version, created_at, updated_at, known_from, row_xid
    )
    select
        old.organization_id, old.budget_id, {NEXT}, old.category_id, old.currency, old.amount, old.first_month,
        old.last_month, old.is_rolled_over, old.version, old.created_at, old.updated_at,
        coalesce(old.known_from, old.created_at), old.row_xid
    from books.budget_versions as former
    where former.organization_id = old.organization_id and former.budget_id = old.budget_id;
    if tg_op = 'DELETE' then
        -- before it goes, and its months with it: they go by their key, which is no act of whoever deletes
        insert into books.budget_month_versions (
            organization_id, budget_id, month, number, amount, known_from, row_xid
        )
        select
            own.organization_id, own.budget_id, own.month,
            1 + (
                select count(*) from books.budget_month_versions as former
                where former.organization_id = own.organization_id and former.budget_id = own.budget_id
                    and former.month = own.month
            ),
            own.amount, coalesce(own.known_from, '-infinity'), own.row_xid
        from books.budget_months as own
        where own.organization_id = old.organization_id and own.budget_id = old.budget_id;
    end if;
    return old;
end $$;

create function books.keep_budget_month() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'DELETE' and not exists (
        select from books.budgets as budget
        where budget.organization_id = old.organization_id and budget.budget_id = old.budget_id
    ) then
        return null;
    end if;
    insert into books.budget_month_versions (
        organization_id, budget_id, month, number, amount, known_from, row_xid
    )
    select old.organization_id, old.budget_id, old.month, {NEXT}, old.amount, {EVER}, old.row_xid
    from books.budget_month_versions as former
    where former.organization_id = old.organization_id and former.budget_id = old.budget_id
        and former.month = old.month;
    return null;
end $$;

create function books.keep_category_code() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.category_code_versions (organization_id, code, number, category_id, known_from, row_xid)
    select old.organization_id, old.code, {NEXT}, old.category_id, {EVER}, old.row_xid
    from books.category_code_versions as former
    where former.organization_id = old.organization_id and former.code = old.code;
    return null;
end $$;

create function books.keep_attachment() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.attachment_versions (organization_id, attachment_id, transaction_id, known_from, row_xid)
    values (old.organization_id, old.attachment_id, old.transaction_id, old.created_at, old.row_xid)
    on conflict do nothing;
    return null;
end $$;

create function ml.stamp_closing() returns trigger language plpgsql set search_path = '' as $$
begin
    new.closed_at := clock_timestamp();
    new.closed_xid := pg_current_xact_id();
    return new;
end $$;
"""


def _kept(table: str, function: str, columns: str, deleted: str = "after") -> tuple[str, ...]:
    """A row is stamped and its former state is kept where what a report reads of it is another, or it goes."""
    old, new = (", ".join(f"{row}.{column}" for column in columns.split()) for row in ("old", "new"))
    changed = f"when (({old}) is distinct from ({new}))"
    return (
        f"create trigger stamp_known before update on {table} for each row {changed}"
        " execute function books.stamp_known()",
        f"create trigger keep_version after update on {table} for each row {changed} execute function {function}()",
        f"create trigger keep_deleted {deleted} delete on {table} for each row execute function {function}()",
    )


TRIGGERS = (
    *_kept(
        "books.budgets",
        "books.keep_budget",
        "category_id currency amount first_month last_month is_rolled_over",
        deleted="before",
    ),
    *_kept("books.budget_months", "books.keep_budget_month", "month amount"),
    *_kept("books.category_codes", "books.keep_category_code", "code category_id"),
    "create trigger keep_deleted after delete on books.attachments for each row"
    " execute function books.keep_attachment()",
    # after the trigger `keep`, which holds the row to what it was
    "create trigger stamp_closing before update on ml.tax_rules for each row"
    " when (old.valid_to is null and new.valid_to is not null) execute function ml.stamp_closing()",
)

ACCOUNTS = """
select
    organization_id, account_id, name, kind, currency, opening_balance, opening_on, number, archived_at, created_at,
    row_xid, (opening_on is not null or opening_balance <> 0) as is_opening_known, anchored_on, anchored_balance{more}
from books.accounts
"""
CATEGORIES = """
select
    category.organization_id, category.category_id, category.parent_id, category.name, category.kind,
    category.archived_at, category.created_at, coalesce(codes.codes, '{{}}') as codes, category.row_xid{more}
from books.categories as category
left join lateral (
    select array_agg(code.code order by code.code) as codes
    from books.category_codes as code
    where code.organization_id = category.organization_id and code.category_id = category.category_id
) as codes on true
"""
# As they were, and with who made a row.
VIEWS = {
    "published.accounts": (ACCOUNTS.format(more=""), ACCOUNTS.format(more=", created_xid")),
    "published.categories": (CATEGORIES.format(more=""), CATEGORIES.format(more=", category.created_xid")),
}

TABLES = "books.budget_versions, books.budget_month_versions, books.category_code_versions, books.attachment_versions"
GRANTS = f"""
-- History is written once; only an erasure ends it.
grant select, insert on {TABLES} to ai2_api;
grant select, insert, delete on {TABLES} to ai2_pipeline;
"""

GONE = (
    *(
        f"drop trigger {trigger} on {table}"
        for table in STAMPED
        for trigger in ("stamp_known", "keep_version", "keep_deleted")
    ),
    "drop trigger keep_deleted on books.attachments",
    "drop trigger stamp_closing on ml.tax_rules",
    "drop function books.stamp_known(), books.keep_budget(), books.keep_budget_month(), books.keep_category_code(),"
    " books.keep_attachment(), ml.stamp_closing()",
    f"drop table {TABLES}",
)
FORMER_COLUMNS = {
    **dict.fromkeys(STAMPED, "drop column row_xid, drop column known_from"),
    "books.attachments": "drop column row_xid",
    "ml.tax_confirmations": "drop column row_xid",
    "ml.tax_rules": "drop column row_xid, drop column closed_at, drop column closed_xid",
    "ml.tax_rule_loads": "drop column row_xid",
    "identity.organization_versions": "drop column ended_xid",
    "books.categories": "drop column created_xid",
    "books.accounts": "drop column created_xid",
}
