-- What each transaction that counts was for, one row for each thing: itself, or the parts into which it is split. They
-- sum to its amount, and each has the sign and the category of its own.
with transactions as not materialized (
    select * from {{ ref('stg_books__transactions') }} where not is_deleted and status = 'posted'
),

categories as (
    select * from {{ ref('stg_books__categories') }}
),

-- whole and split ones apart: few are split and have an index of their own, and looking into each row for parts takes
-- as long again as reading it
parts as (
    select
        organization_id,
        transaction_id,
        1 as place,
        booked_on,
        account_id,
        merchant_key,
        decided_by,
        amount,
        currency,
        category_id
    from transactions where splits is null
    union all
    select
        transactions.organization_id,
        transactions.transaction_id,
        told.place::integer as place,
        transactions.booked_on,
        transactions.account_id,
        transactions.merchant_key,
        transactions.decided_by,
        (told.part ->> 'amount')::numeric as amount,
        transactions.currency,
        (told.part ->> 'category_id')::uuid as category_id
    from transactions
    cross join lateral jsonb_array_elements(transactions.splits) with ordinality as told (part, place)
    where transactions.splits is not null
)

select
    parts.*,
    case
        when categories.kind = 'transfer' then 'transfer' when parts.amount > 0 then 'income' else 'expense'
    end as type,
    categories.category,
    categories.category_group_id,
    categories.category_group,
    categories.kind as category_kind
from parts
left join categories using (organization_id, category_id)
