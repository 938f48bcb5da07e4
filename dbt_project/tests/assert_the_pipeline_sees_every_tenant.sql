-- depends_on: {{ ref('stg_books__transactions') }}
-- Tables whose row-level security hides rows from the role that builds: marts made from them would be empty, and pass.
with recursive read_by_sources as (
    select pg_class.oid
    from pg_class
    inner join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname = 'published'
    union
    select pg_depend.refobjid
    from read_by_sources
    inner join pg_rewrite on pg_rewrite.ev_class = read_by_sources.oid
    inner join pg_depend on pg_depend.objid = pg_rewrite.oid and pg_depend.refclassid = 'pg_class'::regclass
)

select pg_class.oid::regclass
from read_by_sources
inner join pg_class using (oid)
where
    pg_class.relrowsecurity
    and not exists (
        select from pg_policy
        where
            pg_policy.polrelid = pg_class.oid
            and pg_policy.polpermissive
            and pg_get_expr(pg_policy.polqual, pg_policy.polrelid) = 'true'
            and (select oid from pg_roles where rolname = current_user) = any(pg_policy.polroles)
    )
