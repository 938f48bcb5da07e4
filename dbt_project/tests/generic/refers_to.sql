{#- What these columns name exists, in the same organization; a null names nothing. -#}
{% test refers_to(model, columns, to) %}
select {{ columns | join(', ') }} from {{ model }} where ({{ columns | join(', ') }}) is not null
except
select {{ columns | join(', ') }} from {{ to }}
{% endtest %}
