-- What each account held before its first entry. Where nobody said it, it follows from what the bank stated first.
with accounts as (
    select * from {{ ref('stg_books__accounts') }}
)

select
    accounts.organization_id,
    accounts.account_id,
    accounts.currency,
    case
        when accounts.anchored_on is null then accounts.opening_balance
        else accounts.anchored_balance - coalesce((
            select sum(entry.amount) from {{ ref('int_ledger__accounts_moved') }} as entry
            where
                entry.organization_id = accounts.organization_id
                and entry.account_id = accounts.account_id
                and entry.currency = accounts.currency
                and entry.booked_on <= accounts.anchored_on
        ), 0)
    end as amount,
    case when accounts.anchored_on is null then accounts.opening_on end as opened_on
from accounts
