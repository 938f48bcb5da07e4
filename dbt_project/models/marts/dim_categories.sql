{{ config(unique_key=['organization_id', 'category_id'], pre_hook="{{ replace_touched('categories') }}") }}
select
    organization_id,
    category_id,
    category,
    category_group_id,
    category_group,
    kind,
    is_archived
from {{ ref('stg_books__categories') }}
{% if is_incremental() %} inner join touched using (organization_id, category_id) {% endif %}
