"""Reading revisions: none has a statement that makes others wait on a large table, or takes something from them."""

import pytest
from alembic.script import Script, ScriptDirectory

from ai2.kit import live
from tests.migrations.reading import BEFORE_THE_FIRST_RELEASE, dangers

REVISIONS = [*ScriptDirectory(str(live.MIGRATIONS)).walk_revisions()][::-1]


@pytest.mark.parametrize("script", REVISIONS, ids=[script.revision for script in REVISIONS])
def test_no_revision_keeps_others_waiting(script: Script) -> None:
    text = live.written(script.module.upgrade)
    assert dangers(text, is_first=script.revision in BEFORE_THE_FIRST_RELEASE) == []


@pytest.mark.parametrize("script", REVISIONS, ids=[script.revision for script in REVISIONS])
def test_every_revision_but_the_first_has_a_way_back(script: Script) -> None:
    if script.down_revision:
        assert live.written(script.module.downgrade).count(";") > len(["begin", "commit"])


@pytest.mark.parametrize(
    "statement",
    [
        "create index a on books.transactions (amount)",
        "CREATE UNIQUE INDEX a ON books.transactions (amount)",
        "alter table books.transactions add column a uuid default gen_random_uuid()",
        "alter table books.transactions add column b int, add column a timestamptz default clock_timestamp()",
        "alter table books.transactions add column a bigint generated always as (1) stored",
        "alter table books.transactions add column a bigserial",
        "alter table books.transactions add column a int not null",
        "alter table books.transactions add column a uuid references books.accounts",
        "alter table books.transactions alter column amount type text",
        "alter table books.transactions alter amount set data type numeric(20, 2)",
        "alter table books.transactions alter column notes set not null",
        "alter table books.transactions add constraint a foreign key (a, b) references books.accounts",
        "alter table books.transactions add constraint a check (amount > 0)",
        "alter table books.transactions add constraint a unique (organization_id, reference)",
        "alter table books.transactions add primary key (transaction_id)",
        "alter table books.transactions drop column notes",
        "alter table books.accounts rename column name to title",
        "drop table books.transfers",
        "update books.transactions set notes = ''",
        "with old as (select 1) delete from ingest.identities",
        "lock table books.transactions",
        "create table x.y (a int); create index a on books.transactions (amount)",
    ],
)
def test_what_would_keep_others_waiting_is_refused(statement: str) -> None:
    assert len(dangers(statement)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "create index concurrently a on books.transactions (amount)",
        "create table x.y (a int not null check (a > 0)); create index z on x.y (a); alter table x.y alter a type text",
        "alter table books.transactions add column a int not null default 1, add column b text, add column c jsonb",
        "alter table books.transactions add column a timestamptz default now()",
        "alter table books.transactions add constraint a foreign key (a, b) references books.accounts (a, b) not valid",
        "alter table books.transactions validate constraint a; alter table books.transactions alter a set not null",
        "alter table books.transactions add constraint a unique using index b",
        "create index a on books.accounts (name)",
        f"{live.IN_PIECES}\nupdate books.transactions set notes = '' where transaction_id in (select 1 limit 100)",
        "create function a() returns trigger language plpgsql as $$ begin update books.transactions set a = 1; end $$",
        "comment on table books.transactions is 'drop table books.transactions; update books.transactions'",
        "-- update books.transactions\nselect 1",
    ],
)
def test_what_keeps_nobody_waiting_is_let_through(statement: str) -> None:
    assert dangers(statement) == []
