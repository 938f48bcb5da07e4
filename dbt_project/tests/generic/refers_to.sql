{#- What these columns name exists, in the same organization; a null names nothing. -#}
{% test refers_to(model, columns, to, known_as=none) %}
select {{ columns | join(', ') }} from {{ model }} where ({{ columns | join(', ') }}) is not null
except
select {{ (known_as or columns) | join(', ') }} from {{ to }}
{% endtest %}
