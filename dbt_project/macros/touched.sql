{#- What was touched since a model's last build: the keys whose figures may differ now.

    A changed transaction touches where it is and where it was, so its former versions count too. -#}
{% macro touched(what, model_name) -%}
    {%- set queries = {
        'accounts': touched_accounts, 'categories': touched_categories, 'transactions': touched_transactions,
        'balances': touched_balances, 'months': touched_months, 'spending': touched_spending
    } -%}
    {{ queries[what](watermark(model_name)) }}
{%- endmacro %}

{% macro touched_accounts(watermark) %}
    select organization_id, account_id from {{ ref('stg_books__accounts') }} where {{ since(watermark) }}
{% endmacro %}

{% macro touched_categories(watermark) %}
    select organization_id, category_id from {{ ref('stg_books__categories') }} where {{ since(watermark) }}
{% endmacro %}

{#- Written since, or named differently since. -#}
{% macro touched_transactions(watermark) %}
    select organization_id, transaction_id
    from {{ ref('stg_books__transactions') }} where {{ since(watermark) }}
    union
    select organization_id, transaction_id
    from {{ ref('stg_books__transactions') }} inner join ({{ touched_accounts(watermark) }}) as renamed
        using (organization_id, account_id)
    union
    select organization_id, transaction_id
    from {{ ref('stg_books__transactions') }} inner join ({{ touched_categories(watermark) }}) as renamed
        using (organization_id, category_id)
{% endmacro %}

{% macro touched_places(watermark) %}
    select organization_id, account_id, booked_on
    from {{ ref('stg_books__transactions') }} where {{ since(watermark) }}
    union
    select former.organization_id, former.account_id, former.booked_on
    from {{ ref('stg_books__transactions') }} as present
    inner join {{ ref('stg_books__transaction_versions') }} as former using (organization_id, transaction_id)
    where {{ since(watermark, 'present') }}
{% endmacro %}

{% macro touched_balances(watermark) %}
    select organization_id, account_id from ({{ touched_places(watermark) }}) as place
    union
    {{ touched_accounts(watermark) }}
{% endmacro %}

{% macro touched_months(watermark) %}
    select distinct organization_id, account_id, {{ month_of('booked_on') }} as month
    from ({{ touched_places(watermark) }}) as place
{% endmacro %}

{#- Also the months in which a category stands, of the whole or of a part, that is named differently since. -#}
{% macro touched_spending(watermark) %}
    {{ touched_months(watermark) }}
    union
    select organization_id, account_id, {{ month_of('booked_on') }}
    from {{ ref('stg_books__transactions') }} inner join ({{ touched_categories(watermark) }}) as renamed
        using (organization_id, category_id)
    union
    select split.organization_id, split.account_id, {{ month_of('split.booked_on') }}
    from {{ ref('stg_books__transactions') }} as split
    cross join lateral jsonb_array_elements(split.splits) as told (part)
    inner join ({{ touched_categories(watermark) }}) as renamed
        on renamed.organization_id = split.organization_id
        and renamed.category_id = (told.part ->> 'category_id')::uuid
    where not split.is_deleted and split.splits is not null
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
