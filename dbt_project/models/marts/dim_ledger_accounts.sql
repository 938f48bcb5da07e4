{{ config(unique_key=['organization_id'], pre_hook="{{ replace_touched('ledger_accounts') }}") }}
with recursive accounts as (
    select * from {{ ref('stg_books__accounts') }}
    {% if is_incremental() %} inner join touched using (organization_id) {% endif %}
),

categories as (
    select * from {{ ref('stg_books__categories') }}
    {% if is_incremental() %} inner join touched using (organization_id) {% endif %}
),

-- what a ledger has beside its accounts and categories
always (type, section, name, path, code) as (
    values
    ('income', 'income', 'Not categorised income', 'Not categorised income', 'income:uncategorised'),
    ('expense', 'expense', 'Not categorised expense', 'Not categorised expense', 'expense:uncategorised'),
    ('expense', 'kept_back', 'Kept back from transfers', 'Kept back from transfers', 'expense:kept_back'),
    ('equity', 'opening', 'Opening balances', 'Opening balances', 'equity:opening'),
    ('equity', 'exchange', 'Exchange differences', 'Exchange differences', 'equity:exchange')
),

organizations as (
    select organization_id from accounts
    union
    select organization_id from categories
),

tree as (
    select
        organization_id,
        category_id,
        category as path,
        1 as depth
    from categories where parent_id is null
    union all
    select
        child.organization_id,
        child.category_id,
        tree.path || ': ' || child.category as path,
        tree.depth + 1 as depth
    from tree
    inner join categories as child
        on tree.organization_id = child.organization_id and tree.category_id = child.parent_id
),

chart as (
    select
        organization_id,
        account as name,
        account as path,
        -- what is owed on a card or a loan
        case when kind in ('card', 'loan') then 'liability' else 'asset' end as type,
        'account' as section,
        1 as depth,
        account_id,
        null::uuid as category_id,
        null::uuid as parent_id,
        currency,
        is_archived
    from accounts
    union all
    select
        tree.organization_id,
        categories.category as name,
        tree.path,
        categories.kind as type,
        categories.kind as section,
        tree.depth,
        null as account_id,
        tree.category_id,
        categories.parent_id,
        null as currency,
        categories.is_archived
    from tree
    inner join categories using (organization_id, category_id)
)

select
    organization_id,
    {{ ledger_account('section', 'account_id', 'category_id') }} as code,
    name,
    path,
    type,
    section,
    depth,
    'category:' || parent_id as parent_code,
    account_id,
    category_id,
    currency,
    is_archived
from chart
union all
select
    organizations.organization_id,
    always.code,
    always.name,
    always.path,
    always.type,
    always.section,
    1 as depth,
    null as parent_code,
    null as account_id,
    null as category_id,
    null as currency,
    false as is_archived
from organizations
cross join always
