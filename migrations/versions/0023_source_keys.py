"""Source keys: by which merchant a source knows a transaction to which a rule or a person gave another merchant.

Two sources word one payment differently and are told apart from two payments by its merchant: by the one that they say.
"""

from ai2.kit import live

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    known = live.revision("0013").VERSIONED
    live.run(COLUMNS, live.revision("0013").HISTORY.replace(known, f"{known}, source_key"))


def downgrade() -> None:
    """What was given another merchant is known by that one alone."""
    live.run(live.revision("0013").HISTORY, FORMER_COLUMNS)


COLUMNS = """
-- null where the merchant is still the source's
alter table books.transactions add column source_key text;
alter table books.transaction_versions add column source_key text;
"""

FORMER_COLUMNS = """
alter table books.transactions drop column source_key;
alter table books.transaction_versions drop column source_key;
"""
