-- What each transaction that counts was for, one row for each thing: itself, or the parts into which it is split. They
-- sum to its amount, and each has the sign and the category of its own.
with transactions as (
    select * from {{ ref('stg_books__transactions') }} where not is_deleted and status = 'posted'
),

categories as (
    select * from {{ ref('stg_books__categories') }}
),

-- each row is read once, and by whatever index the reader's question allows
parts as (
    select
        transactions.organization_id,
        transactions.transaction_id,
        part.place,
        transactions.booked_on,
        transactions.account_id,
        part.amount,
        transactions.currency,
        part.category_id
    from transactions
    cross join lateral (
        select
            1 as place,
            transactions.amount,
            transactions.category_id
        where transactions.splits is null
        union all
        select
            told.place::integer,
            (told.part ->> 'amount')::numeric,
            (told.part ->> 'category_id')::uuid
        from jsonb_array_elements(transactions.splits) with ordinality as told (part, place)
    ) as part
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
