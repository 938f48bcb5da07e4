select
    organization_id,
    account_id,
    name as account,
    kind,
    currency::text as currency,
    opening_balance,
    opening_on,
    archived_at is not null as is_archived,
    row_xid
from {{ source('published', 'accounts') }}
