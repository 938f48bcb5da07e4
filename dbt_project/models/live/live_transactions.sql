{%- set present %}
select * from {{ ref('int_books__transactions_categorised') }} inner join touched using (organization_id, transaction_id)
{%- endset -%}
{{ live(ref('fct_transactions'), 'transactions', ['organization_id', 'transaction_id'], present) }}
