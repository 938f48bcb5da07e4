{#- A mart as of this moment: its rows whose keys nobody touched since its build, and the others computed anew.
    `replaced_from` names a day that goes with the keys: what was before it stays. -#}
{% macro live(mart, what, keys, present, replaced_from=none) %}
    {%- set columns = model.columns.keys() | join(', ') -%}
    with touched as materialized (
        {{ touched(what, mart.identifier) }}
    ),

    kept as (
        select mart.* from {{ mart }} as mart
        where not exists (
            select from touched
            where {% for key in keys %}{{ 'and ' if not loop.first }}touched.{{ key }} = mart.{{ key }} {% endfor %}
            {%- if replaced_from %} and mart.{{ replaced_from }} >= touched.{{ replaced_from }} {%- endif %}
        )
    ),

    present as (
        {{ present }}
    )

    select {{ columns }} from kept
    union all
    select {{ columns }} from present
{% endmacro %}
