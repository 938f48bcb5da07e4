"""Totals of changes in one go: both sides of a change are counted together, where each was counted, and then the sum.

Most changes give a transaction another category: what they add to one total they take from another of the same day,
and of the same merchant. The same rows come of it, and in the same order, so that whoever still writes by the former
function waits for nobody who waits for him.
"""

from typing import Any

from ai2.kit import live

revision = "0041"
down_revision = "0040"

# What was there counts with the opposite sign. Parts beyond a transaction's first, and what turned its sign, are told
# of split ones alone: a sum passes over what is null, and adds what is zero.
CHANGED = """
    select
        organization_id, booked_on, account_id, date_trunc('month', booked_on::timestamp)::date as month,
        merchant_key, category_id, currency, amount > 0 as is_in, {sign}1 as sign, {sign}amount as amount,
        null::integer as further, null::numeric as turned
    from {rows}
    where deleted_at is null and status = 'posted' and splits is null
    union all
    select
        whole.organization_id, whole.booked_on, whole.account_id,
        date_trunc('month', whole.booked_on::timestamp)::date, whole.merchant_key, part.category_id,
        whole.currency, part.amount > 0, {sign}1, {sign}part.amount, {sign}part.further,
        case when (part.amount > 0) <> (whole.amount > 0) then {sign}abs(part.amount) end
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
"""
SIDES = """
    select
        organization_id, booked_on, account_id, month, merchant_key, category_id, currency,
        coalesce(sum(amount) filter (where is_in), 0) as money_in,
        coalesce(-sum(amount) filter (where not is_in), 0) as money_out,
        sum(sign) as transactions,
        coalesce(sum(further), 0) as further,
        coalesce(sum(turned), 0) as turned,
        grouping(account_id) = 0 as is_of_day
    from ({changed}) as changed
    group by grouping sets (
        (organization_id, booked_on, account_id, category_id, currency),
        (organization_id, month, merchant_key, category_id, currency)
    )
"""
SUMS = ("money_in", "money_out", "transactions", "further", "turned")
DAILY_KEY = "organization_id, booked_on, account_id, category_id, currency"
MONTHLY_KEY = "organization_id, month, account_id, category_id, currency"
MERCHANT_KEY = "organization_id, month, merchant_key, category_id, currency"
MONTHS = f"""
    select
        organization_id, date_trunc('month', booked_on::timestamp)::date as month, account_id, category_id, currency,
        {", ".join(f"sum({name}) as {name}" for name in SUMS)}
    from sides where is_of_day
    group by 1, 2, 3, 4, 5
"""
ADDED, REMOVED = {"rows": "added", "sign": ""}, {"rows": "removed", "sign": "-"}


def upgrade() -> None:
    live.run(_keep_totals)


def downgrade() -> None:
    months: Any = live.revision("0024")
    live.run(months._keep_totals)


def _keep_totals() -> None:
    live.execute(f"""
create or replace function books.keep_totals() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then {_add_to_totals(ADDED)}
    elsif tg_op = 'UPDATE' then {_add_to_totals(ADDED, REMOVED)}
    else {_add_to_totals(REMOVED)}
    end if;
    return null;
end $$;
""")


def _add_to_totals(*sides: dict[str, str]) -> str:
    former: Any = live.revision("0024")
    splits: Any = live.revision("0013")
    into = former._into
    accounts = former.OF_ACCOUNTS.format(month=splits.MONTH, totals="sides", which="is_of_day")
    merchants = former.OF_MERCHANTS.format(totals="sides", which="not is_of_day")
    changed = " union all ".join(CHANGED.format(**side) for side in sides)
    return f"""
        with sides as materialized ({SIDES.format(changed=changed)}),
        daily as ({into("daily_totals", DAILY_KEY, SUMS, "select * from sides where is_of_day")}),
        account_months as ({into("account_months", former.ACCOUNT_KEY, former.ACCOUNT_SUMS, accounts)}),
        merchant_months as ({into("merchant_months", former.MERCHANT_KEY, former.MERCHANT_SUMS, merchants)}),
        monthly as ({into("monthly_totals", MONTHLY_KEY, SUMS, MONTHS)})
        {into("merchant_totals", MERCHANT_KEY, SUMS, "select * from sides where not is_of_day")};
    """
