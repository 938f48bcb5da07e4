{#- What the marts and their live views have in common: one definition of each figure.

    `touched` names the relation of the keys to compute; without it everything is computed. Months are computed one by
    one then: each reads its own days by their index, and none touched reads nothing. -#}

{#- What an account held at the end of each day on which something moved.

    Of a touched account the days from `touched.booked_on` on are computed, from what it held before by the mart
    `before`: its past is as it was. -#}
{% macro daily_balances(touched=none, before=none) %}
    with accounts as (
        select * from {{ ref('stg_books__accounts') }}
    ),

    days as (
    {%- if touched %}
        select moved.*
        from (select organization_id, account_id, booked_on from {{ touched }} offset 0) as that
        cross join lateral (
    {%- endif %}
        select
            organization_id,
            account_id,
            currency,
            booked_on,
            coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
            coalesce(sum(-amount) filter (where amount < 0), 0) as money_out,
            count(*) as transactions
        from {{ ref('int_ledger__accounts_moved') }} as entry
        {%- if touched %}
        where
            entry.organization_id = that.organization_id and entry.account_id = that.account_id
            and entry.booked_on >= that.booked_on
        {%- endif %}
        group by organization_id, account_id, currency, booked_on
        {%- if touched %}
        ) as moved
        {%- endif %}
    ),

    carried as (
    {%- if touched %}
        select held.*
        from (select organization_id, account_id, booked_on from {{ touched }} offset 0) as that
        cross join lateral (
            select distinct on (currency) organization_id, account_id, currency, closing_balance
            from {{ before }} as kept
            where
                kept.organization_id = that.organization_id and kept.account_id = that.account_id
                and kept.booked_on < that.booked_on
            order by kept.currency desc, kept.booked_on desc
        ) as held
    {%- else %}
        select organization_id, account_id, currency, 0 as closing_balance from accounts where false
    {%- endif %}
    ),

    openings as (
        select
            organization_id,
            account_id,
            currency,
            -- where nobody said it, it follows from what the bank stated first
            case
                when accounts.anchored_on is null then accounts.opening_balance
                else accounts.anchored_balance - coalesce(
                    sum(days.money_in - days.money_out) filter (where days.booked_on <= accounts.anchored_on), 0
                )
            end as opening_balance
        from days
        inner join accounts using (organization_id, account_id, currency)
        group by
            organization_id, account_id, currency, accounts.anchored_on, accounts.anchored_balance,
            accounts.opening_balance
    ),

    running as (
        select
            days.*,
            -- an account opens with nothing in a currency that is not its own
            coalesce(carried.closing_balance, openings.opening_balance, 0)
            + sum(days.money_in - days.money_out) over by_day as closing_balance,
            lead(days.booked_on) over by_day - 1 as holds_until
        from days
        left join carried using (organization_id, account_id, currency)
        left join openings using (organization_id, account_id, currency)
        window by_day as (partition by days.organization_id, days.account_id, days.currency order by days.booked_on)
    )

    select
        organization_id,
        account_id,
        currency,
        booked_on,
        holds_until,
        closing_balance - money_in + money_out as opening_balance,
        money_in,
        money_out,
        closing_balance,
        transactions
    from running
{% endmacro %}

{#- Income, expense and what only moved between accounts, a month, account and currency. -#}
{% macro monthly_cash_flow(touched=none) %}
    {{ for_each_month(touched) }}
    with entries as (
        select entry.*, {{ month_of('entry.booked_on') }} as month
        from {{ ref('int_ledger__entries_posted') }} as entry
        where entry.ledger <> 'account' {{ in_that_month('entry', touched) }}
    ),

    -- what leaves an income leg has come into the account
    months as (
        select
            organization_id,
            month,
            account_id,
            currency,
            coalesce(sum(-amount) filter (where ledger = 'income'), 0) as income,
            coalesce(sum(amount) filter (where ledger = 'expense'), 0) as expense,
            coalesce(sum(-amount) filter (where ledger = 'transfer' and amount < 0), 0) as transfers_in,
            coalesce(sum(amount) filter (where ledger = 'transfer' and amount > 0), 0) as transfers_out,
            -- a split one is several entries
            count(*) filter (where place = 1) as transactions
        from entries
        group by organization_id, month, account_id, currency
    )

    select
        organization_id,
        month,
        account_id,
        currency,
        income,
        expense,
        income - expense as net,
        transfers_in,
        transfers_out,
        income - expense + transfers_in - transfers_out as change,
        transactions
    from months
    {{ end_for_each(touched) }}
{% endmacro %}

{#- What each leg of the ledger gained a month: positive is a debit. Legs of accounts have no category. -#}
{% macro ledger_months(touched=none) %}
    {{ for_each_month(touched) }}
    select
        organization_id,
        {{ month_of('entry.booked_on') }} as month,
        account_id,
        currency,
        section,
        category_id,
        sum(amount) as amount,
        count(*) as entries
    from {{ ref('int_ledger__entries_posted') }} as entry
    where true {{ in_that_month('entry', touched) }}
    group by organization_id, month, account_id, currency, section, category_id
    {{ end_for_each(touched) }}
{% endmacro %}

{#- What was spent on each category a month, account and currency: what was paid less what came back. -#}
{% macro category_spending(touched=none) %}
    {{ for_each_month(touched) }}
    with spending as (
        select paid.*, {{ month_of('paid.booked_on') }} as month
        from {{ ref('int_books__transaction_parts') }} as paid
        -- money in is a refund where its category is for spending; without a category nobody knows
        where
            (paid.category_kind = 'expense' or (paid.category_id is null and paid.amount < 0))
            {{ in_that_month('paid', touched) }}
    ),

    months as (
        select
            organization_id,
            month,
            account_id,
            currency,
            category_id,
            category,
            category_group_id,
            category_group,
            coalesce(sum(-amount) filter (where amount < 0), 0) as paid,
            coalesce(sum(amount) filter (where amount > 0), 0) as refunded,
            count(*) as transactions
        from spending
        group by
            organization_id, month, account_id, currency, category_id, category, category_group_id, category_group
    )

    select
        organization_id,
        month,
        account_id,
        currency,
        category_id,
        category,
        category_group_id,
        category_group,
        paid,
        refunded,
        paid - refunded as spent,
        transactions
    from months
    {{ end_for_each(touched) }}
{% endmacro %}

{% macro for_each_month(touched) -%}
    {%- if touched -%}
    select figures.*
    from (
        select organization_id, account_id, month, (month + interval '1 month')::date as next_month from {{ touched }}
        offset 0
    ) as that
    cross join lateral (
    {%- endif -%}
{%- endmacro %}

{#- As a range of days: an index by date can answer it. -#}
{% macro in_that_month(relation, touched) -%}
    {%- if touched -%}
        and {{ relation }}.organization_id = that.organization_id and {{ relation }}.account_id = that.account_id
        and {{ relation }}.booked_on >= that.month and {{ relation }}.booked_on < that.next_month
    {%- endif -%}
{%- endmacro %}

{% macro end_for_each(touched) -%}
    {{ ') as figures' if touched }}
{%- endmacro %}
