{#- A mart as of this moment: its rows whose keys nobody touched since its build, and the others computed anew. -#}
{% macro live(mart, what, keys, present) %}
    {%- set columns = model.columns.keys() | join(', ') -%}
    with touched as materialized (
        {{ touched(what, mart.identifier) }}
    ),

    kept as (
        select mart.* from {{ mart }} as mart
        where not exists (
            select from touched
            where {% for key in keys %}{{ 'and ' if not loop.first }}touched.{{ key }} = mart.{{ key }} {% endfor %}
        )
    ),

    present as (
        {{ present }}
    )

    select {{ columns }} from kept
    union all
    select {{ columns }} from present
{% endmacro %}
