"""Undo and replay: what became of a batch after it was loaded."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(BATCHES)


def downgrade() -> None:
    op.get_bind().connection.cursor().execute(
        "alter table ingest.batches drop column undone_at, drop column undone_by, drop column undo_report"
    )


BATCHES = """
alter table ingest.batches
    add column undone_at timestamptz,
    add column undone_by text,
    -- what was closed, given back, and left alone because people had edited it
    add column undo_report jsonb;
-- the view was made with the columns of its time
create or replace view published.batches with (security_invoker = true) as select * from ingest.batches;
"""
