"""Revisions: the schema from one to the next or back, by one of all who ask at once, while it is in use."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import OperationalError

from ai2.kit import live
from ai2.kit.database import Role, connection_parameters

# An advisory lock of its own for each database: "ai2" and what it is for.
LOCK = 0x616932_0001
# How long one who starts waits for another who migrates a large database.
PATIENCE_S = 3600


class UnknownRevision(ValueError):
    """There is no such revision; they are the numbers that the files in migrations/versions begin with."""


class WrongWay(ValueError):
    """That revision is later than the schema's (earlier, where it goes up): leave --down out, or give it."""


def upgrade(to: str = "head") -> None:
    """Go up to this revision. A schema of a newer version than this is left alone: that version made it so."""
    with alone(connection_parameters(Role.OWNER)):
        if current() in {None, *_numbers()} and steps(to):
            _step(lambda: command.upgrade(_config(), to))


def downgrade(to: str) -> None:
    """Go back to this revision, one after the other; each says in its file what is lost."""
    with alone(connection_parameters(Role.OWNER)):
        wanted = steps(to, down=True)
        for script in wanted:
            below = str(script.down_revision)
            _step(lambda to=below: command.downgrade(_config(), to))  # type: ignore[misc]


def current() -> str | None:
    """The schema's revision; none where there is none yet."""
    with psycopg.connect(**connection_parameters(Role.OWNER)) as db:
        if db.execute("select to_regclass('public.alembic_version')").fetchone() == (None,):
            return None
        row = db.execute("select version_num from public.alembic_version").fetchone()
    return str(row[0]) if row else None


def steps(to: str = "head", *, down: bool = False) -> list[Script]:
    """The revisions between the schema's and this one, in the order in which they are done or taken back."""
    scripts = _scripts()
    numbers = [script.revision for script in scripts]
    wanted = numbers[-1] if to == "head" else to
    here = current()
    if wanted not in numbers or here not in {None, *numbers}:
        raise UnknownRevision(UnknownRevision.__doc__)
    at = numbers.index(here) if here else -1
    if (numbers.index(wanted) > at) if down else (numbers.index(wanted) < at):
        raise WrongWay(WrongWay.__doc__)
    if down:
        return scripts[numbers.index(wanted) + 1 : at + 1][::-1]
    return scripts[at + 1 : numbers.index(wanted) + 1]


def as_sql(to: str = "head", *, down: bool = False) -> str:
    """What going there would do, as SQL; nothing is done."""
    return "\n".join(
        f"-- {script.revision}: {script.doc}\n"
        + live.written(script.module.downgrade if down else script.module.upgrade)
        for script in steps(to, down=down)
    )


@contextmanager
def alone(known: dict[str, Any]) -> Iterator[None]:
    """Wait until no other migrates this database. Whoever waits holds no transaction open: an index waits for those."""
    deadline = time.monotonic() + PATIENCE_S
    with psycopg.connect(**known, autocommit=True) as db:
        while db.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone() != (True,):
            if time.monotonic() > deadline:
                raise TimeoutError("another process has been migrating the database for an hour; look what it does")
            time.sleep(0.2)
        yield


def _step(go: Callable[[], None]) -> None:
    """A revision that met another's lock begins again; those before it are done."""

    def attempt() -> None:
        try:
            go()
        except OperationalError as error:
            raise error.orig or error from error

    live.patiently(attempt)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(live.MIGRATIONS))
    return config


def _scripts() -> list[Script]:
    """All revisions, the first one first."""
    return [*ScriptDirectory(str(live.MIGRATIONS)).walk_revisions()][::-1]


def _numbers() -> list[str]:
    return [script.revision for script in _scripts()]
