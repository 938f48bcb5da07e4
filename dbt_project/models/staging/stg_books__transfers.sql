-- Two transactions that are one movement between own accounts: what is only suggested is none yet.
select
    organization_id,
    transfer_id,
    out_transaction_id,
    in_transaction_id
from {{ source('published', 'transfers') }}
where state = 'paired'
