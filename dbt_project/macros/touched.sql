{#- What was touched since a model's last build: the keys whose figures may differ now.

    A changed transaction touches where it is and where it was, so its former versions count too. -#}
{% macro touched(what, model_name) -%}
    {{ touched_since(what, watermark(model_name)) }}
{%- endmacro %}

{% macro touched_since(what, watermark) -%}
    {%- set queries = {
        'accounts': touched_accounts, 'categories': touched_categories, 'transactions': touched_transactions,
        'balances': touched_balances, 'months': touched_months, 'spending': touched_spending,
        'ledger_accounts': touched_ledger_accounts
    } -%}
    {{ queries[what](watermark) }}
{%- endmacro %}

{#- What is staged of the books. dbt learns of no `ref` that is in `get_where_subquery`, where generic tests ask. -#}
{% macro books(name) -%}
    {{ 'staging.stg_books__' ~ name if is_generic_test() else ref('stg_books__' ~ name) }}
{%- endmacro %}

{% macro is_generic_test() -%}
    {{ return(model.test_metadata is defined) }}
{%- endmacro %}

{% macro touched_accounts(watermark) %}
    select organization_id, account_id from {{ books('accounts') }} where {{ since(watermark) }}
{% endmacro %}

{% macro touched_categories(watermark) %}
    select organization_id, category_id from {{ books('categories') }} where {{ since(watermark) }}
{% endmacro %}

{#- What its accounts and categories are called, and where they stand, goes down a tree of any depth: an organization's
    chart is made as a whole. -#}
{% macro touched_ledger_accounts(watermark) %}
    select organization_id from ({{ touched_accounts(watermark) }}) as account
    union
    select organization_id from ({{ touched_categories(watermark) }}) as category
{% endmacro %}

{#- Written since, or named differently since. -#}
{% macro touched_transactions(watermark) %}
    select organization_id, transaction_id
    from {{ books('transactions') }} where {{ since(watermark) }}
    union
    select named.organization_id, named.transaction_id
    from ({{ touched_accounts(watermark) }} offset 0) as renamed
    cross join lateral ({{ standing('account_id') }}) as named
    union
    select named.organization_id, named.transaction_id
    from ({{ touched_categories(watermark) }} offset 0) as renamed
    cross join lateral ({{ standing('category_id') }}) as named
{% endmacro %}

{#- The transactions that stand of what is renamed. Seldom anything is, so it is found first, and what stands on it by
    an index: joined, the planner would read all transactions for nothing. -#}
{% macro standing(key) -%}
    select * from {{ books('transactions') }} as stands
    where
        stands.organization_id = renamed.organization_id and stands.{{ key }} = renamed.{{ key }}
        and not stands.is_deleted and stands.status = 'posted'
    offset 0
{%- endmacro %}

{#- Each touched transaction as a relation has it, found by its key. Joined, the planner expects an account to have a
    handful of transactions, and reads all there are to find a few. -#}
{% macro those_touched(transactions) -%}
    (
        select found.* from touched
        cross join lateral (
            select * from {{ transactions }} as each
            where each.organization_id = touched.organization_id and each.transaction_id = touched.transaction_id
            offset 0
        ) as found
    ) as those
{%- endmacro %}

{% macro touched_places(watermark) %}
    select organization_id, account_id, booked_on
    from {{ books('transactions') }} where {{ since(watermark) }}
    union
    select former.organization_id, former.account_id, former.booked_on
    from {{ books('transactions') }} as present
    inner join {{ books('transaction_versions') }} as former using (organization_id, transaction_id)
    where {{ since(watermark, 'present') }}
{% endmacro %}

{#- The accounts, each with the day from which its balances may differ: the last booked one before what was touched,
    of the currency where that lies furthest back, for it says until when its balance holds. What an account began with
    is in all of them. -#}
{% macro touched_balances(watermark) %}
    select
        first.organization_id,
        first.account_id,
        coalesce((
            select min(kept.booked_on) from (
                select distinct on (currency) booked_on from marts.fct_daily_balances as day
                where
                    day.organization_id = first.organization_id and day.account_id = first.account_id
                    and day.booked_on < first.booked_on
                order by currency desc, booked_on desc
            ) as kept
        ), first.booked_on) as booked_on
    from (
        select organization_id, account_id, min(booked_on) as booked_on
        from (
            {{ touched_places(watermark) }}
            union all
            select organization_id, account_id, '-infinity' from ({{ touched_accounts(watermark) }}) as account
            union all
            select organization_id, account_id, '-infinity'
            from ({{ touched_places(watermark) }}) as place
            inner join {{ books('accounts') }} as account using (organization_id, account_id)
            where place.booked_on <= account.anchored_on
        ) as place
        group by organization_id, account_id
        offset 0
    ) as first
{% endmacro %}

{% macro touched_months(watermark) %}
    select distinct organization_id, account_id, {{ month_of('booked_on') }} as month
    from ({{ touched_places(watermark) }}) as place
{% endmacro %}

{#- Also the months in which a category stands, of the whole or of a part, that is named differently since. -#}
{% macro touched_spending(watermark) %}
    {{ touched_months(watermark) }}
    union
    select named.organization_id, named.account_id, {{ month_of('named.booked_on') }}
    from ({{ touched_categories(watermark) }} offset 0) as renamed
    cross join lateral ({{ standing('category_id') }}) as named
    union
    select split.organization_id, split.account_id, {{ month_of('split.booked_on') }}
    from ({{ touched_categories(watermark) }} offset 0) as renamed
    cross join lateral (
        select * from {{ books('transactions') }} as whole
        where whole.organization_id = renamed.organization_id and not whole.is_deleted and whole.splits is not null
        offset 0
    ) as split
    cross join lateral jsonb_array_elements(split.splits) as told (part)
    where (told.part ->> 'category_id')::uuid = renamed.category_id
{% endmacro %}

{#- The first day of a date's month. Without the cast the session's time zone would have a say. -#}
{% macro month_of(date) -%}
    date_trunc('month', {{ date }}::timestamp)::date
{%- endmacro %}

{#- The upper end is beyond every transaction. A range is what tells the planner to expect few rows, and to use the
    index; of a lower end alone whose value it does not know, it expects a third of the table. -#}
{% macro since(watermark, relation=none) -%}
    {{ relation ~ '.' if relation }}row_xid between {{ watermark }} and '18446744073709551615'::xid8
{%- endmacro %}
