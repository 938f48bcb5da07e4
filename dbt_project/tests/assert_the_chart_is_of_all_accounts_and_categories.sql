{{ config(meta={'dagster': {'ref': {'name': 'dim_ledger_accounts'}}}) }}
-- What was there when the chart was made is in it, once, with its name.
with chart as (
    select organization_id, coalesce(account_id, category_id) as thing, name
    from {{ ref('dim_ledger_accounts') }} where account_id is not null or category_id is not null
),

things as (
    select organization_id, account_id as thing, account as name, row_xid from {{ ref('stg_books__accounts') }}
    union all
    select organization_id, category_id, category, row_xid from {{ ref('stg_books__categories') }}
)

select organization_id, thing, name
from things where row_xid < {{ watermark('dim_ledger_accounts') }}
except all
select organization_id, thing, name from chart
