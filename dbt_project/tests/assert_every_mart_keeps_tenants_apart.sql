{{ config(meta={'dagster': {'ref': {'name': 'live_transactions'}}}) }}
-- depends_on: {{ ref('dim_accounts') }}
-- depends_on: {{ ref('dim_categories') }}
-- depends_on: {{ ref('dim_ledger_accounts') }}
-- depends_on: {{ ref('live_transactions') }}
-- depends_on: {{ ref('live_daily_balances') }}
-- depends_on: {{ ref('live_monthly_cash_flow') }}
-- depends_on: {{ ref('live_category_spending') }}
-- depends_on: {{ ref('live_ledger_months') }}
-- Forced row-level security, a policy for readers and one for the pipeline, on every table; readers' rights on views.
select pg_class.relname, pg_class.relkind
from pg_class
inner join pg_namespace on pg_namespace.oid = pg_class.relnamespace
where
    pg_namespace.nspname in ('staging', 'intermediate', 'marts')
    -- it holds no tenant's data
    and pg_class.oid <> '{{ watermarks() }}'::regclass
    and case pg_class.relkind
        when 'r' then not pg_class.relforcerowsecurity or 2 <> (
            select count(*) from pg_policy
            where pg_policy.polrelid = pg_class.oid and pg_policy.polname in ('tenant', 'every_tenant')
        )
        when 'v' then not coalesce(pg_class.reloptions, '{}') @> '{security_invoker=true}'
        else pg_class.relkind = 'm'
    end
