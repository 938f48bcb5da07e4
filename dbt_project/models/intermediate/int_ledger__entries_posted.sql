-- Double entry: what an account gains, something else gives. The legs of a transaction sum to zero: one of its account,
-- and one of each thing that it was for.
select
    organization_id,
    transaction_id,
    0 as place,
    'account' as ledger,
    'account' as section,
    account_id,
    null::uuid as category_id,
    booked_on,
    amount,
    currency
from {{ ref('int_ledger__accounts_moved') }}
union all
select
    organization_id,
    transaction_id,
    place,
    type as ledger,
    -- a refund is in the section of what it refunds; without a category only its sign is known
    coalesce(category_kind, type) as section,
    account_id,
    category_id,
    booked_on,
    -amount as amount,
    currency
from {{ ref('int_books__transaction_parts') }}
