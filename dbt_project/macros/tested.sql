{#- What the tests look at: everything, or (`--vars 'tests: touched'`) what this build replaces. What was not touched
    is as it was when it was last tested; whether all still holds together is asked once a night.

    A view is tested before the marts that stand on it are built: what is touched since their last build. A mart is
    tested after: what was touched since its last build but one. -#}

{% macro tests_everything() -%}
    {{ return(var('tests', 'everything') == 'everything') }}
{%- endmacro %}

{#- The keys that are tested, of which kind, and the mart whose builds say since when. -#}
{% macro tested_keys(name) %}
    {%- set transaction, month = ['organization_id', 'transaction_id'], ['organization_id', 'account_id', 'month'] -%}
    {{ return({
        'stg_books__transactions': ('transactions', transaction, 'fct_transactions'),
        'int_books__transactions_categorised': ('transactions', transaction, 'fct_transactions'),
        'int_books__transaction_parts': ('months', month, 'rpt_category_spending'),
        'int_ledger__entries_posted': ('months', month, 'fct_ledger_months'),
        'fct_transactions': ('transactions', transaction, 'fct_transactions'),
        'fct_daily_balances': ('balances', ['organization_id', 'account_id'], 'fct_daily_balances'),
        'rpt_monthly_cash_flow': ('months', month, 'rpt_monthly_cash_flow'),
        'rpt_category_spending': ('spending', month, 'rpt_category_spending'),
        'fct_ledger_months': ('months', month, 'fct_ledger_months'),
    }.get(name)) }}
{% endmacro %}

{#- Every generic test asks here what it shall look at. -#}
{% macro get_where_subquery(relation) -%}
    {%- set known = tested_keys(relation.identifier) -%}
    {%- if not known -%} {{ return(relation) }} {%- endif -%}
    {%- set what, keys, mart = known -%}
    {%- set since = watermark(mart) if relation.identifier != mart else former_watermark(mart) -%}
    {%- if tests_everything() or is_about_all() or not is_staged() -%} {{ return(relation) }} {%- endif -%}
    {{ return('(' ~ only_touched(relation, touched_since(what, since), keys) ~ ') as dbt_subquery') }}
{%- endmacro %}

{#- Whether a test is about a mart as a whole, and looks no further than it must. -#}
{% macro is_about_all() -%}
    {{ return(is_generic_test() and model.test_metadata.name == 'covers_every_organization') }}
{%- endmacro %}

{#- Whether what was touched can be asked: not before all is built for the first time. -#}
{% macro is_staged() -%}
    {%- set missing = [] -%}
    {%- for name in ('accounts', 'categories', 'transactions', 'transaction_versions') if execute -%}
        {%- if not adapter.get_relation(target.database, 'staging', 'stg_books__' ~ name) -%}
            {%- do missing.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(not missing) }}
{%- endmacro %}

{#- The rows of these keys, each key's read by their index. Where a relation has days, a month is a range of them. -#}
{% macro only_touched(relation, keys_of, keys) -%}
    {%- set has_days = not relation.identifier.startswith(('fct_', 'rpt_', 'live_')) -%}
    select found.*
    from ({{ keys_of }} offset 0) as that
    cross join lateral (
        select tested.* from {{ relation }} as tested
        where
        {%- for key in keys %}{{ ' and' if not loop.first }}
            {%- if key == 'month' and has_days %}
            tested.booked_on >= that.month and tested.booked_on < (that.month + interval '1 month')::date
            {%- else %} tested.{{ key }} = that.{{ key }} {%- endif -%}
        {%- endfor %}
        offset 0
    ) as found
{%- endmacro %}

{#- For a test that says itself what it reads: `relation`, or its rows of the keys that a mart's last build replaced. -#}
{% macro tested(relation, mart) -%}
    {%- set what, keys, known = tested_keys(mart) -%}
    {#- outside the condition: here dbt learns which models the test depends on -#}
    {%- set found = only_touched(relation, touched_since(what, former_watermark(mart)), keys) -%}
    {{ relation if tests_everything() else '(' ~ found ~ ')' }}
{%- endmacro %}

{#- A condition for the rows that a test looks at: that a mart's last build replaced what `key` names. -#}
{% macro is_tested(organization_id, key, mart) -%}
    {%- set what, keys, known = tested_keys(mart) -%}
    {%- set found -%}
        ({{ organization_id }}, {{ key }}) in ({{ touched_since(what, former_watermark(mart)) }})
    {%- endset -%}
    {{ 'true' if tests_everything() else found }}
{%- endmacro %}
