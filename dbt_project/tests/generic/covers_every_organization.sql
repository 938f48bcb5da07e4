{#- No organization that had rows in the source when the mart was built is missing from it. A role that row-level
    security blinds reads nothing, writes nothing, and would pass every other test. -#}
{% test covers_every_organization(model, of, that='true') %}
select organization.organization_id
from {{ source('published', 'organizations') }} as organization
where
    exists (
        select from {{ of }} as known
        where
            known.organization_id = organization.organization_id
            and {{ that }} and known.row_xid < {{ watermark(model.identifier) }}
    )
    and not exists (select from {{ model }} as mart where mart.organization_id = organization.organization_id)
{% endtest %}
