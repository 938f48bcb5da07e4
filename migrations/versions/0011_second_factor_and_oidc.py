"""A second factor, and people who sign in elsewhere. None of it has a tenant: a person may belong to several."""

import base64
import os

from ai2.kit import live

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    live.run(SECOND_FACTORS, IDENTITIES, REQUIRED)


def downgrade() -> None:
    """Second factors and links are lost. Who has no password gets one that nobody knows: an operator sets another."""
    live.in_pieces(f"""
        update identity.users set password_hash = '{nobodys_hash()}'
        where user_id in (select user_id from identity.users where password_hash is null limit 1000)
    """)
    # so that the rows are not looked through while others wait
    live.constraint("identity.users", "has_password", "check (password_hash is not null)")
    live.run(BACK)


def nobodys_hash() -> str:
    """An argon2id hash of no known password."""
    salt, made = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m=19456,t=2,p=1${salt}${made}"


SECOND_FACTORS = """
create table identity.second_factors (
    user_id uuid primary key references identity.users on delete cascade,
    -- what the codes are made from, encrypted by the master key for this user alone
    sealed_secret bytea not null,
    -- the last time step (30 s) whose code was taken: none is taken twice, nor one before it
    last_step bigint not null default 0,
    -- wrong codes in a row, from wherever they came, and until when no other is looked at
    wrong_codes integer not null default 0,
    free_at timestamptz,
    created_at timestamptz not null default now(),
    -- when the first right code showed that the secret had arrived; before, it is asked for nowhere
    confirmed_at timestamptz
);

-- Each works once: it is deleted by that.
create table identity.recovery_codes (
    user_id uuid not null references identity.users on delete cascade,
    digest bytea not null,
    primary key (user_id, digest)
);
"""

IDENTITIES = """
-- Who comes from a provider without ever having chosen a password has none.
alter table identity.users alter column password_hash drop not null;

-- A person at an OpenID provider is known by its issuer and subject, and by nothing else.
create table identity.user_identities (
    identity_id uuid primary key,
    user_id uuid not null references identity.users on delete cascade,
    issuer text not null,
    subject text not null,
    -- as the provider said when it was linked: for people to tell their identities apart
    email text,
    created_at timestamptz not null default now(),
    used_at timestamptz not null default now(),
    unique (issuer, subject)
);
create index user_identities_of_user on identity.user_identities (user_id);

-- Sign-ins under way, for minutes: begun here, to be finished by whoever holds the secret.
create table identity.sign_ins (
    state_digest bytea primary key,
    secret_digest bytea not null,
    provider text not null,
    -- who links an identity to their account, where this is for that
    user_id uuid references identity.users on delete cascade,
    expires_at timestamptz not null,
    -- the code was handed to the provider: once
    exchanged_at timestamptz,
    -- what the provider then said, kept until the second factor, or the invitation, is there
    subject text,
    email text,
    is_email_verified boolean,
    name text
);
create index sign_ins_by_end on identity.sign_ins (expires_at);

grant select, insert, update, delete on
    identity.second_factors, identity.recovery_codes, identity.user_identities, identity.sign_ins
to ai2_api, ai2_pipeline;
"""

REQUIRED = """
alter table identity.organizations add column require_second_factor boolean not null default false;
"""

BACK = """
alter table identity.organizations drop column require_second_factor;
drop table
    identity.sign_ins, identity.user_identities, identity.recovery_codes, identity.second_factors;
alter table identity.users alter column password_hash set not null;
alter table identity.users drop constraint has_password;
"""
