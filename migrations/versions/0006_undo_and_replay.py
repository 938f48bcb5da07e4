"""Undo, replay and corrections: what became of a batch after it was loaded."""

from ai2.kit import live

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for index in HISTORY:
        live.index(index)
    merchants = live.index_anew(MERCHANTS)
    live.run(
        BATCHES,
        live.view("published.batches", "select * from ingest.batches"),
        live.view("published.statement_lines", STATEMENT_LINES),
        CORRECTIONS,
        STAMP,
        merchants,
        TOTALS,
    )


def downgrade() -> None:
    """What people wrote in place of rejected rows is lost. The totals need nothing: the sums are the same."""
    merchants = live.index_anew(FORMER_MERCHANTS)
    live.run(
        live.view("published.batches", FORMER_BATCHES),
        live.view("published.statement_lines", live.revision("0004").STATEMENT_LINES),
        GONE,
        merchants,
        live.revision("0003").TOTALS,
    )


BATCHES = """
alter table ingest.batches
    add column undone_at timestamptz,
    add column undone_by text,
    -- what was closed, given back, handed over, and left alone because people had edited it
    add column undo_report jsonb,
    -- each replay that was applied: when, by whom, with which parser, how many lines of which kind
    add column replays jsonb not null default '[]';
"""

# A transaction that a replay took out keeps its batch and loses its line: no line of the file is it any more.
STATEMENT_LINES = """
select
    organization_id, batch_id, line_number, 'loaded' as state, transaction_id,
    null as reason_code, null as reason, description as original
from books.transactions where batch_id is not null and line_number is not null
union all
-- a pending line that another batch's line completed is still a line of its own batch
select organization_id, batch_id, line_number, 'loaded', transaction_id, null, null, description
from ingest.pending_lines where completed_by is not null
union all
select organization_id, batch_id, line_number, state, transaction_id, reason_code, reason, original
from ingest.unloaded_lines
"""

CORRECTIONS = """
-- What a person wrote in place of a quarantined row. Raw bytes stay as they came; a replay reads these instead.
create table ingest.corrections (
    organization_id uuid not null,
    batch_id uuid not null,
    line_number integer not null,
    -- the row's cells under its file's header, or date, amount and description where the file has no columns
    cells jsonb not null,
    corrected_by text not null,
    corrected_at timestamptz not null default now(),
    primary key (organization_id, batch_id, line_number),
    foreign key (organization_id, batch_id) references ingest.batches
);

call identity.protect(array['ingest.corrections']::regclass[]);
grant select, insert, update, delete on ingest.corrections to ai2_api, ai2_pipeline;
"""

# Versions ended by a person, and by an import or its replay: the few that undoing a batch has to look at. An act of
# many rows is written as `user:<id> undo:<batch>`, and is nobody's edit.
HISTORY = (
    """
    create index versions_by_people on books.transaction_versions (organization_id, transaction_id, version)
        where (changed_by like 'user:%' or changed_by like 'api_key:%') and changed_by not like '% %'
    """,
    """
    create index versions_by_batch on books.transaction_versions
        (organization_id, changed_by, transaction_id, version)
        where changed_by like 'batch:%'
    """,
)

# A statement over a million rows stamps them itself and so calls no function for each of them.
STAMP = """
drop trigger stamp_version on books.transactions;
create trigger stamp_version before update on books.transactions
    for each row when (new.version = old.version) execute function books.stamp_version();
"""

# Nobody looks for the deleted by their merchant; without them closing a batch writes one index less.
MERCHANTS = """
create index transactions_by_merchant on books.transactions (organization_id, merchant_key) where deleted_at is null
"""

# What one side of a change adds to the totals, or takes from them: signs are set on sums, not on every amount.
SIDE = """
    select
        organization_id, {day_of} as {day}, {key}, category_id, currency,
        {sign} coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
        {sign} -coalesce(sum(amount) filter (where amount < 0), 0) as money_out,
        {sign} count(*) as transactions
    from {rows}
    where deleted_at is null and status = 'posted'
    group by organization_id, {day_of}, {key}, category_id, currency
"""
ADD_TO_TOTALS = """
    insert into books.{table} as total
        (organization_id, {day}, {key}, category_id, currency, money_in, money_out, transactions)
    select
        organization_id, {day}, {key}, category_id, currency, sum(money_in), sum(money_out), sum(transactions)
    from ({sides}) as changed
    group by organization_id, {day}, {key}, category_id, currency
    having sum(transactions) <> 0 or sum(money_in) <> 0 or sum(money_out) <> 0
    -- always in the same order, so that two writers never wait for each other
    order by organization_id, {day}, {key}, category_id, currency
    on conflict (organization_id, {day}, {key}, category_id, currency) do update set
        money_in = total.money_in + excluded.money_in,
        money_out = total.money_out + excluded.money_out,
        transactions = total.transactions + excluded.transactions;
"""
ADDED, REMOVED = {"rows": "added", "sign": ""}, {"rows": "removed", "sign": "-1 *"}
MONTH = "date_trunc('month', booked_on::timestamp)::date"
KINDS = (
    {"table": "daily_totals", "day": "booked_on", "day_of": "booked_on", "key": "account_id"},
    {"table": "monthly_totals", "day": "month", "day_of": MONTH, "key": "account_id"},
    {"table": "merchant_totals", "day": "month", "day_of": MONTH, "key": "merchant_key"},
)


def _add_to_totals(*sides: dict[str, str]) -> str:
    return "".join(
        ADD_TO_TOTALS.format(sides=" union all ".join(SIDE.format(**side, **kind) for side in sides), **kind)
        for kind in KINDS
    )


TOTALS = f"""
create or replace function books.keep_totals() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then {_add_to_totals(ADDED)}
    elsif tg_op = 'UPDATE' then {_add_to_totals(ADDED, REMOVED)}
    else {_add_to_totals(REMOVED)}
    end if;
    return null;
end $$;
"""

FORMER_MERCHANTS = """
create index transactions_by_merchant on books.transactions (organization_id, merchant_key)
"""
FORMER_BATCHES = """
select
    organization_id, batch_id, account_id, digest, file_name, source, status, format, parser_version, layout, options,
    questions, checks, problem, rows_in, rows_loaded, rows_duplicate, rows_quarantined, progress, first_date,
    last_date, currency, imported_by, created_at, finished_at, reported_at
from ingest.batches
"""
GONE = """
drop table ingest.corrections;
drop index books.versions_by_people, books.versions_by_batch;
alter table ingest.batches
    drop column undone_at, drop column undone_by, drop column undo_report, drop column replays;
drop trigger stamp_version on books.transactions;
create trigger stamp_version before update on books.transactions
    for each row execute function books.stamp_version();
"""
