"""${message}."""

from ai2.kit import live

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    live.run(UP)


def downgrade() -> None:
    live.run(DOWN)


UP = """
"""

DOWN = """
"""
