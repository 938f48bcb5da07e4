"""API keys: what a key may at most, which key made it, and when it was last of use."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(SCOPES)


def downgrade() -> None:
    """A key with scopes would open all that its role may: it is revoked instead."""
    op.get_bind().connection.cursor().execute(BACK)


SCOPES = """
alter table identity.api_keys
    -- none: all that the role may
    add column scopes text[],
    -- the key that made this one, if one did; whoever made that one made this one too
    add column made_by uuid,
    -- give or take a minute
    add column last_used_at timestamptz;
alter table identity.api_keys add constraint api_keys_made_by
    foreign key (organization_id, made_by) references identity.api_keys not valid;
alter table identity.api_keys validate constraint api_keys_made_by;
"""

BACK = """
-- under forced policies the owner sees no row
alter table identity.api_keys no force row level security;
with revoked as (
    update identity.api_keys set revoked_at = now() where scopes is not null and revoked_at is null
    returning organization_id, api_key_id
)
delete from identity.api_key_index as indexed using revoked
where indexed.organization_id = revoked.organization_id and indexed.api_key_id = revoked.api_key_id;
alter table identity.api_keys force row level security;
alter table identity.api_keys drop column scopes, drop column made_by, drop column last_used_at;
"""
