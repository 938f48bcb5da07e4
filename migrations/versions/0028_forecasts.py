"""Forecasts: what each candidate said of months of the past, kept until those months change."""

from ai2.kit import live

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    live.run(FORECASTS)


def downgrade() -> None:
    """Nothing is lost: what was kept is worked out again."""
    live.run("drop table ml.forecast_rehearsals")


FORECASTS = """
create table ml.forecast_rehearsals (
    organization_id uuid not null references identity.organizations,
    -- `books`, or the currency that all of it was converted to
    scope text not null,
    -- of the series that it was worked out from, and of the code that did
    digest bytea not null,
    -- candidates and origins
    shape jsonb not null,
    -- candidates x series x origins x months ahead: numbers of eight bytes each, compressed
    said bytea not null,
    computed_at timestamptz not null default now(),
    primary key (organization_id, scope)
);
call identity.protect(array['ml.forecast_rehearsals']::regclass[]);
grant select, insert, update, delete on ml.forecast_rehearsals to ai2_api, ai2_pipeline;
"""
