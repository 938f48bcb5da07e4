"""Splits: one transaction in several categories; and rules that split, or say that something is a transfer.

The parts lie in the transaction's own row, so that they change, and are known to history, together with its amount.
"""

from ai2.kit import live

revision = "0013"
down_revision = "0011"

# What one side of a change adds to the totals of days and merchants, or takes from them: a split transaction counts in
# the category of each part. `further` counts the parts beyond a transaction's first, so that it can be counted once.
# `turned` is what parts of the other sign add to money in and out alike: the account did not see it.
SIDE = """
    select
        organization_id, booked_on, account_id, month, merchant_key, category_id, currency,
        {sign} coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
        {sign} -coalesce(sum(amount) filter (where amount < 0), 0) as money_out,
        {sign} count(*) as transactions,
        {sign} sum(further) as further,
        {sign} sum(turned) as turned,
        grouping(account_id) = 0 as is_of_day
    from (
        select
            organization_id, booked_on, account_id, date_trunc('month', booked_on::timestamp)::date as month,
            merchant_key, category_id, currency, amount, 0 as further, 0 as turned
        from {rows}
        where deleted_at is null and status = 'posted' and splits is null
        union all
        select
            whole.organization_id, whole.booked_on, whole.account_id,
            date_trunc('month', whole.booked_on::timestamp)::date, whole.merchant_key, part.category_id,
            whole.currency, part.amount, part.further,
            case when (part.amount > 0) <> (whole.amount > 0) then abs(part.amount) else 0 end
        from {rows} as whole
        cross join lateral (
            select
                told.category_id, told.amount,
                -- the first is one that is no transfer, where there is one: then it counts among what came and went
                (row_number() over (
                    order by category.kind is not distinct from 'transfer', told.place
                ) > 1)::integer as further
            from rows from (jsonb_to_recordset(whole.splits) as (amount numeric, category_id uuid))
                with ordinality as told (amount, category_id, place)
            left join books.categories as category
                on category.organization_id = whole.organization_id and category.category_id = told.category_id
        ) as part
        where whole.deleted_at is null and whole.status = 'posted' and whole.splits is not null
    ) as counted
    group by grouping sets (
        (organization_id, booked_on, account_id, category_id, currency),
        (organization_id, month, merchant_key, category_id, currency)
    )
"""
INTO_TOTALS = """
    insert into books.{table} as total
        (organization_id, {day}, {key}, category_id, currency, money_in, money_out, transactions, further, turned)
    select
        organization_id, {day_of}, {key}, category_id, currency, sum(money_in), sum(money_out), sum(transactions),
        sum(further), sum(turned)
    from sides
    where is_of_day = {is_of_day}
    group by organization_id, {day_of}, {key}, category_id, currency
    having sum(transactions) <> 0 or sum(money_in) <> 0 or sum(money_out) <> 0 or sum(further) <> 0
        or sum(turned) <> 0
    -- always in the same order, so that two writers never wait for each other
    order by organization_id, {day_of}, {key}, category_id, currency
    on conflict (organization_id, {day}, {key}, category_id, currency) do update set
        money_in = total.money_in + excluded.money_in,
        money_out = total.money_out + excluded.money_out,
        transactions = total.transactions + excluded.transactions,
        further = total.further + excluded.further,
        turned = total.turned + excluded.turned
"""
MONTH = "date_trunc('month', booked_on::timestamp)::date"
DAILY = {"table": "daily_totals", "day": "booked_on", "day_of": "booked_on", "key": "account_id", "is_of_day": "true"}
MONTHLY = {"table": "monthly_totals", "day": "month", "day_of": MONTH, "key": "account_id", "is_of_day": "true"}
MERCHANTS = {
    "table": "merchant_totals", "day": "month", "day_of": "month", "key": "merchant_key", "is_of_day": "false"
}  # fmt: skip
ADDED, REMOVED = {"rows": "added", "sign": ""}, {"rows": "removed", "sign": "-1 *"}


def upgrade() -> None:
    with live.outside():
        live.run(*COLUMNS)
        live.index(INDEX)
        live.constraint("books.transactions", "transactions_decided", DECIDED)
    # In one run, as what is tried again lets go of all it has locked.
    live.run(
        *RULES,
        "alter table books.transactions drop constraint transactions_check",
        SPLITS,
        TOTALS,
        HISTORY,
        *(live.view(name, select) for name, select in VIEWS.items()),
    )


def downgrade() -> None:
    """Split transactions are without a category again; rules that did nothing but split or move are gone."""
    with live.seeing(*WRITTEN):
        live.in_pieces(WHOLE)
    live.constraint("books.transactions", "transactions_check", "check ((category_id is null) = (decided_by is null))")
    before, after = live.every_tenants("books.rules", "books.rule_applications")
    # In one run: locks that a first one left would keep those waiting whom the second waits for.
    live.run(
        before,
        *FORMER_RULES,
        after,
        "drop trigger keep_splits on books.transactions; drop function books.keep_splits()",
        live.revision("0007").TOTALS,
        live.revision("0004").HISTORY.partition(";")[2],
        *(live.view(name, _without(select)) for name, select in VIEWS.items()),
        *FORMER_COLUMNS,
    )


def _without(select: str) -> str:
    for column in (",\n        transaction.splits", ", splits", ", further,\n        turned"):
        select = select.replace(column, "")
    return select


def _add_to_totals(*sides: dict[str, str]) -> str:
    changed = " union all ".join(SIDE.format(**side) for side in sides)
    daily, monthly, merchants = (INTO_TOTALS.format(**kind) for kind in (DAILY, MONTHLY, MERCHANTS))
    return f"with sides as materialized ({changed}), daily as ({daily}), monthly as ({monthly}) {merchants};"


COLUMNS = (
    # an array of {amount (text), category_id, notes, tags}
    "alter table books.transactions add column if not exists splits jsonb",
    "alter table books.transaction_versions add column if not exists splits jsonb",
    *(
        f"alter table books.{table} add column if not exists further integer not null default 0, "
        "add column if not exists turned numeric not null default 0"
        for table in ("daily_totals", "monthly_totals", "merchant_totals")
    ),
)

SPLITS = """
-- Parts always sum to the amount, whoever changes either; and one category for the whole takes their place.
create or replace function books.keep_splits() returns trigger language plpgsql set search_path = '' as $$
declare rest numeric;
begin
    if new.category_id is not null then
        new.splits := null;
    else
        -- an import knows the amount better than who split it, and what is given back was of a former amount: nobody
        -- knows yet what the difference is for
        select new.amount - coalesce(sum((part ->> 'amount')::numeric) filter (where part ->> 'category_id' <> ''), 0)
        into rest from jsonb_array_elements(new.splits) as part;
        select coalesce(jsonb_agg(part order by place) filter (where part ->> 'category_id' <> ''), '[]')
        into new.splits from jsonb_array_elements(new.splits) with ordinality as told (part, place);
        if rest <> 0 then
            new.splits := new.splits || jsonb_build_array(jsonb_build_object(
                'amount', rest::text, 'category_id', null, 'notes', null, 'tags', '[]'::jsonb
            ));
        end if;
    end if;
    return new;
end $$;
create or replace trigger keep_splits before update on books.transactions for each row
    when (
        new.splits is not null
        and (new.category_id is not null or new.amount <> old.amount or new.splits is distinct from old.splits)
    )
    execute function books.keep_splits();
"""

TOTALS = f"""
create or replace function books.keep_totals() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then {_add_to_totals(ADDED)}
    elsif tg_op = 'UPDATE' then {_add_to_totals(ADDED, REMOVED)}
    else {_add_to_totals(REMOVED)}
    end if;
    return null;
end $$;
"""

VERSIONED = """
    organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
    merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
    confidence, decided_at, deleted_at, value_on, counterparty, batch_id, line_number, splits"""

HISTORY = f"""
create or replace function books.keep_version() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into books.transaction_versions ({VERSIONED}, known_from, known_to, changed_by)
    select {VERSIONED}, updated_at, now(), coalesce(nullif(current_setting('app.actor', true), ''), 'system')
    from replaced;
    return null;
end $$;
"""

VIEWS = {
    "published.transactions": """
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
        transaction.counterparty,
        transaction.splits
    from books.transactions as transaction
    left join books.categories as category
        on category.organization_id = transaction.organization_id and category.category_id = transaction.category_id
    """,
    "published.transaction_versions": """
    select
        organization_id, transaction_id, version, account_id, booked_on, amount, currency, description, merchant,
        merchant_key, reference, mcc, notes, tags, attributes, status, category_id, decided_by, decided_version,
        confidence, decided_at, deleted_at, known_from, known_to, changed_by, value_on, counterparty, batch_id,
        line_number, splits
    from books.transaction_versions
    """,
    "published.daily_totals": """
    select
        organization_id, booked_on, account_id, category_id, currency, money_in, money_out, transactions, further,
        turned
    from books.daily_totals where transactions > 0
    """,
}

DECIDED = """
check (case when splits is null then (category_id is null) = (decided_by is null) else category_id is null end)
"""

# Split ones are few among many, and are asked for their parts' categories.
INDEX = """
create index transactions_split on books.transactions (organization_id, booked_on desc, transaction_id desc)
    where deleted_at is null and splits is not null
"""

RULES = (
    """
    alter table books.rules
        -- an array of {category_id, percentage or amount (text), or neither: the rest}
        add column split jsonb,
        -- the own account that the money went to or came from
        add column transfer_account_id uuid,
        add constraint rules_transfer_account foreign key (organization_id, transfer_account_id)
            references books.accounts,
        add constraint rules_one_decision check (num_nonnulls(category_id, split, transfer_account_id) <= 1),
        add constraint rules_do_something check (
            num_nonnulls(category_id, merchant_name, split, transfer_account_id) > 0 or tags <> '{}'
        )
    """,
    """
    do $$
    begin
        execute (
            select 'alter table books.rules drop constraint ' || quote_ident(conname) from pg_constraint
            where conrelid = 'books.rules'::regclass and contype = 'c' and conname <> 'rules_do_something'
                and pg_get_constraintdef(oid) like '%merchant_name%'
        );
    end $$
    """,
)

WRITTEN = (
    "books.transactions", "books.transaction_versions", "books.daily_totals", "books.monthly_totals",
    "books.merchant_totals", "books.categories",
)  # fmt: skip
WHOLE = """
update books.transactions
set splits = null, decided_by = null, decided_version = null, confidence = null, decided_at = null
where (organization_id, transaction_id) in (
    select organization_id, transaction_id from books.transactions where splits is not null limit 1000
)
"""
FORMER_RULES = (
    "delete from books.rule_applications where rule_id in (select rule_id from books.rules"
    " where num_nonnulls(category_id, merchant_name) = 0 and tags = '{}')",
    "delete from books.rules where num_nonnulls(category_id, merchant_name) = 0 and tags = '{}'",
    """
    alter table books.rules
        drop constraint rules_do_something, drop constraint rules_one_decision, drop column split,
        drop column transfer_account_id,
        add constraint rules_check4 check (num_nonnulls(category_id, merchant_name) > 0 or tags <> '{}')
    """,
)
FORMER_COLUMNS = (
    "alter table books.transactions drop constraint transactions_decided",
    "alter table books.transactions drop column splits",
    "alter table books.transaction_versions drop column splits",
    *(
        f"alter table books.{table} drop column further, drop column turned"
        for table in ("daily_totals", "monthly_totals", "merchant_totals")
    ),
)
