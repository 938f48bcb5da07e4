-- A category and the group it belongs to: its parent, or itself where it has none.
select
    category.organization_id,
    category.category_id,
    category.name as category,
    coalesce(parent.category_id, category.category_id) as category_group_id,
    coalesce(parent.name, category.name) as category_group,
    category.kind,
    category.archived_at is not null as is_archived,
    -- a renamed parent changes its children too
    greatest(category.row_xid, parent.row_xid) as row_xid,
    category.parent_id
from {{ source('published', 'categories') }} as category
left join {{ source('published', 'categories') }} as parent
    on category.organization_id = parent.organization_id and category.parent_id = parent.category_id
