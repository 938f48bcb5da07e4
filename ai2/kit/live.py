"""Live: how a revision changes a schema that is in use, so that nobody waits for it a second.

A waiting `alter table` makes everyone behind it wait too. So what takes such a lock waits a moment for it, gives way
and tries again; and what takes long (an index, a check of many rows, a change of many rows) holds no such lock.
A revision first does what takes long, each part of which can be done again after a crash, and last in one `run`
the rest, which is kept together with the revision's number or not at all.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
from alembic import op
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).parents[2] / "migrations"
# Longer than this nobody waits behind a revision that waits; and so long it keeps trying.
LOCK_MS, PATIENCE_S = 200, 600
TRY_AGAIN = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
INDEX = re.compile(r"\s*create (unique )?index (\w+)\s+on (\w+)\.(\w+)\s+(.*)", re.DOTALL)
IN_PIECES = "-- some rows at a time, until none is left"


Step = str | Callable[[], None]


def run(*steps: Step) -> None:
    """Do these together, as soon as nobody holds what they lock. Whoever began meanwhile goes first."""
    if _script():
        _each(steps)
        return
    connection = _connection()
    if not connection.autocommit:
        connection.execute("select")  # opens the revision's transaction, so that ours is a part of it
    patiently(lambda: _together(connection, steps))


def view(name: str, select: str) -> Step:
    """Let a view show this. Marts are built on views, which lose no column under them: one that is gone is empty."""

    def show() -> None:
        select_all = f"{select.strip().rstrip(';')}"
        missing = [] if _script() else _missing(name, select_all)
        if missing:
            empty = ", ".join(f'null::{kind} as "{column}"' for column, kind in missing)
            select_all = f"select present.*, {empty} from ({select_all}) as present"  # noqa: S608 - SQL of a revision
        execute(f"create or replace view {name} with (security_invoker = true) as\n{select_all}")

    return show


def index(statement: str, *, name: str | None = None) -> None:
    """Make an index while the table is written; one that a crash left unfinished is made anew."""
    unique, known_as, schema, table, rest = _parts(statement)
    name = name or known_as
    make = f"create {unique or ''}index concurrently {name} on {schema}.{table} {rest.strip().rstrip(';')}"
    with outside():
        state = None if _script() else _validity(f"{schema}.{name}")
        if state is False:
            execute(f"drop index concurrently {schema}.{name}")
        if not state:
            execute(make)


def index_anew(statement: str) -> str:
    """Make an index that takes the place of one of its name; give back the statement that lets it, for the `run`."""
    _, name, schema, _, _ = _parts(statement)
    index(statement, name=f"{name}_next")
    return f"drop index if exists {schema}.{name}; alter index {schema}.{name}_next rename to {name};"


def constraint(table: str, name: str, definition: str) -> None:
    """Add a check or a foreign key: from now on new rows are held to it, then the old ones are looked through."""
    add = f"alter table {table} add constraint {name} {definition} not valid"
    with outside():
        found = "select from pg_constraint where conrelid = %s::regclass and conname = %s"
        if _script() or not _connection().execute(found, [table, name]).fetchone():
            run(add)
        execute(f"alter table {table} validate constraint {name}")


def in_pieces(statement: str) -> None:
    """Do a statement that changes some rows (`limit`) until it changes none, each time in a transaction of its own."""
    with outside():
        if _script():
            execute(f"{IN_PIECES}\n{statement}")
            return
        while _connection().execute(statement).rowcount:
            pass


@contextmanager
def outside() -> Iterator[None]:
    """Outside the revision's transaction, and waiting without a limit for what nobody queues behind."""
    script = _script()
    if not script and _connection().autocommit:
        yield
        return
    with op.get_context().autocommit_block():
        if script:
            yield
            return
        connection = _connection()
        connection.execute("set lock_timeout = 0")
        yield
        connection.execute(f"set lock_timeout = {LOCK_MS}")


def every_tenants(*tables: str) -> tuple[str, str]:
    """Statements before and after those that read or write rows: policies bind the owner of the tables too."""
    forget, see = "drop policy if exists revision on {};", "create policy revision on {} to current_user using (true);"
    before = (forget.format(table) + see.format(table) for table in tables)
    return " ".join(before), " ".join(f"drop policy revision on {table};" for table in tables)


@contextmanager
def seeing(*tables: str) -> Iterator[None]:
    """Let the owner see every tenant's rows for as long as pieces of work outside the transaction take."""
    before, after = every_tenants(*tables)
    with outside():
        run(before)
        yield
        run(after)


def execute(statement: str) -> None:
    """Do a statement as it is, or write it down."""
    op.get_bind().connection.cursor().execute(statement)


def patiently(attempt: Callable[[], None]) -> None:
    """Try again while others hold what is to be locked, or until it has taken too long."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return attempt()
        except TRY_AGAIN:
            if time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.2, 1))  # noqa: S311 - so that two do not go on meeting


def revision(name: str) -> ModuleType:
    """Another revision's module: what it made, to be put back."""
    return ScriptDirectory(str(MIGRATIONS)).get_revision(name).module


def written(step: Callable[[], None]) -> str:
    """What an upgrade or a downgrade would do, as SQL, without a database."""
    script = Script()
    options = {"as_sql": True, "output_buffer": script, "transactional_ddl": True}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    context.impl.connection = script  # type: ignore[assignment]
    script.execute("begin")
    with Operations.context(context):
        step()
    script.execute("commit")
    return script.text


class Script:
    """What stands in for a connection where statements are written down and not done."""

    autocommit = False

    def __init__(self) -> None:
        self.text = ""

    @property
    def connection(self) -> "Script":
        return self

    def cursor(self) -> "Script":
        return self

    def execute(self, statement: object, *_: Any) -> "Script":
        self.text += f"{str(statement).strip().rstrip(';')};\n"
        return self

    exec_driver_sql = execute

    def all(self) -> list[Any]:
        """No rows: what a revision does for each of some is not written down."""
        return []

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        """There is nothing to flush; Alembic asks for it."""


def _script() -> bool:
    return isinstance(op.get_bind(), Script)


def _connection() -> "psycopg.Connection[Any]":
    connection: psycopg.Connection[Any] = op.get_bind().connection.driver_connection  # type: ignore[assignment]
    return connection


def _each(steps: tuple[Step, ...]) -> None:
    for step in steps:
        if callable(step):
            step()
        else:
            execute(step)


def _together(connection: "psycopg.Connection[Any]", steps: tuple[Step, ...]) -> None:
    with connection.transaction():
        connection.execute(f"set local lock_timeout = {LOCK_MS}")
        _each(steps)


def _missing(name: str, select: str) -> list[tuple[str, str]]:
    """The columns, and their types, that a view has and this would not."""
    columns = """
        select attname, format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
    """
    connection = _connection()
    connection.execute(f"create temporary view wanted as {select}")
    there = connection.execute(columns, [name]).fetchall()
    wanted = {column for column, _ in connection.execute(columns, ["pg_temp.wanted"])}
    connection.execute("drop view pg_temp.wanted")
    return [(column, kind) for column, kind in there if column not in wanted]


def _validity(name: str) -> bool | None:
    """Whether an index can be used; none where there is no such index."""
    found = "select indisvalid from pg_index where indexrelid = to_regclass(%s)"
    row = _connection().execute(found, [name]).fetchone()
    return None if row is None else bool(row[0])


def _parts(statement: str) -> tuple[str | None, str, str, str, str]:
    match = INDEX.fullmatch(statement)
    if match is None:
        raise ValueError("an index is named, and so is its table's schema: create index NAME on SCHEMA.TABLE (...)")
    unique, name, schema, table, rest = match.groups()
    return unique, name, schema, table, rest
