{#- How a mart is kept: in one transaction, on one snapshot, it replaces the rows whose keys were touched since its
    last build, and remembers from where the next build has to look.

    The watermark is the oldest transaction that was still running when the snapshot was taken: whatever commits
    later carries an xid from there on. A timestamp or a serial would lose what commits late. -#}

{% macro watermarks() -%}
    marts.watermarks
{%- endmacro %}

{#- Where a model's last build stopped seeing; before the first build, the beginning. -#}
{% macro watermark(model_name) -%}
    (select coalesce(max(seen.row_xid), '0'::xid8) from {{ watermarks() }} as seen where seen.model = '{{ model_name }}')
{%- endmacro %}

{#- Where the build before the last one stopped seeing. -#}
{% macro former_watermark(model_name) -%}
    (select coalesce(max(seen.former_xid), '0'::xid8) from {{ watermarks() }} as seen where seen.model = '{{ model_name }}')
{%- endmacro %}

{% macro prepare_schemas() %}
    create schema if not exists staging;
    create schema if not exists intermediate;
    create schema if not exists marts;
    -- dbt grants the relations; what they may see is decided row by row
    grant usage on schema staging, intermediate, marts to ai2_api;
    create table if not exists {{ watermarks() }} (
        model text primary key,
        row_xid xid8 not null,
        built_at timestamptz not null,
        -- what it was before the last build, which replaced what was touched between the two
        former_xid xid8 not null default '0'
    );
    do $$
    begin
        -- it looks first: `alter table` locks out every reader
        if not exists (
            select from pg_attribute where attrelid = '{{ watermarks() }}'::regclass and attname = 'former_xid'
        ) then
            alter table {{ watermarks() }} add column former_xid xid8 not null default '0';
        end if;
    end
    $$;
    grant select on {{ watermarks() }} to ai2_api;
{% endmacro %}

{#- First in its transaction. Two builds at once then fail instead of mixing. -#}
{% macro one_snapshot() %}
    set transaction isolation level repeatable read;
    -- a year's days and months of everyone are sorted and added up: in the server's 4 MB they would go to disk
    set local work_mem = '64MB'
{% endmacro %}

{% macro forget_everything_on_full_refresh() %}
    {%- if flags.FULL_REFRESH and is_incremental() -%}
        delete from {{ this }};
        delete from {{ watermarks() }} where model = '{{ this.identifier }}';
    {%- endif -%}
{% endmacro %}

{#- The temporary table `touched`: the keys whose rows this build replaces. -#}
{% macro replace_touched(what) %}
    {#- outside the condition: here dbt learns which models the mart depends on -#}
    {%- set keys = touched(what, this.identifier) -%}
    {%- if is_incremental() -%}
        create temporary table touched on commit drop as {{ keys }};
        analyze touched;
    {%- endif -%}
{% endmacro %}

{% macro get_incremental_replace_touched_sql(arguments) %}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arguments['target_relation'] }} as kept using touched
    where {% for key in arguments['unique_key'] -%}
        {{ ' and ' if not loop.first }}kept.{{ key }} = touched.{{ key }}
    {%- endfor -%}
    {%- if config.get('meta', {}).get('replaced_from') %} and kept.{{ config.get('meta').replaced_from }} >= touched.{{ config.get('meta').replaced_from }} {%- endif %};
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }};
{% endmacro %}

{% macro remember_the_watermark() %}
    insert into {{ watermarks() }} as seen (model, row_xid, built_at)
    values ('{{ this.identifier }}', pg_snapshot_xmin(pg_current_snapshot()), now())
    on conflict (model) do update set
        row_xid = excluded.row_xid, built_at = excluded.built_at, former_xid = seen.row_xid
{% endmacro %}

{#- Tables made by dbt have no policy of their own. It looks first: `alter table` locks out every reader. -#}
{% macro keep_tenants_apart() %}
    do $$
    begin
        if not (select relforcerowsecurity from pg_class where oid = '{{ this }}'::regclass) then
            alter table {{ this }} enable row level security, force row level security;
        end if;
        if not exists (select from pg_policy where polrelid = '{{ this }}'::regclass and polname = 'tenant') then
            create policy tenant on {{ this }} for select to ai2_api using (
                organization_id = (select nullif(current_setting('app.organization_id', true), '')::uuid)
            );
        end if;
        if not exists (select from pg_policy where polrelid = '{{ this }}'::regclass and polname = 'every_tenant') then
            create policy every_tenant on {{ this }} to ai2_pipeline using (true) with check (true);
        end if;
    end
    $$
{% endmacro %}
