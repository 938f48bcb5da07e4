"""Tax: the rules as they were read, what people said of their expenses, and how an organization is taxed."""

from ai2.kit import live

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    live.constraint("ml.feedback", "feedback_fields_known", FIELDS)
    live.run("alter table ml.feedback drop constraint if exists feedback_field_check", RULES, CONFIRMATIONS, PROFILE)


def downgrade() -> None:
    """What people said of their expenses is lost, and the tax profile's role, business and basis."""
    before, after = live.every_tenants("ml.feedback")
    live.run(before + BACK + after)


FIELDS = "check (field in ('category', 'merchant', 'tax', 'business_use', 'recurring', 'transfer'))"

RULES = """
-- One fact a row, as its file has it: in force from a day on, read where and when, and how well founded.
create table ml.tax_rules (
    rule_id text not null,
    valid_from date not null,
    -- a correction of the same fact is another row
    version integer not null check (version > 0),
    valid_to date check (valid_to >= valid_from),
    jurisdiction text not null,
    role text check (role in ('self_employed', 'company', 'employee')),
    kind text not null check (kind in ('rate', 'cap', 'percent', 'threshold', 'method', 'line_map')),
    -- none where nothing was published, which the status says then
    value numeric,
    unit text not null,
    tiers jsonb,
    boundary text check (boundary in ('under', 'up_to')),
    cap_amount numeric,
    cap_distance numeric,
    counter text check (counter in ('all', 'vehicle', 'all_use')),
    keyed_on text not null check (keyed_on in ('transaction', 'first_use', 'acquired', 'tax_year')),
    status text not null check (status in ('verified', 'unverified', 'announced', 'unpublished')),
    grade text not null check (grade in ('A', 'B', 'C')),
    instrument text not null,
    source_url text not null,
    read_on date not null,
    note text,
    lines jsonb,
    twin text,
    digest text not null,
    loaded_at timestamptz not null default clock_timestamp(),
    primary key (rule_id, valid_from, version),
    check (status <> 'unpublished' or (value is null and tiers is null and lines is null))
);

-- Which states of the files were loaded.
create table ml.tax_rule_loads (
    digest text primary key,
    rows_added integer not null,
    rows_closed integer not null,
    loaded_at timestamptz not null default clock_timestamp()
);

-- A rule that answers were given by stays as it was: it is closed once, and another one is appended.
create function ml.keep_tax_rule() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'UPDATE' and old.valid_to is null and new.valid_to is not null
        and to_jsonb(new) - 'valid_to' = to_jsonb(old) - 'valid_to' then
        return new;
    end if;
    raise exception 'a tax rule is closed and another one appended, never changed';
end $$;
create trigger keep before update or delete on ml.tax_rules
    for each row execute function ml.keep_tax_rule();

grant select on ml.tax_rules, ml.tax_rule_loads to ai2_api, ai2_pipeline;
grant insert, update (valid_to) on ml.tax_rules to ai2_pipeline;
grant insert on ml.tax_rule_loads to ai2_pipeline;
"""

CONFIRMATIONS = """
-- What people said of an expense: what it is to the taxman, or how much of it is for business. The last word counts.
create table ml.tax_confirmations (
    organization_id uuid not null references identity.organizations,
    confirmation_id uuid not null,
    transaction_id uuid not null,
    field text not null check (field in ('tax', 'business_use')),
    is_deductible boolean,
    head text,
    business_pct numeric check (business_pct between 0 and 100),
    -- similar, always: also the merchant's others, of which nobody said anything
    apply_to text not null check (apply_to in ('this', 'similar', 'always')),
    merchant_key text not null,
    money_in boolean not null,
    given_by text not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (organization_id, confirmation_id),
    foreign key (organization_id, transaction_id) references books.transactions,
    check (case field when 'tax' then is_deductible is not null else business_pct is not null end)
);
create index tax_confirmations_by_transaction on ml.tax_confirmations (organization_id, transaction_id);
create index tax_confirmations_by_merchant on ml.tax_confirmations (organization_id, merchant_key);
call identity.protect(array['ml.tax_confirmations']::regclass[]);
grant select, insert on ml.tax_confirmations to ai2_api;
grant select, insert, update, delete on ml.tax_confirmations to ai2_pipeline;
"""

PROFILE = """
alter table identity.organizations
    add column tax_role text
        constraint organizations_tax_role_check check (tax_role in ('self_employed', 'company', 'employee')),
    -- what it does, as far as a rule depends on it
    add column tax_business text,
    -- when income and expenses count for income tax; tax_scheme says it of VAT, GST and the like
    add column tax_basis text
        constraint organizations_tax_basis_check check (tax_basis in ('accrual', 'cash'));
"""

BACK = """
alter table identity.organizations drop column tax_role, drop column tax_business, drop column tax_basis;
drop table ml.tax_confirmations, ml.tax_rules, ml.tax_rule_loads;
drop function ml.keep_tax_rule();
delete from ml.feedback where field not in ('category', 'merchant');
alter table ml.feedback drop constraint feedback_fields_known;
alter table ml.feedback add constraint feedback_field_check check (field in ('category', 'merchant'));
"""
