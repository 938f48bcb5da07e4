{%- set present %}
select * from {{ those_touched(ref('int_books__transactions_categorised')) }}
{%- endset -%}
{{ live(ref('fct_transactions'), 'transactions', ['organization_id', 'transaction_id'], present) }}
