{#- The code of the ledger's account that an entry is on. It is made of nothing that is ever renamed or moved, so it
    stays. Without a category only the sign of an entry is known, and that is its section. -#}
{% macro ledger_account(section, account_id, category_id) -%}
    case
        when {{ section }} = 'account' then 'account:' || {{ account_id }}
        when {{ category_id }} is not null then 'category:' || {{ category_id }}
        when {{ section }} in ('income', 'expense') then {{ section }} || ':uncategorised'
        when {{ section }} = 'kept_back' then 'expense:kept_back'
        else 'equity:' || {{ section }}
    end
{%- endmacro %}

{#- A transfer's leg in the clearing, looked up by its transaction: there are few transfers and many transactions. -#}
{% macro clearing_leg(organization_id, transaction_id) -%}
    lateral (
        select * from {{ ref('int_ledger__entries_posted') }} as side
        where
            side.organization_id = {{ organization_id }} and side.transaction_id = {{ transaction_id }}
            and side.section = 'transfer'
        offset 0
    )
{%- endmacro %}
