{#- No organization that had rows in the source when the mart was built is missing from it. A role that row-level
    security blinds reads nothing, writes nothing, and would pass every other test. -#}
{% test covers_every_organization(model, of, that='true') %}
select organization_id from {{ of }} where {{ that }} and row_xid < {{ watermark(model.identifier) }}
except
select organization_id from {{ model }}
{% endtest %}
