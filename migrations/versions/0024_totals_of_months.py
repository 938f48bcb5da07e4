"""Totals of months: what each account and each merchant comes to in a month, all categories together.

A dashboard of years reads these few rows where it read those of every category; and it finds who was paid most by an
index. Whether something is a transfer is told by its category, whose kind never changes.
"""

from typing import Any

from alembic import op

from ai2.kit import live

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    with live.outside():
        # Making the triggers anew waits for whoever writes: all who write after it keep the new totals.
        live.run(TABLES, _keep_totals, *TRIGGERS)
        with live.seeing(*READ):
            for (organization_id,) in op.get_bind().exec_driver_sql(ORGANIZATIONS).all():
                for missing in MISSING:
                    op.get_bind().exec_driver_sql(missing, {"organization_id": organization_id})


def downgrade() -> None:
    """Nothing is lost: the totals by category say the same."""
    live.run(live.revision("0013").TOTALS, *TRIGGERS, "drop table books.account_months, books.merchant_months")


TABLES = """
-- `money_` is what the account saw; `flow_` leaves out what went between own accounts, and counts a split one once.
create table if not exists books.account_months (
    organization_id uuid not null,
    month date not null,
    account_id uuid not null,
    currency char(3) not null,
    money_in numeric not null,
    money_out numeric not null,
    transactions integer not null,
    undecided integer not null,
    flow_in numeric not null,
    flow_out numeric not null,
    flow_transactions integer not null,
    primary key (organization_id, month, account_id, currency)
);

-- Without what went between own accounts; a split one counts once.
create table if not exists books.merchant_months (
    organization_id uuid not null,
    merchant_key text not null,
    month date not null,
    currency char(3) not null,
    money_out numeric not null,
    transactions integer not null,
    -- row-level security lets an index look for whole numbers, not for numerics
    spent_rank bigint generated always as (books.amount_rank(money_out)) stored,
    primary key (organization_id, merchant_key, month, currency)
);
create index if not exists merchant_months_by_spent on books.merchant_months (organization_id, month, spent_rank)
    where spent_rank > 0;

do $$
begin
    if not exists (select from pg_policy where polrelid = 'books.merchant_months'::regclass) then
        call identity.protect(array['books.account_months', 'books.merchant_months']::regclass[]);
    end if;
end $$;
grant select, insert, update, delete on books.account_months, books.merchant_months to ai2_api, ai2_pipeline;
"""

IS_FLOW = "category.kind is distinct from 'transfer'"
KINDS = """
    left join books.categories as category
        on category.organization_id = total.organization_id and category.category_id = total.category_id
"""
OF_ACCOUNTS = f"""
    select
        total.organization_id, {{month}} as month, total.account_id, total.currency,
        sum(total.money_in) as money_in, sum(total.money_out) as money_out,
        sum(total.transactions) as transactions,
        coalesce(sum(total.transactions) filter (where total.category_id is null), 0) as undecided,
        coalesce(sum(total.money_in) filter (where {IS_FLOW}), 0) as flow_in,
        coalesce(sum(total.money_out) filter (where {IS_FLOW}), 0) as flow_out,
        coalesce(sum(total.transactions - total.further) filter (where {IS_FLOW}), 0) as flow_transactions
    from {{totals}} as total {KINDS}
    where {{which}}
    group by 1, 2, 3, 4
"""
OF_MERCHANTS = f"""
    select
        total.organization_id, total.merchant_key, total.month, total.currency,
        sum(total.money_out) as money_out, sum(total.transactions - total.further) as transactions
    from {{totals}} as total {KINDS}
    where {{which}} and {IS_FLOW} and total.merchant_key <> ''
    group by 1, 2, 3, 4
"""
ACCOUNT_KEY = "organization_id, month, account_id, currency"
MERCHANT_KEY = "organization_id, merchant_key, month, currency"
ACCOUNT_SUMS = (
    "money_in", "money_out", "transactions", "undecided", "flow_in", "flow_out", "flow_transactions",
)  # fmt: skip
MERCHANT_SUMS = ("money_out", "transactions")


def _into(table: str, key: str, sums: tuple[str, ...], changes: str) -> str:
    """Add changes to a table, always in the same order, so that two writers never wait for each other."""
    return f"""
        insert into books.{table} as total ({key}, {", ".join(sums)})
        select {key}, {", ".join(sums)} from ({changes}) as changes
        where {" or ".join(f"{name} <> 0" for name in sums)}
        order by {key}
        on conflict ({key}) do update set {", ".join(f"{name} = total.{name} + excluded.{name}" for name in sums)}
    """


def _missing(table: str, key: str, sums: tuple[str, ...], whole: str) -> str:
    """Add what a table lacks of what it should say. Who writes meanwhile adds the same to both, and changes nothing."""
    own = "organization_id = %(organization_id)s"
    lacking = ", ".join(f"coalesce(whole.{name}, 0) - coalesce(kept.{name}, 0) as {name}" for name in sums)
    return _into(
        table, key, sums,
        f"select {key}, {lacking} from ({whole}) as whole"
        f" full join (select * from books.{table} where {own}) as kept using ({key})",
    )  # fmt: skip


def _add_to_totals(*sides: dict[str, str]) -> str:
    splits: Any = live.revision("0013")
    accounts = OF_ACCOUNTS.format(month=splits.MONTH, totals="sides", which="is_of_day")
    merchants = OF_MERCHANTS.format(totals="sides", which="not is_of_day")
    months = f"""
        account_months as ({_into("account_months", ACCOUNT_KEY, ACCOUNT_SUMS, accounts)}),
        merchant_months as ({_into("merchant_months", MERCHANT_KEY, MERCHANT_SUMS, merchants)}),
        monthly as (
    """
    before: str = splits._add_to_totals(*sides)
    return before.replace("monthly as (", months, 1)


def _keep_totals() -> None:
    splits: Any = live.revision("0013")
    live.execute(f"""
create or replace function books.keep_totals() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then {_add_to_totals(splits.ADDED)}
    elsif tg_op = 'UPDATE' then {_add_to_totals(splits.ADDED, splits.REMOVED)}
    else {_add_to_totals(splits.REMOVED)}
    end if;
    return null;
end $$;
""")


OWN = "total.organization_id = %(organization_id)s"
MISSING = (
    _missing(
        "account_months", ACCOUNT_KEY, ACCOUNT_SUMS,
        OF_ACCOUNTS.format(month="total.month", totals="books.monthly_totals", which=OWN),
    ),
    _missing(
        "merchant_months", MERCHANT_KEY, MERCHANT_SUMS,
        OF_MERCHANTS.format(totals="books.merchant_totals", which=OWN),
    ),
)  # fmt: skip
ORGANIZATIONS = "select distinct organization_id from books.monthly_totals"
READ = (
    "books.monthly_totals", "books.merchant_totals", "books.account_months", "books.merchant_months",
    "books.categories",
)  # fmt: skip
TRIGGERS = (
    """
    create or replace trigger totals_of_inserts after insert on books.transactions
        referencing new table as added for each statement execute function books.keep_totals()
    """,
    """
    create or replace trigger totals_of_updates after update on books.transactions
        referencing old table as removed new table as added for each statement execute function books.keep_totals()
    """,
    """
    create or replace trigger totals_of_deletes after delete on books.transactions
        referencing old table as removed for each statement execute function books.keep_totals()
    """,
)
