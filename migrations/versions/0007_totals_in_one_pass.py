"""Totals in one pass: days, months and merchants of many changed rows are summed while these are read once."""

from ai2.kit import live

revision = "0007"
down_revision = "0006"

# What one side of a change adds to the totals of days and merchants, or takes from them.
SIDE = """
    select
        organization_id, booked_on, account_id, month, merchant_key, category_id, currency,
        {sign} coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
        {sign} -coalesce(sum(amount) filter (where amount < 0), 0) as money_out,
        {sign} count(*) as transactions,
        grouping(account_id) = 0 as is_of_day
    from (
        select *, date_trunc('month', booked_on::timestamp)::date as month from {rows}
        where deleted_at is null and status = 'posted'
    ) as counted
    group by grouping sets (
        (organization_id, booked_on, account_id, category_id, currency),
        (organization_id, month, merchant_key, category_id, currency)
    )
"""
INTO_TOTALS = """
    insert into books.{table} as total
        (organization_id, {day}, {key}, category_id, currency, money_in, money_out, transactions)
    select
        organization_id, {day_of}, {key}, category_id, currency, sum(money_in), sum(money_out), sum(transactions)
    from sides
    where is_of_day = {is_of_day}
    group by organization_id, {day_of}, {key}, category_id, currency
    having sum(transactions) <> 0 or sum(money_in) <> 0 or sum(money_out) <> 0
    -- always in the same order, so that two writers never wait for each other
    order by organization_id, {day_of}, {key}, category_id, currency
    on conflict (organization_id, {day}, {key}, category_id, currency) do update set
        money_in = total.money_in + excluded.money_in,
        money_out = total.money_out + excluded.money_out,
        transactions = total.transactions + excluded.transactions
"""
MONTH = "date_trunc('month', booked_on::timestamp)::date"
DAILY = {"table": "daily_totals", "day": "booked_on", "day_of": "booked_on", "key": "account_id", "is_of_day": "true"}
MONTHLY = {"table": "monthly_totals", "day": "month", "day_of": MONTH, "key": "account_id", "is_of_day": "true"}
MERCHANTS = {
    "table": "merchant_totals", "day": "month", "day_of": "month", "key": "merchant_key", "is_of_day": "false"
}  # fmt: skip
ADDED, REMOVED = {"rows": "added", "sign": ""}, {"rows": "removed", "sign": "-1 *"}


def upgrade() -> None:
    live.run(TOTALS)


def downgrade() -> None:
    """The sums are the same."""
    live.run(live.revision("0006").TOTALS)


def _add_to_totals(*sides: dict[str, str]) -> str:
    changed = " union all ".join(SIDE.format(**side) for side in sides)
    daily, monthly, merchants = (INTO_TOTALS.format(**kind) for kind in (DAILY, MONTHLY, MERCHANTS))
    return f"with sides as materialized ({changed}), daily as ({daily}), monthly as ({monthly}) {merchants};"


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
