"""Own models: what each organization's history teaches of its own categories, and by which way it is read at once."""

from ai2.kit import live

revision = "0029"
down_revision = "0028"

TAUGHT = "create index transactions_taught on books.transactions (organization_id, merchant_key, row_xid) " + (
    "where decided_by in ('user', 'rule', 'import') and deleted_at is null"
)
# By what an abbreviation leaves of its first word: ml.own.kin.
KIN = "create index merchant_decisions_by_kin on ml.merchant_decisions (organization_id, kin)"
FILL = """
    update ml.merchant_decisions set
        kin = left(merchant_key, 1) || translate(substr(split_part(merchant_key, ' ', 1), 2), 'aeiou', '')
    where (organization_id, merchant_key, money_in) in (
        select organization_id, merchant_key, money_in from ml.merchant_decisions where kin is null limit 5000
    )
"""


def upgrade() -> None:
    live.index(TAUGHT)
    live.run("alter table ml.merchant_decisions add column if not exists kin text")
    with live.seeing("ml.merchant_decisions"):
        live.in_pieces(FILL)
    live.index(KIN)
    live.run(MODELS)


def downgrade() -> None:
    """The models are lost; they are learnt again from the history."""
    live.run(
        "drop index books.transactions_taught",
        "alter table ml.merchant_decisions drop column kin",
        "drop table ml.own_models",
    )


MODELS = """
create table ml.own_models (
    organization_id uuid not null references identity.organizations,
    -- changes with every change of the row: readers keep a model until it does
    version integer not null default 1,
    -- arrays, never code; its digest is looked at before it is read
    model bytea not null,
    digest bytea not null,
    -- the organization's categories by the numbers that the model has for them; one that was merged twice stands twice
    labels uuid[] not null,
    attributes text[] not null,
    rows integer not null,
    -- everything that was committed before this transaction is in the model
    learnt_to xid8 not null,
    -- what was right, and how much was decided, on rows that the model had not seen
    measured jsonb not null default '{}',
    trained_at timestamptz not null default now(),
    primary key (organization_id)
);
call identity.protect(array['ml.own_models']::regclass[]);
grant select, insert, update, delete on ml.own_models to ai2_api, ai2_pipeline;
"""
